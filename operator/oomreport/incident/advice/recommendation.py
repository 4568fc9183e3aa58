"""The right knob, and its number.

Which knob follows from whose limit fired and from what filled it; a raise is the answer only where the limit was the
cause, memory is given back some day, and no bound is in the way. `basis` holds every input of the number.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from oomreport.incident.advice.case import Case
from oomreport.incident.advice.findings_limit import no_limit_fired
from oomreport.incident.advice.leaks import ABOUT, Leak, duration, is_contradicted, leak_in_sight, leak_of, rate
from oomreport.incident.advice.raising import IN_A_ROW, MOST_INPUTS, AdviceInput, NothingMore, raised, share_of_request
from oomreport.incident.advice.sizing import in_mi, rounded
from oomreport.incident.advice.trim import HEADROOM, NOTABLE, trim_of
from oomreport.incident.kill import FULL_NODE, Cause
from oomreport.incident.memory.history import in_a_row, raises
from oomreport.incident.memory.trajectory import Shape
from oomreport.incident.memory.usage_since import DAY, UsageSince
from oomreport.incident.witness.pod_statistics import is_of_cgroup_v1, used_by_containers
from oomreport.incident.witness.policy import RequestRule
from oomreport.workload.container import Scope
from oomreport.workload.quantity import MI, format_quantity

_TMPFS_SHARE = 0.5
_KERNEL_SHARE = 0.5
_MOST_BASIS = 1024
# A basis is a few sentences.
_MOST_TOLD = 5
# What a request is put above the use that was seen. The kubelet passes requests on in thousandths of the node's memory
# (oom_score_adj): a tenth of a small container's use is lost in one.
_ABOVE_USE = 1.25


class Action(StrEnum):
    """What to change; API.md's words."""

    RAISE_LIMIT = "RaiseLimit"
    RAISE_POD_LIMIT = "RaisePodLimit"
    RAISE_REQUEST = "RaiseRequest"
    FIX_LEAK = "FixLeak"
    LIMIT_TMPFS = "LimitTmpfs"
    REVIEW_NODE = "ReviewNode"
    LOWER_LIMIT = "LowerLimit"
    NONE = "None"


class Confidence(StrEnum):
    """How well the evidence carries a number."""

    HIGH = "High"
    MEDIUM = "Medium"
    LOW = "Low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """What to change, in bytes; why, in a few sentences; and from what the number was made, at most 20 inputs."""

    action: Action
    basis: str
    inputs: tuple[AdviceInput, ...] = ()
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
            **({"inputs": [one.as_json() for one in self.inputs[:MOST_INPUTS]]} if self.inputs else {}),
        }


def recommendation(case: Case) -> Recommendation:
    """Return what to change after the last kill."""
    if not case.around.policy.enabled:
        return _nothing("the policy asks for no recommendation")
    return _BY_CAUSE.get(case.cause, _unknown)(case)


def _unknown(case: Case) -> Recommendation:
    own = case.facts.memory_limit if case.facts else None
    return replace(_no_limit_known(case), previous_limit=case.fired or own)


def _no_limit_known(case: Case) -> Recommendation:
    if case.kill.scope is Scope.OTHER_CGROUP:
        return _nothing("the limit that fired is of a cgroup outside pods; Kubernetes does not set it")
    if case.kill.scope is Scope.POD:
        return _nothing(
            "the pod's cgroup reached its limit, which the kubelet takes from the containers; which container was hit"
            " is not known"
        )
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
    used = used_by_containers(case.record.spec) if case.record is not None and case.pod is None else {}
    if len(used) > 1:
        each = ", ".join(f"{container[:12]} used {in_mi(size // MI * MI)}" for container, size in used.items())
        return _nothing(
            f"the pod's limit of {format_quantity(case.fired)} is the sum of its containers' limits: raise the limit of the"
            f" container that needs more; {each}"
        )
    if case.pod is None and case.record is not None and is_of_cgroup_v1(case.record.spec):
        return _nothing(
            f"the pod's limit of {format_quantity(case.fired)} is the sum of its containers' limits on cgroup v1, where"
            " nobody can set another: raise the limit of the container that needs more"
        )
    return _tmpfs(case, case.fired) or _sum_of_containers(case, case.fired) or _raised(case, case.fired)


def _sum_of_containers(case: Case, limit: int) -> Recommendation | None:
    """Return why a limit that the kubelet sums up, and no manifest sets, is not raised: those of containers can be."""
    if case.pod is None or case.pod.memory_limit is not None:
        return None
    has = [f"{one.name} has {in_mi(one.memory_limit)}" for one in case.pod.containers if one.memory_limit is not None]
    if len(has) < 2:
        return None
    words = (
        f"the pod's limit of {format_quantity(limit)} is the sum of its containers' limits, and no manifest sets it: raise"
        f" the limit of the container that needs more; {', '.join(has[:_MOST_TOLD])}"
    )
    return replace(_nothing(words), previous_limit=limit)


def _tmpfs(case: Case, limit: int) -> Recommendation | None:
    """Shared memory is charged until its files are deleted: a memory-backed volume or /dev/shm fills any limit."""
    used = case.used or limit
    shmem = case.shmem
    if case.files_in_memory < _TMPFS_SHARE * used:
        return None
    volumes = case.pod.memory_volumes if case.pod else ()
    if case.pod is not None and not volumes and in_a_row(case.past) >= IN_A_ROW:
        # There is no volume to bound, and /dev/shm has a size of its own: what goes on is none of its files.
        return None
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
    leak = leak_of(case)
    return _fix_leak(leak, limit, "Two kills agree", source="kernel" if case.fired else "pod") if leak else None


def seen_since(case: Case, before: Action) -> Recommendation | None:
    """Return what running containers ask for without a new kill; None where the recommendation `before` stands."""
    usage = case.around.usage
    if usage is None or usage.limit is None or not case.around.policy.enabled:
        return None
    if before is Action.FIX_LEAK:
        if not is_contradicted(case, usage):
            return None
        lasted = duration((usage.last - usage.began).total_seconds())
        return _nothing(
            f"A container runs for {lasted} and does not grow as before: it is no leak, or the leak is mended."
        )
    if leak := leak_in_sight(case, usage):
        return _fix_leak(leak, usage.limit, "A kill and a running container agree", source="pod")
    return _lowered(case, usage, usage.limit)


def _fix_leak(leak: Leak, limit: int, who: str, *, source: str) -> Recommendation:
    lasts = leak.after + max(0, limit - leak.limit) / leak.growth
    # A planned restart after half of that time leaves the other half for a busier day.
    restart = duration(lasts / ABOUT)
    return Recommendation(
        action=Action.FIX_LEAK,
        previous_limit=limit,
        confidence=Confidence.HIGH,
        basis=f"{who}: {leak}. A higher limit would only delay the next kill, so find what is never given back."
        f" Until then an instance lasts about {duration(lasts)} at {format_quantity(limit)}; a planned restart after"
        f" {restart} would come before the kill.",
        inputs=(
            AdviceInput(name="limit", value=format_quantity(limit), source=source),
            AdviceInput(name="timeToFill", value=duration(lasts), source="flight recorder"),
            AdviceInput(name="earlierLimit", value=format_quantity(leak.earlier_limit), source="kills"),
            AdviceInput(name="earlierTimeToFill", value=duration(leak.before), source="kills"),
            AdviceInput(name="level", value=in_mi(leak.level // MI * MI), source="flight recorder"),
            AdviceInput(name="growth", value=rate(leak.growth), source="flight recorder"),
            AdviceInput(name="plannedRestart", value=restart, source="timeToFill / 2"),
        ),
    )


def _raised(case: Case, limit: int) -> Recommendation:
    found = raised(case, limit)
    if isinstance(found, NothingMore):
        return Recommendation(action=Action.NONE, previous_limit=limit, basis=found.why, inputs=found.inputs)
    return Recommendation(
        action=Action.RAISE_POD_LIMIT if case.cause == Cause.POD_LIMIT else Action.RAISE_LIMIT,
        limit=found.limit,
        request=found.request,
        previous_limit=limit,
        confidence=_confidence(case),
        basis=found.basis,
        inputs=found.inputs,
    )


def _lowered(case: Case, usage: UsageSince, own: int) -> Recommendation | None:
    """Return the lower limit that was seen to be enough since the last kill; None where the limit stays."""
    policy, killed = case.around.policy, case.kill.time
    if killed is None:
        return None
    if case.leak_ended is not None:
        usage = usage.since(case.leak_ended)
    fired = [kill.limit or 0 for kill in case.of_no_leak(case.past) if kill.cause == Cause.CONTAINER_LIMIT]
    trim = trim_of(usage, fired=max(fired, default=0), since=killed)
    if trim is None:
        return None
    limit, unit = rounded(max(trim.least, policy.minimum or 0, case.around.limit_range_min or 0), policy)
    if limit > own * (1 - NOTABLE):
        return None
    if policy.request is not RequestRule.EQUAL_LIMIT and any(kill.cause in FULL_NODE for kill in case.past):
        request, words = _kept_request(usage.request, limit)
    else:
        request, words = share_of_request((usage.request, own), limit, policy.request)
    days = f"{usage.seen_for / DAY:.0f} days"
    inputs = (
        AdviceInput(name="limit", value=format_quantity(own), source="pod"),
        AdviceInput(name="peak", value=in_mi(trim.peak), source=usage.source),
        AdviceInput(name="seenFor", value=days, source=usage.source),
        *(
            (AdviceInput(name="limitThatFired", value=format_quantity(trim.fired), source="kills"),)
            if trim.fired
            else ()
        ),
        AdviceInput(name="headroom", value=f"x {HEADROOM:g}", source="docs/advice.md"),
        AdviceInput(name="roundTo", value=format_quantity(unit), source="policy" if policy.rounding else "default"),
    )
    most = (
        f"the limit that fired ({format_quantity(trim.fired)})"
        if trim.fired > trim.peak
        else f"that peak ({in_mi(trim.peak)})"
    )
    return Recommendation(
        action=Action.LOWER_LIMIT,
        limit=limit,
        request=request,
        previous_limit=own,
        confidence=Confidence.HIGH,
        basis=f"No kill for {days} at {format_quantity(own)}, and the container held {in_mi(trim.peak)} at most."
        f" Lower the limit to {format_quantity(limit)}: {most} x {HEADROOM:g}, rounded up to {format_quantity(unit)}."
        f"{words}",
        inputs=inputs,
    )


def _kept_request(now: int | None, limit: int) -> tuple[int | None, str]:
    """Return the request beside a lower limit where the node was full before: it was raised for that, and stays."""
    if now is None:
        return None, ""
    words = " The request stays: the node was full before."
    return (None, words) if now <= limit else (limit, f"{words[:-1]}, but it is cut to the limit.")


def _first_small(text: str) -> str:
    return text[:1].lower() + text[1:]


def _node(case: Case) -> Recommendation:
    if case.asked_for:
        return _nothing("somebody asked the kernel for an OOM kill (SysRq f); nothing need have been full")
    reason = (
        "all pods of the node together reached what the kubelet lets them use"
        if case.cause == Cause.NODE_ALLOCATABLE
        else f"{_first_small(case.shortage or 'the node itself ran out of memory')}; {no_limit_fired(case)}"
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
    return _review(f"the memory of the allowed NUMA nodes was exhausted; {no_limit_fired(case)}")


def _nested(case: Case) -> Recommendation:
    del case
    return _nothing("a cgroup made inside the container reached its own limit; Kubernetes does not set that limit")


def _review(reason: str) -> Recommendation:
    return Recommendation(action=Action.REVIEW_NODE, basis=reason)


def _nothing(reason: str) -> Recommendation:
    return Recommendation(action=Action.NONE, basis=reason)


def _confidence(case: Case) -> Confidence:
    """Return how often such a raise ended the kills; docs/advice.md has the measured shares."""
    known = any(heap.size for heap in (case.facts.heap if case.facts else ())) or case.around.peak is not None
    if case.kernel >= _KERNEL_SHARE * (case.used or 1) or (case.way.shape is Shape.UNKNOWN and not known):
        return Confidence.LOW
    # Counters tell whose limit it was, and nothing of what filled it.
    by_counters = case.record is not None and case.record.spec.scope_source is not None
    carried = known or case.way.rises or raises(case.past)
    return Confidence.HIGH if carried and not by_counters else Confidence.MEDIUM


_BY_CAUSE: dict[str, Callable[[Case], Recommendation]] = {
    Cause.CONTAINER_LIMIT: _container_limit,
    Cause.POD_LIMIT: _pod_limit,
    Cause.NODE_ALLOCATABLE: _node,
    Cause.NODE_OUT_OF_MEMORY: _node,
    Cause.CPUSET_OR_NUMA: _numa,
    Cause.NESTED_CGROUP: _nested,
}
