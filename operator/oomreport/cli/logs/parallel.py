"""A large log read by several processes, each one its part.

The first part is read by this process; the others by forks of it, which leave what they find in unlinked files, since a
pipe that nobody reads yet would make them wait. So nothing is imported twice, and only what was found is copied.
"""

import os
import pickle
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, TypeVar

from oomreport.adapters.storage.log_file import quick_search
from oomreport.errors import LogUnreadable
from oomreport.kernel.reading.line_count import lines_in
from oomreport.kernel.reading.scanner import Again, Head, Tail

Part = tuple[int, int]
T = TypeVar("T")


def in_processes(parts: Sequence[Part], read: Callable[[Part], Iterator[T]]) -> Iterator[T]:
    """Yield what `read` finds in the parts, in their order. Raises LogUnreadable after what could be read before."""
    children: list[tuple[int, IO[bytes]]] = []
    try:
        for part in parts[1:]:
            results: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - read after the child has ended
            children.append((_forked(read, part, results), results))
        yield from read(parts[0])
        while children:
            pid, said = children[0]
            os.waitpid(pid, 0)
            del children[0]
            with said:
                yield from _said(said)
    finally:
        for pid, left in children:
            os.kill(pid, signal.SIGTERM)
            os.waitpid(pid, 0)
            left.close()


def joined(said: Iterable[T | Head | Tail], again: Again, corrected: Callable[[T, int], T | None]) -> Iterator[T]:
    """Yield what the parts of a log hold, with what was lost across the cuts between them.

    `again` yields the bytes of the log between two places; `corrected` returns one of what was found with so many records
    lost before it, None where it has no numbers.
    """
    behind = _Behind(again)
    lost: int | None = None
    for one in said:
        if isinstance(one, Head):
            lost = behind.lost_until(one)
        elif isinstance(one, Tail):
            behind.go_on(one)
        elif lost is not None and (right := corrected(one, max(lost, 0))) is not None:
            yield right
            lost = None
        else:
            yield one


class _Behind:
    """What the parts so far say of lost records since the last invocation."""

    def __init__(self, again: Again) -> None:
        self._again = again
        self._indented = quick_search().indents
        self._last: int | None = None
        self._records = 0
        self._uncounted: list[tuple[int, int]] = []
        self._had_head = False

    def lost_until(self, head: Head) -> int | None:
        """Return the sum before a part's first invocation; None where the parts before it have no numbers."""
        self._had_head = True
        if self._last is None:
            return None
        passed = sum(lines_in(self._again(*place), self._indented) for place in self._uncounted)
        return self._records - passed + head.first - self._last - 1 + head.records

    def go_on(self, tail: Tail) -> None:
        """Take a part's end in."""
        if tail.first is None:
            return
        goes_on = not self._had_head and self._last is not None
        if goes_on:
            assert self._last is not None
            self._records += tail.first - self._last - 1 + tail.records
        else:
            self._records, self._uncounted = tail.records, []
        self._last, self._had_head = tail.last, False
        if tail.uncounted is not None:
            self._uncounted.append(tail.uncounted)


def _forked(read: Callable[[Part], Iterator[T]], part: Part, results: IO[bytes]) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            for one in read(part):
                pickle.dump((one, None), results, pickle.HIGHEST_PROTOCOL)
            pickle.dump((None, ""), results)
        except LogUnreadable as error:
            pickle.dump((None, str(error)), results)
        results.flush()
        status = 0
    finally:
        os._exit(status)  # the buffers of standard output are the parent's


def _said(results: IO[bytes]) -> Iterator[T]:
    results.seek(0)
    while True:
        try:
            one, ended = pickle.load(results)  # noqa: S301 - written by our own fork
        except EOFError:
            raise LogUnreadable("a process that read a part of the log was ended") from None
        if ended is None:
            yield one
        elif ended:
            raise LogUnreadable(ended)
        else:
            return
