"""The phrases of an OOM, and the search for them."""

from collections.abc import Callable, Sequence

OF_AN_OOM = (
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
    # What only a part of a dump has: the trace, the head of the table of tasks.
    b"oom_kill_process",
    b"Manual OOM execution",
    b"oom_score_adj name",
)
PHRASES = (
    *OF_AN_OOM,
    # The journal writes a message that is no clean text as an array of bytes.
    b'"MESSAGE":[',
    b'"MESSAGE" : [',
    b'"MESSAGE": [',
    # An event of Kubernetes, which repeats the kernel.
    b"OOMKilling",
)
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


PLAIN = plain_finder(PHRASES)
