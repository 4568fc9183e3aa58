from pathlib import Path

import pytest

from oomreport.adapters.node.log_source import LogPosition
from oomreport.adapters.storage.checkpoint import Checkpoint, StoredTally, read_checkpoint, write_checkpoint

KEPT = Checkpoint(
    boot_id="9f1c2b7a-0000",
    position=LogPosition(sequence=12, stamp_us=34, tail=b"<6>[    0.000034] \xff text\n"),
    told=7,
    journal=5,
    tallies={"7a" * 32: StoredTally(kills=3, explained=2, pod_uid="9b02072e", container="api")},
)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "checkpoint.json", KEPT)
    assert read_checkpoint(tmp_path / "checkpoint.json") == KEPT


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "checkpoint.json", KEPT)
    assert (tmp_path / "checkpoint.json").stat().st_mode & 0o777 == 0o600


def test_none_is_there_before_the_first(tmp_path: Path) -> None:
    assert read_checkpoint(tmp_path / "checkpoint.json") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"version": 1}',
        '{"version": 99, "bootID": "x"}',
        "null",
        "[" * 100_000,
        '{"version": 1, "bootID": "x", "told": "7"}',
        '{"version": 1, "bootID": "x", "sequence": "abc"}',
        '{"version": 1, "bootID": "x", "tallies": {"a": {"kills": true, "explained": 0}}}',
        '{"version": 1, "bootID": "x", "tallies": {"a": {"kills": 1, "explained": 0, "pod": 7}}}',
    ],
)
def test_a_damaged_one_is_an_error_and_no_crash(tmp_path: Path, text: str) -> None:
    (tmp_path / "checkpoint.json").write_text(text)
    with pytest.raises(ValueError, match=r".+"):
        read_checkpoint(tmp_path / "checkpoint.json")


def test_a_write_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.json"
    write_checkpoint(path, KEPT)
    (tmp_path / ".checkpoint.json.new").mkdir()
    with pytest.raises(OSError, match=r"\.new"):
        write_checkpoint(path, Checkpoint(boot_id="other", position=LogPosition()))
    assert read_checkpoint(path) == KEPT
