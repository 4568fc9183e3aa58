import math
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from oomreport.incident.memory.forecast import Forecast, forecast_of
from oomreport.incident.memory.usage_since import MemoryReading, looked
from oomreport.incident.report.condition import at_risk
from oomreport.workload.quantity import GI, MI

START = datetime(2026, 11, 20, tzinfo=UTC)


def forecast(held: Callable[[float], float], hours: float, *, seed: int = 1) -> Forecast | None:
    """Return the forecast after some hours of looks, once a minute, with a hundredth of noise; the limit is 1Gi."""
    draw, usage = random.Random(seed), None
    for minute in range(int(hours * 60) + 1):
        size = int(held(minute / 60) * draw.gauss(1, 0.005))
        reading = MemoryReading(size=size, started=START)
        now = START + timedelta(minutes=minute)
        usage = looked(usage, [reading], now=now, limit=GI, request=None, source="metrics.k8s.io")
    assert usage
    return forecast_of(usage)


@pytest.mark.parametrize("lasts", [4, 24, 96])
@pytest.mark.parametrize("seen", [0.25, 0.5, 0.9])
@pytest.mark.parametrize("seed", range(3))
def test_of_a_leak_the_time_is_told_within_a_quarter(lasts: float, seen: float, seed: int) -> None:
    found = forecast(lambda hour: 300 * MI + (GI - 300 * MI) * hour / lasts, lasts * seen, seed=seed)

    assert found
    full = (found.full_at - START).total_seconds() / 3600
    left = lasts * (1 - seen)
    assert abs(full - lasts) <= 0.25 * max(left, 0.2 * lasts)
    assert found.earliest <= found.full_at <= found.latest


@pytest.mark.parametrize(
    "held",
    [
        lambda _: 970 * MI,
        lambda hour: min(950 * MI, 300 * MI + 100 * MI * hour),
        lambda hour: 600 * MI + 300 * MI * math.sin(2 * math.pi * hour / 24),
        lambda hour: 500 * MI + 400 * MI * (hour % 1),
    ],
)
def test_where_nothing_grows_any_more_nothing_is_forecast(held: Callable[[float], float]) -> None:
    assert forecast(held, 72) is None


def test_at_risk_needs_growth_that_has_killed_before() -> None:
    usage = looked(None, [MemoryReading(size=900 * MI)], now=START, limit=GI, request=None, source="metrics.k8s.io")
    near = Forecast(full_at=START + timedelta(hours=3), earliest=START, latest=START + timedelta(hours=9), basis="")

    assert at_risk(usage, near, grows_on=True, now=START).status == "True"
    assert at_risk(usage, near, grows_on=False, now=START).reason == "Growing"
    assert at_risk(usage, None, grows_on=True, now=START).reason == "NoGrowth"
    assert at_risk(None, None, grows_on=True, now=START).reason == "NotWatched"
    assert at_risk(usage, near, grows_on=True, now=START + timedelta(hours=3)).reason == "NotWatched"
