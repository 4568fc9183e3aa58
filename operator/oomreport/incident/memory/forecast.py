"""The forecast of when a growing container fills its limit."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from oomreport.incident.memory.trajectory import STARTUP_SECONDS, Trajectory, trajectory
from oomreport.incident.memory.usage_since import UsageSince
from oomreport.workload.quantity import MI

# A forecast is given once a fifth of the way is seen: four times as much may still come.
_STILL_TO_COME = 4.0
# The rates of two parts of the way are about the same within a factor of two.
_ABOUT = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """When the limit will be full; `earliest` and `latest` are by the fastest and slowest part of the way so far."""

    full_at: datetime
    earliest: datetime
    latest: datetime
    basis: str


def forecast_of(usage: UsageSince) -> Forecast | None:
    """Return the forecast for the container that is nearest to its limit; None where nothing grows."""
    age = (usage.last - usage.began).total_seconds()
    if usage.limit is None or not usage.points or age < STARTUP_SECONDS:
        return None
    way = trajectory(recent=None, life=usage.series, end=usage.last.timestamp(), size=usage.points[-1])
    marks = [_held(way, age * share) for share in (0.25, 0.5, 1.0)]
    if None in marks:
        return None
    quarter, half, now = (mark or 0 for mark in marks)
    rates = ((half - quarter) / (age / 4), (now - half) / (age / 2), (now - quarter) / (age * 0.75))
    room = usage.limit - now
    if min(rates) <= 0 or max(rates[:2]) > _ABOUT * min(rates[:2]) or room / rates[2] > _STILL_TO_COME * age:
        return None
    full, earliest, latest = (
        usage.last + timedelta(seconds=max(0.0, room) / rate) for rate in (rates[2], max(rates), min(rates))
    )
    return Forecast(
        full_at=full,
        earliest=earliest,
        latest=latest,
        basis=f"The container held {now // MI}Mi of {usage.limit // MI}Mi and grew by {rates[2] * 3600 / MI:.1f}Mi/h for the"
        f" last three quarters of the {age / 3600:.1f} h since it started ({usage.source}).",
    )


def _held(way: Trajectory, age: float) -> int | None:
    """Return what memory never fell below again from `age` on."""
    return next((low for time, low in way.floor if time >= age - 1.0), None)
