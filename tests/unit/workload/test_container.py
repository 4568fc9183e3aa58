"""The paths are those of real captures and published logs, shortened where nothing depends on the rest."""

import pytest

from oomreport.workload.container import Scope, Subject, scope_of, subject_of

UID = "9b02072e-3bc7-46e9-a439-c8eaf034527b"
UNDERSCORED = UID.replace("-", "_")
ID = "7af0820551e6" + "0" * 52
OTHER = "51" * 32
BURSTABLE = "/kubepods.slice/kubepods-burstable.slice"
KIND_BURSTABLE = f"/docker/{OTHER}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice"


def subject(runtime: str = "unknown", qos: str = "Burstable", uid: str = UID, container: str | None = ID) -> Subject:
    return Subject(pod_uid=uid, container_id=container, runtime=runtime if container else None, qos_class=qos)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"/kubepods/burstable/pod{UID}/{ID}", subject()),
        (f"/kubepods/pod{UID}/{ID}", subject(qos="Guaranteed")),
        (f"/kubepods/besteffort/pod{UID}", subject(qos="BestEffort", container=None)),
        (
            f"{BURSTABLE}/kubepods-burstable-pod{UNDERSCORED}.slice/cri-containerd-{ID}.scope",
            subject("containerd"),
        ),
        (f"/kubepods.slice/kubepods-pod{UNDERSCORED}.slice/crio-{ID}.scope/container", subject("cri-o", "Guaranteed")),
        (f"/kubepods.slice/kubepods-pod{UNDERSCORED}.slice/docker-{ID}.scope", subject("docker", "Guaranteed")),
        (f"/system.slice/kubepods-burstable-pod{UNDERSCORED}.slice:cri-containerd:{ID}", subject("containerd")),
        (
            f"{KIND_BURSTABLE}/kubelet-kubepods-burstable-pod{UNDERSCORED}.slice/cri-containerd-{ID}.scope",
            subject("containerd"),
        ),
        (f"/docker/{OTHER}/kubelet/kubepods/burstable/pod{UID}/{ID}/nested-{OTHER}", subject()),
        (f"/group/kubepods/burstable/pod{UID}/{ID}", subject()),
        (f"/kubepods/burstable/pod{'ab' * 16}/{ID}", subject(uid="ab" * 16)),
        (f"/docker/{ID}", Subject(container_id=ID, runtime="docker")),
        (f"/system.slice/docker-{ID}.scope", Subject(container_id=ID, runtime="docker")),
        (
            f"/kubepods.slice/kubepods-pod{UNDERSCORED}.slice/crio-conmon-{ID}.scope",
            subject(qos="Guaranteed", container=None),
        ),
    ],
)
def test_a_path_names_its_pod_and_container(path: str, expected: Subject) -> None:
    assert subject_of(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        None,
        "/",
        "/system.slice/ollama.service",
        f"/user.slice/user-1000.slice/user@1000.service/app.slice/tmux-spawn-{UID}.scope",
        f"/somewhere/pod{UID}/{ID}",
        f"/notkubepods/pod{UID}/{ID}",
    ],
)
def test_a_path_outside_pods_names_nobody(path: str | None) -> None:
    assert subject_of(path) is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"/kubepods/burstable/pod{UID}/{ID}", Scope.CONTAINER),
        (f"/docker/{ID}", Scope.CONTAINER),
        (f"/kubepods.slice/kubepods-pod{UNDERSCORED}.slice/cri-containerd-{ID}.scope", Scope.CONTAINER),
        (f"/kubepods/burstable/pod{UID}", Scope.POD),
        (f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UNDERSCORED}.slice", Scope.POD),
        ("/kubepods/burstable", Scope.QOS_CLASS),
        ("/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice", Scope.QOS_CLASS),
        ("/kubepods", Scope.NODE_ALLOCATABLE),
        ("/group/kubepods", Scope.NODE_ALLOCATABLE),
        ("/kubepods.slice", Scope.NODE_ALLOCATABLE),
        (f"/kubepods/burstable/pod{UID}/{ID}/inner", Scope.OTHER_CGROUP),
        (f"/kubepods.slice/kubepods-pod{UNDERSCORED}.slice/crio-conmon-{ID}.scope", Scope.OTHER_CGROUP),
        ("/notkubepods/burstable", Scope.OTHER_CGROUP),
        ("/system.slice/ollama.service", Scope.OTHER_CGROUP),
        (None, Scope.UNKNOWN),
    ],
)
def test_the_scope_is_whose_limit_a_cgroup_is(path: str | None, expected: Scope) -> None:
    assert scope_of(path) == expected


def test_a_global_oom_is_the_nodes_whatever_path_was_printed() -> None:
    assert scope_of(f"/kubepods/burstable/pod{UID}/{ID}", global_oom=True) == Scope.NODE
