from pathlib import Path

from oomreport.agent.ownership import Ownership
from oomreport.workload.container import Subject
from support.node import ID, OTHER_ID, OTHER_UID, UID, Desk

INSIDE = Subject(pod_uid=UID, container_id=ID)
UNKNOWN = Subject(pod_uid=OTHER_UID, container_id=OTHER_ID)


def ownership(desk: Desk) -> Ownership:
    return Ownership(desk.containers)


def test_a_pod_that_appeared_just_now_is_found_by_a_new_look(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.look()
    path = desk.node.container(UID, ID)
    assert ownership(desk).owns_pod(INSIDE, path, desk.now)


def test_a_pod_that_is_gone_is_this_nodes_by_its_path_below_kubepods(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.look()
    gone = f"{desk.node.pod_path(OTHER_UID)}/{OTHER_ID}"
    assert ownership(desk).owns_pod(UNKNOWN, gone, desk.now)
    assert not ownership(desk).owns_pod(UNKNOWN, f"/elsewhere{gone}", desk.now)
    assert not ownership(desk).owns_pod(UNKNOWN, None, desk.now)


def test_the_host_is_this_nodes_where_no_other_node_shares_the_kernel(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.look()
    assert ownership(desk).owns_host("/system.slice/sshd.service")
    assert ownership(desk).owns_host(None)


def test_in_a_cgroup_namespace_the_first_kill_of_an_own_pod_shows_the_prefix(tmp_path: Path) -> None:
    desk = Desk(tmp_path, namespaced=True)
    path = desk.node.container(UID, ID)
    desk.look()
    found = ownership(desk)
    assert not found.owns_host("/docker/n1/system.slice")
    found.learn_prefix(INSIDE, f"/docker/n1{path}")
    assert found.owns_host("/docker/n1/system.slice")
    assert not found.owns_host("/docker/n2/system.slice")
    assert found.owns_pod(UNKNOWN, f"/docker/n1{desk.node.pod_path(OTHER_UID)}/{OTHER_ID}", desk.now)
    assert not found.owns_pod(UNKNOWN, f"/docker/n2{desk.node.pod_path(OTHER_UID)}/{OTHER_ID}", desk.now)


def test_of_a_path_through_several_pods_the_outermost_that_is_known_is_meant(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    path = desk.node.container(UID, ID)
    desk.look()
    inner = f"{path}/kubepods/burstable/pod{OTHER_UID}/{OTHER_ID}"
    found = ownership(desk).subject(inner, desk.now)
    assert found is not None
    assert (found.pod_uid, found.container_id) == (UID, ID)


def test_a_containers_ids_at_another_path_are_not_in_its_place(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    path = desk.node.container(UID, ID)
    desk.look()
    found = ownership(desk)
    assert found.is_place_of(INSIDE, path)
    assert found.is_place_of(INSIDE, f"{path}/child")
    assert not found.is_place_of(INSIDE, f"/kubepods/burstable/pod{OTHER_UID}/{ID}")
