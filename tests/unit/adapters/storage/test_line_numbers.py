import gzip
import os
import threading
from pathlib import Path

import pytest

from oomreport.adapters.storage import line_numbers
from oomreport.adapters.storage.line_numbers import LineNumbers

TEXT = b"".join(b"line %d\n" % number for number in range(1, 200_001))


def place(number: int) -> int:
    return TEXT.index(b"line %d\n" % number)


def counted(path: Path, chunks: list[bytes]) -> LineNumbers:
    numbers = LineNumbers(str(path))
    for chunk in chunks:
        numbers.feed(chunk)
    return numbers


def test_a_plain_file_is_counted_where_a_number_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(TEXT)
    numbers = counted(tmp_path / "log", [TEXT[:1000], TEXT[1000:]])
    assert [numbers.number(place(n)) for n in (1, 150_000, 2, 200_000)] == [1, 150_000, 2, 200_000]


def test_a_log_that_was_unpacked_is_counted_as_it_comes(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(gzip.compress(TEXT))
    numbers = counted(tmp_path / "log", [TEXT[:1000], TEXT[1000:]])
    assert [numbers.number(place(n)) for n in (1, 150_000, 2)] == [1, 150_000, 2]


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    # A second reader would take what the first one waits for, and would wait for a writer itself.
    done: list[int | None] = []
    thread = threading.Thread(
        target=lambda: done.append(counted(tmp_path / "pipe", [TEXT]).number(place(7))), daemon=True
    )
    thread.start()
    thread.join(10)
    assert done == [7]


def test_lines_of_a_large_log_are_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_numbers, "MOST_COUNTED", 1000)
    (tmp_path / "log").write_bytes(TEXT)
    numbers = counted(tmp_path / "log", [TEXT])
    assert (numbers.number(place(7)), numbers.number(place(1_000))) == (7, None)
