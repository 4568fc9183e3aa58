"""The loop on a kernel log that is a real one, read from a source that the test owns, which hardly waits."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from oomreport.adapters.node.log_source import LogPosition, Reading
from oomreport.adapters.storage.checkpoint import Checkpoint, read_checkpoint
from oomreport.adapters.storage.spool import Spool
from oomreport.agent import listener
from oomreport.agent.log import Log
from oomreport.agent.node.containers import NodeContainers
from oomreport.agent.record_sink import SpoolSink
from oomreport.errors import SourceUnavailable
from oomreport.incident.oom_record import Source
from oomreport.kernel.kmsg import line_of_record
from oomreport.kernel.line import Line
from oomreport.kernel.text.kind import Kind
from oomreport.workload.container import subject_of
from support.agent import agent_settings, watcher_of
from support.node_files import V1, FakeNode

LOG = next((Path(__file__).parents[2] / "records").glob("kernel-5.10*cgv1-01-single-cgfs-besteffort")) / "log.kmsg"


def capture() -> list[Line]:
    """Return the lines of a real kill of a container."""
    lines = (line_of_record(raw) for raw in LOG.read_bytes().split(b"\n") if raw)
    return [line for line in lines if line is not None]


PATH = re.search(r"task_memcg=([^,]+)", LOG.read_text()).group(1)  # type: ignore[union-attr]
HIT = subject_of(PATH)


class Ring:
    """A source of lines that are put into it."""

    name = Source.KMSG

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.position = LogPosition()
        self.lost = 0
        self.broken = False
        self.closed = False
        self.on_wait: Callable[[], None] = lambda: None

    def wait(self, seconds: float, wake_fd: int) -> bool:
        # Else a story of a second or two has so many turns on a fast machine that their bound is reached.
        time.sleep(0.0002)
        self.on_wait()
        return bool(self.lines) or self.broken or bool(self.lost)

    def read(self) -> Reading:
        if self.broken:
            raise OSError(19, "No such device")
        lines, self.lines = tuple(self.lines), []
        lost, self.lost = self.lost, 0
        if lines:
            self.position = LogPosition(sequence=lines[-1].sequence)
        return Reading(lines=lines, lost=lost, drained=True)

    def close(self) -> None:
        self.closed = True


class World:
    """A node, its kernel log, and the agent's loop on them."""

    def __init__(
        self,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        counter_wait: float = 10.0,
        *,
        kills: int = 0,
        kept: Checkpoint | None = None,
        state: Path | None = None,
        watcher_wait: float = 10.0,
    ) -> None:
        self.folder, self.ring, self.refused = folder, Ring(), False
        monkeypatch.setattr(listener, "opened_source", self._opened)
        (folder / "proc").mkdir(parents=True, exist_ok=True)
        self.kills(kills)
        self.node = node = FakeNode(folder / "node", V1)
        self.container(kills=kills)
        state = state or folder
        self.spool = Spool(folder / "spool")
        self.records: list[dict[str, Any]] = []
        self.checkpoint = state / "checkpoint"
        self.watcher, self.reporter = watcher_of(
            node,
            proc=folder / "proc",
            state=state,
            kept=kept,
            put=self._put,
            sink=SpoolSink(self.spool, lambda: None, Log("error")),
            settings=replace(agent_settings(), counter_wait=watcher_wait),
            counter_wait=counter_wait,
        )

    def container(self, *, kills: int) -> None:
        """Set the counter of the container in the captured log."""
        assert HIT is not None
        assert HIT.pod_uid is not None
        assert HIT.container_id is not None
        self.node.container(HIT.pod_uid, HIT.container_id, qos="besteffort", kills=kills)

    def kills(self, count: int) -> None:
        """Set the machine's count of kills."""
        (self.folder / "proc/vmstat").write_text(f"nr_free_pages 1\noom_kill {count}\n")

    def run(self, story: Iterator[Callable[[], bool]]) -> None:
        """Run the loop through a story, which yields what it waits for, and stop it at the end."""
        turns, done = iter(range(100_000)), next(story)

        def tell() -> None:
            nonlocal done
            assert next(turns, None) is not None, "the loop turned 100 000 times"
            if done():
                done = next(story, lambda: False)
                if story.gi_frame is None:  # type: ignore[attr-defined]
                    self.watcher.stop()

        self.ring.on_wait = tell
        self.watcher.run()

    def watches(self) -> bool:
        """Return whether the loop watches what comes now."""
        return not self.reporter.replaying

    def kill(self, lines: Sequence[Line], *, number: int = 1) -> None:
        """Have the kernel kill, for the first time or again: counters first, then the lines, as it does."""
        self.kills(number)
        self.container(kills=number)
        self.ring.lines = list(lines)

    def _put(self, record: dict[str, Any]) -> None:
        self.records.append(record)
        self.spool.add(record)

    def _opened(self, *_: object, **__: object) -> Ring:
        if self.refused:
            raise SourceUnavailable("CAP_SYSLOG is missing")
        return self.ring


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_a_kill_in_the_log_becomes_a_record_of_its_container(world: World) -> None:
    def story() -> Iterator[Callable[[], bool]]:
        yield world.watches
        world.kill(capture())
        yield lambda: bool(world.records)

    world.run(story())
    (record,) = world.records
    assert record["spec"]["source"] == "Kmsg"
    assert record["spec"]["subject"]["containerID"] == HIT.container_id
    assert world.watcher.health().figures["records"] == 1


def test_a_kill_whose_lines_were_lost_is_told_by_its_counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path, monkeypatch, counter_wait=0.0)

    def story() -> Iterator[Callable[[], bool]]:
        yield world.watches
        world.kill(())
        yield lambda: bool(world.records)

    world.run(story())
    assert world.records[0]["spec"]["source"] == "CgroupCounter"
    assert world.watcher.health().figures["recordsFromCounters"] == 1


def test_the_counters_of_all_containers_are_read_where_something_moved_and_not_at_every_turn_of_a_wait(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = 0
    counted: list[float] = []
    count = NodeContainers.count

    def noted(containers: NodeContainers, now: float) -> None:
        counted.append(now)
        count(containers, now)

    def turned() -> bool:
        nonlocal turns
        turns += 1
        return bool(world.records)

    def story() -> Iterator[Callable[[], bool]]:
        yield world.watches
        monkeypatch.setattr(NodeContainers, "count", noted)
        # A second kill is counted whose line does not come, so that of the first waits for it.
        world.kill([line for line in capture() if line.kind is Kind.KILLED])
        world.kills(2)
        yield turned

    world.run(story())
    assert turns > 10
    # At once, after the log was read, and when the loop ends.
    assert len(counted) == 3


def test_the_checkpoint_stands_behind_the_lines_whose_records_are_safe(world: World) -> None:
    lines = capture()

    def story() -> Iterator[Callable[[], bool]]:
        yield world.watches
        world.kill(lines)
        yield lambda: bool(world.records)

    world.run(story())
    kept = read_checkpoint(world.checkpoint)
    assert kept is not None
    assert kept.position.sequence == lines[-1].sequence
    assert world.ring.closed


def test_a_dump_that_a_stop_cuts_off_is_left_to_the_next_process(world: World) -> None:
    lines = capture()

    def story() -> Iterator[Callable[[], bool]]:
        yield world.watches
        world.ring.lines = lines[: len(lines) // 2]
        yield lambda: not world.ring.lines

    world.run(story())
    assert world.records == []
    kept = read_checkpoint(world.checkpoint) if world.checkpoint.exists() else None
    assert kept is None or (kept.position.sequence or 0) < (lines[0].sequence or 0)


@pytest.mark.parametrize("is_gone", [False, True])
def test_the_line_of_a_kill_that_a_counter_told_while_the_log_was_out_of_reach_is_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_gone: bool
) -> None:
    begun = Checkpoint(boot_id="9f1c2b7a-1111", position=LogPosition(), told=0)
    blind = World(tmp_path / "one", monkeypatch, counter_wait=0.0, kept=begun)
    blind.refused = True
    blind.watcher.turn()
    blind.kill(())
    until(lambda: bool(blind.records), blind.watcher.turn)
    assert blind.records[0]["spec"]["source"] == "CgroupCounter"
    blind.watcher.stop()
    blind.watcher.run()
    kept = read_checkpoint(blind.checkpoint)
    assert kept is not None
    seeing = World(tmp_path / "two", monkeypatch, kills=1, kept=kept)
    if is_gone:
        seeing.node.vanish(seeing.node.pod_path(HIT.pod_uid, "besteffort"))
    seeing.ring.lines = list(capture())
    until(lambda: bool(seeing.records), seeing.watcher.turn)
    assert [one["spec"]["source"] for one in seeing.records] == ["Kmsg"]
    assert set(seeing.watcher.health().figures["refused"].values()) == {0}


BEGUN = Checkpoint(boot_id="9f1c2b7a-1111", position=LogPosition(), told=0)


def killed_behind(world: World, *each: Sequence[Line]) -> None:
    """Have kills told one after the other by an agent that is killed itself before it writes a checkpoint."""
    for number, lines in enumerate(each, 1):
        world.kill(lines, number=number)
        until(lambda number=number: len(world.records) == number, world.watcher.turn)  # type: ignore[misc]
    assert not world.checkpoint.exists()


def names_told_after(world: World) -> list[str]:
    """Run the agent that comes afterwards until it has nothing more to tell: a dump ends after a silence of 50 ms."""
    end = time.monotonic() + 0.3

    def story() -> Iterator[Callable[[], bool]]:
        yield world.watches
        yield lambda: time.monotonic() > end

    world.run(story())
    return [one["metadata"]["name"] for one in world.records]


def test_what_a_killed_agent_told_is_not_told_by_the_counter_where_the_ring_has_lost_its_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_behind(World(tmp_path / "one", monkeypatch, kept=BEGUN, state=tmp_path), capture())
    after = World(tmp_path / "two", monkeypatch, counter_wait=0.0, kills=1, kept=BEGUN, state=tmp_path)
    assert names_told_after(after) == []


def test_a_counter_s_kill_keeps_its_number_when_the_lines_of_a_later_one_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = World(tmp_path / "one", monkeypatch, counter_wait=0.0, kept=BEGUN, state=tmp_path)
    killed_behind(before, (), capture())
    after = World(tmp_path / "two", monkeypatch, counter_wait=0.0, kills=2, kept=BEGUN, state=tmp_path)
    after.ring.lines = capture()
    assert set(names_told_after(after)) <= {one["metadata"]["name"] for one in before.records}


def test_a_kill_that_nobody_told_before_is_told_by_its_counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_behind(World(tmp_path / "one", monkeypatch, kept=BEGUN, state=tmp_path), capture())
    after = World(tmp_path / "two", monkeypatch, counter_wait=0.0, kills=2, kept=BEGUN, state=tmp_path)
    (name,) = names_told_after(after)
    assert name.endswith("-2")


def until(what: Callable[[], bool], turn: Callable[[], None]) -> None:
    turns = iter(range(200))
    while not what():
        assert next(turns, None) is not None, "the loop turned 200 times"
        turn()


def test_a_log_that_cannot_be_read_is_a_problem_that_names_what_is_missing(world: World) -> None:
    world.refused = True
    world.watcher.turn()
    assert "CAP_SYSLOG is missing" in world.watcher.health().problems


def test_a_log_that_becomes_unreadable_is_closed_and_named(world: World) -> None:
    world.watcher.turn()
    world.ring.broken = True
    world.watcher.turn()
    assert world.ring.closed
    assert any("kernel log became unreadable" in problem for problem in world.watcher.health().problems)


@pytest.mark.parametrize("kills", [0, 1])
def test_an_agent_whose_log_lost_lines_of_kills_is_no_proof_that_there_was_none(world: World, kills: int) -> None:
    """The controller takes a ready agent without a record for that; lines of anything else may be lost."""
    world.watcher.turn()
    world.kills(kills)
    world.ring.lost = 900
    world.watcher.turn()
    assert world.watcher.health().figures["lostMessages"] == 900
    assert bool(world.watcher.health().problems) == bool(kills)


def test_lines_that_were_lost_beside_those_of_every_kill_are_no_problem(world: World) -> None:
    world.watcher.turn()
    world.kill(capture())
    world.ring.lost = 900
    world.watcher.turn()
    assert world.watcher.health().problems == ()


def test_a_gap_in_the_log_is_over_when_probes_have_seen_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.watcher.turn()
    world.kills(1)
    world.ring.lost = 900
    world.watcher.turn()
    present = time.monotonic()
    for seconds, is_over in ((8, False), (16, True)):
        monkeypatch.setattr(time, "monotonic", lambda seconds=seconds: present + seconds)
        assert (not any("overwritten" in one for one in world.watcher.health().problems)) is is_over


def passed(seconds: float) -> Callable[[], bool]:
    """Return whether so many seconds have passed from now on."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def test_a_kill_whose_line_was_lost_is_told_behind_a_storm_that_leaves_its_container_no_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lines of later kills come within the wait for the lost one's, again and again, for longer than patience."""
    world = World(tmp_path, monkeypatch, counter_wait=0.2, watcher_wait=0.2)

    def story() -> Iterator[Callable[[], bool]]:
        yield world.watches
        world.kill((), number=1)
        for number in range(2, 14):
            yield passed(0.1)
            world.kill(capture(), number=number)
        yield passed(0.5)

    world.run(story())
    assert [one["spec"]["source"] for one in world.records].count("CgroupCounter") == 1
    assert len(world.records) == 13
    assert world.watcher.health().figures["unseenKills"] == 0


def test_a_kill_that_nobody_can_tell_takes_none_along_that_a_counter_will_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one has waited as long as patience lasts, the other has just begun."""
    world = World(tmp_path, monkeypatch, counter_wait=0.3, watcher_wait=0.1)

    def story() -> Iterator[Callable[[], bool]]:
        yield world.watches
        world.kills(1)
        yield passed(0.2)
        world.kill((), number=1)
        world.kills(2)
        yield passed(0.8)

    world.run(story())
    assert [one["spec"]["source"] for one in world.records] == ["CgroupCounter"]
    assert world.watcher.health().figures["unseenKills"] == 1
