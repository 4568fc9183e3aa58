from pathlib import Path

from oomreport.adapters.node.memory_files import MemoryFiles
from oomreport.agent.node.flight import Flight
from oomreport.incident.memory.flight_recorder import FlightRecorder
from support.node_files import V2, FakeNode

PATH, MI = "/kubepods/pod1/c1", 1 << 20


def flight(node: FakeNode, usage: int, *, limit: int | None = None) -> Flight:
    node.cgroup(PATH, limit=limit)
    node.memory(PATH, usage)
    node.detail(PATH, peak=usage, swap=3 * MI, stalled=1.5)
    gauge = MemoryFiles(node.root, V2).gauge(PATH)
    return Flight(gauge=gauge, detail=gauge.detail(), recorder=FlightRecorder(5.0), due=0.0, from_start=True)


def test_what_is_cheap_is_read_at_each_look_and_the_rest_where_memory_moved(tmp_path: Path) -> None:
    found = flight(FakeNode(tmp_path), 10 * MI)
    assert found.look(1.0, 10 * MI, moved=False)
    assert (found.last.at, found.last.peak, found.last.swap, found.last.pressure) == (1.0, 10 * MI, None, None)
    assert found.look(2.0, 10 * MI, moved=True)
    assert (found.last.swap, found.last.pressure) == (3 * MI, (1.5, 1.5))


def test_near_the_limit_all_is_read_though_memory_stands_still(tmp_path: Path) -> None:
    found = flight(FakeNode(tmp_path), 80 * MI, limit=100 * MI)
    assert found.look(1.0, 80 * MI, moved=False)
    assert (found.last.limit, found.last.swap) == (100 * MI, 3 * MI)


def test_the_last_look_stays_where_the_container_is_gone(tmp_path: Path) -> None:
    node = FakeNode(tmp_path)
    found = flight(node, 10 * MI)
    assert found.look(1.0, 10 * MI, moved=False)
    node.vanish(PATH)
    assert not found.look(2.0, 20 * MI, moved=True)
    assert (found.last.at, found.last.usage) == (1.0, 10 * MI)
