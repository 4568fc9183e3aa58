import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from oomreport.adapters.storage.plain_file import CHUNK, is_plain, searched_chunks_of_plain
from oomreport.kernel.reading.phrases import PLAIN

_LINE = b"[    1.0] Killed process %09d\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return a log of 20 chunks and a half; no chunk but the first begins with a line."""
    path = tmp_path / "log"
    path.write_bytes(b"".join(_LINE % number for number in range(41 * CHUNK // 2 // len(_LINE % 0))))
    return path


def test_every_byte_of_a_file_comes_once_and_in_order(log: Path) -> None:
    with log.open("rb") as file:
        chunks = [chunk for chunk, _ in searched_chunks_of_plain(file, PLAIN)]
    assert b"".join(chunks) == log.read_bytes()
    assert {len(chunk) for chunk in chunks[:-1]} == {CHUNK}


def test_each_chunk_comes_with_the_phrases_in_it(log: Path) -> None:
    with log.open("rb") as file:
        for chunk, hits in searched_chunks_of_plain(file, PLAIN):
            assert hits == PLAIN(chunk)


def test_a_file_is_read_from_where_it_stands(log: Path) -> None:
    with log.open("rb") as file:
        file.seek(CHUNK + 7)
        assert b"".join(chunk for chunk, _ in searched_chunks_of_plain(file, PLAIN)) == log.read_bytes()[CHUNK + 7 :]


def test_what_is_appended_while_a_file_is_read_comes_as_well(log: Path) -> None:
    with log.open("rb") as file:
        chunks = searched_chunks_of_plain(file, PLAIN)
        first, _ = next(chunks)
        with log.open("ab") as more:
            more.write(b"x" * 3 * CHUNK)
        assert b"".join([first, *(chunk for chunk, _ in chunks)]) == log.read_bytes()


def test_a_file_that_is_cut_while_it_is_read_ends_there(log: Path) -> None:
    before = log.read_bytes()
    with log.open("rb") as file:
        chunks = searched_chunks_of_plain(file, PLAIN)
        taken = [next(chunks)[0] for _ in range(3)]
        os.truncate(log, 15 * CHUNK + 5)
        assert b"".join([*taken, *(chunk for chunk, _ in chunks)]) == before[: 15 * CHUNK + 5]


def test_an_error_of_the_second_thread_is_raised_behind_what_was_read(log: Path) -> None:
    begins = log.read_bytes()[3 * CHUNK : 3 * CHUNK + 100]

    def find(chunk: bytes) -> list[int]:
        if chunk.startswith(begins):
            raise OSError("damaged")
        return []

    def read() -> Iterator[bytes]:
        with log.open("rb") as file:
            yield from (chunk for chunk, _ in searched_chunks_of_plain(file, find))

    reading = read()
    taken = [next(reading) for _ in range(3)]
    with pytest.raises(OSError, match="damaged"):
        next(reading)
    assert b"".join(taken) == log.read_bytes()[: 3 * CHUNK]


def test_a_reading_that_is_given_up_leaves_no_thread(log: Path) -> None:
    before = threading.active_count()
    with log.open("rb") as file:
        chunks = searched_chunks_of_plain(file, PLAIN)
        next(chunks)
        assert threading.active_count() == before + 1
        chunks.close()
        assert threading.active_count() == before


def test_a_pipe_is_no_plain_file() -> None:
    read, write = os.pipe()
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        assert not is_plain(pipe)
