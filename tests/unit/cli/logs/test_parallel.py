"""A log read in parts says the same as read in one."""

import json
import random
from pathlib import Path

import pytest

from oomreport.cli.logs.explain import invocations_in, spec_of, specs_in, texts_in
from oomreport.kernel.kmsg import line_of_record
from records.records import FOLDERS, log_of

_DUMPS = [
    [record.split(b";", 1)[1] for record in log_of(folder).split(b"\n") if line_of_record(record)]
    for folder in FOLDERS
    if folder.name.startswith("kernel-6.1") and b"invoked oom-killer" in log_of(folder)
][::9]


def written(path: Path, *, chance: random.Random, dumps_at: set[int], losses_at: set[int], blocks: int = 180) -> None:
    """Write records of the kernel in blocks of 1000 lines (about 100 kB), with dumps and losses behind some of them."""
    number, stamp = 4_000_000, 5_000_000
    with path.open("wb") as file:
        for block in range(blocks):
            lines = []
            for turn in range(1000):
                lines.append(
                    b"6,%d,%d,-;EXT4-fs (nvme1n1): mounted filesystem with ordered data mode %d\n"
                    % (number, stamp, turn)
                )
                if turn % 400 == 7:
                    lines.append(b" SUBSYSTEM=net\n DEVICE=n2\n")
                number += 1
                stamp += 90
            if block in losses_at:
                number += chance.randint(1, 5000)
            if block in dumps_at:
                stamp += 40_000_000
                for text in chance.choice(_DUMPS):
                    lines.append(b"4,%d,%d,-;%s\n" % (number, stamp, text))
                    number += 1
                    stamp += 20
            file.writelines(lines)


@pytest.mark.parametrize("jobs", [2, 3, 4])
@pytest.mark.parametrize(
    ("dumps_at", "losses_at"),
    [
        ({3, 170}, {60, 100}),  # lost on both sides of a cut, and nothing found between
        ({20, 91, 95, 179}, {19, 90, 93, 150}),
        ({100}, {5, 99, 170}),  # nothing before it in its own part
        ({1, 88, 89, 90, 91}, set()),
        (set(), {50}),
    ],
)
def test_what_was_lost_across_a_cut_is_counted_as_in_one_piece(
    tmp_path: Path, dumps_at: set[int], losses_at: set[int], jobs: int
) -> None:
    log = tmp_path / "log"
    written(log, chance=random.Random(len(dumps_at)), dumps_at=dumps_at, losses_at=losses_at)
    whole = list(invocations_in(str(log)))
    assert list(invocations_in(str(log), jobs=jobs)) == whole
    assert list(specs_in(str(log), jobs=jobs)) == [spec_of(one) for one in whole]
    assert [json.loads(text) for text in texts_in(str(log), jobs=jobs)] == [{"spec": spec_of(one)} for one in whole]
    assert len(whole) >= len(dumps_at)
    if len(dumps_at) > 1 and losses_at:
        assert any(one.lost_before for one in whole)
