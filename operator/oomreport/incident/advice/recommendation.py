"""The right knob, and its number.

Which knob follows from whose limit fired and from what filled it; a raise is the answer only where the limit was the
cause, memory is given back some day, and no bound is in the way. `basis` holds every input of the number.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from oomreport.incident.advice.case import Case
from oomreport.incident.advice.leaks import duration, leaks
from oomreport.incident.advice.sizing import ceiling, in_mi, rounded, step
from oomreport.incident.kill import Cause
from oomreport.incident.memory.history import insufficient, is_no_load, kept_crest, raises
from oomreport.incident.memory.outlook import share_of_step, to_crest
from oomreport.incident.memory.trajectory import Shape
from oomreport.incident.witness.policy import RequestRule
from oomreport.workload.container import Scope
from oomreport.workload.pod import ContainerFacts, ContainerKind
from oomreport.workload.quantity import MI, format_quantity

_TMPFS_SHARE = 0.5
_KERNEL_SHARE = 0.5
_MOST_BASIS = 1024
# What a limit is put above the peak that a metrics source knows of.
_ABOVE_PEAK = 1.1
# What a request is put above the use that was seen. The kubelet passes requests on in thousandths of the node's memory
# (oom_score_adj): a tenth of a small container's use is lost in one.
_ABOVE_USE = 1.25
# What a runtime needs beside its heap.
_BESIDE_HEAP = 1.3


class Action(StrEnum):
    """What to change; API.md's words."""

    RAISE_LIMIT = "RaiseLimit"
    RAISE_POD_LIMIT = "RaisePodLimit"
    RAISE_REQUEST = "RaiseRequest"
    FIX_LEAK = "FixLeak"
    LIMIT_TMPFS = "LimitTmpfs"
    REVIEW_NODE = "ReviewNode"
    NONE = "None"


class Confidence(StrEnum):
    """How well the evidence carries a number."""

    HIGH = "High"
    MEDIUM = "Medium"
    LOW = "Low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """What to change, in bytes, and every input of it in words."""

    action: Action
    basis: str
    limit: int | None = None
    request: int | None = None
    previous_limit: int | None = None
    confidence: Confidence | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as status.recommendation holds it."""
        sizes = {"memoryLimit": self.limit, "memoryRequest": self.request, "previousLimit": self.previous_limit}
        return {
            "action": self.action,
            **{key: format_quantity(size) for key, size in sizes.items() if size is not None},
            **({"confidence": self.confidence} if self.confidence else {}),
            "basis": self.basis[:_MOST_BASIS],
        }


def recommendation(case: Case) -> Recommendation:
    """Return what to change after the last kill."""
    if not case.around.policy.enabled:
        return _nothing("the policy asks for no recommendation")
    return _BY_CAUSE.get(case.cause, _unknown)(case)


def _unknown(case: Case) -> Recommendation:
    if case.kill.scope is Scope.OTHER_CGROUP:
        return _nothing("the limit that fired is of a cgroup outside pods; Kubernetes does not set it")
    return _nothing("no kernel record says whose limit fired, so no limit is known to be the cause")


def _container_limit(case: Case) -> Recommendation:
    own = case.facts.memory_limit if case.facts else None
    limit = case.fired if case.fired is not None else own
    if limit is None:
        return _nothing("the container's limit fired, but neither the kernel's record nor the pod tells its size")
    return _tmpfs(case, limit) or _leak(case, limit) or _raised(case, limit)


def _pod_limit(case: Case) -> Recommendation:
    if case.fired is None:
        return _nothing("the pod's limit fired, but neither the kernel's record nor the pod tells its size")
    if (own := case.limit_above_pods) is not None:
        return _nothing(
            f"the pod's limit fired at {format_quantity(case.fired)} (as the kernel printed it), but container"
            f" {case.container} has {format_quantity(own)} of its own: a resize did not reach the pod's cgroup; delete the pod,"
            " and the next one has what the spec says"
        )
    return _tmpfs(case, case.fired) or _raised(case, case.fired)


def _tmpfs(case: Case, limit: int) -> Recommendation | None:
    """Shared memory is charged until its files are deleted: a memory-backed volume or /dev/shm fills any limit."""
    used = case.used or limit
    shmem = case.shmem
    if shmem < _TMPFS_SHARE * used:
        return None
    volumes = case.pod.memory_volumes if case.pod else ()
    bounded = volumes and all(volume.size_limit for volume in volumes)
    bound = sum(volume.size_limit or 0 for volume in volumes)
    if bounded and shmem <= bound * 1.02 and bound <= limit:
        return None
    names = ", ".join(volume.name for volume in volumes if not volume.size_limit)
    which = f"volume {names}" if names else "shared memory (/dev/shm)" if not volumes else "its volumes"
    return Recommendation(
        action=Action.LIMIT_TMPFS,
        previous_limit=limit,
        confidence=Confidence.HIGH if names else Confidence.MEDIUM,
        basis=f"shmem (tmpfs, memory-backed volumes, shared mappings) was {in_mi(shmem)} of {in_mi(used)} in use at"
        f" the limit of {format_quantity(limit)}, {100 * shmem // used} %{case.sampled}, half or more; set a sizeLimit for {which}"
        f" of less than {in_mi(limit - (used - shmem))}, what the rest leaves of the limit",
    )


def _leak(case: Case, limit: int) -> Recommendation | None:
    why = leaks(case)
    if why is None:
        return None
    repeated = sum(kill.shape is Shape.GROWTH for kill in case.past) > 1
    return Recommendation(
        action=Action.FIX_LEAK,
        previous_limit=limit,
        confidence=Confidence.HIGH if repeated else Confidence.MEDIUM,
        basis=f"{why}; a higher limit would only delay the next kill; limit {format_quantity(limit)}, kills so far:"
        f" {case.kills}",
    )


def _raised(case: Case, limit: int) -> Recommendation:
    pod = case.cause == Cause.POD_LIMIT
    whose = "pod" if pod else "container"
    policy = case.around.policy
    own_kills = [kill for kill in case.past if kill.cause == case.cause]
    number = raises(own_kills)
    basis = [_fired(case, limit, whose), f"kills so far: {case.kills}, raises seen: {number}", *_story(case)]
    if number >= policy.most_raises:
        return _nothing(
            f"{'; '.join(basis)}; raised {number} times without an end: look at what it does before more is given"
        )
    base = insufficient(own_kills, limit)
    if base > limit:
        basis.append(f"{format_quantity(base)} was not enough before, so the step starts there")
    size, sum_ = step(base, number, policy)
    basis.append(f"step: {sum_}")
    by_shape = policy.headroom_percent is None and not pod
    factor, reason = share_of_step(case.way, own_kills, limit) if by_shape else (1.0, "")
    if factor != 1.0:
        size = int(size * factor)
        basis.append(f"x {factor:g} since {reason} = {in_mi(size // MI * MI)}")
    wanted = base + size
    crest = None if is_no_load(own_kills) else case.way.crest or kept_crest(own_kills, limit)
    if crest is not None and not pod:
        straight = case.way.crest is None or case.way.shape is Shape.GROWTH
        wanted, sum_ = to_crest(limit, step(limit, 0, policy)[0], crest, usual=wanted if straight else None)
        wanted = max(wanted, base + size) if base > limit else wanted
        basis.append(sum_)
    wanted, words = _for_heap(case, limit, wanted)
    basis += words
    if case.around.peak is not None and not pod and case.around.peak * _ABOVE_PEAK > wanted:
        wanted = int(case.around.peak * _ABOVE_PEAK)
        basis.append(
            f"{case.around.peak_source} show a peak of {in_mi(case.around.peak)}, x {_ABOVE_PEAK} = {in_mi(wanted)}"
        )
    if policy.minimum is not None and wanted < policy.minimum:
        wanted = policy.minimum
        basis.append(f"the policy's minMemory is {in_mi(policy.minimum)}")
    least = case.around.limit_range_min
    if least is not None and not pod and wanted < least:
        wanted = least
        basis.append(f"the namespace's LimitRange asks for {in_mi(least)} at least")
    exact = wanted
    wanted, unit = rounded(wanted, policy)
    basis.append(f"{in_mi(exact)} rounded up to a multiple of {format_quantity(unit)} = {format_quantity(wanted)}")
    bound = ceiling(limit, case.around, of_pod=pod, beside=_beside(case))
    if bound is not None and wanted > bound.size:
        if bound.size <= limit:
            return _nothing(f"{'; '.join(basis)}; but {bound.why} allows no more than the limit already has")
        wanted = bound.size
        basis.append(f"cut to {bound.why}")
    request, words = _request(case.facts, wanted, policy.request) if not pod else (None, [])
    return Recommendation(
        action=Action.RAISE_POD_LIMIT if pod else Action.RAISE_LIMIT,
        limit=wanted,
        request=request,
        previous_limit=limit,
        confidence=_confidence(case),
        basis="; ".join([*basis, *words]),
    )


def _beside(case: Case) -> int | None:
    """Return the limits of the other containers of the pod together; None where the pod has a limit of its own."""
    if case.pod is None or case.pod.memory_limit is not None:
        return None
    lasting = (one for one in case.pod.containers if one.kind in (ContainerKind.REGULAR, ContainerKind.SIDECAR))
    return sum(one.memory_limit or 0 for one in lasting if one.name != case.container)


def _fired(case: Case, limit: int, whose: str) -> str:
    source = "as the kernel printed it" if case.fired is not None else "by the pod"
    return f"the {whose}'s limit fired at {format_quantity(limit)} ({source})"


def _story(case: Case) -> list[str]:
    way = case.way
    uptime = f" after {duration(way.uptime_seconds)}" if way.uptime_seconds else ""
    if way.shape is Shape.UNKNOWN:
        return [f"no trajectory was recorded{uptime and f', killed{uptime}'}"]
    rose = (
        f", it rose from {in_mi(way.level // MI * MI)} in {duration(way.rising_seconds)}" if way.rising_seconds else ""
    )
    return [f"trajectory {way.shape}{uptime}{rose}"]


def _for_heap(case: Case, limit: int, wanted: int) -> tuple[int, list[str]]:
    """Return a limit that holds the largest heap that is allowed: it will be used."""
    for heap in case.facts.heap if case.facts else ():
        most = heap.size
        if most is not None and most * _BESIDE_HEAP > limit and most <= 4 * limit:
            needed = int(most * _BESIDE_HEAP)
            words = f"{heap.text} lets the heap alone grow to {in_mi(most)}; with what a {heap.runtime} process needs beside it x {_BESIDE_HEAP} = {in_mi(needed)}"
            return max(needed, limit + MI), [words]
    return wanted, []


def _request(container: ContainerFacts | None, wanted: int, rule: RequestRule) -> tuple[int | None, list[str]]:
    own = container.memory_request if container else None
    if rule is RequestRule.EQUAL_LIMIT:
        return wanted, ["the policy sets the request to the limit"]
    if rule is RequestRule.UNCHANGED or not own or container is None or not container.memory_limit:
        return None, []
    kept = own / container.memory_limit
    request = wanted if kept >= 1 else -(-int(wanted * kept) // MI) * MI
    share = f"{format_quantity(own)} of {format_quantity(container.memory_limit)}"
    return request, [f"the request was {share} and keeps that share: {format_quantity(request)}"]


def _node(case: Case) -> Recommendation:
    if case.asked_for:
        return _nothing("somebody asked the kernel for an OOM kill (SysRq f); nothing need have been full")
    reason = (
        "all pods of the node together reached what the kubelet lets them use"
        if case.cause == Cause.NODE_ALLOCATABLE
        else "the node itself ran out of memory; no limit of this container fired"
    )
    use = _use(case)
    request = case.facts.memory_request if case.facts else None
    if use is None or case.facts is None:
        return _review(reason)
    if request is not None and use <= request:
        return _review(f"{reason}; it used {in_mi(use // MI * MI)}, no more than its request of {in_mi(request)}")
    wanted, unit = rounded(int(use * _ABOVE_USE), case.around.policy)
    limit = case.facts.memory_limit
    if limit is not None:
        wanted = min(wanted, limit)
    asked = f"requests {in_mi(request)}" if request else "has no request"
    return Recommendation(
        action=Action.RAISE_REQUEST,
        request=wanted,
        previous_limit=limit,
        confidence=Confidence.MEDIUM,
        basis=f"{reason}; the kernel kills who exceeds its request most: the container used {in_mi(use // MI * MI)} and"
        f" {asked}; {in_mi(use // MI * MI)} x {_ABOVE_USE}, rounded up to a multiple of {format_quantity(unit)}"
        f"{' and at most its limit' if wanted == limit else ''} = {format_quantity(wanted)}",
    )


def _use(case: Case) -> int | None:
    """Return the most that the container held, as far as it was seen: its samples, or its victims."""
    seen = case.kill.usage.highest if case.kill.usage else 0
    victim = case.kill.victim
    resident = (victim.anon_rss_bytes or 0) + (victim.shmem_rss_bytes or 0) if victim else 0
    return max(seen, resident) or None


def _numa(case: Case) -> Recommendation:
    del case
    return _review("the memory of the allowed NUMA nodes was exhausted; no limit of this container fired")


def _nested(case: Case) -> Recommendation:
    del case
    return _nothing("a cgroup made inside the container reached its own limit; Kubernetes does not set that limit")


def _review(reason: str) -> Recommendation:
    return Recommendation(action=Action.REVIEW_NODE, basis=reason)


def _nothing(reason: str) -> Recommendation:
    return Recommendation(action=Action.NONE, basis=reason)


def _confidence(case: Case) -> Confidence:
    """High: the estimate has a bend or a heap setting to go by, or repeated kills; Low: nothing but the limit."""
    if case.kernel >= _KERNEL_SHARE * (case.used or 1):
        return Confidence.LOW
    known = case.way.crest is not None or any(heap.size for heap in (case.facts.heap if case.facts else ()))
    if case.kills >= 3 or (known and case.kills >= 2):
        return Confidence.HIGH
    return Confidence.MEDIUM if case.way.shape is not Shape.UNKNOWN or case.kills == 2 else Confidence.LOW


_BY_CAUSE: dict[str, Callable[[Case], Recommendation]] = {
    Cause.CONTAINER_LIMIT: _container_limit,
    Cause.POD_LIMIT: _pod_limit,
    Cause.NODE_ALLOCATABLE: _node,
    Cause.NODE_OUT_OF_MEMORY: _node,
    Cause.CPUSET_OR_NUMA: _numa,
    Cause.NESTED_CGROUP: _nested,
}
