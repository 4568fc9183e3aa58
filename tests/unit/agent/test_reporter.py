from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest

from oomreport.agent.log import Log
from oomreport.incident.memory.usage import Usage
from oomreport.kernel.record import Part, Task, Victim
from oomreport.workload.container import Subject
from support.node import ID, NOON, OTHER_ID, OTHER_UID, UID, Desk, anonymous, dump
from support.node_files import V1, V2


def test_a_kill_gets_its_containers_names_from_the_nodes_files(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    path = desk.node.container(UID, ID)
    desk.node.logs(UID, ID, namespace="shop", pod="web-1", container="api")
    desk.look()
    desk.kill(dump(path))

    (record,) = desk.records
    assert record["metadata"]["name"] == "worker-3-9f1c2b7a-1000007"
    assert record["spec"]["subject"] == {
        "podUID": UID,
        "containerID": ID,
        "runtime": "unknown",
        "qosClass": "Burstable",
        "namespace": "shop",
        "pod": "web-1",
        "container": "api",
    }
    assert record["spec"]["kernelRelease"] == "6.12.0"


def test_names_outlive_the_containers_cgroup_and_log_for_a_while(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    path = desk.node.container(UID, ID)
    desk.node.logs(UID, ID, namespace="shop", pod="web-1", container="api")
    desk.look()
    desk.node.vanish(desk.node.pod_path(UID))
    desk.look(seconds=600)
    desk.take(dump(path))
    assert desk.specs[0]["subject"]["pod"] == "web-1"


def test_a_pod_that_nobody_here_knows_is_another_nodes_on_the_same_kernel(tmp_path: Path) -> None:
    desk = Desk(tmp_path, namespaced=True)
    desk.look()
    desk.take(dump(f"/docker/{'e' * 64}/kubepods/burstable/pod{UID}/{ID}"))
    assert desk.records == []
    assert desk.reporter.figures.foreign == 1


def test_kills_of_other_nodes_that_the_ring_still_holds_are_not_printed_at_each_start(tmp_path: Path) -> None:
    said = StringIO()
    desk = Desk(tmp_path, log=Log("info", said))
    desk.node.container(UID, ID)
    desk.look()
    elsewhere = dump(f"/docker/{'e' * 64}/kubepods/burstable/pod{OTHER_UID}/{OTHER_ID}")
    desk.reporter.replaying = True
    desk.take(elsewhere)
    assert desk.reporter.figures.foreign == 1
    assert said.getvalue() == ""
    desk.reporter.replaying = False
    desk.take(elsewhere)
    assert "kill that is not this node's" in said.getvalue()


def test_a_pod_gone_before_the_agent_started_is_known_by_its_path_on_a_kernel_of_its_own(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.look()
    desk.reporter.catching_up = True
    desk.take(dump(f"/kubepods/burstable/pod{UID}/{ID}"), dump(f"/elsewhere/kubepods/burstable/pod{UID}/{ID}"))
    assert desk.container_ids() == [ID]
    assert "pod" not in desk.specs[0]["subject"]


def test_a_neighbouring_kubelets_pods_are_not_ours(tmp_path: Path) -> None:
    """Two kubelets on one machine, each with a cgroup of its own; the agent's own pod tells which is its."""
    desk = Desk(tmp_path, V1, agent_pod_uid=UID, kubepods="/ours/kubepods")
    ours = desk.node.container(UID, ID)
    theirs = desk.node.cgroup(f"/theirs/kubepods/burstable/pod{OTHER_UID}/{OTHER_ID}", kills=1)
    desk.look()
    path = f"/{theirs.relative_to(desk.node.root)}"
    desk.kill(dump(path), dump(ours, 8))
    assert desk.container_ids() == [ID]

    # Nor does an anonymous kill that theirs explains become ours.
    desk.node.cgroup(path, kills=3)
    desk.look()
    desk.take(anonymous(9))
    desk.settle()
    assert desk.container_ids() == [ID]
    desk.look(seconds=60)
    desk.settle(untold=5)
    assert desk.container_ids() == [ID]


def test_a_process_of_the_host_has_no_subject(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.take(dump("/system.slice/cron.service", global_oom=True))
    assert "subject" not in desk.specs[0]
    assert desk.specs[0]["scope"] == "Node"


def test_on_a_shared_kernel_a_host_process_is_ours_only_below_the_prefix_that_own_kills_have_shown(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path, namespaced=True)
    path = desk.node.container(UID, ID)
    desk.look()
    prefix = f"/docker/{'e' * 64}"
    desk.take(dump(f"{prefix}/system.slice/kubelet.service", 1))
    assert desk.records == []
    desk.node.kill(path)
    desk.take(dump(prefix + path, 2), dump(f"{prefix}/system.slice/kubelet.service", 3), dump("/docker/other/init", 4))
    assert [spec["victims"][0]["pid"] for spec in desk.specs] == [2, 3]


def test_anonymous_kills_wait_until_count_and_lines_agree(tmp_path: Path) -> None:
    desk = Desk(tmp_path, V1)
    desk.node.container(UID, ID)
    desk.look()
    desk.node.container(UID, ID, kills=2)
    desk.look()
    desk.take(anonymous(7))
    desk.settle(untold=1)
    assert desk.records == []
    desk.take(anonymous(8))
    desk.settle(untold=0)
    assert desk.container_ids() == [ID, ID]
    assert {spec["subjectSource"] for spec in desk.specs} == {"CgroupCounter"}
    assert all("taskMemcg" not in spec for spec in desk.specs)


def test_a_dump_takes_its_share_of_the_counter_before_anonymous_kills_do(tmp_path: Path) -> None:
    desk = Desk(tmp_path, V1)
    one, other = desk.node.container(UID, ID), desk.node.container(OTHER_UID, OTHER_ID)
    desk.look()
    desk.node.container(UID, ID, kills=3)
    desk.node.container(OTHER_UID, OTHER_ID, kills=2)
    desk.take(anonymous(1), dump(one, 2), anonymous(3), dump(other, 4), anonymous(5))
    desk.look()
    desk.settle()
    assert sorted(map(str, desk.container_ids())) == sorted([ID] * 3 + [OTHER_ID] * 2)
    desk.look(seconds=60)
    desk.settle(untold=3)
    assert len(desk.records) == 5


def test_an_anonymous_kill_of_a_process_in_an_earlier_table_is_its_containers(tmp_path: Path) -> None:
    desk = Desk(tmp_path, V1)
    path = desk.node.container(UID, ID)
    desk.look()
    tasks = (Task(pid=7, comm="hog"), Task(pid=8, comm="worker", tgid=8))
    desk.kill(dump(path, 7, tasks=tasks))
    desk.node.container(UID, ID, kills=2)
    desk.node.container(OTHER_UID, OTHER_ID, kills=1)
    desk.look()
    desk.take(anonymous(8, victims=(Victim(pid=8, comm="worker"),)), anonymous(9))
    desk.settle()
    assert desk.container_ids() == [ID, ID, OTHER_ID]
    assert [spec.get("subjectSource") for spec in desk.specs] == [None, "TaskTable", "CgroupCounter"]


def test_an_anonymous_kill_of_a_process_that_the_node_saw_is_its_containers(tmp_path: Path) -> None:
    """Three kills of the same name and size in three containers: only their processes tell them apart."""
    desk = Desk(tmp_path, V1)
    ids = [ID, OTHER_ID, "c3" * 32]
    for number, container_id in enumerate(ids):
        desk.node.container(UID, container_id, kills=1)
        desk.processes[number + 7] = Subject(pod_uid=UID, container_id=container_id)
    desk.look()
    desk.take(anonymous(9), anonymous(7), anonymous(8))
    desk.settle()
    assert {spec["victims"][0]["pid"]: spec["subject"]["containerID"] for spec in desk.specs} == dict(
        zip((7, 8, 9), ids, strict=True)
    )
    assert {spec["subjectSource"] for spec in desk.specs} == {"Process"}
    assert desk.reporter.figures.by_process == 3
    desk.look(seconds=60)
    desk.settle(untold=3)
    assert len(desk.records) == 3


def test_a_process_says_more_than_an_earlier_table_that_had_its_number(tmp_path: Path) -> None:
    desk = Desk(tmp_path, V1)
    path = desk.node.container(UID, ID, kills=2)
    desk.node.container(OTHER_UID, OTHER_ID, kills=1)
    desk.look()
    desk.take(dump(path, 1, tasks=(Task(pid=8, comm="hog"),)))
    desk.processes[8] = Subject(pod_uid=OTHER_UID, container_id=OTHER_ID)
    desk.take(anonymous(8))
    desk.settle()
    assert desk.container_ids() == [ID, OTHER_ID]


def test_a_process_in_a_container_whose_counter_stood_still_has_anothers_number(tmp_path: Path) -> None:
    desk = Desk(tmp_path, V1)
    desk.node.container(UID, ID, kills=0)
    desk.node.container(OTHER_UID, OTHER_ID, kills=1)
    desk.look()
    desk.processes[8] = Subject(pod_uid=UID, container_id=ID)
    desk.take(anonymous(8))
    desk.settle()
    assert desk.container_ids() == [OTHER_ID]


def test_a_process_names_a_container_that_is_too_new_to_be_listed(tmp_path: Path) -> None:
    desk = Desk(tmp_path, V1)
    desk.look()
    desk.node.container(UID, ID, kills=1)
    desk.processes[8] = Subject(pod_uid=UID, container_id=ID)
    desk.take(anonymous(8))
    desk.settle()
    assert desk.container_ids() == [ID]


def test_in_a_replay_no_process_is_asked_since_its_number_may_be_anothers_by_now(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.node.container(UID, ID)
    desk.look()
    desk.reporter.replaying = True
    desk.processes[8] = Subject(pod_uid=UID, container_id=ID)
    desk.take(anonymous(8))
    desk.settle()
    assert desk.container_ids() == [None]


def test_a_record_shows_the_way_to_its_kill_also_where_only_a_counter_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path, V1)
    path = desk.node.container(UID, ID)
    desk.look()
    desk.usages[ID] = Usage(
        start=NOON, interval_seconds=5.0, samples=(1, 2, 3), life=Usage(start=NOON, interval_seconds=40.0, samples=(9,))
    )
    desk.kill(dump(path, 1))
    desk.node.container(UID, ID, kills=2)
    desk.look(seconds=1)
    desk.look(seconds=60)
    desk.settle(untold=1)

    told = {
        "startTime": "2026-11-20T12:00:00.000000Z",
        "intervalSeconds": 5.0,
        "bytes": [1, 2, 3],
        "life": {"startTime": "2026-11-20T12:00:00.000000Z", "intervalSeconds": 40.0, "bytes": [9]},
    }
    assert [spec["source"] for spec in desk.specs] == ["Kmsg", "CgroupCounter"]
    assert [spec["usage"] for spec in desk.specs] == [told, told]
    assert desk.asked == [(ID, NOON), (ID, NOON - timedelta(seconds=60))]


def test_an_anonymous_kill_that_nothing_explains_is_told_without_subject(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.look()
    desk.take(anonymous())
    desk.settle(untold=None)
    assert desk.records == []
    desk.settle(untold=None, overdue=True)
    assert desk.container_ids() == [None]
    assert desk.reporter.figures.unattributed == 1


def test_on_a_shared_kernel_an_anonymous_kill_that_nothing_here_explains_is_another_nodes(tmp_path: Path) -> None:
    desk = Desk(tmp_path, namespaced=True)
    desk.node.container(UID, ID)
    desk.look()
    desk.take(anonymous())
    desk.settle(overdue=True)
    assert desk.records == []
    assert desk.reporter.figures.foreign == 1


@pytest.mark.parametrize("version", [V1, V2])
def test_a_container_that_vanished_with_the_kill_is_named(tmp_path: Path, version: int) -> None:
    desk = Desk(tmp_path, version)
    path = desk.node.container(UID, ID)
    desk.node.container(OTHER_UID, OTHER_ID)
    desk.look()
    desk.node.vanish(path)
    desk.look(seconds=2)
    desk.take(anonymous())
    desk.settle()
    assert desk.container_ids() == [ID]
    assert desk.specs[0]["subjectSource"] == "VanishedCgroup"


def test_a_v2_pods_counter_outlives_its_container_and_tells(tmp_path: Path) -> None:
    desk = Desk(tmp_path, namespaced=True)
    path = desk.node.container(UID, ID)
    desk.node.container(UID, "c3" * 32)
    desk.look()
    desk.node.vanish(path)
    desk.node.pod_kills(UID, 1)
    desk.look(seconds=2)
    desk.take(anonymous())
    desk.settle()
    (spec,) = desk.specs
    assert spec["subject"]["podUID"] == UID
    assert spec["subjectSource"] == "CgroupCounter"


def test_a_container_that_ended_for_a_known_kill_explains_no_second_one(tmp_path: Path) -> None:
    desk = Desk(tmp_path, V1)
    path = desk.node.container(UID, ID)
    desk.look()
    desk.kill(dump(path, 1))
    desk.node.vanish(path)
    desk.look(seconds=1)
    desk.take(anonymous(2))
    desk.settle(overdue=True)
    assert desk.container_ids() == [ID, None]


def test_a_group_killed_at_once_is_one_record_whatever_its_counters_say(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    path = desk.node.container(UID, ID, as_group=True)
    desk.look()
    desk.node.container(UID, ID, kills=6, group_kills=1, as_group=True)
    desk.node.pod_kills(UID, 6, group_kills=1)
    desk.look()
    desk.take(dump(path, group_kill=True, victims=tuple(Victim(pid=pid) for pid in range(1, 6))))
    desk.settle()
    desk.look(seconds=60)
    desk.settle(untold=6)
    assert len(desk.records) == 1


def test_a_group_kill_whose_dump_was_suppressed_is_named_by_its_group_line(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    path = desk.node.container(UID, ID, as_group=True)
    desk.look()
    log = f"Memory cgroup out of memory: Killed process 7 (hog)\nTasks in {path} are going to be killed due to memory.oom.group set"
    desk.kill(anonymous(7, group_kill=True, log=log))
    assert desk.container_ids() == [ID]
    assert desk.specs[0]["subjectSource"] == "GroupLine"


def test_a_counter_without_a_line_becomes_a_record_when_its_time_is_over(tmp_path: Path) -> None:
    desk = Desk(tmp_path, V1)
    desk.node.logs(UID, ID, namespace="shop", pod="web-1", container="api")
    desk.node.container(UID, ID)
    desk.look()
    desk.node.container(UID, ID, kills=2)
    desk.look()
    desk.now += 9
    assert desk.settle(untold=2) == 0
    desk.now += 2
    assert desk.settle(untold=2) == 2
    assert [record["metadata"]["name"] for record in desk.records] == [
        f"worker-3-9f1c2b7a-{ID[:12]}-1",
        f"worker-3-9f1c2b7a-{ID[:12]}-2",
    ]
    spec = desk.specs[0]
    assert spec["source"] == "CgroupCounter"
    assert spec["subject"]["pod"] == "web-1"
    assert spec["victims"] == []
    assert not spec["noVictim"]
    assert spec["missing"] == ["Header", "MemoryUsage", "TaskTable", "Summary", "KillLine"]
    desk.now += 60
    assert desk.settle(untold=0) == 0


def test_kills_that_a_pods_counter_alone_tells_bear_each_their_own_time(tmp_path: Path) -> None:
    """A crash loop on v2, whose containers come and go between two looks, while nobody can read the log."""
    desk = Desk(tmp_path)
    desk.node.container(UID, ID)
    desk.look()
    for kills, seconds in ((1, 0), (2, 20), (4, 15)):
        desk.node.pod_kills(UID, kills)
        desk.look(seconds)
    desk.settle(drained=False)
    assert [spec["time"][11:19] for spec in desk.specs] == ["11:59:25", "11:59:45"]
    desk.now += 12
    desk.settle(drained=False)
    assert [record["metadata"]["name"][-2:] for record in desk.records] == ["-1", "-2", "-3", "-4"]
    # The desk's wall clock stands at noon: a time is that of noon less the kill's age.
    assert [spec["time"][11:19] for spec in desk.specs[2:]] == ["11:59:48", "11:59:48"]


@pytest.mark.parametrize(("others", "told"), [((), OTHER_ID), (("api",), OTHER_ID), (("init",), None)])
def test_a_container_that_came_and_went_between_two_looks_is_named_by_its_log(
    tmp_path: Path, others: tuple[str, ...], told: str | None
) -> None:
    """By the container a later agent's line is known for the same kill; of two names either may be meant."""
    desk = Desk(tmp_path)
    desk.node.logs(UID, ID, namespace="shop", pod="web-1", container="api")
    desk.node.container(UID, ID)
    desk.look()
    desk.look(seconds=60)
    for number, name in enumerate(others):
        desk.node.logs(UID, f"{number}" * 64, namespace="shop", pod="web-1", container=name)
        desk.look()
    desk.node.logs(UID, OTHER_ID, namespace="shop", pod="web-1", container="api")
    desk.node.pod_kills(UID, 1)
    desk.look(seconds=1)
    desk.now += 12
    desk.settle(drained=False)
    assert desk.container_ids() == [told]
    assert desk.specs[0]["subject"]["pod"] == "web-1"
    assert desk.records[0]["metadata"]["name"].endswith(f"-{OTHER_ID[:12]}-1") is (told is not None)
    desk.now += 60
    desk.settle(drained=False)
    assert len(desk.records) == 1
    assert desk.take(dump(f"/kubepods/burstable/pod{UID}/{OTHER_ID}")) == (told is not None)


def test_no_counter_tells_more_kills_than_the_machine_counted_without_a_line(tmp_path: Path) -> None:
    """A line that was given to the wrong container leaves the right one's counter unexplained: that is no kill more."""
    desk = Desk(tmp_path, V1)
    desk.node.container(UID, ID)
    desk.look()
    desk.node.container(UID, ID, kills=3)
    desk.look()
    desk.now += 60
    assert desk.settle(untold=0) == 0
    assert desk.settle(untold=1) == 1
    assert desk.settle(untold=0) == 0


def test_a_counter_whose_kill_is_in_anothers_record_claims_no_later_kill(tmp_path: Path) -> None:
    desk = Desk(tmp_path, V1)
    desk.node.container(UID, ID)
    other = desk.node.container(OTHER_UID, OTHER_ID)
    desk.look()
    desk.node.container(UID, ID, kills=1)
    desk.look()
    desk.kill(dump(other, 1))
    desk.settle()
    desk.containers.agree()
    desk.node.container(OTHER_UID, OTHER_ID, kills=2)
    desk.look()
    desk.take(anonymous(2))
    desk.settle()
    assert desk.container_ids() == [OTHER_ID, OTHER_ID]


def test_without_a_readable_log_counters_tell_everything(tmp_path: Path) -> None:
    desk = Desk(tmp_path, V1)
    desk.node.container(UID, ID)
    desk.look()
    desk.node.container(UID, ID, kills=2)
    desk.look()
    desk.now += 11
    assert desk.settle(untold=0, drained=False) == 2


def test_a_line_after_its_counters_record_makes_no_second_record(tmp_path: Path) -> None:
    desk = Desk(tmp_path, V1)
    path = desk.node.container(UID, ID)
    desk.look()
    desk.node.container(UID, ID, kills=1)
    desk.look()
    desk.now += 11
    desk.settle(untold=1)
    desk.take(dump(path))
    assert len(desk.records) == 1
    assert desk.reporter.figures.late == 1
    desk.node.container(UID, ID, kills=2)
    desk.look()
    desk.take(dump(path, 8))
    assert len(desk.records) == 2


def test_what_was_counted_before_the_agents_first_start_is_history(tmp_path: Path) -> None:
    desk = Desk(tmp_path, V1)
    desk.node.container(UID, ID, kills=5)
    desk.look()
    desk.containers.write_off()
    desk.now += 60
    assert desk.settle(untold=5) == 0


def test_a_ring_of_before_the_start_is_told_without_asking_the_counters(tmp_path: Path) -> None:
    desk = Desk(tmp_path, V1)
    path = desk.node.container(UID, ID, kills=2)
    desk.look()
    desk.reporter.replaying = True
    desk.take(dump(path, 1), anonymous(2))
    desk.settle()
    assert desk.container_ids() == [ID, None]

    desk.reporter.replaying = False
    desk.containers.write_off()
    desk.node.container(UID, ID, kills=3)
    desk.look()
    desk.take(anonymous(3))
    desk.settle()
    assert desk.container_ids() == [ID, None, ID]


def test_a_killer_that_finds_no_victim_is_told_once_a_minute_per_cgroup(tmp_path: Path) -> None:
    desk = Desk(tmp_path, V1)
    path = desk.node.container(UID, ID)
    desk.look()
    for pid in range(5):
        desk.take(dump(path, pid, victims=()))
    assert len(desk.records) == 1
    assert desk.specs[0]["noVictim"]
    desk.now += 61
    desk.take(dump(path, 99, victims=()))
    assert len(desk.records) == 2
    desk.settle(untold=0)
    assert desk.reporter.figures.from_counters == 0


def test_a_dump_that_lost_its_kill_line_is_told_and_its_counter_does_not_tell_it_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path, V1)
    path = desk.node.container(UID, ID)
    desk.look()
    desk.node.container(UID, ID, kills=1)
    desk.look()
    lost = frozenset({Part.KILL_LINE})
    desk.take(dump(path, victims=(), missing=lost), anonymous(victims=(), missing=lost))
    desk.settle(overdue=True)
    assert desk.container_ids() == [ID, None]
    desk.now += 60
    assert desk.settle(untold=1) == 0


def test_what_cannot_be_placed_lists_those_in_question(tmp_path: Path) -> None:
    desk = Desk(tmp_path, V1)
    paths = [desk.node.container(UID, ID), desk.node.container(OTHER_UID, OTHER_ID)]
    desk.look()
    for path in paths:
        desk.node.vanish(path)
    desk.look(seconds=1)
    desk.take(anonymous())
    desk.settle(overdue=True)
    assert desk.container_ids() == [None]
    assert sorted(desk.specs[0]["subjectCandidates"]) == sorted([ID, OTHER_ID])


def test_kills_that_a_counter_tells_bear_their_own_times_and_not_that_of_the_first(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.node.container(UID, ID, kills=0)
    desk.look()
    desk.node.container(UID, ID, kills=1)
    desk.look(seconds=1)
    desk.node.container(UID, ID, kills=2)
    desk.look(seconds=8)
    desk.settle(untold=2)
    assert desk.records == []
    desk.look(seconds=2)
    desk.settle(untold=2)
    assert len(desk.records) == 1
    desk.look(seconds=8)
    desk.settle(untold=1)
    times = [datetime.fromisoformat(one["time"]) for one in desk.specs]
    assert times == [NOON - timedelta(seconds=10), NOON - timedelta(seconds=10)]
    assert [one["source"] for one in desk.specs] == ["CgroupCounter", "CgroupCounter"]


def test_kill_lines_without_a_cgroup_are_not_gathered_without_an_end(tmp_path: Path) -> None:
    """A ring of 16 MiB may hold a hundred thousand of them, read at the start."""
    desk = Desk(tmp_path)
    desk.reporter.replaying = True
    most = 0
    for pid in range(1, 1001):
        desk.take(anonymous(pid))
        most = max(most, len(desk.reporter._pending))
    desk.settle(overdue=True)
    assert most <= 200
    assert desk.reporter.figures.anonymous == 1000
    assert desk.reporter.figures.unattributed == 1000
