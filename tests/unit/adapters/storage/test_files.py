import os
from pathlib import Path

import pytest

from oomreport.adapters.storage.files import read_at_once, sync_file, sync_folder, write_whole


def test_a_file_is_replaced_whole_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.json"
    path.write_bytes(b"a longer old text")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_write_that_fails_leaves_the_old_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "checkpoint.json"
    path.write_bytes(b"old")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_short_write_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: whole(descriptor, bytes(data[:2])))
    write_whole(tmp_path / "f", b"seven bytes")
    assert (tmp_path / "f").read_bytes() == b"seven bytes"


def test_one_read_gives_at_most_what_is_asked_for_and_nothing_for_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "memory.current").write_text("4096\n")
    assert read_at_once(str(tmp_path / "memory.current"), 3) == b"409"
    assert read_at_once(str(tmp_path / "memory.max"), 3) == b""
    assert read_at_once(str(tmp_path), 3) == b""


def test_what_is_written_without_sync_can_be_synced_later(tmp_path: Path) -> None:
    write_whole(tmp_path / "f", b"x", sync=False)
    sync_file(tmp_path / "f")
    sync_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_file(tmp_path / "missing")
