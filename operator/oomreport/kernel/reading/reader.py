"""The reader of whole logs: physical lines become invocations."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator

from oomreport.kernel.dump.assembler import Assembler
from oomreport.kernel.dump.fast_path import Whole, whole_of
from oomreport.kernel.framing.framer import Framer
from oomreport.kernel.framing.learned_prefix import LearnedPrefix
from oomreport.kernel.framing.line_joiner import may_begin
from oomreport.kernel.framing.prefix import unprefixed
from oomreport.kernel.kmsg import line_of_record
from oomreport.kernel.line import Line
from oomreport.kernel.record import Invocation
from oomreport.kernel.text.kind import kind_of

_MOST_HOSTS = 256


class Reader:
    """Reads the physical lines of a log; a log that several machines wrote is taken apart by their names."""

    def __init__(self) -> None:
        """Start at the beginning of a log."""
        self._framer = Framer()
        self._hosts: OrderedDict[str | None, Assembler] = OrderedDict()
        self._host: str | None = None
        self._all_read = True
        # Where the line begins that the framer holds.
        self._held_at: int | None = None

    @property
    def busy(self) -> bool:
        """Whether the next line is needed: a dump has not named its victim yet, or an entry is half read."""
        if not self._framer.idle:
            return True
        for assembler in self._hosts.values():  # noqa: SIM110 - asked for each line: no generator
            if assembler.busy:
                return True
        return False

    @property
    def open(self) -> bool:
        """Whether a dump has begun that more lines may belong to."""
        return any(assembler.open for assembler in self._hosts.values())

    @property
    def joinable(self) -> bool:
        """Whether a record that continues the one before would belong to a dump."""
        return any(assembler.joinable for assembler in self._hosts.values())

    def passed_over(self) -> None:
        """Say that lines were not read: how many records were lost before the next dump is not known."""
        self._all_read = False
        for assembler in self._hosts.values():
            assembler.passed_over()

    def feed(self, raw: bytes, *, place: int | None = None) -> list[Invocation]:
        """Take one physical line in, without its newline, and return the invocations that it completes.

        `place` is where it begins in the log, in bytes.
        """
        held_at = None if self._framer.idle else self._held_at
        done: list[Invocation] = []
        for line in self._framer.feed(raw):
            done += self._take(line, place if held_at is None else held_at)
            held_at = None
        self._held_at = place if held_at is None else held_at
        return done

    def tick(self, raw: bytes) -> list[Invocation]:
        """Return the invocations that a physical line ends by its time alone; it is not taken in."""
        done: list[Invocation] = []
        for line in _lines_alone(raw):
            assembler = self._hosts.get(line.host)
            done += assembler.tick(line) if assembler is not None else []
        return done

    def goes_on_behind(self, passed: Iterable[bytes], raw: bytes) -> None:
        """Say which lines were passed over, the last one first: a line `raw` without a prefix is of their machine.

        One that has a prefix tells by itself whose it is, once a line before it that is held back was taken in.
        """
        if _prefixed(raw) is None:
            named = next((line for line in map(_prefixed, passed) if line is not None), None)
            self._host = named.host if named is not None else self._host

    def feed_until_idle(self, block: bytes, at: int, end: int, done: list[Invocation], *, block_at: int) -> int:
        """Take whole lines from `at` on in until the next one is not needed; return where that begins.

        `block_at` is where the block begins in the log, in bytes.
        """
        while at < end and self.busy:
            stop = block.find(b"\n", at)
            stop = len(block) if stop < 0 else stop
            done += self.feed(block[at:stop], place=block_at + at)
            at = stop + 1
        return at

    def whole(self, block: bytes, at: int, end: int) -> Whole | None:
        """Return the whole dump that begins with the line at `at`, where it is plain and may be fed; None otherwise."""
        if self.busy or self._host is not None or None not in self._hosts:
            return None
        return whole_of(block, at, end)

    def feed_whole(self, whole: Whole, *, place: int) -> list[Invocation]:
        """Take a whole dump in, which begins at `place`, and return the invocations that it completes."""
        assembler = self._hosts[None]
        assembler.place = place
        return assembler.feed_whole(whole)

    def flush(self) -> list[Invocation]:
        """End the log and return what is still open."""
        done = [invocation for line in self._framer.flush() for invocation in self._take(line, self._held_at)]
        for assembler in self._hosts.values():
            done += assembler.flush()
        return done

    def _take(self, line: Line, place: int | None) -> list[Invocation]:
        if line.framed or line.host is not None:
            self._host = line.host  # a line without any prefix is of the machine of the line before
        if self._host is not None and self._hosts.keys() == {None}:
            self._hosts[self._host] = self._hosts.pop(None)  # a paste may name its only machine on some lines alone
        assembler = self._hosts.get(self._host)
        if assembler is None:
            assembler = self._hosts[self._host] = Assembler(cut_by_people=True)
            if not self._all_read:
                assembler.passed_over()
            assembler.place = place
            if len(self._hosts) > _MOST_HOSTS:
                _, oldest = self._hosts.popitem(last=False)
                return oldest.flush() + assembler.feed(line)
        assembler.place = place
        return assembler.feed(line)


def _prefixed(raw: bytes) -> Line | None:
    """Return the line that a physical line is where it has a prefix of its own, which says whose it is."""
    return next((line for line in _lines_alone(raw) if line.framed or line.host is not None), None)


def _lines_alone(raw: bytes) -> list[Line]:
    """Return the lines of a physical line without what stands around it."""
    record = line_of_record(raw.rstrip(b"\r\0")) if raw[:1].isdigit() else None
    return [record] if record is not None else Framer().feed(raw)


def invocations(lines: Iterable[Line]) -> Iterator[Invocation]:
    """Yield the invocations of the OOM killer in one machine's log, in the order of the log."""
    assembler = Assembler()
    for line in lines:
        yield from assembler.feed(line)
    yield from assembler.flush()


def invocations_of_records(records: Iterable[bytes]) -> Iterator[Invocation]:
    """Yield the invocations in records as read from /dev/kmsg; what is no record is passed over."""
    return invocations(line for line in map(line_of_record, records) if line is not None)


def invocations_of_text(lines: Iterable[bytes]) -> Iterator[Invocation]:
    """Yield the invocations in a log of any framing, given its physical lines without their newlines."""
    reader, place = Reader(), 0
    for raw in lines:
        yield from reader.feed(raw, place=place)
        place += len(raw) + 1
    yield from reader.flush()


def is_of_a_dump(raw: bytes) -> bool:
    """Return whether a physical line, looked at alone, is of a dump."""
    if b",ncfrag=" in raw[:256]:
        return True  # a fragment of netconsole's, that the next one goes on with
    record = line_of_record(raw.lstrip(b" \t>|"))
    if record is not None:
        return record.kind is not None
    found = LearnedPrefix().taken_off(unprefixed(raw[:500].decode("utf-8", "replace")))
    return kind_of(found.text) is not None or may_begin(found.text, framed=found.dated)
