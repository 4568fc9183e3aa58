"""Memory of running containers since the limit last changed, in brief.

A report keeps the highest of each of the last eight days, as the Vertical Pod Autoscaler does, and the way of one
container since it started in at most 48 points. So it stays small, however long a container lives.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil

from oomreport.incident.memory.flight_recorder import Series

DAY = 86400.0
# The Vertical Pod Autoscaler looks back for eight days (--memory-aggregation-interval-count).
MOST_DAYS = 8
MOST_POINTS = 48
_INTERVAL = 60.0
# What happened in a longer gap is not known: metrics were away, or a clock jumped.
_GAP = 3600.0
# Working sets are read a moment after the limit was: what is above the limit by more than this is no working set of it.
_ABOVE_LIMIT = 1.05


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryReading:
    """A running container's working set in bytes, and when it started; None where nothing tells."""

    size: int
    started: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageSince:
    """Sizes are bytes.

    source       where the sizes come from
    limit        the limit that the containers run with; `request` what they request
    first, last  the first and the last look under that limit
    peak         the most that was ever seen, also under other limits
    days         the highest of each day since `first`, at most eight; the last one is not over
    began        when the series began: its container started, or was first seen
    interval     seconds between two points of the series
    points       the highest of each interval
    refused      how many readings could not be true: more than the limit, or nothing at all
    """

    source: str
    limit: int | None
    request: int | None
    first: datetime
    last: datetime
    peak: int
    days: tuple[int, ...]
    began: datetime
    interval: float = _INTERVAL
    points: tuple[int, ...] = ()
    refused: int = 0

    @property
    def seen_for(self) -> float:
        """Return for how long the containers were seen under the present limit, in seconds."""
        return (self.last - self.first).total_seconds()

    def since(self, time: datetime) -> "UsageSince":
        """Return what was seen since a container started at `time`, while the limit was in force already.

        A day that began before then is left out, as long as it is known for a whole one.
        """
        if self.first >= time:
            return self
        dropped = int(self.seen_for // DAY) + 1 - len(self.days)
        days = self.days[max(0, ceil((time - self.first).total_seconds() / DAY) - dropped) :]
        own = self.points if self.began >= time else ()
        return replace(self, first=time, days=days, peak=max((*days, *own), default=0))

    @property
    def series(self) -> Series:
        """Return the way of one container since it started."""
        return Series(start=self.began.timestamp(), interval=self.interval, sizes=self.points)


def looked(
    before: UsageSince | None,
    readings: Sequence[MemoryReading],
    *,
    now: datetime,
    limit: int | None,
    request: int | None,
    source: str,
) -> UsageSince | None:
    """Return what is known after a look; `limit` is what the containers run with, in bytes.

    Another limit or another source begins anew, and so does a look after more than an hour or before the last one; the
    peak is kept, but for one above the limit: so much is not needed any more. A reading that cannot be true is counted
    and not used.
    """
    true = [one for one in readings if 0 < one.size <= (limit or one.size) * _ABOVE_LIMIT]
    refused = len(readings) - len(true) + (before.refused if before else 0)
    if not true:
        return replace(before, refused=refused) if before else None
    highest = max(true, key=lambda one: one.size)
    same = (
        before is not None
        and (before.limit, before.source) == (limit, source)
        and 0 <= (now - before.last).total_seconds() <= _GAP
    )
    if before is None or not same:
        known_peak = before.peak if before else 0
        peak = max(highest.size, known_peak if limit is None or known_peak <= limit * _ABOVE_LIMIT else 0)
        began = highest.started if highest.started is not None and highest.started <= now else now
        fresh = UsageSince(
            source=source,
            limit=limit,
            request=request,
            first=now,
            last=now,
            peak=peak,
            days=(highest.size,),
            began=began,
            refused=refused,
        )
        return _with_point(fresh, now, highest.size)
    passed = (now - before.first).days - (before.last - before.first).days
    days = (*before.days, *(0,) * min(passed, MOST_DAYS))
    days = (*days[:-1], max(days[-1], highest.size))[-MOST_DAYS:]
    known = replace(before, request=request, last=now, peak=max(before.peak, highest.size), days=days, refused=refused)
    followed = next((one for one in true if one.started == before.began), None)
    if followed is None or followed.size < highest.size / 2:
        began = highest.started if highest.started is not None else before.began
        if began != before.began:
            return _with_point(replace(known, began=began, interval=_INTERVAL, points=()), now, highest.size)
        followed = highest
    return _with_point(known, now, followed.size)


def _with_point(known: UsageSince, now: datetime, size: int) -> UsageSince:
    age, interval, points = max(0.0, (now - known.began).total_seconds()), known.interval, list(known.points)
    while age >= interval * MOST_POINTS:
        points = [max(points[index : index + 2]) for index in range(0, len(points), 2)]
        interval *= 2
    index = int(age / interval)
    while len(points) <= index:
        points.append(points[-1] if points else size)
    points[index] = size if index == len(points) - 1 and len(known.points) <= index else max(points[index], size)
    return replace(known, interval=interval, points=tuple(points))
