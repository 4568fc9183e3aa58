"""A container under observation.

It has a gauge, a recorder, and the last reading of what its memory consists of.
"""

from dataclasses import dataclass, field

from oomreport.adapters.node.memory_detail import Detail, inactive_file
from oomreport.adapters.node.memory_files import Gauge
from oomreport.incident.memory.flight_recorder import FlightRecorder

# From this share of the limit on, memory is short.
NEAR_LIMIT = 0.75


@dataclass(slots=True)
class Look:
    """The last reading of memory.stat, at `at`, with the `usage` of that time. Sizes are bytes.

    `swap`, `kernel` and `pressure` are read only where memory moves or is short.
    """

    at: float = float("-inf")
    usage: int = 0
    statistics: bytes = b""
    cache: int = 0
    limit: int | None = None
    swap_limit: int | None = None
    peak: int | None = None
    swap: int | None = None
    kernel: int | None = None
    pressure: tuple[float, float] | None = None


@dataclass(slots=True)
class Flight:
    """What the sampler keeps of a container.

    `from_start`: the container started after sampling began, so its recording is its whole life.
    """

    gauge: Gauge
    detail: Detail
    recorder: FlightRecorder
    due: float
    from_start: bool
    last: Look = field(default_factory=Look)

    def look(self, at: float, usage: int, *, moved: bool) -> bool:
        """Read what memory consists of.

        Returns False where the container is gone; the last reading stays.
        """
        detail = self.detail
        statistics = detail.statistics()
        if not statistics:
            return False
        limit, cache = detail.limit(), inactive_file(statistics, detail.version)
        look = Look(at=at, usage=usage, statistics=statistics, cache=cache, limit=limit, peak=detail.peak())
        if moved or (limit is not None and usage - cache > NEAR_LIMIT * limit):
            look.swap = detail.swap(statistics)
            look.swap_limit = detail.swap_limit(limit) if look.swap else None
            look.kernel, look.pressure = detail.kernel(), detail.pressure()
        self.last = look
        return True
