"""The shape of a container's memory on its way to a kill.

What a limit should be depends on how it was reached:

    Startup     it died within the first minutes: loading, warming, migrating; what it needs later is not seen yet
    Growth      it rose evenly for most of its life, and no slower at the end: memory that is never given back
    Saturating  it rose ever more slowly, without jumps: a cache that fills; where that ends can be estimated
    Cycle       it has risen and fallen before, or bends like the load of a day: where the crest is can be estimated
    Staircase   it rose by jumps with level stretches between
    Spike       it was level, then rose within a small part of its life
    Unknown     too few samples

Noise and the sawtooth of a garbage collector lie on all of these, so shapes are read from envelopes: the highest so far
(from the left) and the lowest from here on (from the right). Where a series only ever grows, both are close.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from oomreport.incident.memory.crest import crest_of
from oomreport.incident.memory.flight_recorder import Series

STARTUP_SECONDS = 150.0
_LEAST_SAMPLES = 8
_CELLS = 12
# Growth: in how many of twelve equal stretches it rose by at least 0.3 of the mean, and how much it may bend.
_EVEN_CELLS = 9
_NOTABLE_RISE = 0.3
_BENT = 0.085
# The load of a day does not rise for longer.
_LONGEST_CYCLE_RISE = 10 * 3600.0
_SHORTEST_CYCLE_RISE = 1500.0
_ENVELOPES_APART = 0.35
# The last third of a saturating rise is slower than this share of the mean. A leak that follows the load of the day slows
# down in the night too, but does not stop.
_SLOWED = 0.55
_SLOWED_OVER_NIGHT = 0.2
# A rise is slow when it took this share of the life, or this long.
_SLOW_SHARE = 0.4
_SLOW_SECONDS = 1500.0
_FELL_BEFORE = 0.15
# A jump is more than noise, and more than this share of the rise; jumps that make up so much of a rise are its stairs.
_LEAST_JUMP = 0.05
_ABOVE_NOISE = 4.0
_MADE_OF_JUMPS = 0.7
# It rose throughout when half of its steps are at least this share of the mean one.
_THROUGHOUT = 0.25
# A burst goes up this share of the way from the usual level to the limit, and is over when it fell back below the other.
_BURST = 0.3
_BURST_OVER = 0.2


class Shape(StrEnum):
    """How the limit was reached."""

    STARTUP = "Startup"
    GROWTH = "Growth"
    SATURATING = "Saturating"
    CYCLE = "Cycle"
    STAIRCASE = "Staircase"
    SPIKE = "Spike"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory:
    """A container's way to its kill.

    uptime_seconds   how long this instance had run, None where nothing tells
    growth           bytes per second while it rose; of Growth the rate of the leak
    rising_seconds   how long the last rise took
    level            where the rise began, bytes
    crest            where the rise would have ended, bytes, were it the load of a day; None where it does not look like one
    near_misses      how often memory had come near the limit (90 %) and fallen again
    bursts           how often it had risen well above its usual level and fallen again, before the rise that killed it
    stair            the mean height of the jumps that make up the rise, bytes; None where it is not made of jumps
    rose_throughout  of Startup: it rose in most of its samples, rather than by a jump or some
    """

    shape: Shape
    uptime_seconds: float | None = None
    growth: float = 0.0
    rising_seconds: float = 0.0
    level: int = 0
    crest: int | None = None
    near_misses: int = 0
    bursts: int = 0
    stair: int | None = None
    rose_throughout: bool = False


def trajectory(
    *,
    recent: Series | None,
    life: Series | None,
    end: float,
    size: int | None,
    uptime: float | None = None,
    from_start: bool = True,
) -> Trajectory:
    """Return the shape of the way to a kill at `end` with `size` bytes in use (the limit, where it was the limit).

    `recent` and `life` are as the flight recorder keeps them, on the same clock as `end`; `uptime` is what pod status
    tells of the instance, for where the recorder saw no more than its end: then `from_start` is false.
    """
    seen = end - life.start if life else end - recent.start if recent else 0.0
    if uptime is None and not from_start and seen < STARTUP_SECONDS:
        # It may have run for a minute or for months.
        return Trajectory(shape=Shape.UNKNOWN)
    uptime = max(seen, uptime or 0.0) or None
    points = _points(recent, life, end, size)
    if uptime is not None and uptime < STARTUP_SECONDS and (size is not None or points):
        level = points[0][1] if points else 0
        top = size or points[-1][1]
        growth = max(0.0, (top - level) / max(uptime, 1.0))
        return Trajectory(
            shape=Shape.STARTUP,
            uptime_seconds=uptime,
            growth=growth,
            rising_seconds=uptime,
            level=level,
            rose_throughout=_rose_throughout([size for _, size in points]),
        )
    if len(points) < _LEAST_SAMPLES:
        return Trajectory(shape=Shape.UNKNOWN, uptime_seconds=uptime)
    return _shaped(points, uptime)


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


def _shaped(points: list[tuple[float, int]], uptime: float | None) -> Trajectory:
    times, sizes = [time for time, _ in points], [float(size) for _, size in points]
    begin = _settled(times, sizes)
    times, sizes = times[begin:], sizes[begin:]
    top, bottom = sizes[-1], min(sizes)
    low = [0.0] * len(sizes)
    high = [0.0] * len(sizes)
    for index, size in enumerate(sizes):
        high[index] = max(size, high[index - 1]) if index else size
    for index in range(len(sizes) - 1, -1, -1):
        low[index] = min(sizes[index], low[index + 1]) if index + 1 < len(sizes) else sizes[index]
    rise = max(top - bottom, 1.0)
    onset = _onset(sizes, low, rise)
    rising = times[-1] - times[onset]
    life = times[-1] - times[0]
    near, stair = _near_misses(sizes, top), _stair(sizes, rise)
    growth = (top - sizes[onset]) / rising if rising else 0.0

    def shaped(shape: Shape, crest: float | None = None) -> Trajectory:
        return Trajectory(
            shape=shape,
            uptime_seconds=uptime,
            growth=growth,
            rising_seconds=rising,
            level=int(sizes[onset]),
            crest=int(crest) if crest is not None and rising >= _SHORTEST_CYCLE_RISE else None,
            near_misses=near,
            bursts=_bursts(sizes),
            stair=stair,
        )

    fell = max(sizes[: onset + 1]) - sizes[onset]
    slow = rising >= _SLOW_SHARE * life or rising >= _SLOW_SECONDS
    part_times, part = times[onset:], sizes[onset:]
    if not slow or len(part) < _LEAST_SAMPLES:
        jumps = _jumps(sizes, rise)
        return shaped(Shape.STAIRCASE if jumps >= 2 and fell < _FELL_BEFORE * rise else Shape.SPIKE)
    middle = [(a + b) / 2 for a, b in zip(high[onset:], low[onset:], strict=True)]
    apart = sum(a - b for a, b in zip(high[onset:], low[onset:], strict=True)) / len(part) / rise
    if fell > _FELL_BEFORE * rise or apart > _ENVELOPES_APART:
        return shaped(Shape.CYCLE, crest_of(times, sizes))
    cells = _cells(part_times, middle)
    mean = sum(cells) / len(cells)
    even = sum(cell >= _NOTABLE_RISE * mean for cell in cells)
    late = sum(cells[-_CELLS // 3 :]) / (_CELLS / 3)
    slowed = _SLOWED if rising < _LONGEST_CYCLE_RISE else _SLOWED_OVER_NIGHT
    if even < _EVEN_CELLS and late >= slowed * mean:
        return shaped(Shape.STAIRCASE)
    if late < slowed * mean and stair:
        return shaped(Shape.STAIRCASE)
    if late < slowed * mean:
        return shaped(Shape.SATURATING, crest_of(times, sizes))
    bend, chance = _bend(part_times, part)
    if bend > max(_BENT, 2.5 * chance) and rising < _LONGEST_CYCLE_RISE:
        return shaped(Shape.CYCLE, crest_of(times, sizes))
    # Should it turn out to be load after all: a short piece of a day looks like a line.
    return shaped(Shape.GROWTH, crest_of(times, sizes))


def _settled(times: Sequence[float], sizes: Sequence[float]) -> int:
    """Return where warming up is over: after the last steep step within the first eighth of the points.

    What comes before a step may be level: the runtime's own process in the container's cgroup, until it becomes the
    container's on a slow node seconds later.
    """
    most = max(1, len(sizes) // 8)
    usual = (sizes[-1] - sizes[most]) / max(times[-1] - times[most], 1.0)
    begin = 0
    for index in range(most):
        slope = (sizes[index + 1] - sizes[index]) / max(times[index + 1] - times[index], 0.1)
        if slope >= 4 * max(usual, 0.0) + 0.01 * sizes[-1] / max(times[1] - times[0], 1.0):
            begin = index + 1
    return begin


def _onset(sizes: Sequence[float], low: Sequence[float], rise: float) -> int:
    """Return where the last rise began: from here on memory never again fell to within an eighth of its beginning."""
    floor = min(sizes) + rise / 8
    return max((index for index, size in enumerate(sizes[:-1]) if size <= floor and low[index] <= floor), default=0)


def _near_misses(sizes: Sequence[float], top: float) -> int:
    misses, above = 0, False
    for size in sizes[:-1]:
        if size >= 0.9 * top:
            above = True
        elif above and size < 0.8 * top:
            misses, above = misses + 1, False
    return misses


def _jumps(sizes: Sequence[float], rise: float) -> int:
    """Return how many jumps, level stretches between them, make up a good part of the rise each."""
    jumps, climbing = 0, False
    for before, after in pairwise(sizes):
        steep = after - before > 0.12 * rise
        jumps, climbing = jumps + (steep and not climbing), steep
    return jumps


def _stair(sizes: Sequence[float], rise: float) -> int | None:
    """Return the mean height of the jumps, where two or more make up most of a rise. An even rise has none."""
    steps = [after - before for before, after in pairwise(sizes)]
    least = max(_LEAST_JUMP * rise, _ABOVE_NOISE * statistics.median(abs(step) for step in steps))
    jumps: list[float] = []
    for before, step in pairwise([0.0, *steps]):
        if step > least and before > least:
            jumps[-1] += step
        elif step > least:
            jumps.append(step)
    return int(sum(jumps) / len(jumps)) if len(jumps) >= 2 and sum(jumps) >= _MADE_OF_JUMPS * rise else None


def _rose_throughout(sizes: Sequence[float]) -> bool:
    steps = [after - before for before, after in pairwise(sizes)]
    if not steps:
        return bool(sizes)
    return statistics.median(steps) >= _THROUGHOUT * (sizes[-1] - sizes[0]) / len(steps)


def _bursts(sizes: Sequence[float]) -> int:
    """Return how many bursts were over before the kill, whose size is the last."""
    level = statistics.median(sizes)
    room = sizes[-1] - level
    bursts, above = 0, False
    for size in sizes[:-1]:
        if size > level + _BURST * room:
            above = True
        elif above and size < level + _BURST_OVER * room:
            bursts, above = bursts + 1, False
    return bursts


def _cells(times: Sequence[float], middle: Sequence[float]) -> list[float]:
    """Return by how much the middle of the envelopes rose in each of twelve stretches of equal time."""
    span = (times[-1] - times[0]) / _CELLS
    marks = [_at(times, middle, times[0] + span * number) for number in range(_CELLS + 1)]
    return [after - before for before, after in pairwise(marks)]


def _at(times: Sequence[float], values: Sequence[float], time: float) -> float:
    for index in range(1, len(times)):
        if times[index] >= time:
            share = (time - times[index - 1]) / max(times[index] - times[index - 1], 1e-9)
            return values[index - 1] + (values[index] - values[index - 1]) * min(1.0, max(0.0, share))
    return values[-1]


def _bend(times: Sequence[float], sizes: Sequence[float]) -> tuple[float, float]:
    """Return how far a series is from a line, and how far noise alone would put it; both as shares of its slope.

    Its components along the Legendre polynomials of degree 1 to 3: a line has the first only, noise a little of each.
    """
    span = max(times[-1] - times[0], 1e-9)
    places = [2 * (time - times[0]) / span - 1 for time in times]
    shapes = [places, [(3 * x * x - 1) / 2 for x in places], [(5 * x**3 - 3 * x) / 2 for x in places]]
    mean = sum(sizes) / len(sizes)
    left = [size - mean for size in sizes]
    parts = []
    for shape in shapes:
        part = sum(a * b for a, b in zip(left, shape, strict=True)) / max(sum(a * a for a in shape), 1e-9)
        left = [a - part * b for a, b in zip(left, shape, strict=True)]
        parts.append(part)
    slope = max(abs(parts[0]), 1e-9)
    noise = math.sqrt(sum(a * a for a in left) / len(left)) * math.sqrt(6 / len(left))
    return math.hypot(parts[1], parts[2]) / slope, noise / slope
