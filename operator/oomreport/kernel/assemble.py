"""Lines become invocations, one per dump of the OOM killer. Feed and flush; no file, no clock.

What may come between and after: records of user space between any two lines; other kernel messages (not from another
dump: the kernel prints dumps under one lock); beyond 10 dumps in 5 s only the "Killed process" lines; with
memory.oom.group further victims, the first one named again; the oom_reaper two seconds later. Whoever follows a live
log flushes after a short silence, so a dump's late lines may find it gone: they make no second record.

A newline in a comm or a cgroup's name is escaped in /dev/kmsg; syslog(2) and dmesg make lines of the same stamp of it,
which are put together again where the summary or the kill line then is whole.
"""

from collections import deque
from dataclasses import dataclass

from oomreport.kernel.dump import Dump, microseconds_between
from oomreport.kernel.killed import killed_of
from oomreport.kernel.kind import Kind, kind_of
from oomreport.kernel.line import NO_STAMP, Line
from oomreport.kernel.parse import invocation_of
from oomreport.kernel.record import Invocation
from oomreport.kernel.summary import summary_of

_OPENERS = frozenset(
    {
        Kind.HEADER, Kind.TASK_IN, Kind.USAGE, Kind.STATS, Kind.TABLE_TITLE, Kind.TABLE_HEAD, Kind.ROW, Kind.SUMMARY,
        Kind.CHOSEN, Kind.KILLED, Kind.GROUP, Kind.NO_VICTIM, Kind.MEM_INFO,
    }
)  # fmt: skip
# Alone these say nothing of an OOM: Mem-Info is printed for other reasons, rows resemble other tables.
_STRONG = frozenset(
    {Kind.HEADER, Kind.TASK_IN, Kind.STATS, Kind.SUMMARY, Kind.CHOSEN, Kind.KILLED, Kind.GROUP, Kind.NO_VICTIM}
)
_REMEMBERED = 64
_LATE_US = 10_000_000
_MOST_UNRELATED = 5_000
_TEARABLE = frozenset({Kind.SUMMARY, Kind.KILLED})
_MOST_PIECES = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class _Emitted:
    pids: frozenset[int]
    last: Line
    group: bool


class Assembler:
    """Gathers the lines of one machine's kernel log into invocations of the OOM killer."""

    def __init__(self) -> None:
        """Start with nothing open; the first line's sequence number counts as no loss."""
        self._dump: Dump | None = None
        self._sequence: int | None = None
        self._lost = 0
        self._gap = False
        self._unrelated = 0
        self._joinable = False
        self._torn: list[str] = []
        self._emitted: deque[_Emitted] = deque(maxlen=_REMEMBERED)

    @property
    def open(self) -> bool:
        """Whether a dump has begun that more lines may belong to."""
        return self._dump is not None

    @property
    def kill_seen(self) -> bool:
        """Whether the open dump has named its victim, or that there is none: at most late lines are still to come."""
        return self._dump is not None and self._dump.kill_seen

    @property
    def numbered(self) -> bool:
        """Whether a line had a sequence number, by which loss is counted."""
        return self._sequence is not None

    @property
    def busy(self) -> bool:
        """Whether a dump has begun that has not named its victim yet."""
        return self._dump is not None and not self._dump.kill_seen

    @property
    def lost(self) -> int:
        """How many records were lost since the last dump began, by the sequence numbers."""
        return self._lost

    def skipped(self, records: int) -> None:
        """Say that so many records were passed over unread, so that they do not count as lost."""
        if self._sequence is not None:
            self._sequence += records
        self._joinable = False

    def feed(self, line: Line) -> list[Invocation]:
        """Take one line in and return the invocations that it completes, usually none."""
        sequence = line.sequence
        if sequence is not None:
            if self._sequence is not None and sequence > self._sequence + 1:
                self._lose(sequence - self._sequence - 1)
            self._sequence = sequence
        if not line.kernel:
            return []
        if line.continued and self._joinable and self._dump is not None and not self._gap:
            self._dump.extend_last(line.text)
            return []
        kind = kind_of(line.text)
        self._joinable = False
        if kind is None:
            if self._torn and self._mends(line):
                return []
            return self._pass_over(line)
        self._torn = []
        return self._take(kind, line)

    def flush(self) -> list[Invocation]:
        """End the open dump and return its invocation; an empty list where nothing is open."""
        dump, self._dump = self._dump, None
        self._joinable = False
        self._unrelated = 0
        if dump is None:
            return []
        if dump.kinds.isdisjoint(_STRONG):
            self._lost += dump.lost_before
            return []
        invocation = invocation_of(dump)
        pids = frozenset(victim.pid for victim in invocation.victims)
        self._emitted.append(_Emitted(pids=pids, last=dump.last, group=invocation.group_kill))
        return [invocation]

    def _lose(self, records: int) -> None:
        self._lost += records
        self._gap = True
        if self._dump is not None:
            self._dump.gap = True

    def _pass_over(self, line: Line) -> list[Invocation]:
        if self._dump is None:
            return []
        self._unrelated += 1
        if self._unrelated > _MOST_UNRELATED or self._dump.pauses_before(line):
            return self.flush()
        return []

    def _take(self, kind: Kind, line: Line) -> list[Invocation]:
        if self._dump is not None:
            if self._dump.accepts(kind, line):
                self._add(kind, line)
                return []
            if kind in _OPENERS or self._dump.pauses_before(line):
                chosen = self._dump.without_next_victim() if kind is Kind.GROUP else None
                done = self.flush()
                if chosen is not None:
                    self._start(Kind.KILLED, chosen)
                    self._add(kind, line)
                    return done
                return done + self._start(kind, line)
            return []
        return self._start(kind, line)

    def _start(self, kind: Kind, line: Line) -> list[Invocation]:
        if kind not in _OPENERS or self._is_late(kind, line):
            return []
        self._dump = Dump(lost_before=self._lost)
        self._lost = 0
        self._add(kind, line)
        return []

    def _add(self, kind: Kind, line: Line) -> None:
        assert self._dump is not None
        if self._gap:
            self._dump.lost_before += self._lost
            self._lost = 0
            self._gap = False
        self._unrelated = 0
        self._dump.add(kind, line)
        self._joinable = True
        if line.sequence is None and kind in _TEARABLE and not _is_whole(kind, line.text):
            self._torn = [line.text]

    def _mends(self, line: Line) -> bool:
        """Whether the line is the rest of the torn line that the open dump ends with, which is whole then."""
        if self._dump is None or len(self._torn) > _MOST_PIECES:
            return False
        kind, last = self._dump.entries[-1]
        if line.stamp != last.stamp or last.stamp == NO_STAMP or line.host != last.host:
            self._torn = []
            return False
        self._torn.append(line.text)
        if not _is_whole(kind, "\n".join(self._torn)):
            return False
        self._dump.extend_last("\n" + "\n".join(self._torn[1:]))
        self._torn = []
        return True

    def _is_late(self, kind: Kind, line: Line) -> bool:
        """Whether the line belongs to a dump that was flushed before it came."""
        if kind not in (Kind.GROUP, Kind.KILLED):
            return False
        recent = [
            dump
            for dump in self._emitted
            if dump.pids and 0 <= (microseconds_between(dump.last, line) or 0) <= _LATE_US
        ]
        if kind is Kind.GROUP:
            return bool(recent)
        killed = killed_of(line.text)
        return killed is not None and any(killed.pid in dump.pids for dump in recent)


def _is_whole(kind: Kind, text: str) -> bool:
    """Whether a summary or a kill line goes on behind the name in it."""
    if kind is Kind.SUMMARY:
        summary = summary_of(text)
        return summary is not None and summary.pid is not None
    killed = killed_of(text)
    return killed is not None and killed.comm is not None and killed.total_vm_bytes is not None
