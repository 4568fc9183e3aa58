"""The loop: reads the log, looks at the counters, keeps the checkpoint. One thread, and nothing in it waits for a network.

A turn: wait for the log (or for the machine's count of kills) to move; read the counters before a container's cgroup
goes; read the log to its end; read the counters again, since each line's kill is counted by then; decide. While nothing
is killed no counter is read, because none can move without the machine's.

The checkpoint is a position at which no dump is half read and no kill undecided, written after all records before it
are safe. So a stop in the middle of a dump costs nothing: the next process reads it from its first line.
"""

import contextlib
import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from oomreport.adapters.checkpoint import Checkpoint, write_checkpoint
from oomreport.adapters.health_server import Health
from oomreport.adapters.log_access import opened_source
from oomreport.adapters.log_source import LogPosition, LogSource, Reading
from oomreport.adapters.proc_files import ProcFiles
from oomreport.agent.clock import Moment, wall_time
from oomreport.agent.containers import NodeContainers
from oomreport.agent.log import Log
from oomreport.agent.reporter import Reporter
from oomreport.agent.settings import AgentSettings
from oomreport.errors import SourceUnavailable
from oomreport.kernel.assemble import Assembler
from oomreport.kernel.record import Invocation

_IDLE_SECONDS = 1.0
_BUSY_SECONDS = 0.025
# Late lines of a kill (the rest of a group) come within this; a dump whose kill line is lost is given up later.
_QUIET_SECONDS = 0.05
_QUIET_SECONDS_WITHOUT_KILL = 2.0
_LONGEST_SECONDS = 1.0
_LONGEST_SECONDS_WITHOUT_KILL = 10.0
# A look lists all pods, some milliseconds of work: in a storm not for every kill.
_LOOK_APART_SECONDS = 0.1
_REOPEN_SECONDS = 10.0
_CHECKPOINT_SECONDS = 30.0
_STALE_SECONDS = 30.0


@dataclass(slots=True, kw_only=True)
class WatcherFigures:
    """How the reading goes."""

    source: str | None = None
    source_problem: str | None = None
    checkpoint_problem: str | None = None
    lines: int = 0
    lost: int = 0
    turned_at: float = 0.0
    read_at: float | None = None


class Watcher:
    """Watches one node until it is stopped.

    `kept` is what an earlier process of this boot left, `checkpoint_file` where to leave it (None: nothing is kept),
    `safe` whether all records given away would outlive this process.
    """

    def __init__(
        self,
        settings: AgentSettings,
        *,
        boot_id: str,
        proc: ProcFiles,
        containers: NodeContainers,
        reporter: Reporter,
        kept: Checkpoint | None,
        checkpoint_file: Path | None,
        safe: Callable[[], bool],
        log: Log,
    ) -> None:
        self._settings, self._boot_id, self._proc = settings, boot_id, proc
        self._containers, self._reporter, self._log = containers, reporter, log
        self._checkpoint_file, self._safe = checkpoint_file, safe
        self._assembler = Assembler()
        self._source: LogSource | None = None
        self._open_at = float("-inf")
        self._position = kept.position if kept else LogPosition()
        self._replaying = kept is None
        self._kills: int | None = -1
        self._line_at = self._kill_since = 0.0
        self._looked_at = self._counted_at = float("-inf")
        self._empty_at: float | None = None
        self._opened: tuple[Moment, float | None] = (Moment.now(), None)
        self._saved_at, self._saved_records = time.monotonic(), 0
        self._saved_position = self._position
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._stopping = False
        self.figures = WatcherFigures(turned_at=time.monotonic())
        if kept is not None:
            containers.restore(kept.tallies)

    def stop(self) -> None:
        """End the loop soon; may be called from a signal handler or another thread."""
        self._stopping = True
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b".")

    def run(self) -> None:
        """Watch until stopped."""
        now = time.monotonic()
        self._look(now, apart=0.0)
        self._count(now)
        self._containers.restore_gone(now)
        self._containers.write_off_pods()
        while not self._stopping:
            self.turn()
        self._finish()

    def turn(self) -> None:
        """Wait for something to happen, at most a second, and act on it."""
        busy = self._assembler.open or self._reporter.pending or self._replaying
        moved = self._wait(_BUSY_SECONDS if busy else _IDLE_SECONDS)
        now = time.monotonic()
        killed = self._kills_moved()
        if killed:
            self._count(now)
        if moved or killed:
            self._read()
        elif self._source is not None:
            self._empty_at = self.figures.read_at = now
        self._end_dump(time.monotonic())
        now = time.monotonic()
        if killed or self._reporter.pending:
            self._look(now, apart=_LOOK_APART_SECONDS)
            self._count(now)
        elif now - self._looked_at >= self._settings.scan_seconds:
            self._look(now, apart=0.0)
        self._settle(last=False)
        self._save(now)
        self.figures.turned_at = time.monotonic()

    def health(self) -> Health:
        """Return how the reading goes, for the probes."""
        figures, now = self.figures, time.monotonic()
        problems = [each for each in (figures.source_problem, figures.checkpoint_problem) if each]
        if figures.read_at is not None and now - figures.read_at > _STALE_SECONDS:
            problems.append(f"the kernel log was not read for {now - figures.read_at:.0f} s")
        kills = self._reporter.figures
        return Health(
            alive=now - figures.turned_at < _STALE_SECONDS,
            problems=tuple(problems),
            figures={
                "source": figures.source,
                "lines": figures.lines,
                "lostMessages": figures.lost,
                "records": kills.records,
                "recordsFromCounters": kills.from_counters,
                "anonymousKills": kills.anonymous,
                "unattributedKills": kills.unattributed,
                "foreignKills": kills.foreign,
                "lateKills": kills.late,
            },
        )

    def _wait(self, seconds: float) -> bool:
        if self._source is None and time.monotonic() - self._open_at >= _REOPEN_SECONDS:
            return self._open()
        if self._source is None:
            select.select([self._wake_read], [], [], seconds)
            return False
        return self._source.wait(seconds, self._wake_read)

    def _open(self) -> bool:
        self._open_at = time.monotonic()
        try:
            self._source = opened_source(
                self._settings.source, proc=self._proc, device=self._settings.dev_kmsg, after=self._position
            )
        except SourceUnavailable as problem:
            if self.figures.source_problem is None:
                self._log.error("kernel log cannot be read, trying again", problem=str(problem))
            self.figures.source_problem = str(problem)
            # What counters show is not held back for a log that cannot be read.
            self._replaying = False
            return False
        self.figures.source, self.figures.source_problem = self._source.name.value, None
        self._log.info("reading the kernel log", source=self._source.name.value, replaying=self._replaying)
        return True

    def _read(self) -> None:
        while self._source is not None and not self._stopping:
            empty_at, source = self._empty_at, self._source
            try:
                reading = source.read()
            except OSError as error:
                self._log.error("kernel log became unreadable", problem=str(error))
                self.figures.source_problem = str(error)
                source.close()
                self._source = None
                return
            self._take(reading, source, empty_at)
            if reading.drained:
                return

    def _take(self, reading: Reading, source: LogSource, empty_at: float | None) -> None:
        read = Moment.now()
        self.figures.lines += len(reading.lines)
        if reading.lost:
            self.figures.lost += reading.lost
            self._log.warning("kernel messages were overwritten before they could be read", lost=reading.lost)
        for line in reading.lines:
            if not self._assembler.open:
                self._open_dump(read, empty_at)
            done = self._assembler.feed(line)
            self._hand_over(done, source, read.monotonic)
            if done:
                self._open_dump(read, empty_at)
            elif not self._assembler.kill_seen:
                self._kill_since = read.monotonic
        if reading.lines:
            self._line_at = read.monotonic
        if reading.drained:
            self._empty_at = self.figures.read_at = read.monotonic

    def _end_dump(self, now: float, *, at_once: bool = False) -> None:
        """End the open dump after a silence, or when lines of others go on and on."""
        if not self._assembler.open or self._source is None:
            return
        seen = self._assembler.kill_seen
        quiet = now - self._line_at >= (_QUIET_SECONDS if seen else _QUIET_SECONDS_WITHOUT_KILL)
        since = self._kill_since if seen else self._opened[0].monotonic
        too_long = now - since >= (_LONGEST_SECONDS if seen else _LONGEST_SECONDS_WITHOUT_KILL)
        if quiet or too_long or at_once:
            self._hand_over(self._assembler.flush(), self._source, now)

    def _open_dump(self, read: Moment, empty_at: float | None) -> None:
        """Note when the lines of a dump that begins here were read."""
        self._opened = (read, empty_at)
        self._kill_since = read.monotonic

    def _hand_over(self, invocations: list[Invocation], source: LogSource, now: float) -> None:
        read, empty_at = self._opened
        for invocation in invocations:
            printed = wall_time(invocation.first.monotonic_us, read=read, empty_at=empty_at)
            self._reporter.take(invocation, time=printed, source=source.name, now=now)

    def _settle(self, *, last: bool) -> None:
        open_, drained_at = self._assembler.open, self.figures.read_at if self._source is not None else None
        self._reporter.settle(
            Moment.now(), quiet=not open_, drained_at=drained_at, replaying=self._replaying, last=last
        )
        if self._replaying and not open_ and not self._reporter.pending and self.figures.read_at is not None:
            self._replaying = False
            self._containers.write_off()
        if not open_ and not self._reporter.pending and self._source is not None:
            self._position = self._source.position

    def _kills_moved(self) -> bool:
        before, self._kills = self._kills, self._proc.oom_kills()
        return before != self._kills

    def _look(self, now: float, *, apart: float) -> None:
        if now - self._looked_at >= apart:
            self._looked_at = now
            self._containers.look(now)

    def _count(self, now: float) -> None:
        self._containers.count(now)

    def _save(self, now: float, *, at_once: bool = False) -> None:
        records = self._reporter.figures.records
        due = records != self._saved_records or now - self._saved_at >= _CHECKPOINT_SECONDS
        idle = not self._assembler.open and not self._reporter.pending
        if self._checkpoint_file is None or not idle or not (due or at_once) or not self._safe():
            return
        self._saved_at, self._saved_records = now, records
        if records == self._saved_records and self._position == self._saved_position and not at_once:
            return
        checkpoint = Checkpoint(boot_id=self._boot_id, position=self._position, tallies=self._containers.kept_tallies())
        try:
            write_checkpoint(self._checkpoint_file, checkpoint)
        except OSError as error:
            if self.figures.checkpoint_problem is None:
                self._log.error("checkpoint cannot be written", problem=str(error))
            self.figures.checkpoint_problem = f"checkpoint cannot be written: {error}"
            return
        self._saved_position = self._position
        self.figures.checkpoint_problem = None

    def _finish(self) -> None:
        """Decide what has its kill line; a dump cut off by the stop is left to the next process."""
        now = time.monotonic()
        if self._assembler.kill_seen:
            self._end_dump(now, at_once=True)
        self._look(now, apart=0.0)
        self._count(now)
        self._settle(last=True)
        self._save(time.monotonic(), at_once=True)
        if self._source is not None:
            self._source.close()
