import pytest

from oomreport.kernel.wall import wall_of


@pytest.mark.parametrize("text", ["Thu 99999999999999月 7 00:05:14 2017", "2024-13-01T00:00:00Z", "Xyz 3 06:22:43", ""])
def test_what_is_no_time_gives_none(text: str) -> None:
    assert wall_of(text) is None
