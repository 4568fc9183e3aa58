"""Where a rise that was cut off at a limit would have ended, were it the load of a day.

A rise alone does not tell its end: harmonics of any period lie equally near to a short piece of one, and the longer the
period the higher the crest. But load has few periods: people work by the day, shifts and batches by whole parts of it. Of
those that lie near the series the longest is taken whose crest is still one that a limit may have been set below.
"""

import math
from collections.abc import Sequence

_PERIODS = tuple(hours * 3600.0 for hours in (24, 12, 8, 6, 4, 3, 2, 1))
# A harmonic lies near when its squared error is less than this share of the spread, and no more than so many times the best.
_NEAR = 0.08
_AS_NEAR = 1.3
# Nobody sets a limit below a third of what is needed every day.
_HIGHEST = 3.0


def crest_of(times: Sequence[float], sizes: Sequence[float]) -> float | None:
    """Return the crest in bytes, at least the last size; None where no harmonic lies near. Times are seconds."""
    mean = sum(sizes) / len(sizes)
    spread = sum((size - mean) ** 2 for size in sizes)
    fits = [fit for period in _PERIODS if (fit := _harmonic(times, sizes, 2 * math.pi / period))]
    best = min((error for error, _ in fits), default=math.inf)
    if best > _NEAR * spread:
        return None
    near = (crest for error, crest in fits if error <= _AS_NEAR * best and crest <= _HIGHEST * sizes[-1])
    return max(next(near, sizes[-1]), sizes[-1])


def _harmonic(times: Sequence[float], sizes: Sequence[float], turn: float) -> tuple[float, float] | None:
    """Return the squared error and the crest of m + a sin + b cos, fitted by least squares."""
    rows = [(1.0, math.sin(turn * (time - times[0])), math.cos(turn * (time - times[0]))) for time in times]
    matrix = [[sum(row[i] * row[j] for row in rows) for j in range(3)] for i in range(3)]
    right = [sum(row[i] * size for row, size in zip(rows, sizes, strict=True)) for i in range(3)]
    solved = _solved(matrix, right)
    if solved is None:
        return None
    error = sum(
        (size - sum(factor * value for factor, value in zip(solved, row, strict=True))) ** 2
        for row, size in zip(rows, sizes, strict=True)
    )
    return error, solved[0] + math.hypot(solved[1], solved[2])


def _solved(matrix: list[list[float]], right: list[float]) -> list[float] | None:
    """Solve three equations by elimination; None where they are dependent."""
    rows = [[*line, value] for line, value in zip(matrix, right, strict=True)]
    size = len(rows)
    for column in range(size):
        pivot = max(range(column, size), key=lambda index: abs(rows[index][column]))
        if abs(rows[pivot][column]) < 1e-9:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for index in range(size):
            if index != column:
                factor = rows[index][column] / rows[column][column]
                rows[index] = [a - factor * b for a, b in zip(rows[index], rows[column], strict=True)]
    return [rows[index][size] / rows[index][index] for index in range(size)]
