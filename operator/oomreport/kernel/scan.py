"""Logs of many gigabytes: the few lines around an OOM are read, the rest is searched.

Every line that can begin or end a record holds one of a few phrases. Chunks are searched for them at the speed of
memory; from a phrase's line on, and the lines of a dump right before it, everything is read until the dump has named
its victim. `Reader` fed with every line is the obvious reference: both give the same records.

How many records of /dev/kmsg were passed over has to be known, since jumps of the sequence number are loss. Counting
lines takes longer than searching them, so a log that can be read again is counted only when a record follows.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from oomreport.kernel.kind import kind_of
from oomreport.kernel.kmsg import line_of_record
from oomreport.kernel.prefix import unprefixed
from oomreport.kernel.reader import Reader
from oomreport.kernel.record import Invocation

PHRASES = (
    b"invoked oom-killer",
    b"oom-kill:constraint",
    b"Killed process ",
    b"ut of memory",
    b"Memory cgroup stats",
    b"a result of limit of",
    b"sacrifice child",
    b"_allocating_task): Kill",
    b"memory.oom.group set",
    b"no killable process",
    b"oom_reaper: reaped",
    b"panic - not syncing",
    # The journal writes a message that is no clean text as an array of bytes.
    b'"MESSAGE":[',
    b'"MESSAGE" : [',
    b'"MESSAGE": [',
)
Find = Callable[[bytes], Sequence[int]]
Again = Callable[[int, int], Iterable[bytes]]
_SEQUENCE = re.compile(rb"\d{1,10},(\d{1,20}),")
_MOST_BACK = 400
_MOST_UNLIKE = 3
_MOST_LINE = 1 << 20
_ENTRY = (b"MESSAGE", b'"MESSAGE', b'"msg"')
_ENTRY_LINES = 100
_MOST_BEHIND = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stretch:
    """Whole lines of a log that were passed over: where, and the sequence numbers of the first and the last."""

    start: int
    end: int
    first: int | None
    last: int | None


class Scanner:
    """Reads one log, chunk by chunk.

    `find` returns where in a chunk the phrases are, ascending. `again` yields the bytes between two places of the log
    once more; None where they are gone.
    """

    def __init__(self, find: Find, again: Again | None = None) -> None:
        """Start at the beginning of a log."""
        self._find = find
        self._again = again
        self._reader = Reader()
        self._rest = b""
        self._behind: deque[bytes] = deque()
        self._behind_bytes = 0
        self._begun = False
        self._place = 0
        self._uncounted: _Stretch | None = None

    @property
    def busy(self) -> bool:
        """Whether a record has begun whose victim has not been named yet."""
        return self._reader.busy

    def feed(self, chunk: bytes) -> list[Invocation]:
        """Take the next bytes of the log in and return the invocations that they complete."""
        first = chunk.find(b"\n") + 1
        if not first:
            self._rest += chunk
            return self._end_line() if len(self._rest) >= _MOST_LINE else []
        done: list[Invocation] = []
        start = 0
        if self._rest:
            line, self._rest = self._rest + chunk[:first], b""
            done += self._scan(line, 0, len(line))
            start = first
        end = chunk.rfind(b"\n") + 1
        if start < end:
            done += self._scan(chunk, start, end)
        self._rest = chunk[end:]
        return done

    def flush(self) -> list[Invocation]:
        """End the log and return what is still open. What was not counted by then need not be."""
        return self._end_line() + self._reader.flush()

    def _end_line(self) -> list[Invocation]:
        rest, self._rest = self._rest, b""
        return self._scan(rest, 0, len(rest)) if rest else []

    def _scan(self, block: bytes, at: int, end: int) -> list[Invocation]:
        """Take the whole lines between `at` and `end` in."""
        done: list[Invocation] = []
        base = self._place - at
        self._place += end - at
        if not self._begun:
            self._begun = True
            at = self._line(block, at, done)  # where the sequence numbers begin
        floor = at
        reader = self._reader
        for hit in [*self._find(block), end]:
            if reader.busy and at < end:
                self._count()
                self._forget()
                at = reader.feed_until_idle(block, at, end, done)
            if hit < at:
                continue
            if hit >= end:
                break
            start = block.rfind(b"\n", at, hit) + 1 or at
            self._count()
            back = self._first_line(block, at, start, done, at_floor=at == floor)
            self._skip(block, at, back, base)
            self._count(block, base)
            at = back
            while at <= hit:
                at = self._line(block, at, done)
            self._forget()
        if at >= end:
            self._forget()
            return done
        self._skip(block, at, end, base)
        if reader.open:
            # One line now and then lets time pass for a dump that waits for late lines.
            last = max(block.rfind(b"\n", at, end - 1) + 1, at)
            self._count(block, base)
            reader.skipped(-_records(block[last:end]))
            self._line(block, last, done)
        elif self._again is None:
            self._count(block, base)
        self._remember(block if at == 0 and end == len(block) else block[max(at, end - _MOST_BEHIND) : end])
        return done

    def _remember(self, block: bytes) -> None:
        self._behind.append(block)
        self._behind_bytes += len(block)
        while self._behind_bytes - len(self._behind[0]) >= _MOST_BEHIND:
            self._behind_bytes -= len(self._behind.popleft())

    def _forget(self) -> None:
        self._behind.clear()
        self._behind_bytes = 0

    def _line(self, block: bytes, start: int, done: list[Invocation]) -> int:
        """Read the line at `start` and return where the next one begins."""
        end = block.find(b"\n", start)
        if end < 0:
            end = len(block)
        done += self._reader.feed(block[start:end])
        return end + 1

    def _skip(self, block: bytes, start: int, end: int, base: int) -> None:
        """Take note of lines that are passed over; `base` is the place of the block in the log."""
        if end <= start:
            return
        self._reader.skipped(0)
        first = block[start : start + 1]
        if not self._reader.numbered or not (first.isdigit() or first == b" "):
            return
        if self._uncounted is not None and self._uncounted.end != start + base:
            self._count(block, base)
        last = block.rfind(b"\n", start, end - 1) + 1 or start
        stretch = _Stretch(
            start=start + base, end=end + base, first=_sequence(block, start), last=_sequence(block, last)
        )
        if self._uncounted is not None:
            stretch = replace(stretch, start=self._uncounted.start, first=self._uncounted.first)
        self._uncounted = stretch

    def _count(self, block: bytes = b"", base: int = 0) -> None:
        """Tell the reader how many records were passed over. The end of them is in `block`, or in none at hand."""
        stretch, self._uncounted = self._uncounted, None
        if stretch is None:
            return
        start, end = (max(stretch.start - base, 0), max(stretch.end - base, 0)) if block else (0, 0)
        before = (stretch.start, min(stretch.end, base) if block else stretch.end)

        def pieces() -> Iterator[tuple[bytes, int, int]]:
            if self._again is not None and before[0] < before[1]:
                yield from ((piece, 0, len(piece)) for piece in self._again(*before))
            yield block, start, end

        records = sum(piece.count(b"\n", at, to) for piece, at, to in pieces())
        if stretch.first is None or stretch.last is None or stretch.last - stretch.first + 1 != records:
            # Lines that start with a blank are properties of the record before. Seldom needed: none lost, no properties.
            fresh = True
            for piece, at, to in pieces():
                records -= piece.count(b"\n ", at, to) + (fresh and piece[at : min(at + 1, to)] == b" ")
                fresh = piece[max(at, to - 1) : to] == b"\n" or (fresh and at == to)
        self._reader.skipped(records)

    def _first_line(  # noqa: C901 - two walks back, in this block and the one before
        self, block: bytes, floor: int, start: int, done: list[Invocation], *, at_floor: bool
    ) -> int:
        """Return where the dump begins that the line at `start` belongs to; lines of the block before are read here."""
        at, unlike, best = start, 0, start
        entry = block[start : start + 12].lstrip(b" \t").startswith(_ENTRY)
        for count in range(_ENTRY_LINES if entry else _MOST_BACK * 100):
            if at <= floor:
                break
            before = block.rfind(b"\n", floor, at - 1) + 1 or floor
            if entry or _is_of_a_dump(block[before : at - 1]):
                best, unlike = before, 0
            else:
                unlike += 1
            at = before
            if unlike > _MOST_UNLIKE or (count > _MOST_BACK and unlike):
                break
        if at <= floor and at_floor and self._behind and unlike <= _MOST_UNLIKE:
            lines = b"".join(self._behind)[-_MOST_BEHIND:].split(b"\n")[:-1]
            kept = len(lines)
            for index in range(len(lines) - 1, -1, -1):
                if entry or _is_of_a_dump(lines[index]):
                    kept, unlike = index, 0
                else:
                    unlike += 1
                if unlike > _MOST_UNLIKE or (entry and len(lines) - index > _ENTRY_LINES):
                    break
            if kept < len(lines):
                self._reader.skipped(-_records(*lines[kept:]))
                for line in lines[kept:]:
                    done += self._reader.feed(line)
                best = floor
        return best


def _sequence(block: bytes, at: int) -> int | None:
    number = _SEQUENCE.match(block, at)
    return int(number[1]) if number is not None else None


def _records(*lines: bytes) -> int:
    """Return how many of the lines are records, rather than properties of one."""
    return sum(not line.startswith(b" ") for line in lines)


def _is_of_a_dump(raw: bytes) -> bool:
    record = line_of_record(raw)
    text = record.text if record is not None else unprefixed(raw[:500].decode("utf-8", "replace")).text
    return kind_of(text) is not None


def found_plainly(chunk: bytes) -> list[int]:
    """Return where the phrases are in a chunk: one search per phrase, without help from a library."""
    hits = []
    for phrase in PHRASES:
        at = chunk.find(phrase)
        while at >= 0:
            hits.append(at)
            at = chunk.find(phrase, at + len(phrase))
    return sorted(hits)
