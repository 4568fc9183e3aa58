"""Log files: plain, compressed or UTF-16.

The first bytes of a file say which: gzip, zstd, xz, bzip2, a byte order mark of UTF-16.

Nothing is held but one chunk, whatever the size of the file.
"""

# ruff: noqa: PLC0415 - what only some runs need is imported by them, so that starting is quick

import codecs
import errno
import fcntl
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from oomreport.adapters.storage.plain_file import CHUNK, is_plain, searched_chunks_of_plain
from oomreport.errors import LogUnreadable
from oomreport.kernel.reading.phrases import PHRASES, Find, plain_finder

if TYPE_CHECKING:
    from io import BufferedReader

STANDARD_INPUT = "-"
_PIPE_BYTES = 1 << 20
# A few bytes may hold a block of 128 KiB: so much is unpacked at once that memory stays small whatever they hold.
_ZSTD_BYTES = 512
_ENOUGH = 256 * 1024


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def searched_chunks_of(path: str, find: Find) -> Iterator[tuple[bytes, Sequence[int]]]:
    """Yield the bytes of a log, uncompressed, each chunk with where `find` finds a phrase in it.

    Raises LogUnreadable where the file cannot be opened or read, also when a compressed one is cut or damaged: what
    came before has been yielded then.
    """
    name = "standard input" if path == STANDARD_INPUT else path
    try:
        with _opened(path) as raw:
            stream = _uncompressed(raw)
            if stream is raw and is_plain(raw):
                yield from searched_chunks_of_plain(raw, find)
                return
            for chunk in _piped(raw) if _widened(raw) and stream is raw else _read(stream):
                yield chunk, find(chunk)
    except (OSError, EOFError, ValueError) as error:
        raise LogUnreadable(f"{name}: {_why(error)}") from error
    except Exception as error:
        if type(error).__name__ in ("ZstdError", "LZMAError", "error"):
            raise LogUnreadable(f"{name}: damaged or cut: {error}") from error
        raise


def quick_search(phrases: Sequence[bytes] = PHRASES) -> Find:
    """Return the fastest search for some phrases that this installation has; those of an OOM by default."""
    try:
        from ahocorasick_rs import BytesAhoCorasick, MatchKind
    except ImportError:
        return plain_finder(phrases)
    # No phrase begins with another, so that both kinds of leftmost find the same; this one is quicker.
    automaton = BytesAhoCorasick(list(phrases), matchkind=MatchKind.LeftmostLongest)

    def find(chunk: bytes) -> Sequence[int]:
        matches = automaton.find_matches_as_indexes(chunk)
        return [start for _, start, _ in matches] if matches else ()

    return find


def _opened(path: str) -> BinaryIO:
    if path == STANDARD_INPUT:
        return cast("BinaryIO", sys.stdin.buffer)
    return open(path, "rb")  # noqa: PTH123 - pathlib takes longer to import than a small log to read


def _widened(raw: BinaryIO) -> bool:
    """Return whether it is a pipe, and let it hold more, so that its two ends wait for each other less often."""
    try:
        if not stat.S_ISFIFO(os.fstat(raw.fileno()).st_mode):
            return False
    except OSError:
        return False  # no descriptor
    with suppress(OSError, AttributeError):  # more pipe memory in use than the kernel grants a user; not Linux
        fcntl.fcntl(raw.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return True


def _piped(raw: BinaryIO) -> Iterator[bytes]:
    """Yield what a pipe holds, as it comes.

    All into one buffer: a read that allocates as much as may come, and gives back what did not, takes three times as
    long.
    """
    buffered = cast("BufferedReader", raw)
    if seen := buffered.read1(CHUNK):  # by who looked at the first bytes
        yield seen
    buffer = bytearray(CHUNK)
    view = memoryview(buffer)
    while seen and (size := buffered.raw.readinto(view)):
        yield bytes(view[:size])


def _uncompressed(raw: BinaryIO) -> _Readable:
    """Return a reader of what the file holds once uncompressed, by its first bytes."""
    magic = raw.peek(6)[:6] if hasattr(raw, "peek") else b""
    if magic.startswith(b"\x1f\x8b"):
        import gzip

        return gzip.GzipFile(fileobj=raw)
    if magic.startswith(b"\x28\xb5\x2f\xfd"):
        return _Zstd(raw)
    if magic.startswith(b"\xfd7zXZ\x00"):
        import lzma

        return lzma.LZMAFile(raw)
    if magic.startswith(b"BZh"):
        import bz2

        return bz2.BZ2File(raw)
    if magic.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _Utf16(raw)
    return raw


class _Zstd:
    """Frames of zstd, one after the other. The library's own reader takes a cut frame for the end."""

    def __init__(self, raw: BinaryIO) -> None:
        try:
            import zstandard
        except ImportError as error:
            words = "zstd takes the Python package zstandard, which is not installed; unpack it first: zstd -dc FILE"
            raise OSError(errno.ENOTSUP, words) from error

        self._raw = raw
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=2**31)
        self._frame = self._decompressor.decompressobj()
        self._begun = False

    def read(self, size: int, /) -> bytes:
        pieces, found = [], 0
        while found < min(size, _ENOUGH):
            packed = self._raw.read(_ZSTD_BYTES)
            if not packed:
                if self._begun:
                    raise EOFError("the file ended before the end of its frame")
                break
            while packed:
                piece = self._frame.decompress(packed)
                self._begun = not self._frame.eof
                pieces.append(piece)
                found += len(piece)
                packed = b""
                if self._frame.eof:
                    packed = self._frame.unused_data
                    self._frame = self._decompressor.decompressobj()
        return b"".join(pieces)


class _Utf16:
    """Text as PowerShell writes it where output goes to a file, by its byte order mark."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._decoder = codecs.getincrementaldecoder("utf-16")("replace")

    def read(self, size: int, /) -> bytes:
        while data := self._raw.read(size):
            if text := self._decoder.decode(data):
                return text.encode("utf-8", "replace")
        return b""


def _read(stream: _Readable) -> Iterator[bytes]:
    read = getattr(stream, "read1", stream.read)
    while chunk := read(CHUNK):
        yield chunk


def _why(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"damaged or cut: {error}"
