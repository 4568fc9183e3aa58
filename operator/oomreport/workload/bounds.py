"""Bounds on a pod's memory: its node, LimitRanges and ResourceQuotas.

All three are enforced when a pod is created. A limit beyond them cannot be applied, so none is recommended. A quota of
`limits.memory` counts the limits of all pods of its namespace; `memory` is an old name of `requests.memory`. A quota
can be scoped to some pods. NotBestEffort and NotTerminating hold for nearly every pod with a memory limit; the other
scopes depend on facts that are not known here.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from oomreport.workload.quantity import parse_quantity

_QUOTAS = ("limits.memory", "requests.memory", "memory")
_COMMON_SCOPES = frozenset({"NotBestEffort", "NotTerminating"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRange:
    """The bounds that all LimitRanges of a namespace set together, in bytes; None where none sets one.

    `told` holds what each of them says of memory.
    """

    container_max: int | None = None
    container_min: int | None = None
    pod_max: int | None = None
    told: frozenset[str] = field(default=frozenset(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaLeft:
    """What all ResourceQuotas of a namespace together leave, in bytes; None without a quota.

    `partial` is set where a quota's room is not known: its usage is not counted yet, or it holds for some pods only.
    `told` holds what each of them allows of memory, whatever is used.
    """

    limits: int | None = None
    requests: int | None = None
    partial: bool = False
    told: frozenset[str] = field(default=frozenset(), compare=False)


def bounds_hash(told: Iterable[str]) -> str:
    """Return a short hash of what LimitRanges and ResourceQuotas allow; empty where they say nothing."""
    parts = sorted({*filter(None, told)})
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:10] if parts else ""


def told_by_range(limit_range: Mapping[str, Any]) -> str:
    """Return what a LimitRange says of memory as text to compare; empty for nothing."""
    items = (limit_range.get("spec") or {}).get("limits") or ()
    said = (
        f"{item['type']} {which} {size}"
        for item in items
        for which in ("min", "max")
        if item.get("type") in ("Container", "Pod") and (size := _memory(item.get(which), "memory")) is not None
    )
    return "; ".join(sorted(said))


def told_by_quota(quota: Mapping[str, Any]) -> str:
    """Return what a ResourceQuota allows of memory as text to compare; empty for nothing.

    The value of its status counts, since `used` belongs to that value.
    """
    spec, hard = quota.get("spec") or {}, (quota.get("status") or {}).get("hard")
    named = [name for name in _QUOTAS if name in (spec.get("hard") or {})]
    if not named:
        return ""
    said = [f"{name} {_memory(hard, name)}" for name in named]
    return "; ".join([*said, *sorted(_scopes(spec))])


def allocatable_memory(node: Mapping[str, Any]) -> int | None:
    """Return what the kubelet of a node gives to all its pods together, in bytes."""
    return _memory((node.get("status") or {}).get("allocatable"), "memory")


def memory_range(limit_ranges: Iterable[Mapping[str, Any]]) -> MemoryRange:
    """Return the bounds that all of these LimitRanges set."""
    limit_ranges = tuple(limit_ranges)
    items = [item for one in limit_ranges for item in (one.get("spec") or {}).get("limits") or ()]
    of_containers = [item for item in items if item.get("type") == "Container"]
    of_pods = [item for item in items if item.get("type") == "Pod"]
    return MemoryRange(
        container_max=min(_memories(of_containers, "max"), default=None),
        container_min=max(_memories(of_containers, "min"), default=None),
        pod_max=min(_memories(of_pods, "max"), default=None),
        told=frozenset(map(told_by_range, limit_ranges)),
    )


def quota_left(quotas: Iterable[Mapping[str, Any]]) -> QuotaLeft:
    """Return what these ResourceQuotas leave. It is never below 0, although a quota can be exceeded."""
    limits: list[int] = []
    requests: list[int] = []
    partial = False
    quotas = tuple(quotas)
    for quota in quotas:
        spec, status = quota.get("spec") or {}, quota.get("status") or {}
        for names, found in ((("limits.memory",), limits), (("requests.memory", "memory"), requests)):
            for name in names:
                if name not in (spec.get("hard") or {}):
                    continue
                hard, used = _memory(status.get("hard"), name), _memory(status.get("used"), name)
                if hard is None or used is None or not _scopes(spec) <= _COMMON_SCOPES:
                    partial = True
                else:
                    found.append(max(0, hard - used))
    return QuotaLeft(
        limits=min(limits, default=None),
        requests=min(requests, default=None),
        partial=partial,
        told=frozenset(map(told_by_quota, quotas)),
    )


def _scopes(spec: Mapping[str, Any]) -> set[str]:
    selected = (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    return {*(spec.get("scopes") or ()), *(str(expression.get("scopeName")) for expression in selected)}


def _memories(items: Iterable[Mapping[str, Any]], which: str) -> Iterator[int]:
    return (size for item in items if (size := _memory(item.get(which), "memory")) is not None)


def _memory(values: Mapping[str, Any] | None, name: str) -> int | None:
    value = (values or {}).get(name)
    return None if value is None else parse_quantity(value)
