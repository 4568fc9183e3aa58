"""How a container's memory came to a limit.

A rise that was cut off at a limit does not tell where it would have ended. So a shape only says when the memory passed
the half of its rise for the last time:

    Startup     within ten minutes of its start, and not at the end of a level stretch
    Saturating  early: it was near the limit for most of its life
    Growth      in the middle: it rose throughout its life and did not fall back
    Spike       late: it was far below the limit for most of its life
    Unknown     too few samples

Noise and the sawtooth of a garbage collector lie on all of these. So the rise is read from what the memory never fell
below again: the lowest from each moment to the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from oomreport.incident.memory.flight_recorder import Series

# The kubelet forgets the back-off of a container that has run for ten minutes: from then on it counts as started
# (MaxContainerBackOff and its reset, pkg/kubelet/kubelet.go).
STARTUP_SECONDS = 600.0
# What rises evenly passes the half of its rise in the middle of its life: between the quarters.
_QUARTER = 0.25
# Loading and warming come first: the rise is counted from here, as a share of the life.
_LOADED = _QUARTER**2
_LEAST_SAMPLES = 4


class Shape(StrEnum):
    """How the limit was reached."""

    STARTUP = "Startup"
    GROWTH = "Growth"
    SATURATING = "Saturating"
    SPIKE = "Spike"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory:
    """A container's way to its kill.

    uptime_seconds   how long this instance had run, None where nothing tells
    level            where the rise began, bytes
    growth           bytes per second, from there to the end
    rising_seconds   how long ago memory had passed the half of its rise, for the last time
    rises            whether it rose throughout its life, also where that was a short one
    floor            ages in seconds, and what memory never fell below again from then on, bytes; the kill is the last
    """

    shape: Shape
    uptime_seconds: float | None = None
    growth: float = 0.0
    rising_seconds: float = 0.0
    level: int = 0
    rises: bool = False
    floor: tuple[tuple[float, int], ...] = field(default=(), repr=False)

    def passed(self, size: int) -> float | None:
        """Return the age in seconds at which memory passed `size` for good; None where the series does not show it."""
        before = [number for number, (_, floor) in enumerate(self.floor) if floor <= size]
        if not before or before[-1] + 1 >= len(self.floor):
            return None
        (age, low), (later, high) = self.floor[before[-1] : before[-1] + 2]
        return age + (later - age) * (size - low) / max(high - low, 1)


def trajectory(
    *,
    recent: Series | None,
    life: Series | None,
    end: float,
    size: int | None,
    uptime: float | None = None,
    from_start: bool = True,
) -> Trajectory:
    """Return the way to a kill at `end` with `size` bytes in use (the limit, where it was the limit).

    `recent` and `life` are as the flight recorder keeps them, on the same clock as `end`; `uptime` is what pod status
    tells of the instance, for where the recorder saw no more than its end: then `from_start` is false.
    """
    seen = end - life.start if life else end - recent.start if recent else 0.0
    if uptime is None and not from_start and seen < STARTUP_SECONDS:
        # It may have run for a minute or for months.
        return Trajectory(shape=Shape.UNKNOWN)
    uptime = max(seen, uptime or 0.0) or None
    points = _points(recent, life, end, size)
    starts = uptime is not None and uptime < STARTUP_SECONDS
    if uptime is None or len(points) < _LEAST_SAMPLES:
        known = starts and (size is not None or points)
        return Trajectory(shape=Shape.STARTUP if known else Shape.UNKNOWN, uptime_seconds=uptime)
    begins = end - uptime
    floor = _floor([(max(0.0, time - begins), value) for time, value in points])
    top, level = floor[-1][1], _at(floor, uptime * _LOADED)
    half = max((age for age, low in floor if low <= (level + top) / 2), default=0.0)
    rose = uptime - half
    share = rose / uptime
    rises = from_start and top > level and _from_line(floor, uptime * _LOADED, level) <= _QUARTER
    early = Shape.STARTUP if starts else Shape.SATURATING
    shape = Shape.STARTUP if starts and rises else Shape.GROWTH if rises else Shape.SPIKE if share < 0.5 else early
    return Trajectory(
        shape=shape,
        uptime_seconds=uptime,
        growth=max(0.0, (top - level) / (uptime * (1 - _LOADED))),
        rising_seconds=rose,
        level=level,
        rises=rises,
        floor=tuple(floor),
    )


def _points(recent: Series | None, life: Series | None, end: float, size: int | None) -> list[tuple[float, int]]:
    """Return times and sizes: the life where it reaches back further than the recent minutes, and the kill itself."""
    chosen = recent
    if life and (recent is None or life.start < recent.start - 2 * recent.interval):
        chosen = life
    if chosen is None:
        return []
    found = [(chosen.time(index), value) for index, value in enumerate(chosen.sizes)]
    # A point of the life stands for the whole interval after it; the last one may not be over.
    if size is not None:
        found = [point for point in found if point[0] < end - 0.5 * chosen.interval]
        found.append((end, size))
    return found


def _floor(points: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
    """Return at each time the least from there to the end."""
    found: list[tuple[float, int]] = []
    for age, size in reversed(points):
        found.append((age, min(size, found[-1][1]) if found else size))
    return found[::-1]


def _from_line(floor: Sequence[tuple[float, int]], begin: float, level: int) -> float:
    """Return how far the floor is from a line at most, as a share of the rise."""
    end, top = floor[-1]
    return max(abs((low - level) / (top - level) - (age - begin) / (end - begin)) for age, low in floor if age >= begin)


def _at(floor: Sequence[tuple[float, int]], age: float) -> int:
    """Return the floor at the first point that is no younger than `age`."""
    return next((low for time, low in floor if time >= age), floor[-1][1])
