"""The spec of an OOMRecord as a value.

The agent sends it as JSON, `oomreport explain -o json` prints that, and the controller reads it back. Sizes are bytes.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from oomreport.incident.api_json import LEAST_INT, MOST_INT, as_json
from oomreport.incident.memory.usage import Usage
from oomreport.kernel.record import ChosenProcess, Invocation, MemoryUsage, Part, Task, Trigger, Victim
from oomreport.names import bounded_text, label_name
from oomreport.workload.container import Scope, Subject, scope_of, subject_of

MOST_VICTIMS = 1000
MOST_TASKS = 20
MOST_STAT_KEYS = 100
# A list of every second of 1024 nodes (MAX_NUMNODES, include/linux/numa.h) is shorter.
MOST_NODE_MASK = 4096
MOST_LOG_BYTES = 16 * 1024
MOST_USAGE_SAMPLES = 120
_PARTS = list(Part)


class Source(StrEnum):
    """Where a record was read."""

    KMSG = "Kmsg"
    SYSLOG = "Syslog"
    FILE = "File"
    CGROUP_COUNTER = "CgroupCounter"


class SubjectSource(StrEnum):
    """How the container of an anonymous kill was found."""

    GROUP_LINE = "GroupLine"
    PROCESS = "Process"
    TASK_TABLE = "TaskTable"
    CGROUP_COUNTER = "CgroupCounter"
    VANISHED_CGROUP = "VanishedCgroup"


class ScopeSource(StrEnum):
    """How it was found whose limit was hit, where the log does not say."""

    COUNTERS = "Counters"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsHit:
    """Whose limits counters show as hit at a kill: one, or those in question. `limit_bytes` is that of the one."""

    scopes: tuple[Scope, ...] = ()
    limit_bytes: int | None = None

    def of(self, spec: "RecordSpec") -> "RecordSpec":
        """Return a record's spec with it; one that says itself whose limit was hit stays as it is."""
        if spec.scope is not Scope.UNKNOWN or not self.scopes:
            return spec
        if len(self.scopes) > 1:
            return replace(spec, scope_candidates=self.scopes)
        memory = spec.memory or (MemoryUsage(limit_bytes=self.limit_bytes) if self.limit_bytes else None)
        return replace(spec, scope=self.scopes[0], scope_source=ScopeSource.COUNTERS, memory=memory)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The node and the boot that a record comes from. All None for a log of unknown origin."""

    node_name: str | None = None
    boot_id: str | None = None
    source: Source | None = None
    kernel_release: str | None = None


def subject_of_invocation(invocation: Invocation) -> Subject | None:
    """Return whom the kernel hit, by the victim's cgroup, or by the cgroup at its limit where the first is not said."""
    return subject_of(invocation.task_memcg) or subject_of(invocation.oom_memcg)


def record_name(*, node_name: str, boot_id: str, stamp_us: int) -> str:
    """Return the record's name for the kill that the kernel stamped `stamp_us`, the same from every source."""
    return label_name(node_name, boot_id[:8], str(stamp_us))


def counter_record_name(*, node_name: str, boot_id: str, container_id: str, count: int) -> str:
    """Return the name of the record of a kill that only a cgroup counter shows; `count` is the counter's new value."""
    return label_name(node_name, boot_id[:8], container_id[:12], str(count))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """The sequence numbers of a dump's first and last line in the kernel's log buffer."""

    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSpec:
    """The spec of an OOMRecord: what the kernel said, and whom the agent found that it hit. Its fields are the API's.

    `victims` and `tasks` hold the first ones only, `victim_count` and `task_count` say how many there were.
    """

    node_name: str | None = None
    boot_id: str | None = None
    time: datetime | None = None
    kernel_time_microseconds: int | None = None
    sequence: Sequence | None = None
    source: Source | None = None
    kernel_release: str | None = None
    constraint: str | None = None
    scope: Scope = Scope.UNKNOWN
    scope_source: ScopeSource | None = None
    scope_candidates: tuple[Scope, ...] = ()
    oom_memcg: str | None = None
    task_memcg: str | None = None
    trigger_cpuset: str | None = None
    mems_allowed: str | None = None
    nodemask: str | None = None
    trigger: Trigger | None = None
    group_kill: bool = False
    no_victim: bool = False
    chosen: ChosenProcess | None = None
    victims: tuple[Victim, ...] = ()
    victim_count: int | None = None
    memory: MemoryUsage | None = None
    tasks: tuple[Task, ...] = ()
    task_count: int | None = None
    subject: Subject | None = None
    subject_source: SubjectSource | None = None
    subject_candidates: tuple[str, ...] = ()
    usage: Usage | None = None
    missing: tuple[Part, ...] = ()
    lost_before: int | None = None
    log: str | None = None

    @property
    def limit(self) -> int | None:
        """Return the limit that fired, in bytes."""
        return self.memory.limit_bytes if self.memory else None

    @property
    def is_kill(self) -> bool:
        """Return whether something was killed: a victim is named, its line was lost, or a counter moved."""
        if self.no_victim:
            return False
        return bool(self.victims) or self.source is Source.CGROUP_COUNTER or Part.KILL_LINE in self.missing

    def as_json(self) -> dict[str, Any]:
        """Return it with the API's names."""
        return as_json(self)


def record_spec(
    invocation: Invocation,
    *,
    origin: Origin,
    time: datetime | None,
    subject: Subject | None,
    usage: Usage | None = None,
) -> RecordSpec:
    """Return what an OOMRecord holds of an invocation; `time` is when the killer's first line was printed."""
    return RecordSpec(
        node_name=origin.node_name,
        boot_id=origin.boot_id,
        time=time,
        kernel_time_microseconds=invocation.first.monotonic_us,
        sequence=_sequence(invocation),
        source=origin.source,
        kernel_release=invocation.kernel_release or origin.kernel_release,
        constraint=invocation.constraint,
        scope=scope_of(invocation.oom_memcg, global_oom=invocation.global_oom),
        oom_memcg=invocation.oom_memcg,
        task_memcg=invocation.task_memcg,
        trigger_cpuset=invocation.cpuset,
        mems_allowed=_bounded_mask(invocation.mems_allowed),
        nodemask=_bounded_mask(invocation.nodemask),
        trigger=invocation.trigger,
        group_kill=invocation.group_kill,
        no_victim=invocation.no_victim,
        chosen=invocation.chosen,
        victims=invocation.victims[:MOST_VICTIMS],
        victim_count=len(invocation.victims),
        memory=_bounded(invocation.memory),
        tasks=invocation.tasks[:MOST_TASKS],
        task_count=invocation.task_count,
        subject=subject,
        usage=usage.bounded(MOST_USAGE_SAMPLES) if usage and usage.samples else None,
        missing=tuple(sorted(invocation.missing, key=_PARTS.index)),
        lost_before=invocation.lost_before,
        log=bounded_text(invocation.log, MOST_LOG_BYTES) or None,
    )


def bounded_invocation(invocation: Invocation) -> Invocation:
    """Return an invocation without what no record of it would hold: most tasks, and the middle of a long dump."""
    return replace(
        invocation,
        tasks=invocation.tasks[:MOST_TASKS],
        memory=_bounded(invocation.memory),
        log=bounded_text(invocation.log, MOST_LOG_BYTES),
    )


def _bounded_mask(mask: str | None) -> str | None:
    """Return a list of NUMA nodes; None where it is longer than that of any machine, or cut."""
    return mask if mask is not None and len(mask) <= MOST_NODE_MASK else None


def _sequence(invocation: Invocation) -> Sequence | None:
    if invocation.sequence_first is None or invocation.sequence_last is None:
        return None
    return Sequence(first=invocation.sequence_first, last=invocation.sequence_last)


def _bounded(memory: MemoryUsage | None) -> MemoryUsage | None:
    """Return it with no more of memory.stat than an OOMRecord takes, and no number beyond int64."""
    if memory is None or not memory.stat:
        return memory
    stat = memory.stat
    if len(stat) <= MOST_STAT_KEYS and min(stat.values()) >= LEAST_INT and max(stat.values()) <= MOST_INT:
        return memory
    legible = [(key, size) for key, size in stat.items() if LEAST_INT <= size <= MOST_INT]
    return replace(memory, stat=dict(legible[:MOST_STAT_KEYS]))
