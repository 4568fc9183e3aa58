"""A container under observation: its gauge and its recorder."""

from dataclasses import dataclass

from oomreport.adapters.memory_files import Gauge
from oomreport.incident.flight_recorder import FlightRecorder


@dataclass(slots=True)
class Flight:
    """What the sampler keeps of a container. `usage` and `cache` are of the last reading of memory.stat, at `cache_at`."""

    gauge: Gauge
    recorder: FlightRecorder
    due: float
    usage: int = 0
    cache: int = 0
    cache_at: float = float("-inf")
