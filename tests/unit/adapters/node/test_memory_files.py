from pathlib import Path

import pytest

from oomreport.adapters.node.memory_files import MemoryFiles
from support.node_files import V1, V2, FakeNode

UID, ID = "9b02072e-3bc7-46e9-a439-c8eaf034527b", "7a" * 32


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("version", [V1, V2])
def test_a_gauge_follows_usage(tmp_path: Path, version: int) -> None:
    node = FakeNode(tmp_path, version)
    path = node.container(UID, ID)
    gauge = MemoryFiles(str(node.root), version).gauge(path)
    node.memory(path, 123456789012)
    assert gauge.usage() == 123456789012
    node.memory(path, 50)
    assert gauge.usage() == 50


def test_a_cgroup_that_is_gone_uses_nothing_that_is_known(tmp_path: Path) -> None:
    node = FakeNode(tmp_path)
    gauge = MemoryFiles(str(node.root), V2).gauge("/kubepods/gone")
    assert gauge.usage() is None


def test_no_more_files_stay_open_than_may(tmp_path: Path) -> None:
    node = FakeNode(tmp_path)
    files = MemoryFiles(str(node.root), V2, most_open=2)
    paths = [node.container(UID, f"{number:064x}") for number in range(4)]
    for path in paths:
        node.memory(path, 7)
    gauges = [files.gauge(path) for path in paths]
    before = open_files()
    for _ in range(3):
        assert [gauge.usage() for gauge in gauges] == [7] * 4
        assert open_files() == before + 2
    gauges[0].close()
    gauges[0].close()
    assert gauges[3].usage() == 7
    assert open_files() == before + 2
    for gauge in gauges:
        gauge.close()
    assert open_files() == before


def test_half_of_what_the_process_may_open_is_the_usual_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (10, 10))
    node = FakeNode(tmp_path)
    files = MemoryFiles(str(node.root), V2)
    assert [files.take() for _ in range(6)] == [True] * 5 + [False]


def test_processes_are_listed_as_the_kernel_prints_them(tmp_path: Path) -> None:
    node = FakeNode(tmp_path)
    path = node.container(UID, ID)
    files = MemoryFiles(str(node.root), V2)
    assert files.processes(path) == b""
    node.processes(path, 7, 0, 4194304)
    assert files.processes(path) == b"7\n0\n4194304\n"


def test_a_cgroup_that_cannot_be_read_leaks_no_file(tmp_path: Path) -> None:
    node = FakeNode(tmp_path)
    path = node.container(UID, ID)
    (node.root / path[1:] / "memory.current").mkdir()
    before = open_files()
    gauge = MemoryFiles(str(node.root), V2).gauge(path)
    assert gauge.usage() is None
    assert open_files() == before
