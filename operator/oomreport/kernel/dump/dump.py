"""The lines of one dump, as they are gathered: what is known of it so far, and whether a line belongs to it."""

from collections import defaultdict
from dataclasses import dataclass, field

from oomreport.kernel import lazy_re as re
from oomreport.kernel.dump.fast_path import Whole
from oomreport.kernel.dump.sections import Parts
from oomreport.kernel.line import LONGEST_TEXT, Line
from oomreport.kernel.text.killed import ends_in_pid, killed_of
from oomreport.kernel.text.kind import Kind, kind_of
from oomreport.kernel.text.summary import summary_pid

# Dumps of large machines take seconds on a serial console, and the reaper speaks two seconds after the kill.
_LONGEST_PAUSE_US = 30_000_000
_LONGEST_PAUSE_AFTER_KILL_US = 5_000_000
_LONGEST_STEP_BACK_US = 1_000_000
# A kill line follows its summary at once; one that comes later, behind lost records, is somebody else's.
_SAME_KILL_US = 1_000_000
# Across a cut, or lost records, time is all that tells whether it is still the same dump.
_LONGEST_TEAR_US = 3_000_000
_PID_AND_TGID = re.compile(r"\[ *(\d+)\] +\d+ +(\d+) ")
_MOST_ENTRIES = 200_000
# Printed by other parts of the kernel too, so their place says nothing.
_ANYWHERE = frozenset({Kind.REAPED, Kind.STAT, Kind.MEM_INFO, Kind.TRACE})
_TELLING = frozenset({Kind.ROW, Kind.SUMMARY, Kind.KILLED})
_ENDING = frozenset({Kind.KILLED, Kind.NO_VICTIM})


# A line of a dump, and which part of the dump it is.
Entry = tuple[Kind, Line]


@dataclass(slots=True, kw_only=True)
class Dump:
    """What one invocation of the OOM killer has printed so far.

    `lost_before` is the sum of `Loss` before its lines, None where lines were not read. `kill_seen` says whether the line that ends a dump was seen: a
    kill, or that there is nothing to kill. `trace` is the part of the call trace that is not among the entries, as it
    stands in the log. `whole` is what was read at once, and `lines` the entries behind it.
    """

    lost_before: int | None = 0
    whole: Whole | None = None
    lines: list[Entry] = field(default_factory=list)
    kinds: set[Kind] = field(default_factory=set)
    furthest: Kind = Kind.HEADER
    pids: set[int] = field(default_factory=set)
    row_pids: dict[int, int | None] = field(default_factory=dict)
    summary_pid: int | None = None
    gap: bool = False
    hole: bool = False
    stamped: Line | None = None
    kill_seen: bool = False
    trace: bytes = b""

    @classmethod
    def of_whole(cls, whole: Whole, *, lost_before: int | None) -> "Dump":
        """Return the dump that was read at once."""
        return cls(
            lost_before=lost_before,
            whole=whole,
            kinds=whole.kinds,
            furthest=Kind.KILLED,
            pids={whole.pid},
            summary_pid=whole.pid,
            stamped=whole.last,
            kill_seen=True,
        )

    @property
    def entries(self) -> list[Entry]:
        """The lines one by one."""
        whole, self.whole = self.whole, None
        if whole is not None:
            self.lines[:0] = whole.entries()
            self.trace = whole.trace.encode()
            for kind, line in self.lines:
                if kind is Kind.ROW:
                    self._learn(kind, line.text)
        return self.lines

    @property
    def last(self) -> Line:
        """The line seen last."""
        return self.lines[-1][1] if self.lines or self.whole is None else self.whole.last

    def add(self, kind: Kind, line: Line) -> None:
        """Take a line in."""
        if len(self.lines) >= _MOST_ENTRIES:
            return
        self.lines.append((kind, line))
        self.kinds.add(kind)
        if line.hole and (len(self.lines) > 1 or self.whole is not None):
            self.hole = True
        if line.stamp.monotonic_us is not None or line.stamp.wall is not None:
            self.stamped = line
        if kind in _ANYWHERE:
            return
        self.furthest = max(self.furthest, kind)
        if kind in _TELLING:
            self._learn(kind, line.text)
        if kind in _ENDING:
            self.kill_seen = True

    def parts(self) -> Parts:
        """Return the lines sorted by what they are."""
        if self.whole is not None and all(kind is Kind.REAPED for kind, _ in self.lines):
            parts = self.whole.parts()
            if not self.lines:
                return parts
            late = [line.text for _, line in self.lines]
            texts = {**parts.texts, Kind.REAPED: late}
            return parts._replace(last=self.last, texts=texts, log="\n".join([parts.log, *late]))
        return _parts_of(self.entries)

    def extend_last(self, text: str) -> None:
        """Append the rest of a split record to the line seen last."""
        kind, last = self.entries.pop()
        whole = last._replace(text=(last.text + text)[:LONGEST_TEXT])
        kind = kind_of(whole.text) or kind
        self.entries.append((kind, whole))
        self._learn(kind, whole.text)

    def without_next_victim(self) -> Line | None:
        """Give away the kill line seen last, where a second group begins: that line told of the group's chosen victim.

        Beyond the limit of dumps nothing but the line itself stands between the groups of two containers. None where the
        line is not there, or is the one that this dump's own group began with.
        """
        kind, line = self.entries[-1]
        killed = killed_of(line.text)
        if kind is not Kind.KILLED or killed is None or killed.pid == self.first_victim:
            return None
        self.entries.pop()
        self.pids.discard(killed.pid)
        return line

    @property
    def first_victim(self) -> int | None:
        """The pid of the first kill line."""
        first = next((line for kind, line in self.entries if kind is Kind.KILLED), None)
        killed = killed_of(first.text) if first is not None else None
        return killed.pid if killed else None

    def accepts(self, kind: Kind, line: Line) -> bool:
        """Whether `line` goes on with this dump, rather than starting another."""
        if self._is_elsewhere(line):
            return False
        if kind in _ANYWHERE:
            return kind is Kind.REAPED or not self.kill_seen
        if kind is Kind.HEADER:
            return False
        if kind is Kind.KILLED:
            return self._accepts_kill(line)
        if kind is Kind.GROUP:
            return Kind.GROUP not in self.kinds or self._repeats(kind, line)
        if kind is Kind.STATS:
            return self.furthest <= Kind.STATS
        if kind is Kind.USAGE:
            return self.furthest <= Kind.USAGE or self._repeats(kind, line)
        if kind is Kind.ROW:
            return self.furthest <= Kind.ROW
        return self.furthest < kind or (self.furthest <= Kind.TABLE_HEAD and self._repeats(kind, line))

    def pauses_before(self, line: Line) -> bool:
        """Whether so much time passes before `line` that this dump has ended, or the clock starts again."""
        longest = _LONGEST_PAUSE_AFTER_KILL_US if self.kill_seen else _LONGEST_PAUSE_US
        passed = self.passed_before(line)
        return passed is not None and not -_LONGEST_STEP_BACK_US <= passed <= longest

    def passed_before(self, line: Line) -> int | None:
        """Return the microseconds since the last line of this dump that has a time; None where no clock is shared."""
        return None if self.stamped is None else microseconds_between(self.stamped, line)

    def _is_elsewhere(self, line: Line) -> bool:
        passed = self.passed_before(line)
        if passed is None or 0 <= passed <= _LONGEST_TEAR_US:
            return False
        torn = line.hole or self.hole or (self.gap and not self.kill_seen)
        return self.pauses_before(line) or (torn and passed > _LONGEST_TEAR_US)

    def _repeats(self, kind: Kind, line: Line) -> bool:
        """Whether the same line was pasted or printed twice."""
        return any(known is kind and seen.text == line.text for known, seen in self.entries)

    def _accepts_kill(self, line: Line) -> bool:
        killed = killed_of(line.text)
        if killed is None or Kind.NO_VICTIM in self.kinds:
            return False
        if Kind.GROUP in self.kinds:
            return True
        if Kind.KILLED in self.kinds:
            return killed.pid in self.pids and line.text.startswith("Mem")
        if line.text.startswith("Killed"):
            return True
        if Kind.CHOSEN in self.kinds:
            return False
        return self._names(killed.pid, line) or ends_in_pid(line.text)

    def _names(self, pid: int, line: Line) -> bool:
        """Whether this dump is about `pid`: as its summary, as the table row of one of its threads, or by position."""
        if self.summary_pid is None:
            return not self.row_pids or pid in self.row_pids or Kind.TABLE_HEAD not in self.kinds
        if pid == self.summary_pid or self.row_pids.get(pid) == self.summary_pid:
            return True
        if self.row_pids:
            return False
        passed = self.passed_before(line)
        return not self.gap and (passed is None or passed <= _SAME_KILL_US)

    def _learn(self, kind: Kind, text: str) -> None:
        if kind is Kind.ROW:
            row = _PID_AND_TGID.match(text)
            if row is not None:
                self.row_pids[int(row.group(1))] = int(row.group(2))
        elif kind is Kind.SUMMARY:
            self.summary_pid = summary_pid(text)
        elif kind is Kind.KILLED:
            killed = killed_of(text)
            if killed is not None:
                self.pids.add(killed.pid)


def _parts_of(entries: list[Entry]) -> Parts:
    texts: defaultdict[Kind, list[str]] = defaultdict(list)
    statistics: list[tuple[str, list[str]]] = []
    tables: list[tuple[str | None, list[str]]] = [(None, [])]
    log = []
    killed = []
    for kind, line in entries:
        text = line.text
        texts[kind].append(text)
        if kind is Kind.TRACE:
            continue
        log.append(text)
        if kind is Kind.ROW:
            tables[-1][1].append(text)
        elif kind is Kind.STAT:
            if statistics:
                statistics[-1][1].append(text)
        elif kind is Kind.STATS:
            statistics.append((text, []))
        elif kind is Kind.TABLE_HEAD:
            tables.append((text, []))
        elif kind is Kind.KILLED:
            killed.append(line.stamp)
    return Parts(
        first=entries[0][1],
        last=entries[-1][1],
        killed=killed[0] if killed else None,
        texts=texts,
        statistics=[(text, "\n".join(figures)) for text, figures in statistics],
        tables=tables,
        log="\n".join(log),
    )


def microseconds_between(earlier: Line, later: Line) -> int | None:
    """Return how much later a line was printed, by whichever clock both carry; None where they share none."""
    a, b = earlier.stamp, later.stamp
    if a.monotonic_us is not None and b.monotonic_us is not None:
        return b.monotonic_us - a.monotonic_us
    if a.wall is None or b.wall is None or (a.wall.tzinfo is None) != (b.wall.tzinfo is None):
        return None
    return round((b.wall - a.wall).total_seconds() * 1_000_000)
