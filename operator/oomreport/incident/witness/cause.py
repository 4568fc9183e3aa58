"""Whose limit it was, in words that a person acts on.

The kernel names the cgroup at its limit, and that is not always what to change. The kubelet gives a pod a limit of its
own when every container has one (the sum) or when the pod's spec says so; in a pod with one limited container both
limits are equal, and the kernel names the pod: what to change is the container's limit. A runtime may put a container's
processes into a child cgroup with the container's limit; a nested runtime or systemd in the container makes children
with limits of its own.
"""

from datetime import datetime

from oomreport.incident.kill import Cause
from oomreport.incident.witness.evidence import RecordFacts
from oomreport.incident.witness.pod_statistics import is_only_container
from oomreport.workload.container import Scope, subject_of
from oomreport.workload.pod import ContainerFacts, ContainerKind, PodFacts

_CONTAINER_OR_POD = frozenset({Scope.CONTAINER, Scope.POD})
_NUMA = frozenset({"CONSTRAINT_CPUSET", "CONSTRAINT_MEMORY_POLICY"})


def cause_of(record: RecordFacts | None, pod: PodFacts | None, container: ContainerFacts | None) -> Cause:
    """Return whose limit a kill was about; Unknown without a record, since pod status never tells."""
    if record is None:
        return Cause.UNKNOWN
    if record.spec.constraint in _NUMA:
        return Cause.CPUSET_OR_NUMA
    match record.scope:
        case Scope.NODE:
            return Cause.NODE_OUT_OF_MEMORY
        case Scope.QOS_CLASS | Scope.NODE_ALLOCATABLE:
            return Cause.NODE_ALLOCATABLE
        case Scope.CONTAINER:
            return Cause.CONTAINER_LIMIT
        case Scope.POD:
            return _of_pod(record, pod, container)
        case Scope.UNKNOWN if pod and container and set(record.spec.scope_candidates) == _CONTAINER_OR_POD:
            # By the counters it was one of the two, and in a pod with one limited container they are one limit.
            return Cause.CONTAINER_LIMIT if _is_the_containers_own(record, pod, container) else Cause.UNKNOWN
        case Scope.OTHER_CGROUP if _is_inside_container(record):
            same = container and record.limit is not None and record.limit == container.memory_limit
            return Cause.CONTAINER_LIMIT if same else Cause.NESTED_CGROUP
    return Cause.UNKNOWN


def _of_pod(record: RecordFacts, pod: PodFacts | None, container: ContainerFacts | None) -> Cause:
    if pod is None:
        return Cause.CONTAINER_LIMIT if is_only_container(record.spec) else Cause.POD_LIMIT
    if container is None:
        # The kubelet made it from limits of containers, and which of them was hit is not known.
        return Cause.UNKNOWN if pod.memory_limit is None else Cause.POD_LIMIT
    return Cause.CONTAINER_LIMIT if _is_the_containers_own(record, pod, container) else Cause.POD_LIMIT


def _is_the_containers_own(record: RecordFacts, pod: PodFacts, container: ContainerFacts) -> bool:
    """Return whether the pod's limit is the container's: equal, and nobody else could have used a part of it."""
    if container.memory_limit is None:
        return False
    if record.limit is not None and record.limit != container.memory_limit:
        return False
    if record.limit is None and pod.memory_limit not in (None, container.memory_limit):
        return False
    beside = [other for other in _beside(pod, container) if _could_use_memory(other, record.time)]
    return not beside


def _beside(pod: PodFacts, container: ContainerFacts) -> list[ContainerFacts]:
    """Return the containers that can run at the same time; beside an init container only the sidecars before it."""
    others = [other for other in pod.containers if other.name != container.name]
    if container.kind is ContainerKind.INIT:
        started = pod.containers[: pod.containers.index(container)]
        return [other for other in started if other.kind is ContainerKind.SIDECAR]
    return [other for other in others if other.kind is not ContainerKind.INIT]


def _could_use_memory(container: ContainerFacts, time: datetime) -> bool:
    """Return whether it may have run at `time`; what was never started, or had ended for good, did not."""
    if container.running_id is not None:
        return True
    ends = [end.finished for end in container.terminations if end.finished]
    return bool(ends) and max(ends) >= time


def _is_inside_container(record: RecordFacts) -> bool:
    inside = subject_of(record.spec.oom_memcg)
    return inside is not None and inside.container_id is not None
