"""The last kill of a report with all that bears on why it came and what to change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from oomreport.incident.memory.flight_recorder import Series, series_of
from oomreport.incident.memory.history import PastKill
from oomreport.incident.memory.trajectory import Trajectory, trajectory
from oomreport.incident.memory.usage import sample_sizes
from oomreport.incident.witness.cause import Cause
from oomreport.incident.witness.evidence import RecordFacts
from oomreport.incident.witness.surroundings import UNBOUNDED, Surroundings
from oomreport.kernel.record import SYSRQ_ORDER
from oomreport.times import parse_time
from oomreport.workload.pod import ContainerFacts, PodFacts
from oomreport.workload.quantity import format_quantity

_REACHED = 0.98
_OF_OTHER_MEMORY = (Cause.POD_LIMIT, Cause.NESTED_CGROUP)


@dataclass(frozen=True, kw_only=True)
class Case:
    """The last kill as the report shows it (`last` is status.lastKill), and what is at hand of its witnesses.

    `past` are the report's kills oldest first, this one the last. `kills` counts also those no longer listed. `known_way` is
    what way_to() says of `last`, where that was asked already.
    """

    last: Mapping[str, Any]
    container: str
    record: RecordFacts | None = None
    pod: PodFacts | None = None
    past: Sequence[PastKill] = ()
    kills: int = 1
    around: Surroundings = UNBOUNDED
    known_way: Trajectory | None = None

    @property
    def cause(self) -> str:
        """Return whose limit it was."""
        return str(self.last.get("cause", "Unknown"))

    @cached_property
    def facts(self) -> ContainerFacts | None:
        """Return the container as the pod has it now."""
        return self.pod.container(self.container) if self.pod else None

    @cached_property
    def way(self) -> Trajectory:
        """Return the container's memory on its way to the kill."""
        return self.known_way or way_to(self.last)

    @property
    def asked_for(self) -> bool:
        """Return whether somebody asked the kernel for the kill (SysRq f): nothing need have been full."""
        return (self.last.get("trigger") or {}).get("order") == SYSRQ_ORDER

    @property
    def memory(self) -> Mapping[str, Any]:
        """Return the cgroup at its limit, as the kernel printed it."""
        return self.last.get("memory") or {}

    @property
    def tasks(self) -> Sequence[Mapping[str, Any]]:
        """Return the kernel's task table, at most 20 rows."""
        return self.last.get("tasks") or ()

    @property
    def fired(self) -> int | None:
        """Return the limit that fired, in bytes, as the kernel printed it."""
        limit = self.memory.get("limitBytes")
        return limit if isinstance(limit, int) else None

    @property
    def used(self) -> int | None:
        """Return what the cgroup held at the kill, in bytes."""
        usage = self.memory.get("usageBytes")
        return usage if isinstance(usage, int) and usage > 0 else self.fired or self.sample.get("usage")

    @cached_property
    def sample(self) -> Mapping[str, int]:
        """Return what the container's memory consisted of before the kill, where the kernel did not print it at the kill.

        A pod's limit, and one inside the container, is about other memory than the container's.
        """
        if self.memory.get("stat") or self.cause in _OF_OTHER_MEMORY:
            return {}
        return sample_sizes(self.last.get("usage"))

    @property
    def sampled(self) -> str:
        """Return since when sizes are known, to be said beside them; empty where the kernel printed them at the kill."""
        time = parse_time(((self.last.get("usage") or {}).get("lastSample") or {}).get("time"))
        killed = parse_time(self.last.get("time"))
        if not self.sample or time is None or killed is None:
            return ""
        return f" (sampled {max(0.0, (killed - time).total_seconds()):.0f} s before the kill)"

    @property
    def limit_above_pods(self) -> int | None:
        """Return the container's own limit, as its cgroup had it and the pod says, where the pod's that fired is lower.

        The kubelet gives no pod less than its containers have, and raises the pod first: here the pod was left behind.
        """
        own = sample_sizes(self.last.get("usage")).get("limit")
        if self.cause != Cause.POD_LIMIT or self.fired is None or own is None or own <= self.fired:
            return None
        return own if self.facts is None or self.facts.memory_limit == own else None

    @property
    def peak(self) -> int | None:
        """Return the most that the container ever held, page cache included, in bytes."""
        size = ((self.last.get("usage") or {}).get("peak") or {}).get("bytes")
        return size if isinstance(size, int) else None

    @property
    def reached_own_limit(self) -> bool:
        """Return whether the container had been at its own limit by the kernel's peak, for a kill of unknown cause.

        The kernel charges pages in batches, and counts the peak once they are in: at a kill it is the limit but for a few.
        """
        limit = self.sample.get("limit")
        return self.cause == Cause.UNKNOWN and bool(limit) and (self.peak or 0) >= _REACHED * (limit or 0)

    def stat(self, *names: str) -> int:
        """Return the sum of the largest forms of each name in memory.stat: v1 prints `rss` and `total_rss`, v2 `anon`."""
        stat = self.memory.get("stat") or {}
        return sum(max(_number(stat.get(name)), _number(stat.get(f"total_{name}"))) for name in names)

    @property
    def shmem(self) -> int:
        """Return shared memory and tmpfs, in bytes."""
        return self.sample.get("shmem", 0) or self.stat("shmem")

    @property
    def page_cache(self) -> int:
        """Return page cache without tmpfs, which both versions of cgroups count as file memory too."""
        return max(0, (self.sample.get("file", 0) or self.stat("file", "cache")) - self.shmem)

    @property
    def anonymous(self) -> int:
        """Return heap and stacks, in bytes. On v1 `rss` is the same."""
        return self.sample.get("anon", 0) or self.stat("anon", "rss")

    @property
    def kernel(self) -> int:
        """Return memory of the kernel itself: slab, sockets, stacks, page tables; `kernel` holds all but sockets."""
        parts = self.stat("slab", "kernel_stack", "pagetables", "percpu", "vmalloc")
        return self.sample.get("kernel", 0) or max(self.stat("kernel"), parts) + self.stat("sock")

    def limit_text(self) -> str:
        """Return the limit that fired as a quantity."""
        return format_quantity(self.fired) if self.fired else "an unknown limit"


def way_to(last: Mapping[str, Any]) -> Trajectory:
    """Return the trajectory of a kill, as status.lastKill holds it."""
    killed = parse_time(last.get("time"))
    if killed is None:
        return trajectory(recent=None, life=None, end=0.0, size=None)
    usage = last.get("usage") or {}
    started = parse_time(last.get("startedAt") or (last.get("termination") or {}).get("startedAt"))
    size = (last.get("memory") or {}).get("usageBytes") if last.get("cause") == "ContainerLimit" else None
    return trajectory(
        recent=_series(usage),
        life=_series(usage.get("life")),
        end=killed.timestamp(),
        size=size if isinstance(size, int) else None,
        uptime=(killed - started).total_seconds() if started else None,
        from_start=usage.get("fromStart") is not False,
    )


def _series(usage: Mapping[str, Any] | None) -> Series | None:
    start = parse_time((usage or {}).get("startTime"))
    return series_of(usage, start.timestamp()) if start else None


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
