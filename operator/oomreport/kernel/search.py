"""Searching chunks of a log at the speed of memory."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from oomreport.kernel import lazy_re as re

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
# A newline that a line which starts with a blank follows; and what ends the prefix of a record of /dev/kmsg.
INDENTS = (b"\n ",)
FLAGS = (b",-;", b",-,", b",c;", b",c,", b",+;", b",+,")
Find = Callable[[bytes], Sequence[int]]


def plain_finder(phrases: Sequence[bytes]) -> Find:
    """Return a search for phrases, one after the other, without help from a library: where they are, ascending."""

    def find(chunk: bytes) -> list[int]:
        hits = []
        for phrase in phrases:
            at = chunk.find(phrase)
            while at >= 0:
                hits.append(at)
                at = chunk.find(phrase, at + len(phrase))
        return sorted(hits)

    return find


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """The searches through a chunk of a log: for PHRASES, for INDENTS, for FLAGS."""

    phrases: Find
    indents: Find
    flags: Find


PLAIN = Search(phrases=plain_finder(PHRASES), indents=plain_finder(INDENTS), flags=plain_finder(FLAGS))
RECORD = re.compile(rb"[ \t>|]*\d{1,10},\d{1,20},\d{1,20},[^;\n]{0,200};")


def lines_in(pieces: Iterable[bytes], indented: Find, at: int = 0, end: int | None = None) -> int:
    """Return how many lines that may be records are in pieces of a log; lines that start with a blank are properties.

    `at` and `end` choose a part of the first piece, which begins with a line.
    """
    lines, fresh = 0, True
    for piece in pieces:
        chunk = piece[at:end]
        lines += _newlines(chunk)
        if fresh:
            lines -= not is_counted(chunk, 0)
        last = len(chunk) - 1
        lines -= sum(hit < last and not is_counted(chunk, hit + 1) for hit in indented(chunk))
        fresh = chunk[-1:] == b"\n"
    return lines


def _newlines(chunk: bytes) -> int:
    # Three times as quick as bytes.count(), which looks at byte after byte: this goes from one newline to the next.
    return len(chunk) - len(chunk.replace(b"\n", b""))


def is_counted(block: bytes, at: int) -> bool:
    """Whether the line at `at` may be a record rather than a property of the one before it."""
    return block[at : at + 1] != b" " or RECORD.match(block, at) is not None
