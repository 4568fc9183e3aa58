"""The figures as a table, and the goals."""

import statistics
from collections.abc import Sequence
from typing import Any

from bench.programs.trial import Trial

HEAD = (
    "program",
    "true need",
    "first limit",
    "limits not enough",
    "kills until quiet",
    "final limit",
    "over true need",
    "named at kill",
    "raises before",
    "forecast",
    "outcome",
)
MEDIAN_KILLS, MOST_KILLS, MOST_OVER_NEED = 2, 4, 1.6


def row(trial: Trial) -> tuple[str, ...]:
    """Return a program's line."""
    leaks = trial.program.leaks
    return (
        trial.name,
        f"{trial.need}Mi" if trial.need else "",
        f"{trial.limits[0]}Mi" if trial.limits else "",
        "" if leaks else str(raised(trial)),
        "" if leaks else str(trial.kills),
        f"{trial.limits[-1]}Mi" if trial.limits else "",
        f"{over_need(trial):.2f}" if trial.need and trial.limits else "",
        str(trial.named_at or ("none" if leaks else "")),
        str(trial.raises_before_name) if trial.named_at else "",
        "" if trial.forecast_error is None else f"of kill {trial.forecast_kill}: {trial.forecast_error:+.0%}",
        trial.outcome,
    )


def raised(trial: Trial) -> int:
    """Return how many limits were not enough. A limit may kill more than once before the next one is deployed."""
    return len(trial.limits) - 1 + (trial.outcome == "killed on")


def over_need(trial: Trial) -> float:
    """Return the last limit over the true need."""
    return trial.limits[-1] / trial.need


def figures(trials: Sequence[Trial]) -> dict[str, Any]:
    """Return the last line's object: the goals' figures, and what was missed."""
    bounded = [one for one in trials if not one.program.leaks and one.limits]
    leaks = [one for one in trials if one.program.leaks]
    kills = [one.kills for one in bounded]
    return {
        "programs": len(trials),
        "limits_not_enough_median": statistics.median(map(raised, bounded)) if bounded else None,
        "limits_not_enough_most": max(map(raised, bounded), default=0),
        "kills_median": statistics.median(kills) if kills else None,
        "kills_most": max(kills, default=0),
        "over_need_most": round(max((over_need(one) for one in bounded), default=0.0), 2),
        "leaks": len(leaks),
        "leaks_named": {one.name: one.named_at for one in leaks},
        "called_leak": [one.name for one in bounded if one.named_at],
        "missed": missed(trials),
        "stories": {one.name: one.story for one in trials},
    }


def missed(trials: Sequence[Trial]) -> list[str]:
    """Return what does not meet the goals."""
    bounded = [one for one in trials if not one.program.leaks]
    found = [f"{one.name}: {one.outcome}" for one in bounded if one.outcome != "quiet"]
    found += [f"{one.name}: {one.kills} kills" for one in bounded if one.kills > MOST_KILLS]
    found += [f"{one.name}: no kill" for one in bounded if one.outcome == "quiet" and not one.kills]
    found += [
        f"{one.name}: {over_need(one):.2f} of its need"
        for one in bounded
        if one.need and one.limits and over_need(one) > MOST_OVER_NEED
    ]
    found += [f"{one.name}: called a leak" for one in bounded if one.named_at]
    found += [
        f"{one.name}: report has {one.kills} kills, the ring {one.ring_kills}"
        for one in trials
        # In a storm the kernel leaves out whose cgroup it was, and the ring has fewer by name.
        if one.kills < one.ring_kills
    ]
    found += [
        f"{one.name}: not named by the second kill" for one in trials if one.program.leaks and (one.named_at or 3) > 2
    ]
    if bounded and statistics.median(one.kills for one in bounded) > MEDIAN_KILLS:
        found.append(f"median above {MEDIAN_KILLS} kills")
    return found
