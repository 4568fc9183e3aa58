"""A large log read by several processes, each one its part.

The first part is read by this process; the others by forks of it, which leave what they find in unlinked files, since a
pipe that nobody reads yet would make them wait. So nothing is imported twice, and only what was found is copied.
"""

import os
import pickle
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import IO, TypeVar

from oomreport.errors import LogUnreadable

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
