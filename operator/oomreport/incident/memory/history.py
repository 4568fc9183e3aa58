"""Earlier kills of a report, as `status.recentKills` keeps them: how a limit was met before says what it means now."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from oomreport.incident.kill import Cause, RecentKill
from oomreport.incident.memory.trajectory import Shape, Trajectory

# A crest no higher than this above the limit says that the rise was over.
_ENDED = 1.02


@dataclass(frozen=True, slots=True, kw_only=True)
class PastKill:
    """A kill in short; sizes are bytes, growth bytes per second."""

    time: datetime
    cause: Cause
    pod: str | None = None
    limit: int | None = None
    shape: Shape = Shape.UNKNOWN
    uptime_seconds: float | None = None
    growth: float = 0.0
    crest: int | None = None


def past_kills(recent: Sequence[RecentKill]) -> tuple[PastKill, ...]:
    """Return recentKills, oldest first."""
    found = (
        PastKill(
            time=kill.time,
            cause=kill.cause,
            pod=kill.pod,
            limit=kill.limit_bytes,
            shape=Shape(kill.shape) if kill.shape in set(Shape) else Shape.UNKNOWN,
            uptime_seconds=kill.uptime_seconds,
            growth=(kill.growth_bytes_per_hour or 0) / 3600,
            crest=kill.crest_bytes,
        )
        for kill in recent
    )
    return tuple(sorted(found, key=lambda one: one.time))


def in_short(kill: RecentKill, way: Trajectory) -> RecentKill:
    """Return a kill in short with what is kept of its trajectory."""
    return replace(
        kill,
        shape=kill.shape if way.shape is Shape.UNKNOWN else way.shape.value,
        uptime_seconds=kill.uptime_seconds if way.uptime_seconds is None else round(way.uptime_seconds),
        growth_bytes_per_hour=round(way.growth * 3600) if way.growth > 0 else kill.growth_bytes_per_hour,
        crest_bytes=kill.crest_bytes if way.crest is None else way.crest,
    )


def kept_crest(kills: Sequence[PastKill], limit: int) -> int | None:
    """Return the crest that an earlier kill's rise pointed at, where the limit is still below it; None without one.

    What comes back at once after a restart shows no rise to measure; the kill before it may have.
    """
    return next((kill.crest for kill in reversed(kills[:-1]) if kill.crest and kill.crest > _ENDED * limit), None)


def is_no_load(kills: Sequence[PastKill]) -> bool:
    """Return whether an earlier kill tells that this does not follow the load of a day.

    It rose by steps, or its rise had ended at the limit, were it load, and yet more was wanted later.
    """
    return any(
        kill.shape is Shape.STAIRCASE or (kill.crest and kill.limit and kill.crest <= _ENDED * kill.limit)
        for kill in kills[:-1]
    )


def insufficient(kills: Sequence[PastKill], limit: int) -> int:
    """Return the highest limit that was not enough: `limit`, or one above it that fired before.

    The last kill can be that of an old pod during a rollout, or come after a limit was taken back.
    """
    return max(limit, *(kill.limit or 0 for kill in kills), 0)


def raises(kills: Sequence[PastKill]) -> int:
    """Return how often the limit had been raised before the last of `kills`: steps up from kill to kill."""
    limits = [kill.limit for kill in kills if kill.limit is not None]
    return sum(after > before for before, after in pairwise(limits))


def grows_with_the_limit(kills: Sequence[PastKill]) -> bool:
    """Return whether three kills at rising limits took longer each time, as where memory is never given back.

    Uptime follows the limit: twice the room, about twice the time. A demand that ends somewhere shows no such rule.
    """
    last = [kill for kill in kills if kill.limit is not None and kill.uptime_seconds is not None][-3:]
    if len(last) < 3:
        return False
    sizes = [kill.limit or 0 for kill in last]
    times = [kill.uptime_seconds or 0.0 for kill in last]
    if not (sizes[0] < sizes[1] < sizes[2] and times[0] < times[1] < times[2]) or sizes[2] < 1.5 * sizes[0]:
        return False
    first, second = ((times[index + 1] - times[index]) / (sizes[index + 1] - sizes[index]) for index in range(2))
    return 0.5 < first / second < 2.0 and not any(kill.shape in (Shape.SPIKE, Shape.CYCLE) for kill in last)
