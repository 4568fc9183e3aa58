"""Tell memory that is never given back from demands that end.

A leak rises evenly with the age of its container, and starts anew from its base after a restart. The load of a day does
the same for hours; it shows by its bend, by having fallen before, and by coming back at once after a restart.
"""

from oomreport.incident.advice.case import Case
from oomreport.incident.advice.sizing import in_mi
from oomreport.incident.memory.history import grows_with_the_limit, raises
from oomreport.incident.memory.trajectory import STARTUP_SECONDS, Shape
from oomreport.workload.quantity import MI

# A leak comes back to its limit in about the time it took before. What comes back in much less follows the load.
_MUCH_SOONER = 0.4
# Rates of growth that are the same, for noisy figures.
_ALIKE = (0.7, 1.4)
_LEAST_RAISES = 3


def leaks(case: Case) -> str | None:
    """Return why this is a leak, in words; None where it is none or cannot be told from other demands yet."""
    way = case.way
    if way.shape is Shape.GROWTH and not _climbs_by_stairs(case):
        if _returned_sooner(case) or _follows_the_load(case):
            return None
        lasted = duration(way.rising_seconds)
        return f"memory grew by {rate(way.growth)} for {lasted} without falling back, and no slower at the end"
    uptime = way.uptime_seconds or 0.0
    if uptime >= STARTUP_SECONDS and raises(case.past) >= _LEAST_RAISES and grows_with_the_limit(case.past):
        last = [kill for kill in case.past if kill.limit and kill.uptime_seconds][-3:]
        runs = ", ".join(f"{in_mi(kill.limit or 0)} after {duration(kill.uptime_seconds or 0)}" for kill in last)
        return f"each higher limit was filled in the same measure of time: {runs}"
    return None


def _returned_sooner(case: Case) -> bool:
    """Return whether an earlier instance needed far longer to the same limit: then the load decides, not the age."""
    now = case.way.uptime_seconds
    before = [
        kill.uptime_seconds
        for kill in case.past[:-1]
        if kill.uptime_seconds and kill.limit and case.fired and kill.limit >= 0.95 * case.fired
    ]
    return bool(now and before and now < _MUCH_SOONER * max(before))


def _climbs_by_stairs(case: Case) -> bool:
    """Return whether this rise is made of jumps and an earlier one was a staircase: many stairs look even."""
    return case.way.stair is not None and any(kill.shape is Shape.STAIRCASE for kill in case.past[:-1])


def _follows_the_load(case: Case) -> bool:
    """Return whether an earlier kill showed a cycle, and no second rise at the same rate has followed yet."""
    if all(kill.shape is not Shape.CYCLE for kill in case.past[:-1]):
        return False
    before, growth = case.past[-2], max(case.way.growth, 1e-9)
    return not (before.shape is Shape.GROWTH and _ALIKE[0] < before.growth / growth < _ALIKE[1])


def rate(growth: float) -> str:
    """Return bytes per second as people say it."""
    hourly = growth * 3600 / MI
    return f"{hourly / 60:.1f}Mi/min" if hourly >= 60 else f"{hourly:.1f}Mi/h"


def duration(seconds: float) -> str:
    """Return seconds as people say it."""
    for name, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} s"
