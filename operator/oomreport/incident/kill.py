"""One OOM kill: victim, limit, cause and verdict.

Made from the kernel's record, from what a report stored, or from a log. What no witness tells is None.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from oomreport.incident.api_json import as_json, from_json
from oomreport.incident.memory.usage import Usage
from oomreport.incident.oom_record import RecordSpec
from oomreport.kernel.record import SYSRQ_ORDER, MemoryUsage, Task, Trigger, Victim
from oomreport.workload.container import Scope
from oomreport.workload.pod import Termination


class Verdict(StrEnum):
    """How sure a kill is."""

    CONFIRMED = "Confirmed"
    KERNEL_ONLY = "KernelOnly"
    STATUS_ONLY = "StatusOnly"
    CONTRADICTED = "Contradicted"


class Cause(StrEnum):
    """Whose limit a kill was about."""

    CONTAINER_LIMIT = "ContainerLimit"
    POD_LIMIT = "PodLimit"
    NODE_ALLOCATABLE = "NodeAllocatable"
    NODE_OUT_OF_MEMORY = "NodeOutOfMemory"
    NESTED_CGROUP = "NestedCgroup"
    CPUSET_OR_NUMA = "CPUSetOrNUMA"
    UNKNOWN = "Unknown"


# What the node, or all of its pods together, may use was full: requests count then, and no limit of a container.
FULL_NODE = frozenset({Cause.NODE_ALLOCATABLE, Cause.NODE_OUT_OF_MEMORY})


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentKill:
    """A kill in short, as `status.recentKills` holds it. `shape` and what follows tell of the way to it."""

    id: str
    time: datetime
    pod: str | None = None
    node: str | None = None
    verdict: Verdict | None = None
    cause: Cause = Cause.UNKNOWN
    victim: str | None = None
    limit_bytes: int | None = None
    shape: str | None = None
    uptime_seconds: int | None = None
    growth_bytes_per_hour: int | None = None

    @property
    def limit(self) -> int | None:
        """Return the limit that fired, in bytes."""
        return self.limit_bytes

    @property
    def comm(self) -> str | None:
        """Return the name of the process that was killed first."""
        return self.victim

    @classmethod
    def from_status(cls, raw: object) -> "tuple[RecentKill, ...]":
        """Return `status.recentKills` as the API server sends it."""
        found = (from_json(cls, one) for one in (raw if isinstance(raw, list | tuple) else ()))
        return tuple(one for one in found if one is not None)

    def as_json(self) -> dict[str, Any]:
        """Return it as an item of `status.recentKills`."""
        return as_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """A kill as `status.lastKill` of a report holds it; its fields are the API's, sizes are bytes.

    `victim` was killed first, `victims` is how many were. `tasks` are the first rows of the kernel's task table.
    `time` is None for a log that does not say when. `silent` is true where the container lived on.
    """

    id: str = ""
    time: datetime | None = None
    pod: str | None = None
    pod_uid: str | None = None
    node: str | None = None
    container_id: str | None = None
    started_at: datetime | None = None
    restart_count: int | None = None
    verdict: Verdict | None = None
    cause: Cause = Cause.UNKNOWN
    scope: Scope | None = None
    silent: bool = False
    victim: Victim | None = None
    victims: int | None = None
    trigger: Trigger | None = None
    memory: MemoryUsage | None = None
    tasks: tuple[Task, ...] = ()
    usage: Usage | None = None
    record_name: str | None = None
    termination: Termination | None = None

    @classmethod
    def from_record(cls, spec: RecordSpec, **known: Any) -> "Kill":  # noqa: ANN401 - fields of many types
        """Return what a record tells of a kill; `known` are the fields that it does not tell."""
        told: dict[str, Any] = {
            "scope": spec.scope,
            "victim": spec.victims[0] if spec.victims else None,
            "victims": spec.victim_count or len(spec.victims) or None,
            "trigger": spec.trigger,
            "memory": spec.memory,
            "tasks": spec.tasks,
            "usage": spec.usage,
        }
        return cls(**told, **known)

    @classmethod
    def from_status(cls, raw: object) -> "Kill | None":
        """Return a stored kill, `status.lastKill` as the API server sends it; None where there is none."""
        return from_json(cls, raw) if raw else None

    @staticmethod
    def completed(raw: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return stored JSON with the instance in its termination, which stands beside it."""
        termination = raw.get("termination")
        if not isinstance(termination, Mapping):
            return raw
        instance = {"containerID": raw.get("containerID") or "", "restartCount": raw.get("restartCount")}
        return {**raw, "termination": {**termination, **instance}}

    @property
    def asked_for(self) -> bool:
        """Return whether somebody asked the kernel for the kill (SysRq f): nothing need have been full."""
        return self.trigger is not None and self.trigger.order == SYSRQ_ORDER

    @property
    def limit(self) -> int | None:
        """Return the limit that fired, in bytes."""
        return self.memory.limit_bytes if self.memory else None

    @property
    def comm(self) -> str | None:
        """Return the name of the process that was killed first."""
        return self.victim.comm if self.victim else None

    @property
    def started(self) -> datetime | None:
        """Return when the instance started, by the pod's status."""
        return self.started_at or (self.termination.started if self.termination else None)

    def in_short(self) -> RecentKill:
        """Return it as `status.recentKills` holds it, without the way to it."""
        assert self.time is not None
        return RecentKill(
            id=self.id,
            time=self.time,
            pod=self.pod,
            node=self.node,
            verdict=self.verdict,
            cause=self.cause,
            victim=self.comm,
            limit_bytes=self.limit,
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as `status.lastKill`."""
        return as_json(self)
