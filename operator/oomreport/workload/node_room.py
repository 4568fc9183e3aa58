"""The memory of a node that its pods have not reserved.

A pod's request is what the scheduler and the kubelet reserve: the sum of all containers and sidecars, or what an init
container needs beside the sidecars before it where that is more, plus the overhead of the runtime class. The pod's own
`spec.resources` replaces that sum where it is set. During a resize the greater of requested and allocated counts. A pod
that has ended reserves nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from oomreport.workload.quantity import parse_quantity

_ENDED = frozenset({"Succeeded", "Failed"})


def pod_request(pod: Mapping[str, Any], *, without: str | None = None) -> int:
    """Return the memory that a pod reserves, in bytes; `without` leaves one container out."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    if status.get("phase") in _ENDED:
        return 0
    overhead = _memory(spec.get("overhead"))
    whole = _memory((spec.get("resources") or {}).get("requests"))
    if whole and without is None:
        return whole + overhead
    allocated = _allocated(status)
    running = sum(_request(one, allocated) for one in spec.get("containers") or () if one.get("name") != without)
    starting, sidecars = 0, 0
    for container in spec.get("initContainers") or ():
        request = 0 if container.get("name") == without else _request(container, allocated)
        if container.get("restartPolicy") == "Always":
            sidecars += request
            starting = max(starting, sidecars)
        else:
            starting = max(starting, sidecars + request)
    return max(running + sidecars, starting) + overhead


def room_for(allocatable: int, pods: Iterable[Mapping[str, Any]], *, pod_uid: str, container: str) -> int:
    """Return the bytes that a container can use before it takes what its node reserved for others; never below 0."""
    taken = 0
    for pod in pods:
        own = (pod.get("metadata") or {}).get("uid") == pod_uid
        taken += pod_request(pod, without=container if own else None)
    return max(0, allocatable - taken)


def _request(container: Mapping[str, Any], allocated: Mapping[str, int]) -> int:
    asked = _memory((container.get("resources") or {}).get("requests"))
    return max(asked, allocated.get(str(container.get("name")), 0))


def _allocated(status: Mapping[str, Any]) -> dict[str, int]:
    statuses: Sequence[Mapping[str, Any]] = [
        *(status.get("containerStatuses") or ()),
        *(status.get("initContainerStatuses") or ()),
    ]
    return {str(one.get("name")): _memory(one.get("allocatedResources")) for one in statuses}


def _memory(amounts: Mapping[str, Any] | None) -> int:
    value = (amounts or {}).get("memory")
    return (parse_quantity(value) or 0) if value is not None else 0
