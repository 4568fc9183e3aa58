from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from oomreport.incident.memory.usage_since import DAY, MOST_DAYS, MOST_POINTS, MemoryReading, UsageSince, looked
from oomreport.workload.quantity import GI, MI

NOW = datetime(2027, 1, 15, 8, tzinfo=UTC)


def seen(
    before: UsageSince | None, size: int, *, seconds: float, limit: int | None = GI, started: float | None = 0.0
) -> UsageSince:
    found = looked(
        before,
        [MemoryReading(size=size, started=None if started is None else NOW + timedelta(seconds=started))],
        now=NOW + timedelta(seconds=seconds),
        limit=limit,
        request=None,
        source="metrics.k8s.io",
    )
    assert found
    return found


def test_it_keeps_its_size_however_long_a_container_lives() -> None:
    usage = None
    for hour in range(24 * 60):
        usage = seen(usage, (hour % 24 + 1) * MI, seconds=hour * 3600.0)

    assert usage
    assert (len(usage.days), usage.peak) == (MOST_DAYS, 24 * MI)
    assert len(usage.points) <= MOST_POINTS
    assert usage.seen_for == pytest.approx(60 * DAY, abs=3600)


@pytest.mark.parametrize("size", [0, -5, 2 * GI, 1 << 62])
def test_a_reading_that_cannot_be_true_is_counted_and_changes_nothing_else(size: int) -> None:
    usage = seen(None, 300 * MI, seconds=0)

    assert seen(usage, size, seconds=60) == replace(usage, refused=1)
    assert looked(None, [MemoryReading(size=size)], now=NOW, limit=GI, request=None, source="metrics.k8s.io") is None


def test_another_limit_begins_anew_and_keeps_the_peak() -> None:
    usage = seen(seen(None, 700 * MI, seconds=0), 300 * MI, seconds=3600)
    resized = seen(usage, 300 * MI, seconds=3660, limit=2 * GI)

    assert (resized.days, resized.peak, resized.seen_for) == ((300 * MI,), 700 * MI, 0.0)


def test_a_limit_below_the_peak_forgets_it() -> None:
    usage = seen(seen(None, 700 * MI, seconds=0), 300 * MI, seconds=3600)

    assert seen(usage, 300 * MI, seconds=3660, limit=400 * MI).peak == 300 * MI


def test_what_was_seen_since_a_container_started_leaves_out_the_days_that_began_before() -> None:
    usage = seen(None, 900 * MI, seconds=0)
    for hour in range(1, 11 * 24):
        started = 30 if hour >= 30 else 0
        usage = seen(usage, (300 if started else 900) * MI, seconds=hour * 3600.0, started=started * 3600.0)
    ended = NOW + timedelta(hours=30)
    late = usage.since(ended)

    assert (usage.peak, late.peak, late.first) == (900 * MI, 300 * MI, ended)
    assert late.days == usage.days
    assert usage.since(NOW) == usage

    day = seen(seen(None, 900 * MI, seconds=0), 300 * MI, seconds=3600, started=3600.0)
    assert day.since(NOW + timedelta(hours=1)).days == ()
    assert day.since(NOW + timedelta(hours=1)).peak == 300 * MI


@pytest.mark.parametrize("jump", [-60.0, 3 * DAY])
def test_after_a_gap_or_a_clock_that_jumps_no_quiet_time_is_taken_for_proven(jump: float) -> None:
    usage = seen(seen(None, 700 * MI, seconds=0), 300 * MI, seconds=3600)
    jumped = seen(usage, 300 * MI, seconds=3600 + jump)

    assert jumped.seen_for == 0
    assert jumped.peak == 700 * MI


def test_a_container_that_is_new_begins_a_series_of_its_own() -> None:
    usage = None
    for minute in range(100):
        usage = seen(usage, (200 + minute) * MI, seconds=minute * 60.0)
    moved = seen(usage, 100 * MI, seconds=6060, started=6050.0)

    assert moved.points == (100 * MI,)
    assert moved.peak == 299 * MI


def test_one_pod_of_a_thousand_that_grows_is_the_one_that_is_followed() -> None:
    usage = None
    for minute in range(60):
        pods = [MemoryReading(size=100 * MI, started=NOW - timedelta(seconds=10 + number)) for number in range(999)]
        pods.append(MemoryReading(size=(100 + 5 * minute) * MI, started=NOW - timedelta(seconds=5)))
        usage = looked(
            usage, pods, now=NOW + timedelta(minutes=minute), limit=GI, request=None, source="metrics.k8s.io"
        )

    assert usage
    assert usage.began == NOW - timedelta(seconds=5)
    assert max(usage.points) == usage.peak == 395 * MI
