"""Whatever becomes of the agent and of the log's lines, each kill of a container that lives on is in one record.

The node is one of files, its kernel a list of lines that is overrun now and then, and time goes on as the story wants.
"""

import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oomreport.adapters.node.log_source import LogPosition, Reading
from oomreport.adapters.storage.checkpoint import read_checkpoint
from oomreport.agent import listener
from oomreport.agent.watcher import Watcher
from oomreport.incident.oom_record import Source
from oomreport.kernel.kmsg import line_of_record
from oomreport.kernel.line import Line
from support.agent import watcher_of
from support.node_files import V1, V2, FakeNode

STEPS = 60
DUMP = (
    "hog-child invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=939",
    "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,mems_allowed=0,oom_memcg={0},task_memcg={0},task=hog-child,pid={1},uid=0",
)
KILLED = (
    "Memory cgroup out of memory: Killed process {pid} (hog-child) total-vm:54832kB, anon-rss:49208kB, file-rss:0kB,"
    " shmem-rss:668kB, UID:0 pgtables:136kB oom_score_adj:939"
)
# The kernel prints ten dumps in five seconds, and last lines alone beyond.
DUMPS, DUMPS_SECONDS = 10, 5.0


class Clock:
    """Time that goes on when it is told to."""

    now = 10_000.0


class Ring:
    """A source that reads a list of lines behind a position, at times only a part of them."""

    name = Source.KMSG

    def __init__(self, lines: list[Line], after: LogPosition, clock: Clock, draw: random.Random) -> None:
        self._lines, self.position, self._clock, self._draw = lines, after, clock, draw

    def wait(self, seconds: float, wake_fd: int) -> bool:
        if not self._fresh():
            self._clock.now += min(seconds, 0.2)
        return bool(self._fresh())

    def read(self) -> Reading:
        fresh, before, lost = self._fresh(), self.position.sequence, 0
        part = fresh[: max(1, len(fresh) // self._draw.choice([1, 1, 1, 2]))]
        if part:
            lost = 0 if before is None else part[0].sequence - before - 1  # type: ignore[operator]
            part[0] = part[0]._replace(behind_cut=bool(lost))
            self.position = LogPosition(sequence=part[-1].sequence, stamp_us=part[-1].stamp.monotonic_us)
        return Reading(lines=tuple(part), lost=lost, drained=len(part) == len(fresh))

    def close(self) -> None:
        pass

    def _fresh(self) -> list[Line]:
        return [line for line in self._lines if (line.sequence or 0) > (self.position.sequence or 0)]


class Node:
    """A node with some containers whose first process lives on, its kernel, and one agent after the other."""

    def __init__(
        self, folder: Path, clock: Clock, draw: random.Random, monkeypatch: pytest.MonkeyPatch, *, version: int
    ) -> None:
        self._clock, self._draw, self._monkeypatch, self._folder = clock, draw, monkeypatch, folder
        self._files, self._sequence = FakeNode(folder / "node", version), 0
        self._lines: list[Line] = []
        self._dumps: list[float] = []
        (folder / "proc").mkdir()
        self.kills = [0] * draw.randint(1, 4)
        self.records: dict[str, str | None] = {}
        self._paths = [
            self._files.container(f"00000000-0000-0000-0000-{each:012d}", _id(each)) for each in range(len(self.kills))
        ]
        self._count_all()
        self.agent = self.new_agent()

    def kill(self) -> None:
        """Have the kernel kill a child in one of the containers: it counts, and prints."""
        which = self._draw.randrange(len(self.kills))
        self.kills[which] += 1
        path, pid = self._paths[which], 1000 + sum(self.kills)
        self._files.kill(path)
        self._count_all()
        self._dumps = [at for at in self._dumps if self._clock.now - at < DUMPS_SECONDS]
        if len(self._dumps) < DUMPS:
            self._dumps.append(self._clock.now)
            for text in DUMP:
                self.print(text.format(path, pid))
        self.print(KILLED.format(pid=pid))
        self._clock.now += self._draw.choice([0.001, 0.01])

    def print(self, text: str, prefix: int = 4) -> None:
        """Write a line into the ring."""
        self._sequence += 1
        stamp = int(self._clock.now * 1e6) + self._sequence % 1000
        line = line_of_record(f"{prefix},{self._sequence},{stamp},-;{text}".encode())
        assert line
        self._lines.append(line)

    def overrun(self) -> None:
        """Overwrite all that is in the ring with lines of user space."""
        self._lines.clear()
        self.print("something else", prefix=12)

    def new_agent(self) -> Watcher:
        """Start an agent on what the one before left: it was killed, or there was none."""
        monkeypatch, folder = self._monkeypatch, self._folder
        monkeypatch.setattr(
            listener, "opened_source", lambda *_, after, **__: Ring(self._lines, after, self._clock, self._draw)
        )
        self.agent, _ = watcher_of(
            self._files,
            proc=folder / "proc",
            state=folder,
            kept=read_checkpoint(folder / "checkpoint"),
            put=self._put,
            sink=self,
        )
        self.agent.begin()
        return self.agent

    def goes_on(self, seconds: float) -> None:
        """Let the agent do its work for a while."""
        end = self._clock.now + seconds
        while self._clock.now < end:
            self.agent.turn()
            self._clock.now += 0.005

    def put(self, record: object) -> None:
        """Take a record, as a sink does."""

    def sync(self, *, at_once: bool = False) -> bool:
        """Return true: a process that is killed loses no file."""
        return True

    def told(self) -> list[int]:
        """Return how many records each container has; records of one name are one."""
        found = Counter(self.records.values())
        return [found[_id(each)] for each in range(len(self.kills))]

    def _put(self, record: dict[str, Any]) -> None:
        self.records.setdefault(record["metadata"]["name"], record["spec"].get("subject", {}).get("containerID"))

    def _count_all(self) -> None:
        (self._folder / "proc/vmstat").write_text(f"nr_free_pages 1\noom_kill {sum(self.kills)}\n")


def _id(which: int) -> str:
    return f"{which + 1:02x}" * 32


def story(node: Node, clock: Clock, draw: random.Random) -> None:
    """Have kills, and an agent that is busy, stands still, or is killed, while the ring is overrun at times."""

    def storm(*sizes: int) -> None:
        for _ in range(draw.choice(sizes)):
            node.kill()

    def kills() -> None:
        storm(1, 1, 2, 5, 20)
        node.goes_on(draw.choice([0, 0.05, 0.5, 3]))

    def stands_still() -> None:
        storm(0, 1, 3, 8)
        node.overrun()
        storm(0, 0, 1)

    def is_killed() -> None:
        storm(0, 2, 6)
        if draw.random() < 0.5:
            node.overrun()
        clock.now += draw.choice([0.1, 1, 10])
        storm(0, 2)
        node.new_agent()

    def rests() -> None:
        node.goes_on(draw.choice([0.1, 1, 12]))

    happenings = [kills, kills, kills, stands_still, is_killed, rests]
    for _ in range(STEPS):
        draw.choice(happenings)()


@pytest.mark.parametrize("version", [V1, V2])
@given(seed=st.integers(min_value=0, max_value=1_000_000))
@settings(max_examples=4)
def test_each_kill_is_in_one_record_whatever_becomes_of_agent_and_lines(version: int, seed: int) -> None:
    draw, clock = random.Random(seed), Clock()
    with pytest.MonkeyPatch.context() as monkeypatch, tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(time, "monotonic", lambda: clock.now)
        monkeypatch.setattr(time, "clock_gettime", lambda _: clock.now)
        node = Node(Path(folder), clock, draw, monkeypatch, version=version)
        # Without a checkpoint all is history: the first one is written half a minute after the start.
        node.print("something")
        node.goes_on(35)
        story(node, clock, draw)
        node.goes_on(60)
        assert node.told() == node.kills
        assert len(node.records) == sum(node.kills)
