from pathlib import Path

import pytest

from oomreport.adapters.storage.journal import Journal, Told

FIRST = Told(name="worker-3-9f1c2b7a-1", kills=1, container_id="7a" * 32, pod_uid="9b02072e")
SECOND = Told(name="worker-3-9f1c2b7a-7a-2", kills=1, container_id="7a" * 32, by_counter=True)


def left_by(folder: Path, *told: Told, number: int = 0) -> None:
    """Have a process note records behind a checkpoint and be killed."""
    journal = Journal(folder, number)
    for each in told:
        journal.add(each)


def test_what_was_told_behind_the_checkpoint_is_known_afterwards(tmp_path: Path) -> None:
    left_by(tmp_path, FIRST, SECOND)
    assert Journal(tmp_path, 0).told == (FIRST, SECOND)


def test_two_processes_that_were_killed_leave_what_both_told(tmp_path: Path) -> None:
    left_by(tmp_path, FIRST)
    left_by(tmp_path, SECOND)
    assert Journal(tmp_path, 0).told == (FIRST, SECOND)


def test_a_checkpoint_has_what_was_told_before_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 0)
    journal.add(FIRST)
    journal.begin()
    journal.add(SECOND)
    assert Journal(tmp_path, 1).told == (SECOND,)


def test_a_process_killed_between_its_checkpoint_and_the_new_journal_leaves_nothing_twice(tmp_path: Path) -> None:
    left_by(tmp_path, FIRST)
    assert Journal(tmp_path, 1).told == ()
    assert list(tmp_path.iterdir()) == []


def test_without_a_checkpoint_there_is_nothing_to_take_over(tmp_path: Path) -> None:
    left_by(tmp_path, FIRST)
    assert Journal(tmp_path, None).told == ()


@pytest.mark.parametrize(
    "end", [b'{"name": "x"', b'{"name": "x"}\n', b"\0\0\0\0", b"[1]\n", b'{"other": 1}\n', b"\xff\n"]
)
def test_an_entry_that_is_damaged_hides_no_other(tmp_path: Path, end: bytes) -> None:
    left_by(tmp_path, FIRST)
    with (tmp_path / "told.0").open("ab") as file:
        file.write(end)
    assert Journal(tmp_path, 0).told == (FIRST,)


def test_an_entry_behind_one_that_was_cut_off_is_read(tmp_path: Path) -> None:
    (tmp_path / "told.0").write_bytes(b'{"name": "x", "ki')
    left_by(tmp_path, SECOND)
    assert Journal(tmp_path, 0).told == (SECOND,)


def test_a_folder_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "absent", 0)
    journal.add(FIRST)
    journal.begin()
    assert journal.number == 1
