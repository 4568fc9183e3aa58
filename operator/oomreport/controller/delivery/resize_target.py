"""The resize of a killed container's memory limit in place.

It is asked for first, watched after, and taken back where it cannot be.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from oomreport.adapters.cluster.api_server import ApiServer, path, words_of
from oomreport.adapters.cluster.objects import resource_version
from oomreport.api.oom_hook import OOMHook
from oomreport.api.oom_hook import ResizeTargetSpec as ResizeSpec
from oomreport.controller.delivery.hook_target import Due
from oomreport.controller.known.access_review import NOT_GRANTED, is_granted
from oomreport.controller.known.policies import Policies
from oomreport.controller.work.keys import report_key
from oomreport.errors import ApiError
from oomreport.hooks.answer import Answer, Change, Outcome
from oomreport.hooks.resize import (
    Follow,
    KilledContainer,
    Raise,
    Rules,
    Stand,
    is_noted,
    killed,
    patch_of,
    resize_of,
)
from oomreport.incident.report.status import what_changes
from oomreport.workload.bounds import allocatable_memory
from oomreport.workload.node_room import room_for
from oomreport.workload.pod import node_name
from oomreport.workload.quantity import format_quantity, parse_quantity
from oomreport.workload.resizable import MemoryResources, Resizable, ResizeState, last_resize, resizable, resize_state

log = logging.getLogger(__name__)
_UNTIL_GRANTED = timedelta(minutes=1)
_SOON = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResizeTimeouts:
    """How long the kubelet's answer is waited for.

    look    seconds between two looks at the pod
    wait    seconds of one attempt; what is under way then is looked at again by a later one
    total   from the first attempt on; what is not in force then is taken back
    """

    look: float = 0.5
    wait: float = 15.0
    total: timedelta = timedelta(minutes=10)


class ResizeHookTarget:
    """Resizes. `namespace` is the controller's own, whose hooks see all namespaces.

    `manager` is the name that the API server knows this client's changes by.
    """

    def __init__(
        self,
        api: ApiServer,
        policies: Policies,
        *,
        now: Callable[[], datetime],
        namespace: str,
        manager: str = "oomreport-controller",
        timeouts: ResizeTimeouts | None = None,
    ) -> None:
        self._api, self._policies, self._now = api, policies, now
        self._manager, self._timeouts = manager, timeouts or ResizeTimeouts()
        self._namespace = namespace

    async def deliver(self, due: Due) -> Answer:
        """Raise the limit of the event's container, or find that it is raised; or say why not."""
        spec = due.hook.spec.resize
        if spec is None:
            return Answer(outcome=Outcome.REFUSED, message="the hook has no resize")
        kill = killed(due.event)
        if isinstance(kill, Stand):
            return _skipped(kill.reason)
        try:
            return await self._resized(due, spec, kill)
        except ApiError as error:
            return Answer(outcome=Outcome.RETRY, message=words_of(error), retry_after=_SOON)

    async def problem(self, hook: OOMHook) -> tuple[str, str] | None:
        """Return what keeps a hook from working: a maximum that is none, or a right that is missing."""
        spec, namespace = hook.spec.resize, hook.metadata["namespace"]
        if spec is None:
            return None
        if spec.max_memory is not None and parse_quantity(spec.max_memory) is None:
            return "MaxMemoryInvalid", f"maxMemory is no quantity: {spec.max_memory}"
        where = "" if namespace == self._namespace else namespace
        try:
            if await is_granted(self._api, "patch", "", "pods", sub="resize", namespace=where):
                return None
        except ApiError as error:
            log.warning("cannot ask for the right to resize pods", extra={"error": str(error)})
            return None
        return NOT_GRANTED, _not_granted(where)

    async def _resized(self, due: Due, spec: ResizeSpec, kill: KilledContainer) -> Answer:
        event = due.event
        where = path("v1", "pods", namespace=event.namespace, name=kill.pod)
        pod, step = await self._looked_at(where, kill, due, self._rules(due, spec))
        if isinstance(step, Stand):
            return self._standing(step, due)
        assert pod is not None
        if isinstance(step, Raise):
            if refusal := await self._no_room(pod, step) or await self._asked(where, step, kill, event.namespace):
                return refusal
            log.info(
                "resize asked for",
                extra={"pod": f"{event.namespace}/{kill.pod}", "bytes": step.memory.limit, "event": event.id},
            )
        note = step.note if isinstance(step, Raise) else ""
        return await self._followed(due, where, kill, note)

    async def _looked_at(
        self, where: str, kill: KilledContainer, due: Due, rules: Rules
    ) -> tuple[dict[str, Any] | None, Raise | Follow | Stand]:
        """Return the pod and what to do about it; what may pass within moments is waited for. Raises ApiError."""
        end = self._now() + timedelta(seconds=self._timeouts.wait)
        changes = due.event.status.changes
        while True:
            pod = await self._api.found(where)
            step = resize_of(kill, pod, rules, changes=changes, now=self._now())
            if not (isinstance(step, Stand) and step.for_now) or self._now() >= end:
                return pod, step
            await asyncio.sleep(self._timeouts.look)

    def _rules(self, due: Due, spec: ResizeSpec) -> Rules:
        event = due.event
        policy = self._policies.policy_of(report_key(event.namespace, event.workload, event.container))
        own = parse_quantity(spec.max_memory) if spec.max_memory is not None else None
        bounds = [bound for bound in (own, policy.maximum) if bound is not None]
        return Rules(
            manager=self._manager,
            cooldown=timedelta(seconds=spec.cooldown_seconds),
            maximum=min(bounds, default=None),
            enabled=policy.enabled,
        )

    def _standing(self, step: Stand, due: Due) -> Answer:
        if step.for_now and not self._is_late(due):
            return Answer(outcome=Outcome.RETRY, message=step.reason, retry_after=_SOON)
        return _skipped(step.reason)

    async def _no_room(self, pod: Mapping[str, Any], step: Raise) -> Answer | None:
        """Return the answer where the node has promised too much to others. Raises ApiError."""
        name = node_name(pod)
        node = await self._api.found(path("v1", "nodes", name=name)) if name else None
        allocatable = allocatable_memory(node) if node else None
        if allocatable is None:
            return _skipped(f"node {name} does not say how much memory it has")
        pods = [
            one
            async for page in self._api.pages(path("v1", "pods"), fieldSelector=f"spec.nodeName={name}")
            for one in page
        ]
        room = room_for(allocatable, pods, pod_uid=pod["metadata"]["uid"], container=step.container.name)
        limit = step.memory.limit or 0
        if limit <= room:
            return None
        words = f"node {name} has no room for {format_quantity(limit)}: {format_quantity(room)} of its allocatable"
        return _skipped(f"{words} {format_quantity(allocatable)} are not promised to others")

    async def _asked(self, where: str, step: Raise, kill: KilledContainer, namespace: str) -> Answer | None:
        """Ask for it, first without effect; return the answer where the API server refuses."""
        place = step.container.place or "containers"
        patch = patch_of(kill.container, place, step.memory, resource_version=step.resource_version)
        try:
            await self._api.strategic(f"{where}/resize", patch, dry_run=True)
            await self._api.strategic(f"{where}/resize", patch)
        except ApiError as error:
            return _refusal(error, namespace)
        return None

    async def _followed(self, due: Due, where: str, kill: KilledContainer, note: str) -> Answer:
        """Read the kubelet's answer, for a while."""
        end = self._now() + timedelta(seconds=self._timeouts.wait)
        while True:
            pod = await self._api.found(where)
            container = resizable(pod, kill.container) if pod else None
            if pod is None or container is None or (kill.pod_uid and pod["metadata"].get("uid") != kill.pod_uid):
                return _skipped(f"pod {kill.pod} went while it was being resized")
            state, words = resize_state(pod, container)
            if state is ResizeState.DONE:
                return self._done(due, kill, pod, container, note)
            if state is ResizeState.INFEASIBLE or self._is_late(due):
                return await self._taken_back(where, kill, pod, container, f"{state}: {words}" if words else state)
            if state is ResizeState.DEFERRED or self._now() >= end:
                said = f"the kubelet has not raised the limit yet, {state}: {words}"
                return Answer(outcome=Outcome.RETRY, message=said, retry_after=_SOON)
            await asyncio.sleep(self._timeouts.look)

    def _done(self, due: Due, kill: KilledContainer, pod: Mapping[str, Any], container: Resizable, note: str) -> Answer:
        limit = container.in_force.limit or 0
        to = f"raised to {format_quantity(limit)} in place"
        words = f"memory limit of {kill.container} in pod {kill.pod} {to}" + (f" ({note})" if note else "")
        change = self._change(pod, kill, kill.limit, limit, f"{to}; it holds until the pod is replaced")
        known = is_noted(change, due.event.status.changes)
        return Answer(outcome=Outcome.DELIVERED, message=words, change=None if known else change)

    async def _taken_back(
        self, where: str, kill: KilledContainer, pod: Mapping[str, Any], container: Resizable, why: str
    ) -> Answer:
        """Ask for what is in force again."""
        asked, former = container.asked.limit or 0, container.in_force
        version = resource_version(pod)
        memory = MemoryResources(limit=former.limit, request=former.request)
        patch = patch_of(kill.container, container.place or "containers", memory, resource_version=version)
        try:
            written = await self._api.strategic(f"{where}/resize", patch)
        except ApiError as error:
            said = f"{format_quantity(asked)} was asked for and could not be taken back: {words_of(error)}"
            return Answer(outcome=Outcome.RETRY, message=said, retry_after=_SOON)
        back = format_quantity(former.limit or 0)
        said = f"{format_quantity(asked)} was asked for, rolled back to {back}: {why}"
        log.info("resize taken back", extra={"pod": where, "reason": why})
        change = self._change(written, kill, former.limit, former.limit, said)
        return Answer(outcome=Outcome.SKIPPED, message=said, change=change)

    def _change(
        self, pod: Mapping[str, Any], kill: KilledContainer, before: int | None, after: int | None, message: str
    ) -> Change:
        """Return a change with the pod's own time of it: the same when an attempt that was cut off is made again."""
        time = last_resize(pod, kill.container, self._manager) or self._now()
        what = what_changes(kill.pod, kill.container)
        return Change(time=time, what=what, before=before, after=after, message=message)

    def _is_late(self, due: Due) -> bool:
        return self._now() - due.first_attempt >= self._timeouts.total


def _skipped(reason: str) -> Answer:
    return Answer(outcome=Outcome.SKIPPED, message=reason)


def _not_granted(namespace: str) -> str:
    where = f"in namespace {namespace}" if namespace else "in all namespaces"
    return f"the controller may not resize pods {where}: grant it (docs/remediation.md)"


def _refusal(error: ApiError, namespace: str) -> Answer:
    """Return what the API server's refusal of a resize means."""
    words = words_of(error)
    if error.is_forbidden and "cannot patch resource" in words:
        return Answer(outcome=Outcome.RETRY, message=_not_granted(namespace), retry_after=_UNTIL_GRANTED)
    if error.is_not_found:
        return _skipped("the pod is gone, or this API server has no pods/resize (Kubernetes 1.33)")
    # A LimitRange, a quota, the node's size, an admission policy.
    if error.is_invalid or error.is_forbidden:
        return _skipped(f"the API server refused it: {words}")
    return Answer(outcome=Outcome.RETRY, message=words, retry_after=_SOON)
