import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from oomreport.adapters.storage.log_file import searched_chunks_of
from oomreport.adapters.storage.plain_file import CHUNK
from oomreport.kernel.reading.phrases import PLAIN


def chunks_of(path: str) -> Iterator[bytes]:
    return (chunk for chunk, _ in searched_chunks_of(path, PLAIN))


@pytest.mark.timeout(30)
def test_what_comes_by_a_pipe_is_there_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDWR)  # so that neither end waits for the other to open
    os.write(end, b"one\n")
    chunks = chunks_of(str(pipe))
    assert next(chunks) == b"one\n"
    for line in (b"two\n", b"three\nand fo"):
        os.write(end, line)
        assert next(chunks) == line
    os.close(end)
    assert next(chunks, None) is None


def test_a_pipe_gives_every_byte_once(tmp_path: Path) -> None:
    log = b"".join(b"line %d\n" % number for number in range(400_000))
    assert len(log) > 2 * CHUNK
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    if not (writer := os.fork()):
        pipe.write_bytes(log)
        os._exit(0)
    assert b"".join(chunks_of(str(pipe))) == log
    os.waitpid(writer, 0)


def test_an_empty_pipe_has_no_chunks() -> None:
    read, write = os.pipe()
    os.close(write)
    assert list(chunks_of(f"/proc/self/fd/{read}")) == []
    os.close(read)
