"""The memory of every container, sampled for its flight recorder.

The working set is recorded: usage less inactive page cache. The usage is read at every sample. Its parts cost the
kernel far more, so they are read only when they can matter: the usage has moved, the container is near its limit (there
cache gives way to other memory while the usage stands still), or half a minute has passed.

The last look before a kill goes into its record, since the kernel prints these parts only in a dump, and dumps are
limited. So nothing is read while a kill waits for its record. The kernel's own peak and the pressure are read once more
at the kill: the cgroup is often still there.

Containers are spread over the interval, so that a node of hundreds is not read in one burst. A recording begins when
the container is first seen, and anew when the agent restarts; it says so. A container of days that dies a minute after
its agent's start must not look like one that died of its own start. A recording is kept as long as its container
(containers.py).
"""

from datetime import datetime, timedelta

from oomreport.adapters.node.memory_detail import make_up
from oomreport.adapters.node.memory_files import MemoryFiles
from oomreport.agent.clock import Moment
from oomreport.agent.node.containers import NodeContainers
from oomreport.agent.node.flight import NEAR_LIMIT, Flight
from oomreport.agent.node.node_state import KnownContainer
from oomreport.incident.memory.flight_recorder import FlightRecorder, Series
from oomreport.incident.memory.usage import Peak, Pressure, Sample, Usage

_SLOTS = 5
# The first step is shorter or a little longer, by slots of the interval; more would count as a missed sample.
_FIRST_STEP = 0.4
_MOVED_BYTES = 1 << 20
_MOVED_SHARE = 1 / 64
_CACHE_SECONDS = 30.0
# Longer than a kill waits for its record, unless the counters have gone wrong.
_FROZEN_SECONDS = 60.0
# The average of ten seconds still tells of the time before the kill.
_PRESSURE_SECONDS = 2.0


class Sampler:
    """Samples the known containers, each every `interval` seconds; 0 is never."""

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
                self._read(container, flight, at, now)

    def usage(self, container_id: str | None, until: datetime, now: Moment) -> Usage | None:
        """Return a container's memory and its history up to `until`; None where nothing was recorded by then."""
        known = self._containers.container(container_id)
        if known is None or known.flight is None:
            return None
        flight = known.flight
        end = now.monotonic - (now.wall - until).total_seconds()
        recording = flight.recorder.recording(end)
        if recording is None:
            return None
        return Usage(
            start=_wall(recording.recent.start, now),
            interval_seconds=recording.recent.interval,
            samples=recording.recent.sizes,
            from_start=flight.from_start,
            life=_life(recording.life, now),
            last=_sample(flight, end, now),
            peak=_peak(flight, end, now),
            pressure=_pressure(flight, end, now),
        )

    def _begun(self, container: KnownContainer, path: str, files: MemoryFiles, now: float) -> Flight:
        self._slot = (self._slot + 1) % _SLOTS
        first = _FIRST_STEP + self._slot / _SLOTS
        gauge = files.gauge(path)
        flight = Flight(
            gauge,
            gauge.detail(),
            FlightRecorder(self._interval),
            due=now + first * self._interval,
            from_start=now != self._began_at,
        )
        self._read(container, flight, now, now)
        return flight

    @staticmethod
    def _read(container: KnownContainer, flight: Flight, at: float, now: float) -> None:
        usage = flight.gauge.usage()
        if usage is None:
            return
        last, limit = flight.last, container.limit_bytes
        moved = abs(usage - last.usage) > max(_MOVED_BYTES, usage * _MOVED_SHARE)
        near = limit is not None and usage > NEAR_LIMIT * limit
        due = (moved or near or now - last.at > _CACHE_SECONDS) and not _waits(container, now)
        if due and flight.look(now, usage, moved=moved):
            # A resize changes it while the container runs.
            container.limit_bytes = flight.last.limit
        flight.recorder.add(at, max(0, usage - flight.last.cache))


def _waits(container: KnownContainer, now: float) -> bool:
    """Return whether a kill in the container is in no record yet."""
    since = container.tally.ahead_since
    return since is not None and now - since < _FROZEN_SECONDS


def _life(life: Series, now: Moment) -> Usage:
    return Usage(start=_wall(life.start, now), interval_seconds=life.interval, samples=life.sizes)


def _sample(flight: Flight, end: float, now: Moment) -> Sample | None:
    """Return the last look, where it was before the kill."""
    last = flight.last
    if not last.statistics or last.at > end:
        return None
    found = make_up(last.statistics, flight.detail.version)
    return Sample(
        time=_wall(last.at, now),
        usage=last.usage,
        anon=found.anon,
        file=found.file,
        shmem=found.shmem,
        kernel=found.kernel if last.kernel is None else last.kernel,
        swap=last.swap,
        limit=last.limit,
        swap_limit=last.swap_limit,
    )


def _peak(flight: Flight, end: float, now: Moment) -> Peak | None:
    """Return the peak as it is now, or as it was at the last look where the cgroup is gone."""
    peak = flight.detail.peak()
    if peak is not None:
        return Peak(time=now.wall, size=peak)
    last = flight.last
    return Peak(time=_wall(last.at, now), size=last.peak) if last.peak is not None and last.at <= end else None


def _pressure(flight: Flight, end: float, now: Moment) -> Pressure | None:
    """Return the pressure right after the kill, or that of the last look."""
    found, at = None, now.monotonic
    if at - end <= _PRESSURE_SECONDS:
        found = flight.detail.pressure()
    if found is None and flight.last.at <= end:
        found, at = flight.last.pressure, flight.last.at
    return Pressure(time=_wall(at, now), some=found[0], full=found[1]) if found is not None else None


def _wall(monotonic: float, now: Moment) -> datetime:
    return now.wall - timedelta(seconds=now.monotonic - monotonic)
