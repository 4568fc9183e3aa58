"""The experiment that tells a leak from a demand that ends.

One rise up to a limit tells nothing: a cache that fills looks the same. A raise is the test. FixLeak needs two
observations that agree: the growth went on past the old limit at about the same rate, and the time to fill grew with
the room. The name is taken back by the first kill that does not agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from oomreport.incident.advice.case import Case
from oomreport.incident.advice.sizing import in_mi
from oomreport.incident.kill import Cause
from oomreport.incident.memory.history import PastKill
from oomreport.incident.memory.trajectory import STARTUP_SECONDS, Trajectory, trajectory
from oomreport.incident.memory.usage_since import UsageSince
from oomreport.workload.quantity import MI

# Two rates, or two times, are about the same within a factor of two. The time to fill must have grown by as much, or
# the test says little.
ABOUT = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """Two observations that agree: an earlier limit was full after `before` seconds, the present one after `after`."""

    earlier_limit: int
    before: float
    limit: int
    after: float
    growth: float
    level: int

    def __str__(self) -> str:
        """Name both observations."""
        return (
            f"memory filled {in_mi(self.earlier_limit)} in {duration(self.before)}, and went on at about the same rate"
            f" ({rate(self.growth)}) to fill {in_mi(self.limit)} in {duration(self.after)}"
        )


def leak_of(case: Case) -> Leak | None:
    """Return the leak that the last kill and an earlier one at a lower limit show; None where they do not agree."""
    fired = case.fired or (case.facts.memory_limit if case.facts else None)
    if case.cause != Cause.CONTAINER_LIMIT or fired is None:
        return None
    return agreement(case.way, fired, _own(case)[:-1], times=ABOUT)


def leak_in_sight(case: Case, usage: UsageSince) -> Leak | None:
    """Return the leak of a running container whose memory has long passed the limit that killed an earlier one.

    It has not been killed yet, so the room must have grown by more than between two kills.
    """
    if case.cause != Cause.CONTAINER_LIMIT or not usage.points:
        return None
    way = trajectory(recent=None, life=usage.series, end=usage.last.timestamp(), size=usage.points[-1])
    return agreement(way, usage.points[-1], _own(case), times=ABOUT * ABOUT)


def is_contradicted(case: Case, usage: UsageSince) -> bool:
    """Return whether a running container took back the name of a leak.

    It runs for twice as long as any that was killed, and does not go on as they did.
    """
    longest = max((kill.uptime_seconds or 0.0 for kill in _own(case)), default=0.0)
    return (usage.last - usage.began).total_seconds() > ABOUT * longest > 0 and leak_in_sight(case, usage) is None


def _own(case: Case) -> list[PastKill]:
    return [kill for kill in case.past if kill.cause == Cause.CONTAINER_LIMIT]


def agreement(way: Trajectory, size: int, earlier: Sequence[PastKill], *, times: float) -> Leak | None:
    """Return what the way to `size` bytes and one of the `earlier` kills, at a lower limit, agree on.

    `times`: the time since the start must be this many times the time that it took to pass the earlier limit.
    """
    uptime = way.uptime_seconds
    if not uptime or uptime < STARTUP_SECONDS:
        return None
    for kill in reversed(earlier):
        passed = way.passed(kill.limit) if kill.limit is not None and kill.limit < size else None
        if kill.limit is None or not kill.uptime_seconds or not passed or uptime < times * passed:
            continue
        if size < ABOUT * kill.limit:
            # Limits are often too low by half and more: this much more room is no test yet.
            continue
        went_on = (size - kill.limit) / (uptime - passed)
        if _alike(went_on, kill.growth) and _alike(passed, kill.uptime_seconds):
            return Leak(
                earlier_limit=kill.limit,
                before=kill.uptime_seconds,
                limit=size,
                after=uptime,
                growth=went_on,
                level=way.level,
            )
    return None


def _alike(one: float, other: float) -> bool:
    return 0 < max(one, other) <= ABOUT * min(one, other)


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
