import os
from pathlib import Path

from oomreport.adapters.node.node_files import NodeFiles, PodNames
from support.node_files import FakeNode

UID, ID = "9b02072e-3bc7-46e9-a439-c8eaf034527b", "7a" * 32


def test_pods_and_containers_are_told_once_each(tmp_path: Path) -> None:
    node = FakeNode(tmp_path)
    node.logs(UID, ID, namespace="shop", pod="web-7d9c-x2x4z", container="api")
    files = NodeFiles(node.log_root)

    assert files.new_pods() == {UID: PodNames(namespace="shop", pod="web-7d9c-x2x4z")}
    (container,) = files.new_containers()
    assert (container.namespace, container.pod, container.container) == ("shop", "web-7d9c-x2x4z", "api")
    assert (container.id_start, container.pod_uid) == (ID, UID)
    assert files.new_pods() == {}
    assert files.new_containers() == []

    node.logs(UID, "b" * 64, namespace="shop", pod="web-7d9c-x2x4z", container="api")
    assert [each.id_start for each in files.new_containers()] == ["b" * 64]


def test_a_folder_that_did_not_change_is_not_listed_again(tmp_path: Path, monkeypatch: object) -> None:
    node = FakeNode(tmp_path)
    node.logs(UID, ID, namespace="shop", pod="web", container="api")
    for name in ("pods", "containers"):
        os.utime(node.log_root / name, (1_000_000, 1_000_000))
    files = NodeFiles(node.log_root)
    files.new_containers()
    (node.log_root / "containers" / f"x_y_z-{'c' * 64}.log").symlink_to("/nowhere")
    os.utime(node.log_root / "containers", (1_000_000, 1_000_000))

    assert files.new_containers() == []


def test_names_with_dashes_and_dots_and_a_static_pods_hash_are_read(tmp_path: Path) -> None:
    node = FakeNode(tmp_path)
    config_hash = "0123456789abcdef0123456789abcdef"
    node.logs(config_hash, ID, namespace="kube-system", pod="etcd-node-1.example.org", container="etcd-main")
    files = NodeFiles(node.log_root)

    assert files.new_pods() == {config_hash: PodNames(namespace="kube-system", pod="etcd-node-1.example.org")}
    (container,) = files.new_containers()
    assert (container.pod, container.container) == ("etcd-node-1.example.org", "etcd-main")


def test_a_link_whose_container_id_was_cut_is_read_by_its_target(tmp_path: Path) -> None:
    node = FakeNode(tmp_path)
    node.logs(UID, ID, namespace="default", pod="p" * 200, container="api")
    (container,) = NodeFiles(node.log_root).new_containers()

    assert (container.pod, container.container, container.pod_uid) == ("p" * 200, "api", UID)
    assert ID.startswith(container.id_start)
    assert 8 <= len(container.id_start) < 64


def test_what_is_no_log_of_a_container_is_passed_over(tmp_path: Path) -> None:
    node = FakeNode(tmp_path)
    for name in ("README", "a_b_c.log", "a_b_c-123.log", ".hidden", f"a_b-{ID}.log"):
        (node.log_root / "containers" / name).write_text("")
    (node.log_root / "pods" / "lost+found").mkdir()
    files = NodeFiles(node.log_root)

    assert files.new_containers() == []
    assert files.new_pods() == {}


def test_folders_that_are_not_there_yet_hold_nothing(tmp_path: Path) -> None:
    files = NodeFiles(tmp_path / "nowhere")
    assert files.new_pods() == {}
    assert files.new_containers() == []
