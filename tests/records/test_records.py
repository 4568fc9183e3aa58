"""Every golden log gives its expected records: read line by line, and searched in chunks."""

import json
from pathlib import Path

import pytest

from oomreport.kernel.reading.reader import invocations_of_text
from records.records import FOLDERS, log_of, specs_of
from support.logs import assert_same, read, searched


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_golden_log_gives_its_records(folder: Path) -> None:
    expected = json.loads((folder / "expected.json").read_text())
    assert specs_of(list(invocations_of_text(log_of(folder).split(b"\n")))) == expected


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_searching_a_log_finds_what_reading_every_line_finds(folder: Path) -> None:
    log = log_of(folder)
    assert_same(searched(log, 3001), read(log))


def test_there_are_golden_logs_of_every_kernel_and_of_both_kinds() -> None:
    names = [folder.name for folder in FOLDERS]
    assert {name.split("-")[1].rsplit(".", 1)[0][:3] for name in names if name.startswith("kernel-")} >= {"5.1", "6.1"}
    assert sum(name.startswith("public-") for name in names) > 80
    assert all((folder / "ORIGIN").read_text().strip() for folder in FOLDERS)
