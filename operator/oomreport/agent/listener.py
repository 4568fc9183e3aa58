"""The reader of the kernel log, from lines to invocations.

It opens a source, assembles its lines and ends dumps in time.
"""

import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from oomreport.adapters.node.log_access import opened_source
from oomreport.adapters.node.log_source import LogPosition, LogSource, Reading
from oomreport.adapters.node.proc_files import ProcFiles
from oomreport.agent.clock import Moment, wall_time
from oomreport.agent.kill_balance import KillAccount
from oomreport.agent.log import Log
from oomreport.agent.refusals import Refusal, Refusals
from oomreport.agent.settings import AgentSettings
from oomreport.errors import SourceUnavailable
from oomreport.incident.oom_record import Source
from oomreport.kernel.dump.assembler import Assembler
from oomreport.kernel.record import Invocation, Part

# Late lines of a kill (the rest of a group) come within this; a dump whose kill line is lost is given up later.
_QUIET_SECONDS = 0.05
_QUIET_SECONDS_WITHOUT_KILL = 2.0
_LONGEST_SECONDS = 1.0
_LONGEST_SECONDS_WITHOUT_KILL = 10.0
_REOPEN_SECONDS = 10.0
_MOST_READINGS = 200
# A line of a dump takes about a kilobyte until the dump ends, and half of one more then: 15 MB of the container's 64Mi,
# where the text of a ring of 16 MiB takes 20. The kernel prints a line for each process; few nodes have thousands.
_MOST_LINES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An invocation of the OOM killer, the time of its first line, and its source."""

    invocation: Invocation
    time: datetime
    source: Source


class Listener:
    """Follows the log from a position on. `hear` gets each invocation, in the order of the log.

    `read_at` is when the log was last read to its end (monotonic), None before.
    """

    def __init__(
        self,
        settings: AgentSettings,
        *,
        proc: ProcFiles,
        after: LogPosition,
        account: KillAccount,
        hear: Callable[[Heard], None],
        refusals: Refusals,
        log: Log,
    ) -> None:
        self._settings, self._proc, self._account, self._hear, self._log = settings, proc, account, hear, log
        self._refusals = refusals
        self._assembler = Assembler(most_lines=_MOST_LINES)
        self._source: LogSource | None = None
        self._position = after
        self._tried_at = float("-inf")
        self._line_at = self._kill_since = 0.0
        self._opened: tuple[Moment, float | None] = (Moment.now(), None)
        self.read_at: float | None = None
        self.problem: str | None = None
        self.lines = self.lost = 0

    @property
    def listening(self) -> bool:
        """Whether the log can be read."""
        return self._source is not None

    @property
    def source(self) -> str | None:
        """The source's name in the API's words."""
        return self._source.name.value if self._source is not None else None

    @property
    def position(self) -> LogPosition:
        """How far the log was read."""
        return self._source.position if self._source is not None else self._position

    @property
    def half_read(self) -> bool:
        """Whether a dump is open."""
        return self._assembler.open

    @property
    def kill_seen(self) -> bool:
        """Whether a dump is open whose kill line was read."""
        return self._assembler.kill_seen

    def wait(self, seconds: float, wake_fd: int) -> bool:
        """Wait for the log at most `seconds`, or until `wake_fd` is readable; return whether to read."""
        if self._source is None and time.monotonic() - self._tried_at >= _REOPEN_SECONDS:
            self._open()
            return self._source is not None
        if self._source is None:
            select.select([wake_fd], [], [], seconds)
            return False
        if self._source.wait(seconds, wake_fd):
            return True
        self.read_at = time.monotonic()
        return False

    def read(self) -> None:
        """Read the log to its end, or as far as the loop can afford while somebody floods it."""
        for _ in range(_MOST_READINGS):
            if self._source is None:
                return
            try:
                reading = self._source.read()
            except OSError as error:
                self._log.error("kernel log became unreadable", problem=str(error))
                self.problem = f"kernel log became unreadable: {error}"
                self.close()
                return
            self._take(reading, self._source.name)
            if reading.drained:
                return

    def end_dump(self, now: float, *, at_once: bool = False) -> None:
        """End the open dump after a silence, or when other lines do not stop."""
        if not self._assembler.open:
            return
        seen = self._assembler.kill_seen
        quiet = now - self._line_at >= (_QUIET_SECONDS if seen else _QUIET_SECONDS_WITHOUT_KILL)
        since = self._kill_since if seen else self._opened[0].monotonic
        too_long = now - since >= (_LONGEST_SECONDS if seen else _LONGEST_SECONDS_WITHOUT_KILL)
        if (quiet or too_long or at_once) and self._source is not None:
            self._hand_on(self._assembler.flush(), self._source.name)

    def close(self) -> None:
        """Close the source; its position is kept."""
        if self._source is not None:
            self._position = self._source.position
            self._source.close()
            self._source = None

    def _open(self) -> None:
        self._tried_at = time.monotonic()
        settings = self._settings
        try:
            self._source = opened_source(
                settings.source, proc=self._proc, device=settings.dev_kmsg, after=self._position
            )
        except SourceUnavailable as problem:
            if self.problem is None:
                self._log.error("kernel log cannot be read, trying again", problem=str(problem))
            self.problem = str(problem)
            return
        self.problem = None
        self._log.info("reading the kernel log", source=self._source.name.value)

    def _take(self, reading: Reading, source: Source) -> None:
        read, empty_at = Moment.now(), self.read_at
        self.lines += len(reading.lines)
        self._account.take(reading.lines)
        if reading.lost:
            self.lost += reading.lost
            self._log.warning("kernel messages were overwritten before they could be read", lost=reading.lost)
        for line in reading.lines:
            if line.inner and line.kernel:
                self._refusals.note(Refusal.INSIDE_RECORD, read.monotonic, text=line.text)
            if not self._assembler.open:
                self._begin(read, empty_at)
            done = self._assembler.feed(line)
            self._hand_on(done, source)
            if done:
                self._begin(read, empty_at)
            elif not self._assembler.kill_seen:
                self._kill_since = read.monotonic
        if reading.lines:
            self._line_at = read.monotonic
        if reading.drained:
            self.read_at = read.monotonic

    def _begin(self, read: Moment, empty_at: float | None) -> None:
        """Note when the lines of a dump that begins here were read."""
        self._opened = (read, empty_at)
        self._kill_since = read.monotonic

    def _hand_on(self, invocations: list[Invocation], source: Source) -> None:
        read, empty_at = self._opened
        for invocation in invocations:
            if Part.KILL_LINE in invocation.missing:
                self._account.give_up(1)
            printed = wall_time(invocation.first.monotonic_us, read=read, empty_at=empty_at)
            self._hear(Heard(invocation=invocation, time=printed, source=source))
