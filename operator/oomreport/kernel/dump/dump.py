"""One dump while its lines come."""

from dataclasses import dataclass, field
from typing import Self

from oomreport.kernel.dump.entry import Entry, entry_of
from oomreport.kernel.dump.facts import DumpFacts, facts_of
from oomreport.kernel.dump.fast_path import BEHIND, Whole
from oomreport.kernel.line import LONGEST_TEXT, Line
from oomreport.kernel.text.killed import Killed, NoVictim
from oomreport.kernel.text.kind import Kind
from oomreport.kernel.text.summary import SummaryLine, is_edited
from oomreport.kernel.text.table import NO_HEAD, Columns, CutRow, Row, row_of

# Dumps of large machines take seconds on a serial console, and the reaper speaks two seconds after the kill.
_LONGEST_PAUSE_US = 30_000_000
_LONGEST_PAUSE_AFTER_KILL_US = 5_000_000
_LONGEST_STEP_BACK_US = 1_000_000
# A kill line follows its summary at once; one that comes later, behind lost records, is somebody else's.
_SAME_KILL_US = 1_000_000
# Behind a cut, or lost records, time is all that tells whether it is still the same dump.
_LONGEST_PAUSE_AT_CUT_US = 3_000_000
# Some ten times the processes of the largest nodes: what is more is no dump, and would only fill the memory.
MOST_LINES = 200_000
# Lines that say who is killed stand behind all others: so much room is left for them.
_ROOM_FOR_KILLS = 1000
# Printed by other parts of the kernel too, so their place says nothing.
_ANYWHERE = frozenset({Kind.REAPED, Kind.STAT, Kind.MEM_INFO, Kind.TRACE})
_ENDING = frozenset({Kind.KILLED, Kind.NO_VICTIM})
_TELLING = _ENDING | {Kind.SUMMARY, Kind.CHOSEN, Kind.TASK_IN, Kind.GROUP, Kind.REAPED}


@dataclass(slots=True, kw_only=True)
class Dump:
    """What one invocation of the OOM killer has printed so far.

    `lost_before` is the sum of `Loss` before its lines, None where lines were not read.
    `place` is that of `Invocation`. `whole` is what the fast path
    read, and `later` the entries behind it. `victims` are the pids of its kill lines, `tgids` the thread group of each
    row, `texts` the lines that a repeat may be of. `lines_lost` says that records are missing within it, `cut` that
    somebody left lines out of it. `stamped` is its last line with a time. `kill_seen` says whether the line that ends a
    dump was seen: a kill, or that there is nothing to kill. Of more than `most_lines` lines (about a kilobyte of memory
    each) the rest is left out, as if it was lost.
    """

    most_lines: int = MOST_LINES
    lost_before: int | None = 0
    place: int | None = None
    whole: Whole | None = None
    later: list[Entry] = field(default_factory=list)
    kinds: set[Kind] = field(default_factory=set)
    furthest: Kind = Kind.HEADER
    victims: set[int] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    tgids: dict[int, int | None] = field(default_factory=dict)
    summary_pid: int | None = None
    columns: Columns = NO_HEAD
    lines_lost: bool = False
    cut: bool = False
    stamped: Line | None = None
    kill_seen: bool = False

    @classmethod
    def of_whole(
        cls, whole: Whole, *, lost_before: int | None, place: int | None = None, most_lines: int = MOST_LINES
    ) -> Self:
        """Return the dump that the fast path read."""
        return cls(
            most_lines=most_lines,
            lost_before=lost_before,
            place=place,
            whole=whole,
            kinds=whole.kinds,
            furthest=Kind.KILLED,
            victims={whole.victim},
            summary_pid=whole.pid,
            stamped=whole.last,
            kill_seen=True,
        )

    @property
    def awaits_cpu(self) -> bool:
        """Whether the kernel panicked without a header: the next line says which task it was, and the release."""
        return Kind.NO_VICTIM in self.kinds and Kind.CPU not in self.kinds and self._has_panicked

    @property
    def entries(self) -> list[Entry]:
        """The lines one by one."""
        whole, self.whole = self.whole, None
        if whole is not None:
            self.later[:0] = whole.entries()
            for entry in self.later:
                if entry.kind not in _ANYWHERE:
                    self._learn(entry)
        return self.later

    @property
    def last(self) -> Line:
        """The line seen last."""
        return self.later[-1].line if self.later or self.whole is None else self.whole.last

    def facts(self) -> DumpFacts:
        """Return what the dump says."""
        if self.whole is not None and all(entry.kind in BEHIND for entry in self.later):
            facts = self.whole.facts(self.later)
            if facts is not None:
                return facts
        return facts_of(self.entries)

    def add(self, entry: Entry) -> bool:
        """Take a line in; return whether there was room for it."""
        kind, line, value = entry
        room = self.most_lines - len(self.later)
        if room <= (0 if kind in _TELLING else _ROOM_FOR_KILLS):
            self.lines_lost = True
            return False
        if kind is Kind.ROW:
            entry = Entry(kind, line, row_of(line.text, self.columns))
        elif isinstance(value, Columns):
            self.columns = value
        self.later.append(entry)
        self.kinds.add(kind)
        if line.behind_cut and (len(self.later) > 1 or self.whole is not None):
            self.cut = True
        if line.stamp.monotonic_us is not None or line.stamp.wall is not None:
            self.stamped = line
        if kind in _ANYWHERE:
            return True
        self.furthest = max(self.furthest, kind)
        self._learn(entry)
        if kind in _ENDING:
            self.kill_seen = True
        return True

    def extend_last(self, text: str) -> None:
        """Append the rest of a split record to the line seen last."""
        if len(self.last.text) >= LONGEST_TEXT:
            return  # what is behind is not looked at, so that a record without an end is not read again and again
        last = self.entries.pop()
        line = last.line._replace(text=(last.line.text + text)[:LONGEST_TEXT])
        kind = line.kind or last.kind
        entry = Entry(kind, line, row_of(line.text, self.columns)) if kind is Kind.ROW else entry_of(kind, line)
        if isinstance(entry.value, Columns):
            self.columns = entry.value
        self.later.append(entry)
        self._learn(entry)

    def without_next_victim(self) -> Entry | None:
        """Give away the kill line seen last, where a second group begins: that line told of the group's chosen victim.

        Beyond the limit of dumps nothing but the line itself stands between the groups of two containers. None where
        the line is not there, or is the one that this dump's own group began with.
        """
        last = self.entries[-1]
        if not isinstance(last.value, Killed) or last.value.pid == self._first_victim:
            return None
        self.later.pop()
        self.victims.discard(last.value.pid)
        return last

    def _panics_at(self, entry: Entry) -> bool:
        """Whether the line is the panic that follows where there was nothing to kill."""
        return isinstance(entry.value, NoVictim) and entry.value.panicked and not self._has_panicked

    @property
    def _has_panicked(self) -> bool:
        return any(isinstance(one.value, NoVictim) and one.value.panicked for one in self.entries)

    @property
    def _first_victim(self) -> int | None:
        """The pid of the first kill line."""
        first = next((entry.value for entry in self.entries if entry.kind is Kind.KILLED), None)
        return first.pid if isinstance(first, Killed) else None

    def accepts(self, entry: Entry) -> bool:
        """Whether the line goes on with this dump, rather than starting another."""
        kind, line, value = entry
        if self._is_elsewhere(line):
            return False
        if kind in _ANYWHERE:
            return kind is Kind.REAPED or not self.kill_seen
        if kind is Kind.HEADER:
            return False
        if kind is Kind.KILLED:
            return isinstance(value, Killed) and self._accepts_kill(value, line)
        if kind is Kind.GROUP:
            return Kind.GROUP not in self.kinds or self._repeats(entry)
        if Kind.NO_VICTIM in self.kinds and (self._panics_at(entry) or (kind is Kind.CPU and self.awaits_cpu)):
            return True
        if kind is Kind.STATS:
            return self.furthest <= Kind.STATS
        if kind is Kind.USAGE:
            return self.furthest <= Kind.USAGE or self._repeats(entry) or self._is_edited
        if kind is Kind.ROW:
            return self.furthest <= Kind.ROW
        return self.furthest < kind or (self.furthest <= Kind.TABLE_HEAD and self._repeats(entry))

    def pauses_before(self, line: Line) -> bool:
        """Whether so much time passes before `line` that this dump has ended, or the clock starts again."""
        longest = _LONGEST_PAUSE_AFTER_KILL_US if self.kill_seen else _LONGEST_PAUSE_US
        passed = self._passed_before(line)
        return passed is not None and not -_LONGEST_STEP_BACK_US <= passed <= longest

    def _passed_before(self, line: Line) -> int | None:
        """Return the microseconds since the last line of this dump that has a time; None where no clock is shared."""
        return None if self.stamped is None else microseconds_between(self.stamped, line)

    def _is_elsewhere(self, line: Line) -> bool:
        """Whether the time says that `line` is of another dump."""
        passed = self._passed_before(line)
        if passed is None or 0 <= passed <= _LONGEST_PAUSE_AT_CUT_US:
            return False
        at_cut = line.behind_cut or self.cut or (self.lines_lost and not self.kill_seen)
        return self.pauses_before(line) or (at_cut and passed > _LONGEST_PAUSE_AT_CUT_US)

    @property
    def _is_edited(self) -> bool:
        return Kind.USAGE not in self.kinds and bool(self.later) and is_edited(self.later[-1].line.text)

    def _repeats(self, entry: Entry) -> bool:
        """Whether the same line was pasted or printed twice."""
        return bool(self.entries) and entry.line.text in self.texts

    def _accepts_kill(self, killed: Killed, line: Line) -> bool:
        if Kind.NO_VICTIM in self.kinds:
            return False
        if Kind.GROUP in self.kinds:
            return True
        if Kind.KILLED in self.kinds:
            return killed.pid in self.victims and line.text.startswith("Mem")
        if line.text.startswith("Killed"):
            return True
        if Kind.CHOSEN in self.kinds:
            return False
        return killed.cut_in_pid or self._names(killed.pid, line)

    def _names(self, pid: int, line: Line) -> bool:
        """Whether this dump is about `pid`: as its summary, as the table row of one of its threads, or by position."""
        if self.summary_pid is None:
            return not self.tgids or pid in self.tgids or Kind.TABLE_HEAD not in self.kinds
        if pid == self.summary_pid or self.tgids.get(pid) == self.summary_pid:
            return True
        if self.tgids:
            return False
        passed = self._passed_before(line)
        return not self.lines_lost and (passed is None or passed <= _SAME_KILL_US)

    def _learn(self, entry: Entry) -> None:
        value = entry.value
        if isinstance(value, Row | CutRow):
            self.tgids[value.pid] = value.tgid
            return
        self.texts.add(entry.line.text)
        if isinstance(value, SummaryLine):
            self.summary_pid = value.pid
        elif isinstance(value, Killed):
            self.victims.add(value.pid)


def microseconds_between(earlier: Line, later: Line) -> int | None:
    """Return how much later a line was printed, by whichever clock both carry; None where they share none."""
    a, b = earlier.stamp, later.stamp
    if a.monotonic_us is not None and b.monotonic_us is not None:
        return b.monotonic_us - a.monotonic_us
    if a.wall is None or b.wall is None or (a.wall.tzinfo is None) != (b.wall.tzinfo is None):
        return None
    return round((b.wall - a.wall).total_seconds() * 1_000_000)
