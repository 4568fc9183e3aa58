"""The search of large logs: only lines around an OOM are read.

Every line that can begin or end a record holds one of a few phrases. Chunks are searched for them at the speed of
memory. Around a phrase all lines are read: those of the same dump before it, and those behind it until the dump has
named its victim. `Reader` fed with every line is the reference: both give the same records. Only `lost_before`
differs: it is not known where lines before a dump were not read.
"""

# ruff: noqa: PLC0415 - most logs hold no phrase: what reads a dump takes longer to load than 300 MB to search

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from oomreport.kernel import lazy_re as re
from oomreport.kernel.reading.phrases import OF_AN_OOM, PLAIN, Find

if TYPE_CHECKING:
    from oomreport.kernel.reading.reader import Reader
    from oomreport.kernel.record import Invocation

_PROPERTY = re.compile(rb" [A-Z][^=\n]{0,38}=")
_CONTINUED = re.compile(rb"\d{1,10},\d{1,20},\d{1,20},c")
# Of /dev/kmsg, dmesg, syslog, and RFC 3339.
_STAMP = re.compile(rb"\d{1,10},\d{1,20},\d{1,20},|\[ *\d{1,9}\.\d{6}\] |[A-Z][a-z]{2} [ \d]\d \d\d:|\d{4}-\d\d-\d\dT")
# journalctl indents a message's further lines by the width of its prefix.
_INDENT = b" " * 8
_MOST_BACK = 400
_MOST_LINE = 1 << 20
_HEADER = b"invoked oom-killer"
_ENTRY = (b"MESSAGE", b'"', b"textPayload")
_ENTRY_LINES = 400
_MOST_BEHIND = 64 * 1024
_MOST_UNNAMED = 4 * 1024
_MOST_SEEN = 200


class Scanner:
    """Reads one log, chunk by chunk."""

    def __init__(self, find: Find = PLAIN) -> None:
        """Start at the beginning of a log; `find` searches a chunk for PHRASES."""
        self._find = find
        self._made: Reader | None = None
        self._rest = b""
        self._behind: deque[bytes] = deque()
        self._behind_bytes = 0
        self._begun = False
        self._unread = b""
        self._seen = b""
        # Where the chunk begins in the log, in bytes, and where the block begins that is scanned.
        self._chunk_at = self._block_at = 0

    @property
    def seen(self) -> bytes:
        """The beginning of the first line that holds a phrase of an OOM, in whatever form; empty where none does."""
        return self._seen

    @property
    def busy(self) -> bool:
        """Whether a record has begun whose victim has not been named yet."""
        return self._made is not None and self._made.busy

    def feed(self, chunk: bytes, hits: Sequence[int] | None = None) -> list["Invocation"]:
        """Take the next bytes of the log in and return the invocations that they complete.

        `hits` is where PHRASES are in the chunk, ascending, where the caller has searched it.
        """
        first = chunk.find(b"\n") + 1
        at, self._chunk_at = self._chunk_at, self._chunk_at + len(chunk)
        if not first:
            self._rest += chunk
            return self._end_line() if len(self._rest) >= _MOST_LINE else []
        done: list[Invocation] = []
        start = 0
        if self._rest:
            self._block_at = at - len(self._rest)
            line, self._rest = self._rest + chunk[:first], b""
            done += self._scan(line, 0, len(line))
            start = first
        end = chunk.rfind(b"\n") + 1
        if start < end:
            self._block_at = at
            done += self._scan(chunk, start, end, hits)
        self._rest = chunk[end:]
        return done

    def flush(self) -> list["Invocation"]:
        """End the log and return what is still open."""
        done = self._end_line()
        return done + self._made.flush() if self._made is not None else done

    @property
    def _reader(self) -> "Reader":
        """The reader of the lines around a phrase, made at the first one."""
        if self._made is None:
            from oomreport.kernel.reading.reader import Reader

            self._made = Reader()
            if block := self._unread:
                block_at, self._block_at = self._block_at, 0
                # It may name columns. No line of it holds a phrase, so that none completes a record.
                at = self._made.feed_until_idle(block, self._line(block, 0, []), len(block), [], block_at=0)
                self._block_at = block_at
                self._made.passed_over()
                if self._behind_bytes < _MOST_BEHIND:
                    self._behind.appendleft(block[at:])
                    self._behind_bytes += len(block) - at
        return self._made

    def _end_line(self) -> list["Invocation"]:
        rest, self._rest = self._rest, b""
        self._block_at = self._chunk_at - len(rest)
        return self._scan(rest, 0, len(rest)) if rest else []

    def _scan(  # noqa: C901, PLR0912 - one loop from hit to hit
        self, block: bytes, at: int, end: int, hits: Sequence[int] | None = None
    ) -> list["Invocation"]:
        """Take the whole lines between `at` and `end` in."""
        done: list[Invocation] = []
        hits = self._find(block) if hits is None else hits
        if self._made is None and not hits and (self._unread or _is_stamped(block, at, end)):
            return self._pass_over(block, at, end)
        reader = self._reader
        if not self._begun:
            self._begun = True
            at = self._line(block, at, done)  # it may name columns
        floor = at
        for hit in [*hits, end]:
            if hit < end and not self._seen:
                self._see(block, block.rfind(b"\n", 0, hit) + 1, hit)
            if hit < at:
                continue
            while at < end and (reader.busy or (reader.joinable and _CONTINUED.match(block, at, end))):
                self._forget()
                if reader.busy:
                    at = reader.feed_until_idle(block, at, end, done, block_at=self._block_at)
                else:
                    at = self._line(block, at, done)
            if hit < at:
                continue
            if hit >= end:
                break
            start = block.rfind(b"\n", at, hit) + 1 or at
            whole = reader.whole(block, start, end) if block.startswith(_HEADER, hit) else None
            back = start if whole else self._first_line(block, at, start, done, at_floor=at == floor)
            if back > at:
                reader.passed_over()
            if whole is None:
                self._name_host(block, at, back, at_floor=at == floor)
            at = back
            if whole is not None:
                done += reader.feed_whole(whole, place=self._block_at + start)
                at = whole.end
            while at <= hit:
                at = self._line(block, at, done)
            self._forget()
        if at >= end:
            self._forget()
            return done
        reader.passed_over()
        if reader.open:
            # One line now and then lets time pass for a dump that waits for late lines.
            last = max(block.rfind(b"\n", at, end - 1) + 1, at)
            done += reader.tick(block[last:end].rstrip(b"\n"))
        self._remember(block, at, end)
        return done

    def _pass_over(self, block: bytes, at: int, end: int) -> list["Invocation"]:
        """Take whole lines in before the first phrase of a log; the first of them are kept for the reader."""
        self._begun = True
        if self._unread:
            self._remember(block, at, end)
        else:
            self._unread = block[:end]
        return []

    def _see(self, block: bytes, start: int, hit: int) -> None:
        if block.startswith(OF_AN_OOM, hit):
            self._seen = block[max(start, hit - _MOST_SEEN) : hit + _MOST_SEEN].split(b"\n", 1)[0]

    def _remember(self, block: bytes, at: int, end: int) -> None:
        block = block if at == 0 and end == len(block) else block[max(at, end - _MOST_BEHIND) : end]
        self._behind.append(block)
        self._behind_bytes += len(block)
        while self._behind_bytes - len(self._behind[0]) >= _MOST_BEHIND:
            self._behind_bytes -= len(self._behind.popleft())

    def _forget(self) -> None:
        self._behind.clear()
        self._behind_bytes = 0

    def _line(self, block: bytes, start: int, done: list["Invocation"]) -> int:
        """Read the line at `start` and return where the next one begins."""
        end = block.find(b"\n", start)
        if end < 0:
            end = len(block)
        done += self._reader.feed(block[start:end], place=self._block_at + start)
        return end + 1

    def _name_host(self, block: bytes, floor: int, start: int, *, at_floor: bool) -> None:
        """Tell the reader whose log the line at `start` is of, where lines before it were passed over."""
        end = block.find(b"\n", start)
        passed = block[max(floor, start - _MOST_UNNAMED) : start].split(b"\n")[:-1]
        if at_floor and start - floor < _MOST_UNNAMED:
            passed = [*b"".join(self._behind)[-_MOST_UNNAMED:].split(b"\n")[:-1], *passed]
        self._reader.goes_on_behind(reversed(passed), block[start : end if end >= 0 else len(block)])

    def _first_line(self, block: bytes, floor: int, start: int, done: list["Invocation"], *, at_floor: bool) -> int:
        """Return where the dump begins that the line at `start` belongs to; lines of the block before are read here."""
        from oomreport.kernel.dump.assembler import MOST_UNRELATED_TO_TENTATIVE
        from oomreport.kernel.reading.reader import is_of_a_dump

        begin = block[start : start + 80]
        is_entry = begin.lstrip(b" \t").startswith(_ENTRY)
        kept = unlike = 0
        for count, raw in enumerate(self._lines_back(block, floor, start, at_floor=at_floor), 1):
            if is_entry or begin.startswith(_INDENT) or is_of_a_dump(raw):
                kept, unlike = count, 0
            else:
                unlike += not _PROPERTY.match(raw)
            begin = raw
            if (
                unlike > MOST_UNRELATED_TO_TENTATIVE
                or (count > _MOST_BACK and unlike)
                or (is_entry and count >= _ENTRY_LINES)
            ):
                break
        at = start
        while kept and at > floor:
            at = block.rfind(b"\n", floor, at - 1) + 1 or floor
            kept -= 1
        if kept:
            lines = self._lines_behind()
            self._reader.goes_on_behind(reversed(lines[:-kept]), lines[-kept])
            place = self._block_at + floor - sum(len(line) + 1 for line in lines[-kept:])
            for line in lines[-kept:]:
                done += self._reader.feed(line, place=place)
                place += len(line) + 1
            self._forget()
        return at

    def _lines_back(self, block: bytes, floor: int, start: int, *, at_floor: bool) -> Iterator[bytes]:
        """Yield the lines before the one at `start`, the last one first, also those of the block before."""
        while start > floor:
            before = block.rfind(b"\n", floor, start - 1) + 1 or floor
            yield block[before : start - 1]
            start = before
        if at_floor:
            yield from reversed(self._lines_behind())

    def _lines_behind(self) -> list[bytes]:
        return b"".join(self._behind)[-_MOST_BEHIND:].split(b"\n")[:-1]


def _is_stamped(block: bytes, at: int, end: int) -> bool:
    """Return whether a log begins here, and with lines that say by themselves that no entry of many lines has begun."""
    return at == 0 and end >= _MOST_BEHIND and _STAMP.match(block) is not None
