"""The containers of a pod at its limit, by the kernel's statistics.

Kernels before 5.3 print a line for every cgroup below the one at its limit, each without its children.
These kernels have cgroup v1 in the field, where the kubelet gives a pod the sum of its containers' limits, and
nobody can set another.
"""

import re

from oomreport.incident.oom_record import RecordSpec
from oomreport.workload.container import Scope, Subject, subject_of

_STATS = re.compile(r"^Memory cgroup stats for (/\S*): cache:(\d+)KB rss:(\d+)KB", re.MULTILINE)
# The process of the sandbox, which holds a pod's namespaces (kubernetes/build/pause).
_PAUSE = re.compile(r"^\[ *\d+\] .* pause$", re.MULTILINE)

_MOST = 0.5


def used_by_containers(spec: RecordSpec) -> dict[str, int]:
    """Return the bytes in use of each container below the pod at its limit, the largest first, without the sandbox.

    Empty where the text does not show them all.
    """
    pod = (spec.oom_memcg or "").rstrip("/") + "/"
    victim = subject_of(spec.task_memcg)
    if spec.scope is not Scope.POD or not spec.log or victim is None or victim.container_id is None:
        return {}
    used: dict[str, int] = {}
    for path, cache, rss in _STATS.findall(spec.log):
        subject = subject_of(path) if path.startswith(pod) else None
        if subject is not None and subject.container_id is not None:
            used[subject.container_id] = used.get(subject.container_id, 0) + (int(cache) + int(rss)) * 1024
    # Where lines are cut off, what is left makes up less than the pod holds.
    held = (spec.memory.usage_bytes if spec.memory else None) or 0
    if victim.container_id not in used or not held or sum(used.values()) < _MOST * held:
        return {}
    # A sandbox holds less than any container; where its process is not in the table, it may be one of them.
    if _PAUSE.search(spec.log):
        others = [container for container in used if container != victim.container_id]
        if others:
            del used[min(others, key=lambda container: used[container])]
    elif len(used) > 1:
        return {}
    return dict(sorted(used.items(), key=lambda item: -item[1]))


def is_of_cgroup_v1(spec: RecordSpec) -> bool:
    """Whether the kernel counts memory and swap together, as it does on cgroup v1 alone."""
    return "memory+swap: usage " in (spec.log or "")


def statistics_of(spec: RecordSpec) -> tuple[Subject, ...]:
    """Return the containers of pods whose statistics were printed: each lies in the cgroup at its limit."""
    subjects = (subject_of(path) for path, _, _ in _STATS.findall(spec.log or ""))
    return tuple(one for one in subjects if one is not None and one.pod_uid and one.container_id)


def is_only_container(spec: RecordSpec) -> bool:
    """Whether the victim's container is the only one of its pod: then the pod's limit is the container's."""
    return len(used_by_containers(spec)) == 1
