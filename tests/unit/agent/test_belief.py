"""What is forged is refused, counted, and hides nothing."""

from pathlib import Path

import pytest

from oomreport.kernel.record import Task
from support.node import ID, OTHER_ID, OTHER_UID, UID, Desk, anonymous, dump
from support.node_files import V1, V2


def refused(desk: Desk) -> dict[str, int]:
    return {reason: count for reason, count in desk.reporter.refusals.figures().items() if count}


@pytest.mark.parametrize("version", [V1, V2])
def test_a_named_container_whose_counter_stands_still_lost_nothing(tmp_path: Path, version: int) -> None:
    desk = Desk(tmp_path, version)
    path = desk.node.container(UID, ID)
    desk.look()
    assert desk.take(dump(path)) == 1
    assert desk.records == []
    assert refused(desk) == {"CounterUnmoved": 1}

    desk.kill(dump(path, 8))
    assert desk.take(dump(path, 9)) == 1
    assert [spec["victims"][0]["pid"] for spec in desk.specs] == [8]


def test_a_forged_line_before_the_agent_started_is_refused_by_the_same_counters(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    path, other = desk.node.container(UID, ID, kills=1), desk.node.container(OTHER_UID, OTHER_ID)
    desk.look()
    desk.reporter.replaying = True
    desk.take(dump(path, 1), dump(path, 2), dump(other, 3))
    assert [spec["victims"][0]["pid"] for spec in desk.specs] == [1]
    assert refused(desk) == {"CounterUnmoved": 2}


def test_ids_at_a_path_that_is_not_their_cgroup_name_no_container(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.node.container(UID, ID, kills=1)
    desk.node.container(OTHER_UID, OTHER_ID)
    desk.look()
    for path in (
        f"/kubepods/pod{UID}/{ID}",
        f"/elsewhere/kubepods/burstable/pod{UID}/{ID}",
        f"/kubepods/burstable/pod{OTHER_UID}/{ID}",
    ):
        desk.take(dump(path))
    assert desk.records == []
    assert refused(desk) == {"OtherCgroup": 3}


@pytest.mark.parametrize("version", [V1, V2])
def test_a_cgroup_below_a_container_that_is_named_like_a_neighbours_is_the_containers_own(
    tmp_path: Path, version: int
) -> None:
    desk = Desk(tmp_path, version)
    own, neighbour = desk.node.container(UID, ID), desk.node.container(OTHER_UID, OTHER_ID)
    nested = f"{own}{neighbour}"
    desk.node.cgroup(nested)
    desk.look()
    desk.kill(dump(nested))
    assert desk.container_ids() == [ID]


def test_a_pod_that_this_node_never_had_is_refused_while_it_watches(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.look()
    desk.take(dump(f"/kubepods/burstable/pod{UID}/{ID}"))
    assert desk.records == []
    assert refused(desk) == {"UnknownPod": 1}


def test_no_more_kills_are_believed_than_the_machine_counted(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert desk.take(dump("/system.slice/cron.service"), excess=1) == 1
    desk.take(anonymous(7), anonymous(8))
    assert desk.settle(overdue=True, excess=1) == -1
    assert [spec["victims"][0]["pid"] for spec in desk.specs] == [8]
    assert refused(desk) == {"BeyondCount": 2}


def test_a_real_kill_is_told_among_fifty_forged_ones(tmp_path: Path) -> None:
    desk = Desk(tmp_path, V1)
    path, other = desk.node.container(UID, ID), desk.node.container(OTHER_UID, OTHER_ID)
    desk.look()
    for pid in range(100, 150):
        desk.take(dump(other, pid), excess=1)
    desk.node.container(UID, ID, kills=2)
    desk.take(dump(path, 7), excess=1)
    desk.look(seconds=1)
    desk.look(seconds=11)
    # The line of the second is lost, and the machine's count is hidden by a forged one.
    assert desk.settle(untold=0) == 1
    assert desk.container_ids() == [ID, ID]
    assert [spec["source"] for spec in desk.specs] == ["Kmsg", "CgroupCounter"]


def test_a_container_that_went_with_its_kill_is_believed_although_others_are_forged(tmp_path: Path) -> None:
    desk = Desk(tmp_path, V1)
    path = desk.node.container(UID, ID)
    desk.look()
    desk.node.vanish(path)
    desk.look(seconds=1)
    assert desk.take(dump(path), excess=3) == 0
    assert desk.container_ids() == [ID]


def test_a_table_that_is_not_believed_teaches_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path, V1)
    path = desk.node.container(UID, ID)
    desk.node.container(OTHER_UID, OTHER_ID)
    desk.look()
    task = dump(path, 8).victims[0]
    desk.take(dump(path, 7, tasks=(Task(pid=8, comm="hog"),)))
    desk.node.container(OTHER_UID, OTHER_ID, kills=1)
    desk.look()
    desk.take(anonymous(8, victims=(task,)))
    desk.settle()
    assert [spec.get("subjectSource") for spec in desk.specs] == ["CgroupCounter"]
    assert desk.container_ids() == [OTHER_ID]


def test_after_an_anonymous_kill_was_put_down_to_it_a_container_may_still_be_named(tmp_path: Path) -> None:
    """Of two look-alikes each may get the other's anonymous kill; the line that names one is right."""
    desk = Desk(tmp_path, V1)
    path = desk.node.container(UID, ID, kills=1)
    desk.look()
    desk.take(anonymous(1))
    desk.settle()
    desk.take(dump(path, 2))
    assert desk.container_ids() == [ID, ID]
