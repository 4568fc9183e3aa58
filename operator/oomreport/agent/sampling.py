"""The flight recorders: the memory of every container on this node, sampled from its cgroup.

What is recorded is the working set: usage less inactive page cache. The usage is read at every sample; the cache, which
costs the kernel far more, only when it can matter: the usage has moved, the container is near its limit (there cache
gives way to other memory while the usage stands still), or half a minute has passed.

Containers are spread over the interval, so that a node of hundreds is not read in one burst. A recording begins when the
container is first seen, at a restart of the agent anew: then it is shown only once it is longer than any start takes,
since a container of days that dies a minute after its agent's start must not look like one that died of its own start.
It is kept as long as the container is (containers.py).
"""

from datetime import datetime, timedelta

from oomreport.adapters.memory_files import MemoryFiles
from oomreport.agent.clock import Moment
from oomreport.agent.containers import NodeContainers
from oomreport.agent.flight import Flight
from oomreport.agent.known import KnownContainer
from oomreport.incident.flight_recorder import FlightRecorder, Series
from oomreport.incident.oom_record import Usage

_SLOTS = 5
# The first step is shorter or a little longer, by slots of the interval; more would count as a missed sample.
_FIRST_STEP = 0.4
_MOVED_BYTES = 1 << 20
_MOVED_SHARE = 1 / 64
_NEAR_LIMIT = 0.75
_CACHE_SECONDS = 30.0
# STARTUP_SECONDS of incident/trajectory.py, which the agent has no other use for.
LEAST_SECONDS_WITHOUT_START = 150.0


class Sampler:
    """Samples the containers that are known, each every `interval` seconds; 0 is never."""

    def __init__(self, containers: NodeContainers, files: MemoryFiles | None, *, interval: float) -> None:
        self._containers, self._files, self._interval = containers, files, interval
        self._slot = 0
        self._began_at: float | None = None
        self._due = float("-inf") if files is not None and interval > 0 else float("inf")

    def seconds_left(self, now: float) -> float:
        """Return how long nothing is due, at least 0; infinite where nothing is sampled."""
        return max(0.0, self._due - now)

    def sample(self, now: float) -> None:
        """Read those that are due."""
        if now < self._due or self._files is None:
            return
        if self._began_at is None:
            self._began_at = now
        slot = self._interval / _SLOTS
        self._due = self._due + slot if self._due + slot > now else now + slot
        for container in self._containers.containers():
            flight = container.flight
            if container.gone_at is not None:
                if flight is not None:
                    flight.gauge.close()
            elif flight is None:
                if container.path is not None:
                    container.flight = self._begun(container, container.path, self._files, now)
            elif flight.due <= now + slot / 2:
                # A late sample keeps the time at which it was due: else lateness would add up over the series.
                at = flight.due + max(0, (now - flight.due) // self._interval) * self._interval
                flight.due = at + self._interval
                self._read(container, flight, at)

    def usage(self, container_id: str | None, until: datetime, now: Moment) -> Usage | None:
        """Return how a container's memory came to what it was at `until`; None where nothing was recorded by then."""
        known = self._containers.container(container_id)
        if known is None or known.flight is None:
            return None
        end = now.monotonic - (now.wall - until).total_seconds()
        recording = known.flight.recorder.recording(end)
        if recording is None:
            return None
        if not known.flight.from_start and end - recording.life.start < LEAST_SECONDS_WITHOUT_START:
            return None
        return _usage(recording.recent, now, life=_usage(recording.life, now))

    def _begun(self, container: KnownContainer, path: str, files: MemoryFiles, now: float) -> Flight:
        self._slot = (self._slot + 1) % _SLOTS
        first = _FIRST_STEP + self._slot / _SLOTS
        flight = Flight(
            files.gauge(path),
            FlightRecorder(self._interval),
            due=now + first * self._interval,
            from_start=now != self._began_at,
        )
        self._read(container, flight, now)
        return flight

    @staticmethod
    def _read(container: KnownContainer, flight: Flight, at: float) -> None:
        usage = flight.gauge.usage()
        if usage is None:
            return
        moved = abs(usage - flight.usage) > max(_MOVED_BYTES, usage * _MOVED_SHARE)
        near = container.limit_bytes is not None and usage > _NEAR_LIMIT * container.limit_bytes
        if moved or near or at - flight.cache_at > _CACHE_SECONDS:
            flight.usage, flight.cache, flight.cache_at = usage, flight.gauge.inactive_file(), at
        flight.recorder.add(at, max(0, usage - flight.cache))


def _usage(series: Series, now: Moment, life: Usage | None = None) -> Usage:
    return Usage(
        start=now.wall - timedelta(seconds=now.monotonic - series.start),
        interval_seconds=series.interval,
        samples=series.sizes,
        life=life,
    )
