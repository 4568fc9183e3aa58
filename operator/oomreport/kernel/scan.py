"""Logs of many gigabytes: the few lines around an OOM are read, the rest is searched.

Every line that can begin or end a record holds one of a few phrases. Chunks are searched for them at the speed of
memory; from a phrase's line on, and the lines of a dump right before it, everything is read until the dump has named
its victim. `Reader` fed with every line is the obvious reference: both give the same records.
"""

from collections.abc import Callable, Sequence

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
_MOST_BACK = 400
_MOST_UNLIKE = 3
_MOST_LINE = 1 << 20
_ENTRY = (b"MESSAGE", b'"MESSAGE', b'"msg"')
_ENTRY_LINES = 100
_MOST_BEHIND = 64 * 1024


class Scanner:
    """Reads one log, chunk by chunk. `find` returns where in a chunk the phrases are, ascending."""

    def __init__(self, find: Find) -> None:
        """Start at the beginning of a log."""
        self._find = find
        self._reader = Reader()
        self._rest = b""
        self._behind = b""
        self._begun = False

    @property
    def busy(self) -> bool:
        """Whether a record has begun whose victim has not been named yet."""
        return self._reader.busy

    def feed(self, chunk: bytes) -> list[Invocation]:
        """Take the next bytes of the log in and return the invocations that they complete."""
        cut = chunk.rfind(b"\n") + 1
        if not cut and len(self._rest) + len(chunk) < _MOST_LINE:
            self._rest += chunk
            return []
        if not cut:
            cut = len(chunk)
        whole = self._rest + chunk[:cut]
        self._rest = chunk[cut:]
        return self._scan(whole)

    def flush(self) -> list[Invocation]:
        """End the log and return what is still open."""
        rest, self._rest = self._rest, b""
        return (self._scan(rest) if rest else []) + self._reader.flush()

    def _scan(self, block: bytes) -> list[Invocation]:
        done: list[Invocation] = []
        at = 0
        if not self._begun:
            self._begun = True
            at = self._line(block, 0, done)  # where the sequence numbers begin
        behind = self._behind
        for hit in [*self._find(block), len(block)]:
            while self._reader.busy and at < len(block):
                behind = b""
                at = self._line(block, at, done)
            if hit < at:
                continue
            if hit == len(block):
                break
            start = block.rfind(b"\n", at, hit) + 1 or at
            back = self._first_line(block, at, start, done, behind) if start > at or behind else start
            self._skip(block, at, back)
            at = back
            while at <= hit:
                at = self._line(block, at, done)
            behind = b""
        if at < len(block):
            self._skip(block, at, len(block))
            if self._reader.open:
                # One line now and then lets time pass for a dump that waits for late lines.
                last = max(block.rfind(b"\n", at, len(block) - 1) + 1, at)
                self._reader.skipped(-1)
                self._line(block, last, done)
            self._behind = block[max(at, len(block) - _MOST_BEHIND) :]
        else:
            self._behind = b""
        return done

    def _line(self, block: bytes, start: int, done: list[Invocation]) -> int:
        """Read the line at `start` and return where the next one begins."""
        end = block.find(b"\n", start)
        if end < 0:
            end = len(block)
        done += self._reader.feed(block[start:end])
        return end + 1

    def _skip(self, block: bytes, start: int, end: int) -> None:
        if end > start:
            records = block.count(b"\n", start, end) - block.count(b"\n ", start, end)
            self._reader.skipped(records if line_of_record(block[start : start + 200]) is not None else 0)

    def _first_line(self, block: bytes, floor: int, start: int, done: list[Invocation], behind: bytes) -> int:
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
        if at <= floor == 0 and behind and unlike <= _MOST_UNLIKE:
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
