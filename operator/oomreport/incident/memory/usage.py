"""A container's memory before its kill. Sizes are bytes.

The agent read it from the cgroup.

It stands beside what the kernel printed and never in its place: a sample is older than the kill, and a dump is of the
cgroup at its limit, which need not be the container's.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from oomreport.incident.memory.flight_recorder import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the container's memory consisted of at `time`; None for what its kernel does not tell.

    usage        everything that is charged
    anon         heap and stacks
    file         page cache, with `shmem` in it
    shmem        tmpfs, memory-backed volumes, shared mappings
    kernel       memory of the kernel itself, sockets too
    swap         what was swapped out
    limit        the container's limit at that time; None where it had none
    swap_limit   how much of it might be swapped out
    """

    time: datetime
    usage: int
    anon: int | None = None
    file: int | None = None
    shmem: int | None = None
    kernel: int | None = None
    swap: int | None = None
    limit: int | None = None
    swap_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """The most that was ever charged, page cache included, as the kernel had counted it by `time`."""

    time: datetime
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressure:
    """The share of the ten seconds before `time`, in percent, in which tasks stood still for want of memory.

    `some` is at least one of them, `full` all at once: pressure stall information, `avg10` of memory.pressure (v2).
    """

    time: datetime
    some: float
    full: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The way to a kill: `samples` bytes, `interval_seconds` apart, the first at `start`.

    `life` is the same over the container's whole life, in coarser steps; `from_start` says whether it really began with
    the container, or the agent is younger (None: not known). The others are of its end.
    """

    start: datetime
    interval_seconds: float
    samples: tuple[int, ...]
    from_start: bool | None = None
    life: "Usage | None" = None
    last: Sample | None = None
    peak: Peak | None = None
    pressure: Pressure | None = None

    @property
    def series(self) -> Series | None:
        """Return the samples as a series whose times are Unix seconds; None without any."""
        if not self.samples or self.interval_seconds <= 0:
            return None
        return Series(start=self.start.timestamp(), interval=self.interval_seconds, sizes=self.samples)

    @property
    def highest(self) -> int:
        """Return the largest sample of the whole life, in bytes; 0 without any."""
        return max((*self.samples, *(self.life.samples if self.life else ())), default=0)

    def bounded(self, most: int) -> "Usage":
        """Return it with the last `most` samples, and with a life only where that has any."""
        life = self.life if self.life and self.life.samples else None
        return replace(self, samples=self.samples[-most:], life=life)
