"""A container under observation: its gauge and its recorder."""

from dataclasses import dataclass

from oomreport.adapters.memory_files import Gauge
from oomreport.incident.flight_recorder import FlightRecorder


@dataclass(slots=True)
class Flight:
    """What the sampler keeps of a container. `usage` and `cache` are of the last reading of memory.stat, at `cache_at`.

    `from_start` says that it was not there yet when sampling began, so that its recording is its whole life.
    """

    gauge: Gauge
    recorder: FlightRecorder
    due: float
    from_start: bool
    usage: int = 0
    cache: int = 0
    cache_at: float = float("-inf")
