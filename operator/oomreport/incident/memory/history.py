"""Earlier kills of a report, as `status.recentKills` keeps them.

How a limit was met before says what it means now.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from oomreport.incident.kill import Cause, RecentKill
from oomreport.incident.memory.trajectory import Shape, Trajectory

# Both the kill's time and its age are rounded to a second.
_SAME_START = 2.0


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


def of_several_instances(kills: Sequence[PastKill]) -> bool:
    """Return whether each kill was in an instance of its own, by when that had started; ages are whole seconds."""
    starts = [(kill.pod, kill.time.timestamp() - (kill.uptime_seconds or 0)) for kill in kills]
    return all(pod != other or abs(start - later) > _SAME_START for (pod, start), (other, later) in pairwise(starts))


def in_a_row(kills: Sequence[PastKill]) -> int:
    """Return how many of the last kills were at the same limit."""
    limits = [kill.limit for kill in kills if kill.limit is not None]
    return next((number for number, limit in enumerate(reversed(limits)) if limit != limits[-1]), len(limits))
