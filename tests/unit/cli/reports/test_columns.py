from datetime import UTC, datetime

import pytest

from oomreport.cli.reports.columns import age, table
from oomreport.times import parse_time

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_columns_are_as_wide_as_their_widest_cell_and_lines_end_without_blanks() -> None:
    assert table(("A", "LONGER"), [("wide cell", None), ("x", 1)]) == ("A           LONGER\nwide cell\nx           1\n")


@pytest.mark.parametrize(
    ("time", "shown"),
    [
        ("2026-11-20T11:59:58Z", "2s"),
        ("2026-11-20T11:58:01Z", "119s"),
        ("2026-11-20T11:58:00Z", "2m"),
        ("2026-11-20T10:00:00Z", "2h"),
        ("2026-11-18T12:00:00Z", "2d"),
        ("2026-11-20T12:00:05Z", "0s"),
        (None, ""),
    ],
)
def test_an_age_is_shown_as_kubectl_shows_it(time: str | None, shown: str) -> None:
    assert age(parse_time(time), NOW) == shown
