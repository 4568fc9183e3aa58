"""The numbers of lines by their places in a log.

Counting lines takes longer than searching them. So a plain file is read again where a number is asked for, and of any
other log the last chunks are kept with their counts.
"""

import os
import stat
from collections import deque

from oomreport.adapters.storage.plain_file import CHUNK

# Counted within a tenth of a second; in a larger log the place in bytes has to do.
MOST_COUNTED = 64 << 20
# A dump and the lines around it are far smaller.
_KEPT_CHUNKS = 4


class LineNumbers:
    """Counts the lines of one log. A compressed one is counted as it is unpacked."""

    def __init__(self, path: str) -> None:
        """Start at the beginning of a log."""
        self._path = path
        self._is_plain: bool | None = None
        self._at = self._lines = 0
        self._kept: deque[tuple[int, int, bytes]] = deque(maxlen=_KEPT_CHUNKS)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the log in."""
        if self._is_plain is None:
            self._is_plain = self._can_be_read_again(chunk)
        if self._is_plain or self._at > MOST_COUNTED:
            return
        self._kept.append((self._at, self._lines, chunk))
        self._at += len(chunk)
        self._lines += chunk.count(b"\n")

    def number(self, place: int) -> int | None:
        """Return the number of the line that begins at a place, from 1 on; None beyond MOST_COUNTED bytes."""
        if place > MOST_COUNTED:
            return None
        if self._is_plain:
            return self._counted_again(place)
        for at, lines, chunk in self._kept:
            if at <= place < at + len(chunk):
                return lines + chunk.count(b"\n", 0, place - at) + 1
        return None

    def _can_be_read_again(self, chunk: bytes) -> bool:
        """Whether the file holds the bytes of the log themselves: it is no pipe, and was not unpacked."""
        try:
            # Opening a pipe once more would wait for another writer.
            if not stat.S_ISREG(os.stat(self._path).st_mode):  # noqa: PTH116 - pathlib takes longer to import
                return False
            with open(self._path, "rb") as file:  # noqa: PTH123 - see above
                return file.read(len(chunk)) == chunk
        except OSError:
            return False

    def _counted_again(self, place: int) -> int | None:
        begin, end = sorted((self._at, place))
        counted = 0
        try:
            with open(self._path, "rb") as file:  # noqa: PTH123 - see above
                file.seek(begin)
                while begin < end and (chunk := file.read(min(CHUNK, end - begin))):
                    counted += chunk.count(b"\n")
                    begin += len(chunk)
        except OSError:
            return None
        self._lines += counted if place > self._at else -counted
        self._at = place
        return self._lines + 1
