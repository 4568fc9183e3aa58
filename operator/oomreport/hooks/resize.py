"""The decision to raise the limit of a running container.

An event only says when to look. What decides is the newest kill of the pod, the report's recommendation, and the pod as
it is now: looking twice, or late, does no harm.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from oomreport.hooks.answer import Change
from oomreport.hooks.event import OF_KILLS, Event, EventType
from oomreport.incident.advice.recommendation import Action
from oomreport.incident.kill import Cause, Kill, RecentKill
from oomreport.incident.report.status import NotedChange, ReportStatus, what_changes
from oomreport.times import parse_time
from oomreport.workload.quantity import format_quantity, parse_quantity
from oomreport.workload.resizable import MemoryResources, Resizable, last_resize, qos_class, resizable, who_would_undo

ACTS_ON = frozenset({EventType.OOM_KILLED, EventType.REPEATED, EventType.RECOMMENDATION_READY, EventType.REGRESSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Nothing is changed, and why; `for_now` where that may pass within minutes."""

    reason: str
    for_now: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """A resize of ours is there already: only the kubelet's answer is to be read."""

    container: Resizable


@dataclass(frozen=True, slots=True, kw_only=True)
class Raise:
    """What is to be asked for; `note` says where that is less than what is recommended."""

    container: Resizable
    memory: MemoryResources
    resource_version: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KilledContainer:
    """A kill and what the report recommends after it. Sizes in bytes."""

    pod: str
    pod_uid: str | None
    container: str
    container_id: str | None
    limit: int | None
    recommended: MemoryResources


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a hook, the policies and the API allow. `manager` is the name that our changes bear in managedFields."""

    manager: str
    cooldown: timedelta
    maximum: int | None = None
    enabled: bool = True


def killed(event: Event) -> KilledContainer | Stand:
    """Return the kill that a resize would be about, or why there is none to act on."""
    status = event.status
    if event.type not in ACTS_ON:
        return Stand(reason=f"{event.type} is no reason to resize")
    kill = _newest_of_pod(event)
    if kill is None:
        return Stand(reason="the report does not know the kill any more")
    if kill.cause is not Cause.CONTAINER_LIMIT:
        return Stand(reason=f"the container's own limit was not the cause: {kill.cause}")
    advice = status.advice
    limit = parse_quantity(advice.memory_limit)
    if advice.action != Action.RAISE_LIMIT or limit is None:
        return Stand(reason=f"no higher limit of the container is recommended: {advice.action}")
    reviewed = status.condition("Reviewed")
    if reviewed and reviewed.reason == "Rejected":
        return Stand(reason="the recommendation was rejected by its reviewer")
    if not kill.pod:
        return Stand(reason="the report does not name the pod of the kill")
    recommended = MemoryResources(limit=limit, request=parse_quantity(advice.memory_request))
    is_last = isinstance(kill, Kill)
    return KilledContainer(
        pod=kill.pod,
        pod_uid=kill.pod_uid if isinstance(kill, Kill) else None,
        container=event.container,
        container_id=(kill.container_id if isinstance(kill, Kill) else None) or _counted_instance(status, kill.id),
        limit=kill.limit if kill.limit is not None or not is_last else parse_quantity(advice.previous_limit),
        recommended=recommended,
    )


def resize_of(
    kill: KilledContainer,
    pod: Mapping[str, Any] | None,
    rules: Rules,
    *,
    changes: Sequence[NotedChange],
    now: datetime,
) -> Raise | Follow | Stand:
    """Return what to do about a pod as the API server sends it, None where it is gone.

    `changes` are those of the report. What the node has room for, and what the API server refuses, is not known here.
    """
    if pod is None:
        return Stand(reason=f"pod {kill.pod} is gone")
    container = resizable(pod, kill.container)
    if reason := _not_this_pod(kill, pod, container):
        return Stand(reason=reason)
    assert container is not None
    if reason := who_would_undo(pod, kill.container, rules.manager):
        return Stand(reason=reason)
    resized = last_resize(pod, kill.container, rules.manager)
    if resized and _is_ours(kill, container):
        return Follow(container=container)
    if stand := _not_as_killed(kill, container):
        return stand
    if resizes := [time for time in (resized, *_noted(kill, pod, changes)) if time]:
        ago = now - max(resizes)
        if ago < rules.cooldown:
            words = f"{_seconds(ago)} s ago, cooldownSeconds is {_seconds(rules.cooldown)}"
            return Stand(reason=f"the container was resized {words}")
    return _raise(kill, pod, container, rules)


def is_noted(change: Change, changes: Sequence[NotedChange]) -> bool:
    """Return whether a report's history has a change already, by an attempt that was cut off or by another event."""
    whole = change.time.replace(microsecond=0)
    return any(one.what == change.what and one.time.replace(microsecond=0) == whole for one in changes)


def patch_of(name: str, place: str, memory: MemoryResources, *, resource_version: str) -> dict[str, Any]:
    """Return the strategic merge patch for pods/resize; another version of the pod than this one is a conflict."""
    sizes = {"limits": memory.limit, "requests": memory.request}
    resources = {key: {"memory": format_quantity(size)} for key, size in sizes.items() if size is not None}
    return {
        "metadata": {"resourceVersion": resource_version},
        "spec": {place: [{"name": name, "resources": resources}]},
    }


def _not_this_pod(kill: KilledContainer, pod: Mapping[str, Any], container: Resizable | None) -> str | None:
    metadata, phase = pod["metadata"], (pod.get("status") or {}).get("phase")
    if container is None:
        return f"pod {kill.pod} has no container {kill.container}"
    same = kill.pod_uid == metadata.get("uid") if kill.pod_uid else kill.container_id in container.instances
    if not same:
        return f"the pod of the kill is gone, {kill.pod} is another one now"
    if metadata.get("deletionTimestamp"):
        return f"pod {kill.pod} is being deleted"
    if phase != "Running":
        return f"pod {kill.pod} does not run: {phase}"
    if container.place is None:
        return f"container {kill.container} cannot be resized: it is an init or ephemeral container"
    if container.restarts_on_change:
        return f"container {kill.container} would be restarted by a resize: its resizePolicy for memory is RestartContainer"
    return None


def _is_ours(kill: KilledContainer, container: Resizable) -> bool:
    """Return whether the last resize is on its way, or has reached what is wanted."""
    pending = not container.in_force.is_limited_to(container.asked.limit)
    return pending or container.asked.is_limited_to(kill.recommended.limit)


def _not_as_killed(kill: KilledContainer, container: Resizable) -> Stand | None:
    asked, in_force = container.asked.limit, container.in_force.limit
    if asked is None or in_force is None:
        return Stand(reason=f"container {kill.container} has no memory limit of its own")
    if not container.asked.is_limited_to(in_force):
        return Stand(reason=f"somebody's resize to {format_quantity(asked)} is on its way already")
    if not container.asked.is_limited_to(kill.limit):
        seen = "an unknown one" if kill.limit is None else format_quantity(kill.limit)
        return Stand(reason=f"the limit is {format_quantity(asked)} now, the kill was at {seen}")
    if not container.running:
        # Before a container runs, the kubelet does not raise the pod's own cgroup with it.
        return Stand(
            reason=f"container {kill.container} does not run: {container.waiting_for or 'ended'}", for_now=True
        )
    return None


def _noted(kill: KilledContainer, pod: Mapping[str, Any], changes: Sequence[NotedChange]) -> list[datetime]:
    """Return the times of this pod's resizes in the report's history: another client may have written to it since."""
    created = parse_time(pod["metadata"].get("creationTimestamp"))
    what = what_changes(kill.pod, kill.container)
    times = [change.time for change in changes if change.what == what]
    return [time for time in times if created is None or time >= created]


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())


def _raise(kill: KilledContainer, pod: Mapping[str, Any], container: Resizable, rules: Rules) -> Raise | Stand:
    wanted, now = kill.recommended.limit, container.asked.limit
    assert wanted is not None
    assert now is not None
    if not rules.enabled:
        return Stand(reason="an OOMPolicy turns recommendations off")
    limit = wanted if rules.maximum is None else min(wanted, rules.maximum)
    if limit <= now:
        least = f" (maximum {format_quantity(limit)})" if limit < wanted else ""
        return Stand(reason=f"the limit is {format_quantity(now)} already, no higher one is allowed or wanted{least}")
    note = f"less than the {format_quantity(wanted)} recommended: the maximum" if limit < wanted else ""
    for request in _requests(kill, container, limit):
        memory = MemoryResources(limit=limit, request=request)
        if qos_class(_with(pod, container, memory)) == qos_class(pod):
            version = str(pod["metadata"].get("resourceVersion", ""))
            return Raise(container=container, memory=memory, resource_version=version, note=note)
    return Stand(reason="the pod's QoS class would change, which a running pod's cannot")


def _requests(kill: KilledContainer, container: Resizable, limit: int) -> list[int | None]:
    """Return the requests to choose from, best first: the one recommended, the same as now, the limit."""
    before, recommended = container.asked.request, kill.recommended.request
    if before is None:
        return [None]
    raised = before if recommended is None else min(max(before, recommended), limit)
    return [raised, before, limit]


def _with(pod: Mapping[str, Any], container: Resizable, memory: MemoryResources) -> dict[str, Any]:
    """Return the pod as it will be."""
    spec, place = dict(pod["spec"]), container.place or "containers"
    spec[place] = [_changed(one, memory) if one.get("name") == container.name else one for one in spec[place]]
    return {**pod, "spec": spec}


def _changed(container: Mapping[str, Any], memory: MemoryResources) -> dict[str, Any]:
    resources = dict(container.get("resources") or {})
    for key, size in (("limits", memory.limit), ("requests", memory.request)):
        if size is not None:
            resources[key] = {**(resources.get(key) or {}), "memory": format_quantity(size)}
    return {**container, "resources": resources}


def _newest_of_pod(event: Event) -> Kill | RecentKill | None:
    """Return the newest kill of the pod that the event is about; of the report where it is about no kill."""
    last = event.status.last_kill
    about = event.kill if event.type in OF_KILLS else last
    if about is None or last is None or about.pod == last.pod:
        return last if about is not None else None
    return next((kill for kill in event.status.recent_kills if kill.pod == about.pod), about)


def _counted_instance(status: ReportStatus, kill_id: str) -> str | None:
    return next((entry.container_id for entry in status.counted if entry.id == kill_id), None)
