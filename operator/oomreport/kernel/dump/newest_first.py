"""Logs that are shown newest first, as log stores show them: the lines of a dump from its kill line up to its header.

Nothing says so but the order itself: right behind a kill line comes what the kernel prints before it, of the same process
and not later. What runs backwards so is held and turned round; it ends at the header, or where it runs forwards again.
"""

from oomreport.kernel.dump.dump import microseconds_between
from oomreport.kernel.line import Line
from oomreport.kernel.text.killed import chosen_of, killed_of
from oomreport.kernel.text.kind import Kind
from oomreport.kernel.text.summary import summary_pid

Entry = tuple[Kind, Line]

_LONGEST_US = 30_000_000
_CLOSE_US = 1_000_000
_MOST_LINES = 50_000
_MOST_UNRELATED = 2_000
_ENDS = frozenset({Kind.KILLED, Kind.CHOSEN, Kind.GROUP, Kind.NO_VICTIM, Kind.REAPED})
_MIDDLE = frozenset({Kind.ROW, Kind.TABLE_HEAD, Kind.TABLE_TITLE})


def runs_backwards(entries: list[Entry], kind: Kind, line: Line) -> bool:
    """Whether `line` is what the kernel prints before the kill lines in `entries`, of which the last came just now."""
    if not entries or any(known not in _ENDS for known, _ in entries):
        return False
    last_kind, last = entries[-1]
    if last_kind not in (Kind.KILLED, Kind.CHOSEN):
        return False
    passed = microseconds_between(last, line)
    if passed is not None and not -_CLOSE_US <= passed <= 0:
        return False
    killed = killed_of(last.text) if last_kind is Kind.KILLED else None
    if kind is Kind.SUMMARY and killed is not None:
        return True  # of another pid it may be, where the leader of a group of threads had exited
    if kind is Kind.CHOSEN and killed is not None and last.text.startswith("Killed"):
        if any(known is Kind.CHOSEN for known, _ in entries):
            return False
        chosen = chosen_of(line.text)
        return bool(passed) or (chosen is not None and chosen.pid == killed.pid)
    if kind is Kind.ROW:
        return bool(passed) and line.stamp.monotonic_us is not None
    if kind is Kind.KILLED:
        return bool(passed) and line.stamp.monotonic_us is not None and len(entries) == 1
    return False


class Backwards:
    """Lines that run backwards, from the last one of a dump on."""

    def __init__(self, entries: list[Entry]) -> None:
        """Start with the lines that came already."""
        self._entries = list(entries)
        self._sure = _is_sure(*entries[-2:])
        self._unrelated = 0

    def pass_over(self) -> None:
        """Take note of a line that is of no dump."""
        self._unrelated += 1

    def takes(self, kind: Kind, line: Line) -> bool:
        """Take the line where it goes on backwards; otherwise the stretch has ended before it."""
        if not self._sure:
            self._sure = kind is Kind.ROW
            if not self._sure:
                return False
        if self.done or self._unrelated > _MOST_UNRELATED or len(self._entries) >= _MOST_LINES:
            return False
        passed = microseconds_between(self._entries[-1][1], line)
        if passed is not None and not -_LONGEST_US <= passed <= 0:
            return False
        if kind in _ENDS and any(known in _MIDDLE or known is Kind.SUMMARY for known, _ in self._entries):
            return False
        self._entries.append((kind, line))
        self._unrelated = 0
        return True

    @property
    def done(self) -> bool:
        """Whether the header was reached."""
        return self._entries[-1][0] is Kind.HEADER

    def turned(self) -> list[Entry]:
        """Return the lines as the kernel printed them."""
        return self._entries[::-1] if self._sure else self._entries


def _is_sure(last: Entry, before: Entry) -> bool:
    """Whether `before`, which came behind `last`, can only be what the kernel prints before it."""
    if before[0] is not Kind.SUMMARY or bool(microseconds_between(last[1], before[1])):
        return True
    killed = killed_of(last[1].text)
    return killed is None or summary_pid(before[1].text) == killed.pid
