"""Everything known about one report, gathered before anything is decided.

`None` and an empty collection mean looked for and not found. Deciding is pure: the same evidence gives the same report,
so gathering and deciding again after a crash, or twice at once, does no harm.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from oomreport.incident.api_json import from_json
from oomreport.incident.oom_record import RecordSpec
from oomreport.incident.witness.surroundings import UNBOUNDED, Surroundings
from oomreport.times import parse_time
from oomreport.workload.container import Scope, Subject
from oomreport.workload.owner import Workload
from oomreport.workload.pod import ContainerFacts, PodFacts, Termination

# The containers of a report on a Node: one for kills of no known container, one for processes of the host.
UNKNOWN_CONTAINER = "unknown"
HOST_CONTAINER = "host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for a witness that may still come, before the others decide.

    settle            a container that ends, or is killed in again, this long after a kill has survived it
    grace             a termination OOMKilled waits this long for its kernel record; so long, too, a kubelet may take to
                      tell of an end (it sends again after 10 s what it could not send): a container that is seen
                      running after it has survived the kill
    match_after       a record that names no container waits this long for the records of its neighbours
    unknown_after     and this long for a termination that it can be matched with
    termination_age   an older termination is history: its report has been deleted already
    resolve_after     an applied recommendation that holds this long has resolved the report
    """

    settle: timedelta = timedelta(seconds=5)
    grace: timedelta = timedelta(seconds=15)
    match_after: timedelta = timedelta(seconds=3)
    unknown_after: timedelta = timedelta(seconds=60)
    termination_age: timedelta = timedelta(days=7)
    resolve_after: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFacts:
    """An OOMRecord as the controller keeps it: its spec without the log, and what it was used for.

    `container_id` is the subject's, or that of the termination it was matched with. `report` is the namespace and name
    of the report that has claimed or counted it, `used` whether it is counted for good.
    """

    name: str
    node: str
    time: datetime
    spec: RecordSpec
    container_id: str | None = None
    resource_version: str = ""
    used: datetime | None = None
    report: tuple[str, str] | None = None

    @property
    def subject(self) -> Subject | None:
        """Return the container that was hit, as the agent knew it."""
        return self.spec.subject

    @property
    def pod_uid(self) -> str | None:
        """Return the pod UID in the cgroup's path, for a static pod its config hash."""
        return self.subject.pod_uid if self.subject else None

    @property
    def scope(self) -> Scope:
        """Return whose limit was hit."""
        return self.spec.scope

    @property
    def candidates(self) -> tuple[str, ...]:
        """Return between which containers (a pod's UID where only the pod is known) the agent could not decide."""
        return self.spec.subject_candidates

    @property
    def limit(self) -> int | None:
        """Return the limit that fired, in bytes."""
        return self.spec.limit

    @property
    def is_kill(self) -> bool:
        """Return whether something was killed."""
        return self.spec.is_kill

    @property
    def is_anonymous(self) -> bool:
        """Return whether the agent named no container; `container_id`, if any, is that of a matched termination."""
        return self.subject is None or self.subject.container_id is None

    @property
    def killed_whole_container(self) -> bool:
        """Return whether the kernel killed the container's cgroup as a group, and not one nested in it."""
        subject = self.subject
        if not self.spec.group_kill or subject is None or subject.container_id is None:
            return False
        below = (self.spec.task_memcg or "").partition(subject.container_id)[2]
        return "/" not in below

    @property
    def on_host(self) -> bool:
        """Return whether the victim is known to lie outside any pod."""
        return self.pod_uid is None and bool(self.spec.task_memcg)


def record_facts(record: Mapping[str, Any]) -> RecordFacts | None:
    """Return the facts of an OOMRecord as the API server sends it; None without the fields that every record has."""
    metadata, status = record.get("metadata") or {}, record.get("status") or {}
    spec = from_json(RecordSpec, record.get("spec") or {})
    created = parse_time(metadata.get("creationTimestamp"))
    time = _not_after(spec.time if spec else None, created)
    if not metadata.get("name") or spec is None or not spec.node_name or time is None:
        return None
    report = status.get("reportRef")
    return RecordFacts(
        name=metadata["name"],
        node=spec.node_name,
        time=time,
        spec=replace(spec, log=None),
        container_id=(spec.subject.container_id if spec.subject else None) or status.get("containerID"),
        resource_version=metadata.get("resourceVersion", ""),
        used=parse_time(status.get("usedTime")),
        report=(report["namespace"], report["name"]) if report else None,
    )


def used_record(record: Mapping[str, Any]) -> RecordFacts | None:
    """Return what is remembered of an OOMRecord that was used; None for one that was not, or that says too little."""
    metadata, spec, status = (record.get(part) or {} for part in ("metadata", "spec", "status"))
    used, name, node = parse_time(status.get("usedTime")), metadata.get("name"), spec.get("nodeName")
    if used is None or not name or not node:
        return None
    return RecordFacts(
        name=name,
        node=node,
        time=used,
        spec=RecordSpec(),
        container_id=(spec.get("subject") or {}).get("containerID") or status.get("containerID"),
        resource_version=metadata.get("resourceVersion", ""),
        used=used,
    )


def is_used(record: Mapping[str, Any]) -> bool:
    """Return whether an OOMRecord, as the API server sends it, is marked as used."""
    return bool((record.get("status") or {}).get("usedTime"))


def _not_after(time: datetime | None, created: datetime | None) -> datetime | None:
    """Return the time of a kill by a node's clock, which may be ahead; the record of it was created later.

    The API server cuts the time of creation to whole seconds, so that is up to a second too early.
    """
    if time is None or created is None:
        return time or created
    return min(time, created + timedelta(seconds=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A termination with the pod and container that show it."""

    pod: PodFacts
    container: ContainerFacts
    termination: Termination

    @property
    def container_id(self) -> str:
        """Return the instance that ended."""
        return self.termination.container_id


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything known about one report at `now`.

    status         the report's status as it is stored; empty where there is no report yet. `decide` reads it only where
                   it is not handed the value
    records        the kernel's records of this container that are not used yet
    pods           the workload's pods that matter, also those deleted a while ago
    pods_listed    whether these are all pods that the workload has
    recorded       containers that have a kernel record of their own, used or not
    healthy_since  by node: since when its agent has been ready, for agents that are
    first_seen     by record name or container ID: when this process learned of it, where that was after the event
    unmarked       records in the ledger whose own status does not say yet that they were used
    forgettable    ledger entries that no witness can bring up again
    unsettled      kills shown before, of which nobody has been told yet whether the container lived on
    surroundings   the policy and the cluster's bounds
    managed_by     who keeps the workload's manifest; empty where no mark tells, None where it could not be read
    """

    now: datetime
    workload: Workload
    container: str
    status: Mapping[str, Any] = field(default_factory=dict)
    generation: int | None = None
    review: str = "Pending"
    records: tuple[RecordFacts, ...] = ()
    pods: tuple[PodFacts, ...] = ()
    pods_listed: bool = False
    recorded: frozenset[str] = frozenset()
    healthy_since: Mapping[str, datetime] = field(default_factory=dict)
    first_seen: Mapping[str, datetime] = field(default_factory=dict)
    unmarked: frozenset[str] = frozenset()
    forgettable: frozenset[str] = frozenset()
    unsettled: frozenset[str] = frozenset()
    surroundings: Surroundings = UNBOUNDED
    managed_by: Mapping[str, str] | None = None

    @cached_property
    def endings(self) -> Mapping[str, Ending]:
        """Return the terminations of this report's container that pod status shows, by the instance that ended."""
        return {
            termination.container_id: Ending(pod=pod, container=container, termination=termination)
            for pod in self.pods
            if (container := pod.container(self.container))
            for termination in container.terminations
        }

    def runs(self, container_id: str) -> bool:
        """Return whether a container instance is seen running."""
        return any(
            container.running_id == container_id and not pod.deleted
            for pod in self.pods
            if (container := pod.container(self.container))
        )

    def pod_of(self, *, pod_uid: str | None, container_id: str | None) -> PodFacts | None:
        """Return the pod with a UID (or config hash), or the one whose status names the container instance."""
        for pod in self.pods:
            if pod_uid and pod.is_named_by(pod_uid):
                return pod
            if container_id and pod.container_with(container_id):
                return pod
        return None
