"""The pod and the container behind a memory-cgroup path.

The kernel prints the path (`task_memcg=/kubepods...`); the kubelet and the runtime chose it. Layouts in the field:

    cgroupfs     /kubepods/burstable/pod<uid>/<container id>          (Guaranteed has no QoS level)
    systemd      /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<uid>.slice/cri-containerd-<id>.scope
    mismatched   kubepods-burstable-pod<uid>.slice:cri-containerd:<id>
    CRI-O        .../crio-<id>.scope, possibly with a child; crio-conmon-<id>.scope is the monitor, not the container

Any of them can lie below further cgroups (kind, nested runtimes, the kubelet's --cgroup-root) or have children. So
neither end of the pattern is anchored. Where a path holds two container IDs (a kind node is a container too), the one
below the pod counts. systemd writes the dashes of a UID as underscores, since a dash in a slice name means "child of".
A static pod shows its config hash of 32 digits, not the UID of its mirror pod.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

_HEX64 = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_UID = r"[0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|[0-9a-f]{32}"
_POD = re.compile(rf"(?:^|[-/])pod({_UID})(?:\.slice)?(?=[/:]|$)")
_QOS_SLICE = re.compile(r"(?:^|-)kubepods-(?:burstable|besteffort)\.slice$")
_ALLOCATABLE = re.compile(r"(?:^|[-/])kubepods(?:\.slice)?$")
_BELOW_KUBEPODS = re.compile(r"(?:^|[-/])kubepods(?:\.slice|[-/])")
_OUTSIDE_PODS = re.compile(r"/(?:docker|libpod|cri-containerd|crio)[-/]([0-9a-f]{64})(?:\.scope)?(?:/|$)")
_NAMES = {"burstable": "Burstable", "besteffort": "BestEffort"}

# The kernel prints a cgroup's path from a buffer of PATH_MAX (kernfs_pr_cont_buf in fs/kernfs/dir.c).
_MOST_PATH = 4096


class Scope(StrEnum):
    """The owner of a limit, by its cgroup path. NODE: the OOM was not one of a memory cgroup at its limit."""

    CONTAINER = "Container"
    POD = "Pod"
    QOS_CLASS = "QoSClass"
    NODE_ALLOCATABLE = "NodeAllocatable"
    NODE = "Node"
    OTHER_CGROUP = "OtherCgroup"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The container that was hit: from the path alone, or with the names that the node's own files know.

    `pod_uid` is written with dashes; for a static pod it is the config hash. `container_id` is 64 hex digits. `runtime`
    is containerd, cri-o, docker or unknown. `qos_class` is Kubernetes' word, None where the path does not say.
    """

    pod_uid: str | None = None
    container_id: str | None = None
    runtime: str | None = None
    qos_class: str | None = None
    namespace: str | None = None
    pod: str | None = None
    container: str | None = None

    def named(self, *, namespace: str, pod: str, container: str | None) -> "Subject":
        """Return this subject with the names of its pod and container."""
        return replace(self, namespace=namespace, pod=pod, container=container)


@lru_cache(maxsize=256)  # who was killed once is killed again, and both paths of a record lie in one pod
def subject_of(path: str | None) -> Subject | None:
    """Return the pod and the container that a memory-cgroup path lies in; None where it lies in neither.

    A container outside any pod (plain Docker) has an ID and a runtime, but no `pod_uid`.
    """
    if path is None:
        return None
    path = path[:_MOST_PATH]
    pods = _pods_in(path)
    if not pods:
        alone = _OUTSIDE_PODS.search(path)
        return Subject(container_id=alone.group(1), runtime=_runtime(path, alone.start(1))) if alone else None
    return _subject(path, pods[-1], len(path))


def subjects_along(path: str) -> tuple[Subject, ...]:
    """Return every pod that a path leads through, with the container in it, the outermost first.

    There are several where a cluster runs in a pod, or where a container names cgroups of its own like a kubelet's.
    """
    path = path[:_MOST_PATH]
    pods = _pods_in(path)
    ends = [*(pod.start() for pod in pods), len(path)][1:]
    return tuple(_subject(path, pod, end) for pod, end in zip(pods, ends, strict=True))


def _subject(path: str, pod: re.Match[str], end: int) -> Subject:
    below = path[pod.end() : end]
    container = next((m for m in _HEX64.finditer(below) if "conmon-" not in _leaf_before(below, m.start())), None)
    return Subject(
        pod_uid=_dashed(pod.group(1)),
        container_id=container.group() if container else None,
        runtime=_runtime(below, container.start()) if container else None,
        qos_class=_qos_class(path[: pod.start() + len("-pod")]),
    )


def scope_of(path: str | None, *, global_oom: bool = False) -> Scope:
    """Return whose limit the cgroup at `path` is; a global OOM is the node's, whatever path was printed."""
    if global_oom:
        return Scope.NODE
    if path is None:
        return Scope.UNKNOWN
    leaf = path.rstrip("/").rsplit("/", 1)[-1]
    if "conmon-" not in leaf and re.search(r"(?:^|[-:])[0-9a-f]{64}(?:\.scope)?$", leaf):
        return Scope.CONTAINER
    if re.search(rf"(?:^|-)pod(?:{_UID})(?:\.slice)?$", leaf) and _BELOW_KUBEPODS.search(path):
        return Scope.POD
    if _QOS_SLICE.search(leaf) or (leaf in _NAMES and _ALLOCATABLE.search(path.rstrip("/").rsplit("/", 1)[0])):
        return Scope.QOS_CLASS
    if _ALLOCATABLE.search(leaf):
        return Scope.NODE_ALLOCATABLE
    return Scope.OTHER_CGROUP


def _pods_in(path: str) -> list[re.Match[str]]:
    return [pod for pod in _POD.finditer(path) if _BELOW_KUBEPODS.search(path, 0, pod.end())]


def _leaf_before(path: str, end: int) -> str:
    return path[path.rfind("/", 0, end) + 1 : end]


def _dashed(uid: str) -> str:
    return uid.replace("_", "-")


def _runtime(path: str, id_start: int) -> str:
    prefix = path[path.rfind("/", 0, max(id_start - 1, 0)) + 1 : id_start]
    if "cri-containerd" in prefix:
        return "containerd"
    if "crio" in prefix:
        return "cri-o"
    if "docker" in prefix:
        return "docker"
    return "unknown"


def _qos_class(head: str) -> str | None:
    """Guaranteed pods sit directly below kubepods, so the absence of a QoS level names them."""
    level = re.findall(r"(?:^|[-/])(burstable|besteffort)(?=[-/.])", head)
    return _NAMES[level[-1]] if level else "Guaranteed"
