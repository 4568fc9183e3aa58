"""Searching chunks of a log at the speed of memory."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

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


class Search(NamedTuple):
    """The searches through a chunk of a log: for PHRASES, for INDENTS, for FLAGS."""

    phrases: Find
    indents: Find
    flags: Find


PLAIN = Search(phrases=plain_finder(PHRASES), indents=plain_finder(INDENTS), flags=plain_finder(FLAGS))
