"""The assembler of lines into invocations, one per dump.

Other lines may come between two lines of a dump, and after it:

* Records of user space, and other messages of the kernel. Lines of two dumps do not mix: the kernel prints a dump under
  a lock (oom_lock).
* Beyond 10 dumps in 5 seconds the kernel prints the "Killed process" lines only.
* With memory.oom.group further victims follow, and the first one is named again.
* The oom_reaper speaks two seconds after the kill.

A reader of a live log flushes after a short silence. Late lines of that dump make no second record.

/dev/kmsg escapes a newline in a comm or in the name of a cgroup. syslog(2) and dmesg print several lines of one stamp
instead. They are put together again where the summary or the kill line is whole then.
"""

from collections import deque
from typing import NamedTuple

from oomreport.kernel.dump.beginning import is_trace_of_killer, is_unfounded, may_begin_dump
from oomreport.kernel.dump.dump import MOST_LINES, Dump, microseconds_between
from oomreport.kernel.dump.duplicate_line import is_told_twice
from oomreport.kernel.dump.entry import Entry, entry_of
from oomreport.kernel.dump.fast_path import Whole
from oomreport.kernel.dump.invocation import invocation_of
from oomreport.kernel.dump.loss import Loss
from oomreport.kernel.line import LONGEST_TEXT, NO_STAMP, Line
from oomreport.kernel.record import Invocation
from oomreport.kernel.text.killed import Killed
from oomreport.kernel.text.kind import Kind
from oomreport.kernel.text.summary import SummaryLine

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
# Weak evidence belongs to an OOM only where it stands close to strong evidence: so many other lines may stand between.
MOST_UNRELATED_TO_TENTATIVE = 3
_MOST_PIECES = 255


class _Emitted(NamedTuple):
    pids: frozenset[int]
    last: Line
    group: bool


class Assembler:
    """Gathers the lines of one machine's kernel log into invocations of the OOM killer.

    Lines that are only weak evidence of an OOM are kept aside as a tentative dump until a line confirms it. Where none
    does they have no effect, so that a reader who passes them over finds the same.
    """

    def __init__(self, *, cut_by_people: bool = False, most_lines: int = MOST_LINES) -> None:
        """Start with nothing open. With `cut_by_people` a dump may begin within its call trace.

        `most_lines` bounds what is kept of a dump. `place` is where the next line begins in the log, in bytes, where
        its reader sets it.
        """
        self.loss = Loss()
        self.place: int | None = None
        self._cut_by_people, self._most_lines = cut_by_people, most_lines
        self._dump: Dump | None = None
        self._tentative: Dump | None = None
        self._unrelated = 0
        self._unrelated_to_tentative = 0
        self._joinable: Dump | None = None
        self._broken: list[str] = []
        self._before: Line | None = None
        self._emitted: deque[_Emitted] = deque(maxlen=_REMEMBERED)

    @property
    def open(self) -> bool:
        """Whether a dump has begun that more lines may belong to."""
        return self._dump is not None or self._tentative is not None

    @property
    def kill_seen(self) -> bool:
        """Whether the open dump has named its victim, or that there is none: at most late lines are still to come."""
        return self._dump is not None and self._dump.kill_seen

    @property
    def busy(self) -> bool:
        """Whether the next line is needed: a dump has not named its victim yet, or its last line is broken."""
        if self._tentative is not None or self._broken:
            return True
        if self._dump is None:
            return False
        return not self._dump.kill_seen or (
            self._unrelated <= MOST_UNRELATED_TO_TENTATIVE and self._cut_by_people and self._dump.awaits_cpu
        )

    @property
    def joinable(self) -> bool:
        """Whether a record that continues the one before would belong to a dump."""
        return self._joinable is not None

    def passed_over(self) -> None:
        """Say that lines were not read."""
        self.loss.passed_over()
        self._joinable = None

    def feed(self, line: Line) -> list[Invocation]:
        """Take one line in and return the invocations that it completes, usually none."""
        if len(line.text) > LONGEST_TEXT:
            line = line._replace(text=line.text[:LONGEST_TEXT])
        if line.sequence is not None and self.loss.number(line.sequence) > 0:
            self._note_lost_lines()
        if not line.kernel:
            if self.kill_seen:
                self._joinable = None
            self._count_unrelated_to_tentative(line)
            return []
        if line.continued and self._joinable is not None and self.loss.records <= 0:
            self._joinable.extend_last(line.text)
            return []
        self._joinable = None
        kind = line.kind
        if kind is None:
            return [] if self._broken and self._mends(line) else self._pass_over(line)
        self._broken = []
        before, self._before = self._before, line
        if line.sequence is None and is_told_twice(before, kind, line):
            return []
        return self._take(entry_of(kind, line))

    def feed_whole(self, whole: Whole) -> list[Invocation]:
        """Take a whole dump in, where the next line is not needed for another; return the invocation that it ends."""
        self.loss.number(whole.begun[1])
        done = self._end()
        self._dump = self._joinable = Dump.of_whole(
            whole, lost_before=self.loss.taken(), place=self.place, most_lines=self._most_lines
        )
        self.loss.sequence = whole.ended[1]
        self._unrelated_to_tentative = 0
        return done

    def tick(self, line: Line) -> list[Invocation]:
        """Return what a line ends by its time alone; it is not taken in."""
        return self._end() if self._dump is not None and self.kill_seen and self._dump.pauses_before(line) else []

    def flush(self) -> list[Invocation]:
        """End the open dump and return its invocation; an empty list where nothing is open."""
        self._drop_tentative()
        return self._end()

    def _end(self) -> list[Invocation]:
        dump, self._dump = self._dump, None
        self._joinable = None
        self._unrelated = 0
        self._broken = []
        if dump is None:
            return []
        invocation = invocation_of(dump)
        pids = frozenset(victim.pid for victim in invocation.victims)
        self._emitted.append(_Emitted(pids=pids, last=dump.last, group=invocation.group_kill))
        return [invocation]

    def _drop_tentative(self) -> None:
        if self._tentative is not None:
            self.loss.give_back(self._tentative.lost_before)
            self._tentative = None

    def _note_lost_lines(self) -> None:
        for dump in (self._dump, self._tentative):
            if dump is not None and not dump.kill_seen:  # what is lost behind the kill line is no part of it
                dump.lines_lost = True

    def _count_unrelated_to_tentative(self, line: Line) -> None:
        if self._tentative is not None:
            self._unrelated_to_tentative += 1
            if self._unrelated_to_tentative > MOST_UNRELATED_TO_TENTATIVE or self._tentative.pauses_before(line):
                self._drop_tentative()

    def _pass_over(self, line: Line) -> list[Invocation]:
        self._count_unrelated_to_tentative(line)
        dump = self._dump
        if dump is None:
            return []
        self._unrelated += 1
        if (self._unrelated > _MOST_UNRELATED and not dump.kill_seen) or dump.pauses_before(line):
            return self._end()
        return []

    def _take(self, entry: Entry) -> list[Invocation]:
        kind = entry.kind
        if self._tentative is not None and kind is not Kind.REAPED:
            if self._tentative.accepts(entry) and not is_unfounded(self._tentative.kinds, entry):
                return self._add_to_tentative(entry, self._tentative)
            self._drop_tentative()
        dump = self._dump
        if dump is not None:
            if dump.accepts(entry):
                self._add(entry, dump)
                return []
            if kind in _STRONG or dump.pauses_before(entry.line) or (kind in _OPENERS and not dump.kill_seen):
                chosen = dump.without_next_victim() if kind is Kind.GROUP else None
                done = self._end()
                if chosen is not None:
                    self._start(chosen)
                return done + self._take(entry)
        self._start(entry)
        return []

    def _add_to_tentative(self, entry: Entry, tentative: Dump) -> list[Invocation]:
        """Add a line to the tentative dump, which is a dump from now on where the line is strong evidence."""
        done = []
        if entry.kind in _STRONG or is_trace_of_killer(tentative.entries, entry):
            done = self._end()
            self._dump, self._tentative = tentative, None
        self._add(entry, tentative)
        return done

    def _start(self, entry: Entry) -> None:
        begins_in_trace = self._cut_by_people and self._dump is None and is_trace_of_killer((), entry)
        if entry.kind in _STRONG or begins_in_trace:
            if not self._is_late(entry):
                self._dump = Dump(place=self.place, most_lines=self._most_lines)
                self._add(entry, self._dump)
        elif entry.kind in _OPENERS or (self._cut_by_people and not self.busy and may_begin_dump(entry)):
            self._tentative = Dump(place=self.place, most_lines=self._most_lines)
            self._add(entry, self._tentative)

    def _add(self, entry: Entry, dump: Dump) -> None:
        line = entry.line
        if line.sequence is not None:  # only at a number the sum is known
            lost = self.loss.taken()
            dump.lost_before = None if lost is None or dump.lost_before is None else dump.lost_before + lost
        self._unrelated = self._unrelated_to_tentative = 0
        self._joinable = dump if dump.add(entry) else None
        if line.sequence is None and _is_broken(entry):
            self._broken = [line.text]

    def _mends(self, line: Line) -> bool:
        """Whether the line is the rest of the broken line that the open dump ends with, which is whole then."""
        if self._dump is None or len(self._broken) > _MOST_PIECES:
            return False
        kind, last, _ = self._dump.entries[-1]
        if line.stamp != last.stamp or last.stamp == NO_STAMP or line.host != last.host:
            self._broken = []
            return False
        self._broken.append(line.text)
        if _is_broken(entry_of(kind, last._replace(text="\n".join(self._broken)))):
            return False
        self._dump.extend_last("\n" + "\n".join(self._broken[1:]))
        self._broken = []
        return True

    def _is_late(self, entry: Entry) -> bool:
        """Whether the line belongs to a dump that was flushed before it came."""
        if entry.kind not in (Kind.GROUP, Kind.KILLED):
            return False
        recent = [
            dump
            for dump in self._emitted
            if dump.pids and 0 <= (microseconds_between(dump.last, entry.line) or 0) <= _LATE_US
        ]
        if entry.kind is Kind.GROUP:
            return bool(recent)
        killed = entry.value
        return isinstance(killed, Killed) and any(killed.pid in dump.pids for dump in recent)


def _is_broken(entry: Entry) -> bool:
    """Whether a summary or a kill line ends with the name in it, as where the name holds a newline."""
    value = entry.value
    if isinstance(value, SummaryLine):
        return value.pid is None
    return isinstance(value, Killed) and (value.comm is None or value.total_vm_bytes is None)
