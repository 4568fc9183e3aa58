from pathlib import Path

import pytest

from oomreport.adapters.node.cgroup_files import CgroupFiles, KillCount
from support.node_files import V1, V2, FakeNode

UID, ID = "9b02072e-3bc7-46e9-a439-c8eaf034527b", "7a" * 32


def files_of(node: FakeNode) -> CgroupFiles:
    files = CgroupFiles(node.cgroup_root)
    files.find_kubepods()
    return files


@pytest.mark.parametrize("version", [V1, V2])
def test_pods_of_every_qos_class_are_found(tmp_path: Path, version: int) -> None:
    node = FakeNode(tmp_path, version)
    node.container(UID, ID, qos="burstable")
    node.container("11111111-2222-3333-4444-555555555555", "b" * 64, qos="besteffort")
    node.container("0123456789abcdef0123456789abcdef", "c" * 64, qos="")
    found = {pod.subject.pod_uid: (pod.subject.qos_class, len(pod.containers)) for pod in files_of(node).pods()}

    assert found == {
        UID: ("Burstable", 1),
        "11111111-2222-3333-4444-555555555555": ("BestEffort", 1),
        "0123456789abcdef0123456789abcdef": ("Guaranteed", 1),
    }


def test_the_systemd_layout_of_a_kind_node_is_found(tmp_path: Path) -> None:
    node = FakeNode(tmp_path, namespaced=True, kubepods="/kubelet.slice/kubelet-kubepods.slice")
    pod = (
        f"{node.kubepods}/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod{UID.replace('-', '_')}.slice"
    )
    node.cgroup(f"{pod}/cri-containerd-{ID}.scope", kills=2)
    node.cgroup(f"{pod}/crio-conmon-{'d' * 64}.scope")
    files = files_of(node)
    (found,) = files.pods()

    assert files.namespaced
    assert files.kubepods == (node.kubepods,)
    assert found.subject.pod_uid == UID
    assert [container.subject.container_id for container in found.containers] == [ID]
    assert files.count(found.containers[0].path) == KillCount(kills=2, group_kills=0)


def test_the_kubelet_of_a_container_on_this_machine_is_somebody_elses(tmp_path: Path) -> None:
    node = FakeNode(tmp_path, V1)
    node.cgroup(f"/docker/{'e' * 64}/kubelet/kubepods/burstable/pod{UID}/{ID}")

    files = files_of(node)
    assert files.kubepods == ("/kubepods",)
    assert not files.namespaced
    assert list(files.pods()) == []


@pytest.mark.parametrize("version", [V1, V2])
def test_counters_and_limits_are_read(tmp_path: Path, version: int) -> None:
    node = FakeNode(tmp_path, version)
    path = node.container(UID, ID, kills=5, limit=33554432)
    unlimited = node.container(UID, "b" * 64)
    files = files_of(node)

    count = files.count(path)
    assert count is not None
    assert count.kills == 5
    assert count.group_kills == (None if version == V1 else 0)
    assert files.limit(path) == 33554432
    assert files.limit(unlimited) is None


def test_a_cgroup_that_is_gone_counts_nothing_and_a_kernel_that_does_not_count_says_so(tmp_path: Path) -> None:
    node = FakeNode(tmp_path, V1)
    path = node.container(UID, ID)
    (node.root / path[1:] / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\n")
    files = files_of(node)
    assert files.count(path) == KillCount(kills=None, group_kills=None)
    node.vanish(path)
    assert files.count(path) is None
    assert files.limit(path) is None


def test_memory_oom_group_is_a_thing_of_v2(tmp_path: Path) -> None:
    node = FakeNode(tmp_path)
    together = node.container(UID, ID, as_group=True)
    alone = node.container(UID, "b" * 64)
    files = files_of(node)
    assert files.kills_as_group(together)
    assert not files.kills_as_group(alone)


def test_a_machine_without_memory_cgroups_is_an_error_that_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no memory cgroup hierarchy") as error:
        CgroupFiles(tmp_path)
    assert str(tmp_path) in str(error.value)
