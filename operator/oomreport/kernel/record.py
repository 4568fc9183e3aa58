"""The values of one invocation of the kernel's OOM killer.

Sizes are bytes, stamps are microseconds of the kernel's log clock (CLOCK_MONOTONIC-like: it starts at boot and stands
still while the machine is suspended). `None` means that the log does not say; nothing is ever filled in by guess.
The names are the kernel's (mm/oom_kill.c, mm/memcontrol.c).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Part(StrEnum):
    """A part of a dump that can be lost, cut or left unprinted (rate limit, oom_dump_tasks=0, old kernels)."""

    HEADER = "Header"
    MEMORY_USAGE = "MemoryUsage"
    TASK_TABLE = "TaskTable"
    SUMMARY = "Summary"
    KILL_LINE = "KillLine"


class ScoreSource(StrEnum):
    """Where a victim's score comes from: kernels before 5.1 print it, for later ones it is computed."""

    PRINTED = "Printed"
    COMPUTED = "Computed"


class Stamp(NamedTuple):
    """When a line was printed, as far as its framing tells. A tuple, since one is made per line.

    `monotonic_us` is the kernel's own stamp. `wall` is the wall clock of dmesg -T, syslog or the journal; it carries a
    time zone only where the log names one, and a year only where the log does (RFC 3164 has neither).
    """

    monotonic_us: int | None = None
    wall: datetime | None = None


# The order of an allocation that there was not (moom_callback() in drivers/tty/sysrq.c): somebody asked for the kill.
SYSRQ_ORDER = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """The task whose allocation started the killer: it need not be the victim, nor in the victim's cgroup."""

    comm: str
    pid: int | None = None
    gfp_mask: str | None = None
    order: int | None = None
    oom_score_adj: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A process that the kernel killed. `comm` is unescaped once, invalid UTF-8 replaced."""

    pid: int
    comm: str | None = None
    uid: int | None = None
    oom_score: int | None = None
    oom_score_source: ScoreSource | None = None
    oom_score_adj: int | None = None
    total_vm_bytes: int | None = None
    anon_rss_bytes: int | None = None
    file_rss_bytes: int | None = None
    shmem_rss_bytes: int | None = None
    rss_bytes: int | None = None
    pagetables_bytes: int | None = None
    reaped: bool = False

    @property
    def resident_bytes(self) -> int | None:
        """Return its resident memory in bytes; None where the line is cut, or broken, before the anonymous part."""
        if self.anon_rss_bytes is None:
            return self.rss_bytes
        return self.anon_rss_bytes + (self.file_rss_bytes or 0) + (self.shmem_rss_bytes or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenProcess:
    """The task that kernels before 5.1 chose, where another process died, or the log does not say which.

    They kill a child of the chosen process in its place, or the leader of the chosen thread's process. `oom_score` is
    the score that they print.
    """

    pid: int
    comm: str | None = None
    oom_score: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUsage:
    """The state of the memory cgroup at its limit. A limit that is unlimited is None, like one that is not printed."""

    usage_bytes: int | None = None
    limit_bytes: int | None = None
    failure_count: int | None = None
    swap_usage_bytes: int | None = None
    swap_limit_bytes: int | None = None
    stat: Mapping[str, int] = field(default_factory=dict)

    @property
    def limit_with_swap(self) -> int | None:
        """Return the limit of memory and swap together where that fired, and memory's own did not; None else.

        Only cgroup v1 has one (memory.memsw). Memory and swap make it up to the byte; on v2 memory fills its limit.
        """
        sizes = (self.usage_bytes, self.limit_bytes, self.swap_usage_bytes, self.swap_limit_bytes)
        if None in sizes:
            return None
        usage, limit, swap, swap_limit = (size or 0 for size in sizes)
        return limit + swap_limit if usage < limit and usage + swap == limit + swap_limit else None


class Task(NamedTuple):
    """A row of the kernel's task table. `oom_score` is on the printed scale, None where the total is unknown.

    A tuple, since dumps have hundreds of them.
    """

    pid: int
    comm: str
    tgid: int | None = None
    uid: int | None = None
    total_vm_bytes: int | None = None
    rss_bytes: int | None = None
    swap_bytes: int | None = None
    pagetables_bytes: int | None = None
    oom_score_adj: int | None = None
    oom_score: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One invocation of the OOM killer with all its victims.

    `first` is the stamp of its first line, `killed` that of the first "Killed process" line (of the first line where
    nothing was killed): it names the invocation, since it survives whatever part of the dump was lost.
    `global_oom` is true where the kernel says that no memory cgroup was at its limit, whatever the constraint.
    `oom_memcg` is the cgroup at its limit, `task_memcg` the victim's; `cpuset` is that of the allocating task.
    `chosen` is the task that kernels before 5.1 chose, where no victim is it. `nodemask` are the NUMA nodes that the
    allocation was bound to, `mems_allowed` those that the cpuset allows. `total_bytes` is what the scores relate to:
    the limit, or the machine's memory, with swap. `panicked` says that the kernel stopped instead of killing,
    `limit_written` that the trigger was writing a limit. `table_whole` says that no row of the task table is known to
    be missing. `tasks` are ordered by badness, highest first; `task_count` counts the rows that the log holds. `log` is
    the kernel's text without call trace. `place` is where its first line begins in the log, in bytes.
    """

    first: Stamp
    killed: Stamp
    sequence_first: int | None = None
    sequence_last: int | None = None
    kernel_release: str | None = None
    constraint: str | None = None
    global_oom: bool = False
    oom_memcg: str | None = None
    task_memcg: str | None = None
    cpuset: str | None = None
    trigger: Trigger | None = None
    group_kill: bool = False
    chosen: ChosenProcess | None = None
    total_bytes: int | None = None
    panicked: bool = False
    limit_written: bool = False
    table_whole: bool = False
    nodemask: str | None = None
    mems_allowed: str | None = None
    victims: tuple[Victim, ...] = ()
    memory: MemoryUsage | None = None
    tasks: tuple[Task, ...] = ()
    task_count: int | None = None
    missing: frozenset[Part] = frozenset()
    lost_before: int | None = 0
    log: str = ""
    place: int | None = field(default=None, compare=False)

    @property
    def no_victim(self) -> bool:
        """Whether the killer ran, was seen whole to its end, and killed nothing."""
        return not self.victims and Part.KILL_LINE not in self.missing
