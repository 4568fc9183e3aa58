"""A pod's memory that can be resized in place (pods/resize).

Traps of such a pod:

* `spec` holds what was requested, `status.containerStatuses[].resources` what is in force. In between come the
  kubelet's answers. The condition PodResizePending has the reason Infeasible (never possible) or Deferred (the node has
  no room now). PodResizeInProgress follows, with the reason Error where the runtime refused. Each names the generation
  of the pod that it is about; an older one says nothing of the last change.
* The kernel counts pages: limits are compared to the page.
* A pod's QoS class is fixed at its creation. The API server refuses a resize that would change it, so in a Guaranteed
  pod request and limit go up together.
* `metadata.managedFields` says who resized a container and when, as an entry of the subresource `resize`.
* The built-in controllers make pods from a template and never look at a pod's resources again. Others do, and put back
  their own value or replace the pod: a GitOps tool that applied the pod itself, a vertical pod autoscaler, operators
  that compare their pods with what they wanted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from oomreport.times import parse_time
from oomreport.workload.manager import Tool, manager_of
from oomreport.workload.pod import controller_of
from oomreport.workload.quantity import parse_quantity

PAGE = 4096
_MIRROR = "kubernetes.io/config.mirror"
_VPA_CONTAINERS = "vpaObservedContainers"
_BUILT_IN = frozenset(
    {
        ("apps", "ReplicaSet"),
        ("apps", "StatefulSet"),
        ("apps", "DaemonSet"),
        ("batch", "Job"),
        ("", "ReplicationController"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryResources:
    """A container's memory limit and request, in bytes; None where there is none."""

    limit: int | None = None
    request: int | None = None

    def is_limited_to(self, limit: int | None) -> bool:
        """Return whether the limit is this one, to the page."""
        return self.limit is not None and limit is not None and abs(self.limit - limit) < PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Resizable:
    """A container of a pod, as far as a resize needs it.

    `place` is the list of the spec that holds it, None where it cannot be resized (an init or ephemeral container).
    `instances` are the container IDs that status still names.
    """

    name: str
    place: str | None
    asked: MemoryResources
    in_force: MemoryResources
    restarts_on_change: bool
    running: bool
    waiting_for: str | None
    instances: frozenset[str]


class ResizeState(StrEnum):
    """The progress of a resize. Unseen: the kubelet has not looked at it yet."""

    DONE = "Done"
    UNSEEN = "Unseen"
    IN_PROGRESS = "InProgress"
    DEFERRED = "Deferred"
    INFEASIBLE = "Infeasible"


def resizable(pod: Mapping[str, Any], name: str) -> Resizable | None:
    """Return a container of a pod as the API server sends it; None where the pod has none of this name."""
    spec, status = _mapping(pod.get("spec")), _mapping(pod.get("status"))
    for place in ("containers", "initContainers", "ephemeralContainers"):
        for container in _sequence(spec.get(place)):
            if container.get("name") == name:
                found = next((one for one in _statuses(status) if one.get("name") == name), {})
                return _resizable(container, found, place)
    return None


def resize_state(pod: Mapping[str, Any], container: Resizable) -> tuple[ResizeState, str]:
    """Return the progress of a pod's last resize, and the kubelet's words on it."""
    metadata, status = _mapping(pod.get("metadata")), _mapping(pod.get("status"))
    generation = metadata.get("generation") or 0
    observed = status.get("observedGeneration")
    if observed is not None and observed < generation:
        return ResizeState.UNSEEN, ""
    conditions = {
        condition.get("type"): condition
        for condition in _sequence(status.get("conditions"))
        if condition.get("status") == "True" and condition.get("observedGeneration", generation) >= generation
    }
    if pending := conditions.get("PodResizePending"):
        infeasible = pending.get("reason") == "Infeasible"
        return ResizeState.INFEASIBLE if infeasible else ResizeState.DEFERRED, str(pending.get("message") or "")
    if progress := conditions.get("PodResizeInProgress"):
        return ResizeState.IN_PROGRESS, str(progress.get("message") or "")
    done = container.in_force.is_limited_to(container.asked.limit)
    return ResizeState.DONE if done else ResizeState.UNSEEN, ""


def last_resize(pod: Mapping[str, Any], container: str, manager: str) -> datetime | None:
    """Return when a client last resized a container's memory; None where never, or where another one did since."""
    times = [
        time
        for entry in _resizes(pod, container)
        if entry.get("manager") == manager and (time := parse_time(entry.get("time")))
    ]
    return max(times, default=None)


def who_would_undo(pod: Mapping[str, Any], container: str, manager: str) -> str | None:
    """Return why a resize by `manager` would be undone, as a clause; None where nobody would undo it."""
    metadata = _mapping(pod.get("metadata"))
    annotations = _mapping(metadata.get("annotations"))
    if _MIRROR in annotations:
        return "it is a static pod: its file on the node says what it gets"
    observed = str(annotations.get(_VPA_CONTAINERS) or "")
    if container in (name.strip() for name in observed.split(",")):
        return "a VerticalPodAutoscaler sets the resources of this container"
    others = sorted({str(entry.get("manager")) for entry in _resizes(pod, container)} - {manager})
    if others:
        return f"{', '.join(others)} has resized this container: its resources are somebody else's to set"
    return _kept_by(pod)


def _kept_by(pod: Mapping[str, Any]) -> str | None:
    owner = controller_of(pod)
    if owner is not None:
        group = owner.api_version.rpartition("/")[0]
        if (group, owner.kind) in _BUILT_IN:
            return None
        return f"{owner.kind} {owner.name} makes its pods itself, and may put back its value or replace the pod"
    keeper = manager_of({"apiVersion": "v1", "kind": "Pod", **pod})
    if keeper is None or not (keeper.reconciles or keeper.tool is Tool.HELM):
        return None
    words = " ".join(word for word in (keeper.kind, keeper.name) if word)
    return f"the pod itself is kept by {keeper.tool} ({words}), which would put its value back"


def qos_class(pod: Mapping[str, Any]) -> str | None:
    """Return the QoS class that a pod's spec makes; None where resources of the pod itself decide it.

    Guaranteed: every container has limits of CPU and memory, and requests that are equal or left out.
    """
    spec = _mapping(pod.get("spec"))
    if _mapping(spec.get("resources")):
        return None
    guaranteed, best_effort = True, True
    for place in ("containers", "initContainers"):
        for container in _sequence(spec.get(place)):
            resources = _mapping(container.get("resources"))
            limits, requests = _mapping(resources.get("limits")), _mapping(resources.get("requests"))
            for what in ("cpu", "memory"):
                limit, request = limits.get(what), requests.get(what, limits.get(what))
                best_effort = best_effort and limit is None and request is None
                # The API server writes amounts in canonical form, so equal amounts of CPU have equal texts.
                same = limit == request or (what == "memory" and parse_quantity(limit) == parse_quantity(request))
                guaranteed = guaranteed and limit is not None and same
    return "BestEffort" if best_effort else "Guaranteed" if guaranteed else "Burstable"


def _resizable(spec: Mapping[str, Any], status: Mapping[str, Any], place: str) -> Resizable:
    sidecar = place == "initContainers" and spec.get("restartPolicy") == "Always"
    asked = _memory(_mapping(spec.get("resources")))
    policies = {one.get("resourceName"): one.get("restartPolicy") for one in _sequence(spec.get("resizePolicy"))}
    state = _mapping(status.get("state"))
    ended = [_mapping(_mapping(status.get(key)).get("terminated")) for key in ("state", "lastState")]
    ids = [status.get("containerID"), *(one.get("containerID") for one in ended)]
    waiting = _mapping(state.get("waiting")).get("reason")
    return Resizable(
        name=str(spec.get("name")),
        place=place if place == "containers" or sidecar else None,
        asked=asked,
        in_force=_memory(_mapping(status.get("resources"))) if status.get("resources") else asked,
        restarts_on_change=policies.get("memory") == "RestartContainer",
        running="running" in state,
        waiting_for=str(waiting) if waiting else None,
        instances=frozenset(one.rsplit("/", 1)[-1] for one in ids if isinstance(one, str) and one),
    )


def _resizes(pod: Mapping[str, Any], container: str) -> Iterator[Mapping[str, Any]]:
    """Return the entries of managedFields for resizes that set this container's memory."""
    key = f'k:{{"name":"{container}"}}'
    for entry in _sequence(_mapping(pod.get("metadata")).get("managedFields")):
        spec = _mapping(_mapping(entry.get("fieldsV1")).get("f:spec"))
        for place in ("f:containers", "f:initContainers"):
            resources = _mapping(_mapping(_mapping(spec.get(place)).get(key)).get("f:resources"))
            memory = ("f:memory" in _mapping(resources.get(which)) for which in ("f:limits", "f:requests"))
            if entry.get("subresource") == "resize" and any(memory):
                yield entry


def _memory(resources: Mapping[str, Any]) -> MemoryResources:
    limit, request = (_mapping(resources.get(which)).get("memory") for which in ("limits", "requests"))
    return MemoryResources(limit=parse_quantity(limit), request=parse_quantity(request))


def _statuses(status: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for key in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        yield from _sequence(status.get(key))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: object) -> Sequence[Mapping[str, Any]]:
    return value if isinstance(value, list) else ()
