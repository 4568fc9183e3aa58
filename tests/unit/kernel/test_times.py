from datetime import UTC, datetime

import pytest

from oomreport.kernel.times import wall_of, wall_of_epoch


@pytest.mark.parametrize("text", ["Thu 99999999999999月 7 00:05:14 2017", "2024-13-01T00:00:00Z", "Xyz 3 06:22:43", ""])
def test_what_is_no_time_gives_none(text: str) -> None:
    assert wall_of(text) is None


@pytest.mark.parametrize("epoch", ["1772236721.5", "1772236721500", "1772236721500000", "1772236721500000000"])
def test_an_epoch_is_told_by_its_length(epoch: str) -> None:
    assert wall_of_epoch(epoch) == datetime(2026, 2, 27, 23, 58, 41, 500_000, tzinfo=UTC)
