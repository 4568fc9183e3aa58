"""The lower limit, where a container was given more than it needs.

A bold first step costs little when it is taken back. A limit is lowered by what was seen only: never below the highest
peak with headroom, never near a limit that has fired, never while memory rises.
"""

from dataclasses import dataclass
from datetime import datetime

from oomreport.incident.memory.usage_since import DAY, UsageSince

# Load repeats by the day. Two days are the least to know it by.
_PERIODS = 2
# docs/advice.md has the sources of these.
HEADROOM = 1.08
# Less is not worth a rollout.
NOTABLE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Trim:
    """How low a limit may be: `least` bytes, by the highest `peak` that was seen or by the limit that `fired`."""

    least: int
    peak: int
    fired: int


def trim_of(usage: UsageSince, *, fired: int, since: datetime) -> Trim | None:
    """Return how low the limit may be; None where it stays.

    `fired` is the highest limit that was not enough, in bytes. `since` is the time of the last kill.
    """
    if usage.limit is None:
        return None
    if (usage.last - max(usage.first, since)).total_seconds() < _PERIODS * DAY or rises(usage):
        return None
    least = int(max(usage.peak, fired) * HEADROOM)
    return Trim(least=least, peak=usage.peak, fired=fired) if least <= usage.limit * (1 - NOTABLE) else None


def rises(usage: UsageSince) -> bool:
    """Return whether the highest of this day and the last whole one is notably above all days before."""
    earlier, late = usage.days[:-2], usage.days[-2:]
    return not earlier or max(late) > max(earlier) * (1 + NOTABLE)
