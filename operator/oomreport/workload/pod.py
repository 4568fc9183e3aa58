"""The few facts of a pod that matter for its kills.

Pods are many and large (11 KB each is common), so nothing else is kept. Traps of pod status:

* A status holds only the last termination of a container: in `state` until the container is restarted, in `lastState`
  after that. Where the restart count jumps by more than one, terminations are lost for good.
* Three lists hold containers. A sidecar is an init container with restartPolicy Always. Ephemeral containers have no
  limits of their own.
* The limit in force is that of `containerStatuses[].resources`: an in-place resize changes it after `spec` was written.
* A static pod's mirror in the API has another UID than its cgroup; the annotation kubernetes.io/config.hash joins them.
* Times are whole seconds, cut off: a container may have ended up to a second after `finishedAt`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from oomreport.names import is_label, is_name
from oomreport.times import parse_time
from oomreport.workload.heap import HeapSetting, heap_settings
from oomreport.workload.quantity import parse_quantity

OOM_KILLED = "OOMKilled"
# 128 + SIGKILL. The kernel's OOM killer sends SIGKILL, as does everybody else who wants a process gone.
SIGKILLED = 137
CONFIG_HASH = "kubernetes.io/config.hash"
_TEMPLATE_HASH = "pod-template-hash"


class ContainerKind(StrEnum):
    """When a container runs: beside the others, before them until it ends, before and beside them, on demand."""

    REGULAR = "Regular"
    INIT = "Init"
    SIDECAR = "Sidecar"
    EPHEMERAL = "Ephemeral"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerReference:
    """The controller of an object, by `metadata.ownerReferences` with `controller: true`."""

    api_version: str
    kind: str
    name: str
    uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Termination:
    """The end of one container instance. `attempt` counts the restarts before it: 0 for the first instance."""

    container_id: str
    reason: str | None = None
    exit_code: int | None = None
    started: datetime | None = None
    finished: datetime | None = None
    attempt: int | None = None

    @property
    def oom_killed(self) -> bool:
        """Whether the runtime reports an OOM kill. It can be wrong in both directions."""
        return self.reason == OOM_KILLED

    @property
    def perhaps_oom_killed(self) -> bool:
        """Whether it can be an OOM kill: the runtime says so, or saw a SIGKILL of unknown sender."""
        return self.oom_killed or (self.exit_code == SIGKILLED and self.reason == "Error")

    def seen_at(self, seen: datetime) -> "Termination":
        """Return it with times that are not in the future: what was seen at `seen` had ended by then."""
        if self.finished is None or self.finished <= seen:
            return self
        ahead = self.finished - seen
        return replace(self, finished=seen, started=self.started - ahead if self.started else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerFacts:
    """A container of a pod. Sizes are bytes, None where not set; IDs are without the runtime's prefix."""

    name: str
    kind: ContainerKind = ContainerKind.REGULAR
    memory_limit: int | None = None
    memory_request: int | None = None
    running_id: str | None = None
    running_since: datetime | None = None
    attempt: int | None = None
    terminations: tuple[Termination, ...] = ()
    heap: tuple[HeapSetting, ...] = ()

    @property
    def container_ids(self) -> tuple[str, ...]:
        """Return the instances that status still names."""
        ended = tuple(termination.container_id for termination in self.terminations)
        return (self.running_id, *ended) if self.running_id else ended

    def was_done_by(self, time: datetime) -> bool:
        """Return whether an init container had ended for good by `time`; the end is cut to whole seconds."""
        if self.kind is not ContainerKind.INIT or self.running_id:
            return False
        ends = [end.finished for end in self.terminations if end.finished and end.exit_code == 0]
        return bool(ends) and max(ends) + timedelta(seconds=1) < time

    def was_another(self, container_id: str | None, time: datetime) -> bool:
        """Return whether an instance that is not `container_id` ran at `time`; times of status are cut to seconds."""
        running = self.running_id, self.running_since, None
        ended = ((end.container_id, end.started, end.finished) for end in self.terminations)
        return container_id is not None and any(
            instance not in (None, container_id)
            and start is not None
            and start + timedelta(seconds=1) <= time
            and (time <= end if end is not None else instance == self.running_id)
            for instance, start, end in (running, *ended)
        )

    @property
    def has_started(self) -> bool:
        """Return whether an instance runs or has run, so that its limit is in force."""
        return bool(self.container_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryVolume:
    """An emptyDir of medium Memory.

    Its files are charged to the pod; without a `size_limit` they can fill the pod's limit.
    """

    name: str
    size_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PodFacts:
    """The facts of a pod.

    `ready_since` is when it last became ready, None while it is not. `annotations` are those that were asked for.
    `terminating`: its deletion was requested. `finished`: all its containers have ended for good. `deleted`: it is
    gone. `resized`: the containers whose memory limit was last written by a resize in place.
    """

    uid: str
    namespace: str
    name: str
    resource_version: str = ""
    node: str | None = None
    owner: OwnerReference | None = None
    template_hash: str | None = None
    config_hash: str | None = None
    runtime_class: str | None = None
    memory_limit: int | None = None
    ready_since: datetime | None = None
    annotations: tuple[tuple[str, str], ...] = ()
    containers: tuple[ContainerFacts, ...] = ()
    memory_volumes: tuple[MemoryVolume, ...] = ()
    created: datetime | None = None
    terminating: bool = False
    finished: bool = False
    deleted: bool = False
    resized: frozenset[str] = frozenset()

    def container(self, name: str) -> ContainerFacts | None:
        """Return a container by its name."""
        return next((one for one in self.containers if one.name == name), None)

    def container_with(self, container_id: str) -> ContainerFacts | None:
        """Return the container that an instance belongs to, while status names that instance."""
        return next((one for one in self.containers if container_id in one.container_ids), None)

    def only_container(self, time: datetime) -> ContainerFacts | None:
        """Return the container that alone can have run at `time`; None where several can."""
        able = [one for one in self.containers if not one.was_done_by(time)]
        return able[0] if len(able) == 1 else None

    def container_left(self, time: datetime, container_id: str | None) -> ContainerFacts | None:
        """Return the one whose instance this was: all others ran as another one, and it was restarted since."""
        able = [one for one in self.containers if not (one.was_done_by(time) or one.was_another(container_id, time))]
        return able[0] if len(able) == 1 and able[0].attempt else None

    def is_named_by(self, uid: str) -> bool:
        """Return whether a cgroup with this pod UID, or with a static pod's config hash, is this pod's."""
        return uid in (self.uid, self.config_hash)


def pod_facts(pod: Mapping[str, Any], *, annotations: Iterable[str] = (), deleted: bool = False) -> PodFacts:
    """Return the facts of a pod as the API server sends it; a missing or malformed value becomes None."""
    metadata, spec, status = (_mapping(pod.get(key)) for key in ("metadata", "spec", "status"))
    found = _mapping(metadata.get("annotations"))
    return PodFacts(
        uid=metadata.get("uid", ""),
        namespace=metadata.get("namespace", ""),
        name=metadata.get("name", ""),
        resource_version=metadata.get("resourceVersion", ""),
        node=spec.get("nodeName"),
        owner=controller_of(pod),
        template_hash=_mapping(metadata.get("labels")).get(_TEMPLATE_HASH),
        config_hash=found.get(CONFIG_HASH),
        runtime_class=spec.get("runtimeClassName"),
        memory_limit=_limit_of_pod(spec, status),
        ready_since=_ready_since(status),
        annotations=tuple((key, found[key]) for key in annotations if key in found),
        containers=tuple(_containers(spec, status)),
        memory_volumes=tuple(_memory_volumes(spec)),
        created=parse_time(metadata.get("creationTimestamp")),
        terminating="deletionTimestamp" in metadata,
        finished=status.get("phase") in ("Succeeded", "Failed"),
        deleted=deleted,
        resized=frozenset(_resized(metadata)),
    )


def shows_a_possible_kill(pod: Mapping[str, Any]) -> bool:
    """Return whether pod status shows a termination that can be an OOM kill.

    It is cheap, since pods come by the thousand.
    """
    return any(
        terminated.get("reason") == OOM_KILLED or terminated.get("exitCode") == SIGKILLED
        for status in _statuses(_mapping(pod.get("status")))
        for state in (status.get("state"), status.get("lastState"))
        if (terminated := _mapping(_mapping(state).get("terminated")))
    )


def node_name(pod: Mapping[str, Any]) -> str | None:
    """Return the name of a pod's node; None before it is scheduled."""
    return _mapping(pod.get("spec")).get("nodeName") or None


def instances_of(pod: Mapping[str, Any]) -> Iterator[str]:
    """Return the IDs of all container instances that pod status names, running or ended; cheap, too."""
    for status in _statuses(_mapping(pod.get("status"))):
        ended = (_mapping(_mapping(status.get(key)).get("terminated")) for key in ("state", "lastState"))
        for holder in (status, *ended):
            if instance := _plain_id(holder.get("containerID")):
                yield instance


def controller_of(item: Mapping[str, Any]) -> OwnerReference | None:
    """Return the owner that controls an object.

    None also for one that no object can be: Kubernetes checks only that its fields are not empty, so whoever may create
    a pod may write any text there.
    """
    for reference in _sequence(_mapping(item.get("metadata")).get("ownerReferences")):
        if reference.get("controller"):
            owner = OwnerReference(
                api_version=str(reference.get("apiVersion", "")),
                kind=str(reference.get("kind", "")),
                name=str(reference.get("name", "")),
                uid=str(reference.get("uid", "")),
            )
            return owner if _can_be(owner) else None
    return None


def _resized(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Return the containers whose memory limit the subresource `resize` owns (KEP-1287)."""
    for entry in _sequence(metadata.get("managedFields")):
        if not isinstance(entry, Mapping) or entry.get("subresource") != "resize":
            continue
        spec = _mapping(_mapping(entry.get("fieldsV1")).get("f:spec"))
        for key, fields in {**_mapping(spec.get("f:containers")), **_mapping(spec.get("f:initContainers"))}.items():
            limits = _mapping(_mapping(_mapping(fields).get("f:resources")).get("f:limits"))
            if "f:memory" in limits and key.startswith('k:{"name":"'):
                yield key.removeprefix('k:{"name":"').removesuffix('"}')


def _can_be(owner: OwnerReference) -> bool:
    group, slash, version = owner.api_version.rpartition("/")
    if (slash and not is_name(group)) or not is_label(version):
        return False
    return is_label(owner.kind.lower()) and is_name(owner.name)


def _containers(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Iterator[ContainerFacts]:
    states = {one.get("name"): one for one in _statuses(status)}
    lists = (
        ("initContainers", ContainerKind.INIT),
        ("containers", ContainerKind.REGULAR),
        ("ephemeralContainers", ContainerKind.EPHEMERAL),
    )
    for key, kind in lists:
        for container in _sequence(spec.get(key)):
            sidecar = kind is ContainerKind.INIT and container.get("restartPolicy") == "Always"
            state = _mapping(states.get(container.get("name")))
            yield _container(container, state, ContainerKind.SIDECAR if sidecar else kind)


def _container(spec: Mapping[str, Any], status: Mapping[str, Any], kind: ContainerKind) -> ContainerFacts:
    in_force = _mapping(status.get("resources")) or _mapping(spec.get("resources"))
    state, last = _mapping(status.get("state")), _mapping(status.get("lastState"))
    restarts = status.get("restartCount")
    ends = (
        _termination(state.get("terminated"), restarts),
        _termination(last.get("terminated"), restarts - 1 if restarts else restarts),
    )
    return ContainerFacts(
        name=spec.get("name", ""),
        kind=kind,
        memory_limit=_memory(in_force, "limits"),
        memory_request=_memory(in_force, "requests"),
        running_id=_plain_id(status.get("containerID")) if "running" in state else None,
        running_since=parse_time(_mapping(state.get("running")).get("startedAt")),
        attempt=restarts,
        terminations=tuple(end for end in ends if end),
        heap=heap_settings(spec),
    )


def _limit_of_pod(spec: Mapping[str, Any], status: Mapping[str, Any]) -> int | None:
    """Return the limit that the pod's own spec sets, as it is in force.

    A kubelet (1.36) writes what its containers' limits sum up to into the status of every pod, also where one of them
    has none, and the pod's cgroup has no limit.
    """
    own = _memory(_mapping(spec.get("resources")), "limits")
    return None if own is None else _memory(_mapping(status.get("resources")), "limits") or own


def _memory_volumes(spec: Mapping[str, Any]) -> Iterator[MemoryVolume]:
    for volume in _sequence(spec.get("volumes")):
        directory = _mapping(volume.get("emptyDir"))
        if directory.get("medium") == "Memory":
            size = directory.get("sizeLimit")
            yield MemoryVolume(name=volume.get("name", ""), size_limit=None if size is None else parse_quantity(size))


def _termination(terminated: object, attempt: int | None) -> Termination | None:
    found = _mapping(terminated)
    container_id = _plain_id(found.get("containerID"))
    if container_id is None:
        return None
    return Termination(
        container_id=container_id,
        reason=found.get("reason"),
        exit_code=found.get("exitCode"),
        started=parse_time(found.get("startedAt")),
        finished=parse_time(found.get("finishedAt")),
        attempt=attempt,
    )


def _statuses(status: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for key in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        yield from _sequence(status.get(key))


def _ready_since(status: Mapping[str, Any]) -> datetime | None:
    for condition in _sequence(status.get("conditions")):
        if condition.get("type") == "Ready" and condition.get("status") == "True":
            return parse_time(condition.get("lastTransitionTime"))
    return None


def _memory(resources: Mapping[str, Any], which: str) -> int | None:
    memory = _mapping(resources.get(which)).get("memory")
    return None if memory is None else parse_quantity(memory)


def _plain_id(container_id: object) -> str | None:
    return container_id.rsplit("/", 1)[-1] or None if isinstance(container_id, str) else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: object) -> Sequence[Mapping[str, Any]]:
    return value if isinstance(value, list) else ()
