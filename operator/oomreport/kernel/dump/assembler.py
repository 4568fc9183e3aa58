"""Lines become invocations, one per dump of the OOM killer. Feed and flush; no file, no clock.

What may come between and after: records of user space between any two lines; other kernel messages (not from another
dump: the kernel prints dumps under one lock); beyond 10 dumps in 5 s only the "Killed process" lines; with
memory.oom.group further victims, the first one named again; the oom_reaper two seconds later. Whoever follows a live
log flushes after a short silence, so a dump's late lines may find it gone: they make no second record.

A newline in a comm or a cgroup's name is escaped in /dev/kmsg; syslog(2) and dmesg make lines of the same stamp of it,
which are put together again where the summary or the kill line then is whole.
"""

from collections import deque
from typing import NamedTuple

from oomreport.kernel.dump.dump import Dump, microseconds_between
from oomreport.kernel.dump.duplicate_line import is_told_twice
from oomreport.kernel.dump.fast_path import Whole
from oomreport.kernel.dump.invocation import invocation_of
from oomreport.kernel.dump.loss import Loss
from oomreport.kernel.line import LONGEST_TEXT, NO_STAMP, Line
from oomreport.kernel.record import Invocation
from oomreport.kernel.text.killed import killed_of
from oomreport.kernel.text.kind import Kind, kind_of
from oomreport.kernel.text.summary import summary_pid

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
# What says nothing of an OOM by itself belongs to one only where it stands close to it.
MOST_UNLIKE = 3
_TEARABLE = frozenset({Kind.SUMMARY, Kind.KILLED})
_MOST_PIECES = 255


class _Emitted(NamedTuple):
    pids: frozenset[int]
    last: Line
    group: bool


class Assembler:
    """Gathers the lines of one machine's kernel log into invocations of the OOM killer.

    Lines that alone say nothing of an OOM are held apart as a rumour until one comes that does: so they have no effect
    where nothing comes of them, and whoever passes them over finds the same.
    """

    def __init__(self) -> None:
        """Start with nothing open."""
        self.loss = Loss()
        self._dump: Dump | None = None
        self._rumour: Dump | None = None
        self._unrelated = 0
        self._unlike = 0
        self._joinable: Dump | None = None
        self._torn: list[str] = []
        self._before: Line | None = None
        self._emitted: deque[_Emitted] = deque(maxlen=_REMEMBERED)

    @property
    def open(self) -> bool:
        """Whether a dump has begun that more lines may belong to."""
        return self._dump is not None or self._rumour is not None

    @property
    def kill_seen(self) -> bool:
        """Whether the open dump has named its victim, or that there is none: at most late lines are still to come."""
        return self._dump is not None and self._dump.kill_seen

    @property
    def busy(self) -> bool:
        """Whether the next line is needed: a dump has begun that has not named its victim yet, or its line is torn."""
        dump = self._dump
        if self._rumour is not None or self._torn:
            return True
        return dump is not None and not dump.kill_seen

    @property
    def joinable(self) -> bool:
        """Whether a record that continues the one before would belong to a dump."""
        return self._joinable is not None

    @property
    def lost(self) -> int:
        """How many records were lost since the last dump began, by the sequence numbers."""
        return max(self.loss.records, 0)

    def passed_over(self) -> None:
        """Say that lines were not read."""
        self.loss.passed_over()
        self._joinable = None

    def feed(self, line: Line) -> list[Invocation]:
        """Take one line in and return the invocations that it completes, usually none."""
        if len(line.text) > LONGEST_TEXT:
            line = line._replace(text=line.text[:LONGEST_TEXT])
        sequence = line.sequence
        if sequence is not None and self.loss.number(sequence) > 0:
            self._note_gap()
        if not line.kernel:
            if self.kill_seen:
                self._joinable = None
            self._count_unlike(line)
            return []
        if line.continued and self._joinable is not None and self.loss.records <= 0:
            self._joinable.extend_last(line.text)
            return []
        kind = None if line.inner else kind_of(line.text)
        self._joinable = None
        if kind is None:
            if self._torn and self._mends(line):
                return []
            return self._pass_over(line)
        self._torn = []
        before, self._before = self._before, line
        if sequence is None and is_told_twice(before, kind, line):
            return []
        return self._take(kind, line)

    def _note_gap(self) -> None:
        for dump in (self._dump, self._rumour):
            if dump is not None:
                dump.gap = True

    def feed_whole(self, whole: Whole) -> list[Invocation]:
        """Take a whole dump in, where the next line is not needed for another; return the invocation that it ends."""
        self.loss.number(whole.begun[1])
        done = self._end()
        self._dump = self._joinable = Dump.of_whole(whole, lost_before=self.loss.taken())
        self.loss.sequence = whole.ended[1]
        self._unlike = 0
        return done

    def tick(self, line: Line) -> list[Invocation]:
        """Return what a line ends by its time alone; it is not taken in."""
        return self._end() if self._dump is not None and self.kill_seen and self._dump.pauses_before(line) else []

    def flush(self) -> list[Invocation]:
        """End the open dump and return its invocation; an empty list where nothing is open."""
        self._drop_rumour()
        return self._end()

    def _end(self) -> list[Invocation]:
        dump, self._dump = self._dump, None
        self._joinable = None
        self._unrelated = 0
        self._torn = []
        if dump is None:
            return []
        invocation = invocation_of(dump)
        pids = frozenset(victim.pid for victim in invocation.victims)
        self._emitted.append(_Emitted(pids=pids, last=dump.last, group=invocation.group_kill))
        return [invocation]

    def _drop_rumour(self) -> None:
        if self._rumour is not None:
            self.loss.give_back(self._rumour.lost_before)
            self._rumour = None

    def _count_unlike(self, line: Line) -> None:
        if self._rumour is not None:
            self._unlike += 1
            if self._unlike > MOST_UNLIKE or self._rumour.pauses_before(line):
                self._drop_rumour()

    def _pass_over(self, line: Line) -> list[Invocation]:
        self._count_unlike(line)
        dump = self._dump
        if dump is None:
            return []
        self._unrelated += 1
        if (self._unrelated > _MOST_UNRELATED and not dump.kill_seen) or dump.pauses_before(line):
            return self._end()
        return []

    def _take(self, kind: Kind, line: Line) -> list[Invocation]:
        if self._rumour is not None and kind is not Kind.REAPED:
            if self._rumour.accepts(kind, line):
                return self._confirmed(kind, line)
            self._drop_rumour()
        dump = self._dump
        if dump is not None:
            if dump.accepts(kind, line):
                self._add(kind, line, dump)
                return []
            if kind in _STRONG or dump.pauses_before(line) or (kind in _OPENERS and not dump.kill_seen):
                chosen = dump.without_next_victim() if kind is Kind.GROUP else None
                done = self._end()
                if chosen is not None:
                    self._start(Kind.KILLED, chosen)
                return done + self._take(kind, line)
        return self._start(kind, line)

    def _confirmed(self, kind: Kind, line: Line) -> list[Invocation]:
        """Add a line to the rumour, which is a dump where the line says so."""
        assert self._rumour is not None
        rumour, done = self._rumour, []
        if kind in _STRONG:
            done = self._end()
            self._dump, self._rumour = rumour, None
        self._add(kind, line, rumour)
        return done

    def _start(self, kind: Kind, line: Line) -> list[Invocation]:
        if kind in _STRONG:
            if not self._is_late(kind, line):
                self._dump = Dump()
                self._add(kind, line, self._dump)
        elif kind in _OPENERS:
            self._rumour = Dump()
            self._add(kind, line, self._rumour)
        return []

    def _add(self, kind: Kind, line: Line, dump: Dump) -> None:
        if line.sequence is not None:  # only at a number the sum is known
            lost = self.loss.taken()
            dump.lost_before = None if lost is None or dump.lost_before is None else dump.lost_before + lost
        self._unrelated = self._unlike = 0
        dump.add(kind, line)
        self._joinable = dump
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
        return summary_pid(text) is not None
    killed = killed_of(text)
    return killed is not None and killed.comm is not None and killed.total_vm_bytes is not None
