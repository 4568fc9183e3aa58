"""The right knob, and its number, from what the kernel itself measured.

Raising a limit helps only where that limit was the cause; then a quarter is added. The step is large enough to end a
series of kills in a few rounds (two raises make x1.56, three x1.95) and small enough not to reserve a node for a leak.
Numbers are rounded up to steps that people write: 16Mi below 1Gi, 64Mi from there on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import ceil
from typing import Any

from oomreport.incident.cause import Cause
from oomreport.workload.pod import ContainerFacts
from oomreport.workload.quantity import GI, MI, format_quantity

_RAISE = Fraction(5, 4)
_TMPFS_SHARE = Fraction(1, 2)


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
            "basis": self.basis,
        }


def recommendation(
    *, cause: Cause, memory: Mapping[str, Any] | None, container: ContainerFacts | None, kills: int
) -> Recommendation:
    """Return what to change after the last of `kills` kills; `memory` is the cgroup at its limit, as the record has it."""
    memory = memory or {}
    fired = memory.get("limitBytes")
    own = container.memory_limit if container else None
    # For a pod's limit the container's own says nothing.
    limit = fired if fired is not None or cause is not Cause.CONTAINER_LIMIT else own
    match cause:
        case Cause.CONTAINER_LIMIT | Cause.POD_LIMIT:
            whose = "container" if cause is Cause.CONTAINER_LIMIT else "pod"
            if limit is None:
                return _nothing(
                    f"the {whose}'s limit fired, but neither the kernel's record nor the pod tells its size"
                )
            if found := _tmpfs(memory, limit):
                return found
            return _raised(limit, container, kills, memory, pod=cause is Cause.POD_LIMIT)
        case Cause.NODE_ALLOCATABLE:
            return _review("all pods of the node together reached what the kubelet lets them use")
        case Cause.NODE_OUT_OF_MEMORY:
            return _review("the node itself ran out of memory; no limit of this container fired")
        case Cause.CPUSET_OR_NUMA:
            return _review("the memory of the allowed NUMA nodes was exhausted; no limit of this container fired")
        case Cause.NESTED_CGROUP:
            return _nothing(
                "a cgroup made inside the container reached its own limit; Kubernetes does not set that limit"
            )
    return _nothing("no kernel record says whose limit fired, so no limit is known to be the cause")


def _raised(
    limit: int, container: ContainerFacts | None, kills: int, memory: Mapping[str, Any], *, pod: bool
) -> Recommendation:
    whose = "pod" if pod else "container"
    exact = ceil(limit * _RAISE)
    step = 16 * MI if exact < GI else 64 * MI
    wanted = _rounded_up(exact, step)
    source = "as the kernel printed it" if memory.get("limitBytes") is not None else "by the pod"
    raised = f"1.25 x {format_quantity(limit)} = {_in_mi(exact)}"
    basis = [
        f"the {whose}'s limit fired at {format_quantity(limit)} ({source})",
        f"{raised}, rounded up to a multiple of {format_quantity(step)} = {format_quantity(wanted)}",
        f"kills so far: {kills}",
    ]
    request = None
    own = container.memory_request if container and not pod else None
    if own and container and container.memory_limit:
        kept = Fraction(own, container.memory_limit)
        request = wanted if kept >= 1 else _rounded_up(ceil(wanted * kept), MI)
        basis.append(
            f"the request was {format_quantity(own)} of {format_quantity(container.memory_limit)}"
            f" and keeps that share: {format_quantity(request)}"
        )
    return Recommendation(
        action=Action.RAISE_POD_LIMIT if pod else Action.RAISE_LIMIT,
        limit=wanted,
        request=request,
        previous_limit=limit,
        confidence=_confidence(kills),
        basis="; ".join(basis),
    )


def _tmpfs(memory: Mapping[str, Any], limit: int) -> Recommendation | None:
    """Shared memory is charged until its files are deleted: a memory-backed volume or /dev/shm fills any limit."""
    stat = memory.get("stat") or {}
    shmem = max(stat.get("shmem", 0), stat.get("total_shmem", 0))
    usage = memory.get("usageBytes") or limit
    if Fraction(shmem, usage or 1) < _TMPFS_SHARE:
        return None
    return Recommendation(
        action=Action.LIMIT_TMPFS,
        previous_limit=limit,
        confidence=Confidence.MEDIUM,
        basis=f"shmem (tmpfs, memory-backed volumes, shared mappings) was {_in_mi(shmem)} of {_in_mi(usage)} in use at"
        f" the limit of {format_quantity(limit)}, {100 * shmem // usage} %, half or more: bound it by a sizeLimit first",
    )


def _review(reason: str) -> Recommendation:
    return Recommendation(action=Action.REVIEW_NODE, basis=reason)


def _nothing(reason: str) -> Recommendation:
    return Recommendation(action=Action.NONE, basis=reason)


def _confidence(kills: int) -> Confidence:
    if kills >= 3:
        return Confidence.HIGH
    return Confidence.MEDIUM if kills == 2 else Confidence.LOW


def _rounded_up(size: int, step: int) -> int:
    return -(-size // step) * step


def _in_mi(size: int) -> str:
    return format_quantity(size) if size % MI == 0 else f"{size / MI:.1f}Mi"
