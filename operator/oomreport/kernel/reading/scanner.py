"""Logs of many gigabytes: the few lines around an OOM are read, the rest is searched.

Every line that can begin or end a record holds one of a few phrases. Chunks are searched for them at the speed of
memory; from a phrase's line on, and the lines of a dump right before it, everything is read until the dump has named
its victim. `Reader` fed with every line is the obvious reference: both give the same records.

How many lines were passed over has to be known where they are numbered (`loss`). Counting them takes longer than
searching, so a log that can be read again is counted only when a record follows.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from oomreport.kernel import lazy_re as re
from oomreport.kernel.dump.assembler import MOST_UNLIKE
from oomreport.kernel.framing.learned_prefix import LearnedPrefix
from oomreport.kernel.framing.line_joiner import may_begin
from oomreport.kernel.framing.prefix import unprefixed
from oomreport.kernel.kmsg import line_of_record
from oomreport.kernel.reading.line_count import RECORD, Lines, is_counted, lines_in
from oomreport.kernel.reading.phrases import PLAIN, Search
from oomreport.kernel.reading.reader import Reader
from oomreport.kernel.record import Invocation
from oomreport.kernel.text.kind import kind_of

Again = Callable[[int, int], Iterable[bytes]]
_PROPERTY = re.compile(rb" [A-Z][^=\n]{0,38}=")
_CONTINUED = re.compile(rb"\d{1,10},\d{1,20},\d{1,20},c")
_MOST_BACK = 400
_MOST_LINE = 1 << 20
_HEADER = b"invoked oom-killer"
_ENTRY = (b"MESSAGE", b'"', b"textPayload")
_ENTRY_LINES = 400
_MOST_BEHIND = 64 * 1024
_MOST_UNNAMED = 4 * 1024
_FEW_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a part of a log says before its first invocation: the first number, and the sum of `Loss` from there on."""

    first: int
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """What a part of a log says behind its last invocation, or at all where it has none.

    `first` and `last` are sequence numbers, `records` the sum of `Loss` since the last dump without the lines in
    `uncounted`, which was passed over and is a place in the log.
    """

    first: int | None
    last: int | None
    records: int
    uncounted: tuple[int, int] | None

    def moved(self, places: int) -> "Tail":
        """Return the same where the part begins so many bytes behind the beginning of the log."""
        if self.uncounted is None:
            return self
        return replace(self, uncounted=(self.uncounted[0] + places, self.uncounted[1] + places))


class Scanner:
    """Reads one log, chunk by chunk.

    `again` yields the bytes between two places of the log once more; None where they are gone.
    """

    def __init__(self, search: Search = PLAIN, again: Again | None = None) -> None:
        """Start at the beginning of a log."""
        self._search = search
        self._again = again
        self._reader = Reader()
        self._rest = b""
        self._behind: deque[bytes] = deque()
        self._behind_bytes = 0
        self._begun = False
        self._place = 0
        self._uncounted: tuple[int, int] | None = None

    @property
    def busy(self) -> bool:
        """Whether a record has begun whose victim has not been named yet."""
        return self._reader.busy

    @property
    def head(self) -> Head | None:
        """What came before the first invocation; None before that, and where lines have no numbers."""
        loss, lost = self._reader.loss, self._reader.first_lost
        return None if loss is None or loss.first is None or lost is None else Head(first=loss.first, records=lost)

    @property
    def tail(self) -> Tail:
        """What came behind the last invocation."""
        loss = self._reader.loss
        if loss is None:
            return Tail(first=None, last=None, records=0, uncounted=None)
        return Tail(first=loss.first, last=loss.sequence, records=loss.records, uncounted=self._uncounted)

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

    def _scan(  # noqa: C901, PLR0912 - one loop from hit to hit
        self, block: bytes, at: int, end: int
    ) -> list[Invocation]:
        """Take the whole lines between `at` and `end` in."""
        done: list[Invocation] = []
        base = self._place - at
        self._place += end - at
        if not self._begun:
            self._begun = True
            at = self._line(block, at, done)  # where the sequence numbers begin
        floor = at
        reader = self._reader
        hits = [*self._search.phrases(block), end]
        if not reader.numbered:
            hits = self._with_first_record(block, at, end, hits)
        lines = Lines(block, hits, self._search.indents)
        for hit in hits:
            if hit < at:
                continue
            while at < end and (reader.busy or (reader.joinable and _CONTINUED.match(block, at, end))):
                self._count()
                self._forget()
                at = reader.feed_until_idle(block, at, end, done) if reader.busy else self._line(block, at, done)
            if hit < at:
                continue
            if hit >= end:
                break
            start = block.rfind(b"\n", at, hit) + 1 or at
            self._count()
            whole = reader.whole(block, start, end) if block.startswith(_HEADER, hit) else None
            back = start if whole else self._first_line(block, at, start, done, at_floor=at == floor)
            self._skip(at, back, base, lines)
            self._count(lines, base)
            if whole is None:
                self._name_host(block, at, back, at_floor=at == floor)
            at = back
            if whole is not None:
                done += reader.feed_whole(whole)
                at = whole.end
            while at <= hit:
                at = self._line(block, at, done)
            self._forget()
        if at >= end:
            self._forget()
            return done
        begun = at
        self._skip(at, end, base, lines)
        if reader.open:
            # One line now and then lets time pass for a dump that waits for late lines.
            last = max(block.rfind(b"\n", at, end - 1) + 1, at)
            done += reader.tick(block[last:end].rstrip(b"\n"))
        # Where dumps are many the next is near: counting now saves reading again. A single line is counted in no time.
        is_short = self._uncounted is not None and self._uncounted[0] >= base and end - begun < _FEW_BYTES
        if self._again is None or floor < begun or is_short:
            self._count(lines, base)
        self._remember(block if at == 0 and end == len(block) else block[max(at, end - _MOST_BEHIND) : end])
        return done

    def _with_first_record(self, block: bytes, at: int, end: int, hits: list[int]) -> list[int]:
        """Return the hits with the first line that has a sequence number, from which on loss is counted."""
        for flag in self._search.flags(block):
            start = block.rfind(b"\n", at, flag) + 1 or at
            if at <= flag < end and RECORD.match(block, start):
                return sorted([*hits, flag])
        return hits

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

    def _skip(self, start: int, end: int, base: int, lines: Lines) -> None:
        """Take note of lines of a block that are passed over; `base` is the place of the block in the log."""
        if end <= start:
            return
        self._reader.skipped(0)
        if not self._reader.numbered:
            return
        if self._uncounted is not None and self._uncounted[1] != start + base:
            self._count(lines, base)
        self._uncounted = (self._uncounted[0] if self._uncounted else start + base, end + base)

    def _count(self, lines: Lines | None = None, base: int = 0) -> None:
        """Tell the reader how many lines were passed over. The end of them is in a block, or in none at hand."""
        stretch, self._uncounted = self._uncounted, None
        if stretch is None:
            return
        first, end = stretch
        passed = 0
        if first < base or lines is None:
            before = self._again(first, min(end, base) if lines else end) if self._again is not None else ()
            passed += lines_in(before, self._search.indents)
        if lines is not None and end > base:
            passed += lines.between(max(first - base, 0), end - base)
        self._reader.skipped(passed)

    def _name_host(self, block: bytes, floor: int, start: int, *, at_floor: bool) -> None:
        """Tell the reader whose log the line at `start` is of, where lines before it were passed over."""
        end = block.find(b"\n", start)
        passed = block[max(floor, start - _MOST_UNNAMED) : start].split(b"\n")[:-1]
        if at_floor and start - floor < _MOST_UNNAMED:
            passed = [*b"".join(self._behind)[-_MOST_UNNAMED:].split(b"\n")[:-1], *passed]
        self._reader.goes_on_behind(reversed(passed), block[start : end if end >= 0 else len(block)])

    def _first_line(  # noqa: C901 - two walks back, in this block and the one before
        self, block: bytes, floor: int, start: int, done: list[Invocation], *, at_floor: bool
    ) -> int:
        """Return where the dump begins that the line at `start` belongs to; lines of the block before are read here."""
        at, unlike, best = start, 0, start
        entry = block[start : start + 80].lstrip(b" \t").startswith(_ENTRY)
        for count in range(_ENTRY_LINES if entry else _MOST_BACK * 100):
            if at <= floor:
                break
            before = block.rfind(b"\n", floor, at - 1) + 1 or floor
            raw = block[before : at - 1]
            if entry or _is_of_a_dump(raw):
                best, unlike = before, 0
            else:
                unlike += not _PROPERTY.match(raw)
            at = before
            if unlike > MOST_UNLIKE or (count > _MOST_BACK and unlike):
                break
        if at <= floor and at_floor and self._behind and unlike <= MOST_UNLIKE:
            lines = b"".join(self._behind)[-_MOST_BEHIND:].split(b"\n")[:-1]
            kept = len(lines)
            for index in range(len(lines) - 1, -1, -1):
                if entry or _is_of_a_dump(lines[index]):
                    kept, unlike = index, 0
                else:
                    unlike += not _PROPERTY.match(lines[index])
                if unlike > MOST_UNLIKE or (entry and len(lines) - index > _ENTRY_LINES):
                    break
            if kept < len(lines):
                self._reader.skipped(-sum(is_counted(line, 0) for line in lines[kept:]))
                self._reader.goes_on_behind(reversed(lines[:kept]), lines[kept])
                for line in lines[kept:]:
                    done += self._reader.feed(line)
                self._forget()
                best = floor
        return best


def _is_of_a_dump(raw: bytes) -> bool:
    if b",ncfrag=" in raw[:256]:
        return True  # a fragment of netconsole's, that the next one goes on with
    record = line_of_record(raw.lstrip(b" \t>|"))
    if record is not None:
        return kind_of(record.text) is not None
    found = LearnedPrefix().taken_off(unprefixed(raw[:500].decode("utf-8", "replace")))
    return kind_of(found.text) is not None or may_begin(found.text, framed=found.dated)
