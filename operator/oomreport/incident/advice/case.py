"""The last kill of a report with everything that bears on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from oomreport.incident.kill import Cause, Kill
from oomreport.incident.memory.composition import Composition, composition_of
from oomreport.incident.memory.history import PastKill
from oomreport.incident.memory.trajectory import Trajectory, trajectory
from oomreport.incident.memory.usage import Sample
from oomreport.incident.witness.evidence import RecordFacts
from oomreport.incident.witness.surroundings import UNBOUNDED, Surroundings
from oomreport.kernel.record import MemoryUsage, Task
from oomreport.workload.pod import ContainerFacts, PodFacts
from oomreport.workload.quantity import MI

_REACHED = 0.98
# What containerd and CRI-O give a pod's /dev/shm (defaultShmSize in both).
_DEV_SHM = 64 * MI
_OF_OTHER_MEMORY = (Cause.POD_LIMIT, Cause.NESTED_CGROUP)


@dataclass(frozen=True, kw_only=True)
class Case:
    """The last kill as the report shows it, and what is at hand of its witnesses.

    `past` are the report's kills oldest first, this one the last. `kills` counts also those no longer listed.
    `leak_ended` is when the container started that took back the name of a leak. `known_way` is what way_to() says of
    `kill`, where that was asked already. `shortage` says what of the node's memory ran short, where the kernel's text
    shows that it was not the whole.
    """

    kill: Kill
    container: str
    record: RecordFacts | None = None
    pod: PodFacts | None = None
    past: Sequence[PastKill] = ()
    kills: int = 1
    around: Surroundings = UNBOUNDED
    leak_ended: datetime | None = None
    known_way: Trajectory | None = None
    shortage: str | None = None

    @property
    def cause(self) -> Cause:
        """Return whose limit it was."""
        return self.kill.cause

    @cached_property
    def facts(self) -> ContainerFacts | None:
        """Return the container as the pod has it now."""
        return self.pod.container(self.container) if self.pod else None

    @cached_property
    def way(self) -> Trajectory:
        """Return the container's memory on its way to the kill."""
        return self.known_way or way_to(self.kill)

    def of_no_leak(self, kills: Sequence[PastKill]) -> list[PastKill]:
        """Return the kills that tell what is needed: those of a leak that has ended do not."""
        return [kill for kill in kills if self.leak_ended is None or kill.time >= self.leak_ended]

    @property
    def asked_for(self) -> bool:
        """Return whether somebody asked the kernel for the kill (SysRq f): nothing need have been full."""
        return self.kill.asked_for

    @property
    def memory(self) -> MemoryUsage | None:
        """Return the cgroup at its limit, as the kernel printed it."""
        return self.kill.memory

    @property
    def tasks(self) -> Sequence[Task]:
        """Return the kernel's task table, at most 20 rows."""
        return self.kill.tasks

    @property
    def fired(self) -> int | None:
        """Return the limit that fired, in bytes, as the kernel printed it."""
        return self.kill.limit

    @property
    def used(self) -> int | None:
        """Return what the cgroup held at the kill, in bytes."""
        printed = self.memory.usage_bytes if self.memory else None
        return printed if printed and printed > 0 else self.fired or (self.sample.usage if self.sample else None)

    @cached_property
    def sample(self) -> Sample | None:
        """Return what the memory consisted of before the kill, where the kernel did not print it at the kill.

        A pod's limit, and one inside the container, is about other memory than the container's.
        """
        if (self.memory and self.memory.stat) or self.cause in _OF_OTHER_MEMORY:
            return None
        return self._last_sample

    @property
    def sampled(self) -> str:
        """Return since when sizes are known, in words; empty where the kernel printed them at the kill."""
        if self.sample is None or self.kill.time is None:
            return ""
        return f" (sampled {max(0.0, (self.kill.time - self.sample.time).total_seconds()):.0f} s before the kill)"

    @property
    def limit_above_pods(self) -> int | None:
        """Return the container's own limit, as its cgroup had it and the pod says, where the pod's that fired is lower.

        The kubelet gives no pod less than its containers have, and raises the pod first: here the pod was left behind.
        """
        own = self._last_sample.limit if self._last_sample else None
        if self.cause is not Cause.POD_LIMIT or self.fired is None or own is None or own <= self.fired:
            return None
        return own if self.facts is None or self.facts.memory_limit == own else None

    @property
    def peak(self) -> int | None:
        """Return the most that the container ever held, page cache included, in bytes."""
        return self.kill.usage.peak.size if self.kill.usage and self.kill.usage.peak else None

    @property
    def own_limit(self) -> int | None:
        """Return the container's limit when its memory was last looked at, in bytes."""
        return self.sample.limit if self.sample else None

    @property
    def reached_own_limit(self) -> bool:
        """Return whether the container had been at its own limit by the kernel's peak, for a kill of unknown cause.

        The kernel charges pages in batches, and counts the peak once they are in: at a kill it is the limit but for a
        few.
        """
        limit = self.own_limit
        return self.cause is Cause.UNKNOWN and bool(limit) and (self.peak or 0) >= _REACHED * (limit or 0)

    def stat(self, *names: str) -> int:
        """Return the sum of each name's largest form in memory.stat: v1 prints `rss` and `total_rss`, v2 `anon`."""
        stat = self.memory.stat if self.memory else {}
        return sum(max(stat.get(name, 0), stat.get(f"total_{name}", 0)) for name in names)

    @property
    def shmem(self) -> int:
        """Return shared memory and tmpfs, in bytes."""
        return (self.sample.shmem if self.sample else None) or self.stat("shmem")

    @property
    def files_in_memory(self) -> int:
        """Return how much of the shared memory is files, as far as can be known, in bytes.

        What processes map is their own, as the buffers of a database or the heap of ZGC, and goes with them. But files
        may be mapped too: those of a memory-backed volume, and up to its size those of /dev/shm.
        """
        if self.pod is None or self.pod.memory_volumes or self.shmem <= _DEV_SHM:
            return self.shmem
        mapped = self.stat("mapped_file", "file_mapped") - self.page_cache
        return self.shmem - min(self.shmem, max(0, mapped))

    @property
    def page_cache(self) -> int:
        """Return page cache without tmpfs, which both versions of cgroups count as file memory too."""
        return max(0, ((self.sample.file if self.sample else None) or self.stat("file", "cache")) - self.shmem)

    @property
    def anonymous(self) -> int:
        """Return heap and stacks, in bytes. On v1 `rss` is the same."""
        return (self.sample.anon if self.sample else None) or self.stat("anon", "rss")

    @property
    def kernel(self) -> int:
        """Return memory of the kernel itself: slab, sockets, stacks, page tables; `kernel` holds all but sockets."""
        sampled = self.sample.kernel if self.sample else None
        return sampled or self.composition.kernel + self.composition.unlisted

    @cached_property
    def composition(self) -> Composition:
        """Return what the kernel's statistics make of the memory at the kill."""
        victim = (self.kill.victim.resident_bytes if self.kill.victim else None) or 0
        return composition_of(self.memory, held=max(victim, sum(task.rss_bytes or 0 for task in self.tasks)))

    @property
    def _last_sample(self) -> Sample | None:
        return self.kill.usage.last if self.kill.usage else None


def way_to(kill: Kill) -> Trajectory:
    """Return the trajectory of a kill."""
    if kill.time is None:
        return trajectory(recent=None, life=None, end=0.0, size=None)
    usage = kill.usage
    return trajectory(
        recent=usage.series if usage else None,
        life=usage.life.series if usage and usage.life else None,
        end=kill.time.timestamp(),
        size=kill.memory.usage_bytes if kill.memory and kill.cause is Cause.CONTAINER_LIMIT else None,
        uptime=(kill.time - kill.started).total_seconds() if kill.started else None,
        from_start=usage is None or usage.from_start is not False,
    )
