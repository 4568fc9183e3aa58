from pathlib import Path

from oomreport.adapters.storage.checkpoint import StoredTally
from oomreport.workload.container import Subject
from support.node import ID, OTHER_ID, OTHER_UID, UID, Desk
from support.node_files import V1


def test_a_container_is_forgotten_a_quarter_of_an_hour_after_it_went(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    path = desk.node.container(UID, ID)
    desk.look()
    desk.look(seconds=10_000)
    assert desk.containers.container(ID)
    desk.node.vanish(desk.node.pod_path(UID))
    desk.look(seconds=1)
    desk.look(seconds=880)
    assert desk.containers.container(ID)
    desk.look(seconds=40)
    assert desk.containers.container(ID) is None
    assert desk.containers.pod(UID) is None
    assert path


def test_a_container_that_was_missed_once_is_back_when_it_is_seen(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    path = desk.node.container(UID, ID)
    desk.look()
    desk.node.vanish(path)
    desk.containers.count(desk.now)
    known = desk.containers.container(ID)
    assert known
    assert known.gone_at == desk.now
    desk.node.container(UID, ID)
    desk.look(seconds=1)
    assert known.gone_at is None


def test_a_pod_is_named_though_its_log_comes_after_its_cgroup(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.node.container(UID, ID)
    desk.look()
    desk.node.logs(UID, ID, namespace="shop", pod="web-1", container="api")
    desk.look(seconds=1)
    known = desk.containers.container(ID)
    assert known
    assert (known.subject.namespace, known.subject.pod, known.subject.container) == ("shop", "web-1", "api")
    assert known.subject.qos_class == "Burstable"


def test_the_sandbox_has_its_pods_names_and_no_container_name(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.node.container(UID, ID)
    desk.node.container(UID, OTHER_ID)
    desk.node.logs(UID, ID, namespace="shop", pod="web-1", container="api")
    desk.look()
    named = desk.containers.named(Subject(pod_uid=UID, container_id=OTHER_ID))
    assert (named.pod, named.container) == ("web-1", None)


def test_what_an_earlier_process_counted_is_taken_over(tmp_path: Path) -> None:
    desk = Desk(tmp_path, V1)
    desk.node.container(UID, ID, kills=4)
    desk.node.container(OTHER_UID, OTHER_ID, kills=1)
    desk.containers.restore({ID: StoredTally(kills=3, explained=3), "c0" * 32: StoredTally(kills=2, explained=1)})
    desk.look()
    desk.containers.restore_gone(desk.now)

    def unexplained(container_id: str) -> int:
        known = desk.containers.container(container_id)
        assert known
        return known.tally.unexplained

    assert unexplained(ID) == 1
    assert unexplained(OTHER_ID) == 1
    assert unexplained("c0" * 32) == 1
    assert desk.containers.kept_tallies(0.0)[ID] == StoredTally(kills=4, explained=3, pod_uid=UID)


def test_a_container_that_went_while_no_process_ran_keeps_its_names(tmp_path: Path) -> None:
    """Its link among the logs goes with the pod, or with the next instance but one."""
    before = Desk(tmp_path / "before", V1)
    before.node.container(UID, ID, kills=1)
    before.node.logs(UID, ID, namespace="shop", pod="web-1", container="api")
    before.look()
    after = Desk(tmp_path / "after", V1)
    after.containers.restore(before.containers.kept_tallies(before.now))
    after.look()
    after.containers.restore_gone(after.now)
    known = after.containers.container(ID)
    assert known
    subject = known.subject
    assert (subject.pod_uid, subject.namespace, subject.pod, subject.container) == (UID, "shop", "web-1", "api")


def test_a_kernel_that_does_not_count_makes_no_container_look_gone(tmp_path: Path) -> None:
    desk = Desk(tmp_path, V1)
    path = desk.node.container(UID, ID)
    (desk.node.root / path[1:] / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\n")
    desk.look()
    known = desk.containers.container(ID)
    assert known
    assert known.gone_at is None
    assert not known.counted


def test_a_pods_own_kills_are_what_its_containers_do_not_account_for(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.node.container(UID, ID)
    desk.look()
    desk.node.container(UID, ID, kills=1)
    desk.node.pod_kills(UID, 3)
    desk.look()
    assert desk.containers.surpluses() == {UID: 2}
    desk.containers.write_off_pods()
    assert desk.containers.surpluses() == {}


def test_what_a_forgotten_container_accounted_for_is_no_kill_of_its_pods_own(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    path = desk.node.container(UID, ID)
    desk.look()
    desk.node.kill(path)
    desk.look()
    desk.node.vanish(path)
    desk.look(seconds=1)
    assert desk.containers.surpluses() == {}
    desk.look(seconds=901)
    assert desk.containers.container(ID) is None
    assert desk.containers.surpluses() == {}


def test_a_glance_finds_what_came_and_what_went(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    path = desk.node.container(UID, ID)
    desk.look()
    desk.now += 5
    desk.containers.glance(desk.now)
    known = desk.containers.container(ID)
    assert known
    assert known.seen_at == desk.now
    desk.node.container(OTHER_UID, OTHER_ID)
    desk.node.vanish(path)
    desk.now += 5
    desk.containers.glance(desk.now)
    assert desk.containers.container(OTHER_ID)
    assert known.gone_at == desk.now


def test_glances_keep_what_is_there_and_forget_what_went(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.node.container(UID, ID)
    desk.node.container(OTHER_UID, OTHER_ID)
    desk.look()
    desk.node.vanish(desk.node.pod_path(OTHER_UID))
    for _ in range(400):
        desk.now += 5
        desk.containers.glance(desk.now)
    assert desk.containers.pod(UID)
    assert desk.containers.container(ID)
    assert desk.containers.pod(OTHER_UID) is None
    assert desk.containers.container(OTHER_ID) is None


def test_a_glance_hears_of_a_container_that_took_anothers_place_by_its_log(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    path = desk.node.container(UID, ID)
    desk.look()
    desk.node.vanish(path)
    desk.node.container(UID, OTHER_ID)
    desk.node.logs(UID, OTHER_ID, namespace="shop", pod="web-1", container="api")
    desk.now += 5
    desk.containers.glance(desk.now)
    known = desk.containers.container(OTHER_ID)
    assert known
    assert known.path


def test_a_pods_counter_claims_nothing_when_its_dead_containers_are_forgotten(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    path = desk.node.container(UID, ID)
    desk.node.container(UID, OTHER_ID)
    desk.look()
    desk.node.container(UID, ID, kills=1)
    desk.node.pod_kills(UID, 1)
    desk.look()
    known = desk.containers.container(ID)
    assert known
    known.tally.explain(desk.now)
    desk.containers.agree()
    desk.node.vanish(path)
    desk.look(seconds=1)
    desk.look(seconds=2000)
    assert desk.containers.container(ID) is None
    desk.containers.agree()
    assert desk.containers.surpluses() == {}
