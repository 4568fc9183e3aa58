from datetime import UTC, datetime, timedelta

import pytest

from oomreport.incident.advice.trim import HEADROOM, rises, trim_of
from oomreport.incident.memory.usage_since import MemoryReading, UsageSince, looked
from oomreport.workload.quantity import GI, MI

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def usage(*days: int, limit: int | None = GI) -> UsageSince:
    """A container that held so many Mi at most on each day."""
    found = None
    for day, size in enumerate(days):
        for half_hour in range(48):
            found = looked(
                found,
                [MemoryReading(size=size * MI, started=NOW)],
                now=NOW + timedelta(days=day, minutes=30 * half_hour),
                limit=limit,
                request=None,
                source="metrics.k8s.io",
            )
    assert found is not None
    return found


def test_a_limit_is_lowered_to_the_highest_peak_with_headroom() -> None:
    found = trim_of(usage(300, 310, 290, 305), fired=64 * MI, since=NOW)
    assert found is not None
    assert found.least == int(310 * MI * HEADROOM)


def test_a_limit_that_has_fired_is_a_floor() -> None:
    found = trim_of(usage(300, 310, 290, 305), fired=512 * MI, since=NOW)
    assert found is not None
    assert found.least == int(512 * MI * HEADROOM)


@pytest.mark.parametrize(
    "seen",
    [
        usage(300),  # one day: load repeats by the day
        usage(300, 310, 290, 600),  # it rises
        usage(900, 960, 930, 950),  # too little to gain
        usage(300, 310, 290, 305, limit=None),
    ],
)
def test_a_limit_stays_where_too_little_is_known_or_won(seen: UsageSince) -> None:
    assert trim_of(seen, fired=64 * MI, since=NOW) is None


def test_the_days_are_counted_from_the_last_kill() -> None:
    assert trim_of(usage(300, 310, 290, 305), fired=64 * MI, since=NOW + timedelta(days=2)) is None


def test_only_what_is_notably_above_all_days_before_rises() -> None:
    assert not rises(usage(300, 310, 290, 312))
    assert rises(usage(300, 310, 290, 340))
    assert rises(usage(300))
