"""Plain files, read and searched by two threads."""

# ruff: noqa: PLC0415 - threads are imported by who needs them, so that starting is quick

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import BinaryIO

from oomreport.kernel.reading.phrases import Find

# A chunk that was just read is searched in a core's second-level cache.
CHUNK = 512 << 10
# So many chunks the second thread may be ahead: with one it often waits to be woken, which takes as long as a chunk.
_AHEAD = 4


def searched_chunks_of_plain(file: BinaryIO, find: Find) -> Iterator[tuple[bytes, Sequence[int]]]:
    """Yield the chunks of a file from where it stands on, each with where `find` finds a phrase in it.

    Copying a file out of the page cache takes as long as the search. Neither needs the interpreter, so that a second
    thread does both for every other chunk. Raises OSError after what could be read.
    """
    descriptor, at = file.fileno(), file.tell()

    def searched(offset: int) -> tuple[bytes, Sequence[int]]:
        chunk = os.pread(descriptor, CHUNK, offset)
        return chunk, find(chunk)

    whole = (os.fstat(descriptor).st_size - at) // CHUNK
    if whole > 2 * _AHEAD:
        with closing(_SecondThread(searched)) as second:
            for turn in range(_AHEAD):
                second.ask(at + (2 * turn + 1) * CHUNK)
            for number in range(whole):
                pair = second.answer() if number % 2 else searched(at)
                # What was cut meanwhile, or is cut and grows, is read below, byte after byte.
                if len(pair[0]) < CHUNK:
                    break
                yield pair
                if number % 2:
                    second.ask(at + 2 * _AHEAD * CHUNK)
                at += CHUNK
    while (pair := searched(at))[0]:
        yield pair
        at += len(pair[0])


def is_plain(file: BinaryIO) -> bool:
    """Return whether any part of the file can be read at any time."""
    try:
        return stat.S_ISREG(os.fstat(file.fileno()).st_mode) and file.seekable()
    except OSError:
        return False  # no descriptor


class _SecondThread:
    """Reads and searches chunks in the order in which they are asked for."""

    def __init__(self, searched: Callable[[int], tuple[bytes, Sequence[int]]]) -> None:
        from queue import SimpleQueue
        from threading import Thread

        self._searched = searched
        self._asked: SimpleQueue[int | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[bytes, Sequence[int]] | OSError] = SimpleQueue()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def ask(self, offset: int) -> None:
        self._asked.put(offset)

    def answer(self) -> tuple[bytes, Sequence[int]]:
        answer = self._answers.get()
        if isinstance(answer, OSError):
            raise answer
        return answer

    def close(self) -> None:
        self._asked.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (offset := self._asked.get()) is not None:
            try:
                self._answers.put(self._searched(offset))
            except OSError as error:
                self._answers.put(error)
