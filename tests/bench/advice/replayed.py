"""Real memory series as workloads: a class is a source, so that every source weighs the same.

The demand of a workload is one series, drawn by the seed; its limit is set 1.08 to 2.2 times too low. A series runs by
the age of the container and holds its last value. A log of garbage collections tells the heap in use; the class that
ends in `_resident` takes the highest so far instead, as a runtime that gives no memory back. Series that are labelled,
or look like, a leak are left out. traces/README.md says where the series come from.
"""

import bisect
import csv
import random
from collections.abc import Callable
from pathlib import Path

from advice.workload import GI, HOUR, MI, Container, Memory, Moment, Workload, limit_like_people

_FOLDER = Path(__file__).resolve().parent / "traces"
_LARGEST = 6 * GI
_LEAST = 24 * MI
_SOURCES = {
    "microsoft/gctoolkit-testdata": "gctoolkit",
    "IntelligentDDS/Nezha": "nezha",
    "mrahtz/learning-from-human-preferences": "rlhf",
    "CurryChen77/FREA": "frea",
}
Series = tuple[list[float], list[int]]


def _read(slug: str) -> Series:
    with (_FOLDER / f"{slug}.csv").open() as file:
        rows = [row for row in csv.reader(file) if row and row[0][:1].isdigit()]
    times = [float(row[0]) for row in rows]
    return [time - times[0] for time in times], [int(float(row[1])) for row in rows]


def series_by_source() -> dict[str, list[Series]]:
    """Return seconds and bytes of each series."""
    found: dict[str, list[Series]] = {}
    with (_FOLDER / "MANIFEST.tsv").open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            times, sizes = _read(row["slug"])
            if "leak" in (row["kind"], row["shape"]) or max(sizes) < _LEAST:
                continue
            name = _SOURCES.get(row["source"].split("@")[0], "other_logs")
            found.setdefault(name, []).append((times, sizes))
            if "heap-used" in row["level"]:
                highest, resident = 0, []
                for size in sizes:
                    highest = max(highest, size)
                    resident.append(highest)
                found.setdefault(f"{name}_resident", []).append((times, resident))
    return found


def replayed(name: str, pool: list[Series]) -> Callable[[random.Random], Workload]:
    """Return a maker of workloads."""

    def maker(rng: random.Random) -> Workload:
        times, sizes = rng.choice(pool)
        scale = 1.0 if max(sizes) <= _LARGEST else _LARGEST / max(sizes) * rng.uniform(0.2, 1.0)
        peak, first = max(sizes) * scale, max(sizes[:3]) * scale
        limit = max(limit_like_people(peak / rng.uniform(1.08, 2.2)), 32 * MI)
        if limit < first * 1.05:
            limit = limit_like_people(first * 1.15)
        if limit >= peak:
            limit = max(32 * MI, limit_like_people(peak / 1.08))

        def demand(now: Moment) -> Memory:
            index = bisect.bisect_right(times, now.age) - 1
            if index >= len(times) - 1:
                return Memory(anon=int(sizes[-1] * scale))
            share = (now.age - times[index]) / max(times[index + 1] - times[index], 1e-9)
            return Memory(anon=int((sizes[index] + (sizes[index + 1] - sizes[index]) * share) * scale))

        end = times[-1]
        one = Container(name="app", limit=limit, request=int(limit * 0.6), demand=demand, true_demand=int(peak) + MI)
        step = 1.0 if end < 1200 else 5.0 if end < 4 * HOUR else 60.0
        return Workload(kind=name, containers=(one,), quiet_after=1.05 * end + 60, step=step)

    maker.__name__ = maker.__qualname__ = name
    return maker


WORKLOADS = [replayed(name, pool) for name, pool in sorted(series_by_source().items())]
