from datetime import UTC, datetime

import pytest

from oomreport.kernel.times import wall_of, wall_of_epoch


@pytest.mark.parametrize("text", ["Thu 99999999999999月 7 00:05:14 2017", "2024-13-01T00:00:00Z", "Xyz 3 06:22:43", ""])
def test_what_is_no_time_gives_none(text: str) -> None:
    assert wall_of(text) is None


@pytest.mark.parametrize("epoch", ["1772236721.5", "1772236721500", "1772236721500000", "1772236721500000000"])
def test_an_epoch_is_told_by_its_length(epoch: str) -> None:
    assert wall_of_epoch(epoch) == datetime(2026, 2, 27, 23, 58, 41, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "month", "day"),
    [
        ("dim. 19 avril 18:03:30 2026", 4, 19),
        ("Do. Mär  5 12:00:00 2026", 3, 5),
        ("mié mar  4 05:57:48 2026", 3, 4),
        ("апр 28 01:23:30", 4, 28),
        ("дек 06 14:58:14", 12, 6),
        ("févr. 03 12:00:01", 2, 3),
        ("mars 01 10:28:39", 3, 1),
        ("juil. 01 10:28:39", 7, 1),
        ("juin 01 10:28:39", 6, 1),
        ("ene 12 01:23:30", 1, 12),
        ("4月 28 01:23:30", 4, 28),
    ],
)
def test_months_of_other_languages_are_read(text: str, month: int, day: int) -> None:
    wall = wall_of(text)
    assert wall is not None
    assert (wall.month, wall.day) == (month, day)
