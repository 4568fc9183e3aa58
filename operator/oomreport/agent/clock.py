"""Kernel stamps as wall-clock time.

The kernel stamps lines with its scheduler clock: it starts at boot and stands still during suspend, as CLOCK_MONOTONIC
does, but no NTP disciplines it, so that over weeks the two drift apart by seconds. What was read live is known better:
it was printed after the log was last seen empty and before it was read.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Both clocks at once: `wall`, and `monotonic` in seconds since boot."""

    wall: datetime
    monotonic: float

    @classmethod
    def now(cls) -> "Moment":
        """Read the clocks."""
        return cls(wall=datetime.now(UTC), monotonic=time.clock_gettime(time.CLOCK_MONOTONIC))


def wall_time(stamp_us: int | None, *, read: Moment, empty_at: float | None) -> datetime:
    """Return when a line was printed that was read at `read`; never later than that.

    `empty_at` is when the log was last seen empty, by the monotonic clock; None where it never was.
    """
    age = 0.0 if stamp_us is None else max(0.0, read.monotonic - stamp_us / 1_000_000)
    if empty_at is not None:
        age = min(age, max(0.0, read.monotonic - empty_at))
    return read.wall - timedelta(seconds=age)
