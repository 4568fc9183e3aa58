"""A container's memory before its kill, as the agent read it from the cgroup. Sizes are bytes.

It stands beside what the kernel printed and never in its place: a sample is older than the kill, and a dump is of the cgroup
at its limit, which need not be the container's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


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


def sample_sizes(usage: Mapping[str, Any] | None) -> Mapping[str, int]:
    """Return the sizes of the last sample as a record holds it, by its names without `Bytes`; empty without one."""
    last = (usage or {}).get("lastSample") or {}
    return {key.removesuffix("Bytes"): size for key, size in last.items() if isinstance(size, int)}
