"""Logs of many gigabytes: the few lines around an OOM are read, the rest is searched.

Every line that can begin or end a record holds one of a few phrases. Chunks are searched for them at the speed of
memory; from a phrase's line on, and the lines of a dump right before it, everything is read until the dump has named
its victim. `Reader` fed with every line is the obvious reference: both give the same records.

How many records of /dev/kmsg were passed over has to be known, since jumps of the sequence number are loss. Counting
lines takes longer than searching them, so a log that can be read again is counted only when a record follows.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence

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
                self._behind.clear()
                while reader.busy and at < end:
                    at = self._line(block, at, done)
            if hit < at:
                continue
            if hit >= end:
                break
            start = block.rfind(b"\n", at, hit) + 1 or at
            self._count()
            back = self._first_line(block, at, start, done, at == floor)
            self._skip(block, at, back, base)
            self._count(block, base)
            at = back
            while at <= hit:
                at = self._line(block, at, done)
            self._behind.clear()
        if at >= end:
            self._behind.clear()
            return done
        self._skip(block, at, end, base)
        if reader.open:
            # One line now and then lets time pass for a dump that waits for late lines.
            last = max(block.rfind(b"\n", at, end - 1) + 1, at)
            self._count(block, base)
            reader.skipped(-1)
            self._line(block, last, done)
        elif self._again is None:
            self._count(block, base)
        self._remember(block if at == 0 and end == len(block) else block[max(at, end - _MOST_BEHIND) : end])
        return done

    def _remember(self, block: bytes) -> None:
        behind = self._behind
        behind.append(block)
        while len(behind) > 1 and sum(map(len, behind)) - len(behind[0]) >= _MOST_BEHIND:
            behind.popleft()

    def _line(self, block: bytes, start: int, done: list[Invocation]) -> int:
        """Read the line at `start` and return where the next one begins."""
        end = block.find(b"\n", start)
        if end < 0:
            end = len(block)
        done += self._reader.feed(block[start:end])
        return end + 1

    def _skip(self, block: bytes, start: int, end: int, base: int) -> None:
        """Take note of records that are passed over; `base` is the place of the block in the log."""
        if end <= start:
            return
        self._reader.skipped(0)
        if not self._reader.numbered or not (block[start : start + 1].isdigit() or block[start : start + 1] == b" "):
            return
        last = block.rfind(b"\n", start, end - 1) + 1 or start
        first_number, last_number = (_SEQUENCE.match(block, at) for at in (start, last))
        stretch = _Stretch(
            start=start + base,
            end=end + base,
            first=int(first_number[1]) if first_number else None,
            last=int(last_number[1]) if last_number else None,
            blank=block[start : start + 1] == b" ",
        )
        before = self._uncounted
        self._uncounted = replace(before, end=stretch.end, last=stretch.last) if before is not None else stretch

    def _count(self, block: bytes | None = None, base: int = 0) -> None:
        """Tell the reader how many records were passed over, those of `block` without reading it again."""
        stretch, self._uncounted = self._uncounted, None
        if stretch is None:
            return
        inner = 0 if block is None else max(stretch.start, base) - base
        pieces: list[tuple[bytes, int, int]]
        in_block = block is not None and stretch.end > base
        assert self._again is not None or (in_block and stretch.start >= base)

        def blocks() -> Iterable[tuple[bytes, int, int]]:
            split = stretch.end if not in_block else max(stretch.start, base)
            if stretch.start < split and self._again is not None:
                yield from ((piece, 0, len(piece)) for piece in self._again(stretch.start, split))
            if in_block and block is not None:
                yield block, split - base, stretch.end - base

        self._reader.skipped(stretch.records(blocks))

    def _first_line(  # noqa: C901 - two walks back, in this block and the one before
        self, block: bytes, floor: int, start: int, done: list[Invocation], behind: bytes
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
        if at <= floor and behind and unlike <= _MOST_UNLIKE:
            lines = behind.split(b"\n")[:-1]
            kept = len(lines)
            for index in range(len(lines) - 1, -1, -1):
                if entry or _is_of_a_dump(lines[index]):
                    kept, unlike = index, 0
                else:
                    unlike += 1
                if unlike > _MOST_UNLIKE or (entry and len(lines) - index > _ENTRY_LINES):
                    break
            if kept < len(lines):
                self._reader.skipped(-(len(lines) - kept))
                for line in lines[kept:]:
                    done += self._reader.feed(line)
                best = floor
        return best


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
