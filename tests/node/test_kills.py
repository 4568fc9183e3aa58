"""Each kill once, with its container, by both sources."""

import os
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from node.agents import Agent, Record
from node.pods import MIB, Container, Group, Hog, eventually, hogs, is_v2

NewAgent = Callable[..., Agent]


def kills_by_container(records: list[Record]) -> Counter[str]:
    return Counter(record["spec"]["subject"]["containerID"] for record in records)


def pids(records: list[Record]) -> list[int]:
    return sorted(victim["pid"] for record in records for victim in record["spec"]["victims"])


def assert_never_twice(records: list[Record]) -> None:
    names = Counter(record["metadata"]["name"] for record in records)
    assert not [name for name, times in names.items() if times > 1]


def test_a_kill_is_reported_once_with_container_victim_and_limit(
    group: Group, new_agent: NewAgent, source: str
) -> None:
    agent = new_agent(source)
    container = group.container(limit_mib=32)
    agent.name(container, namespace="shop", pod="web-7d9c-x2x4z", of="api")
    agent.start()
    with hogs([container], 1, comm="hungry") as (hog,):
        hog.go()
        (pid,) = hog.killed()
        (record,) = eventually("the record", lambda: agent.of(container))
        time.sleep(1)

    assert agent.of(container) == [record]
    spec = record["spec"]
    assert spec["source"] == {"kmsg": "Kmsg", "syslog": "Syslog"}[source]
    assert spec["subject"] == {
        "podUID": container.pod_uid,
        "containerID": container.id,
        "runtime": "unknown",
        "qosClass": "Burstable",
        "namespace": "shop",
        "pod": "web-7d9c-x2x4z",
        "container": "api",
    }
    assert [(victim["pid"], victim["comm"]) for victim in spec["victims"]] == [(pid, "hungry")]
    assert ("sequence" in spec) == (source == "kmsg")
    assert abs(datetime.fromisoformat(spec["time"]) - datetime.now(UTC)).total_seconds() < 10
    if "subjectSource" not in spec:
        assert spec["taskMemcg"] == spec["oomMemcg"] == container.path
        assert spec["scope"] == "Container"
        assert spec["memory"]["limitBytes"] == 32 * MIB


def test_a_kill_before_the_agent_started_is_found_in_the_ring(group: Group, new_agent: NewAgent, source: str) -> None:
    container = group.container()
    with hogs([container], 1) as (hog,):
        hog.go()
        killed = hog.killed()
        agent = new_agent(source)
        agent.start()
        # Where the kernel suppressed the dump, the ring has the line but nothing says which container it was.
        records = eventually("the record", lambda: [r for r in agent.records() if set(pids([r])) & set(killed)])

    assert pids(records) == killed
    assert all(r["spec"].get("subject", {}).get("containerID") in (container.id, None) for r in records)
    assert agent.of(container) or not records[0]["spec"].get("taskMemcg")


def test_a_pod_with_a_name_of_200_characters_is_named_although_its_log_link_is_cut(
    group: Group, new_agent: NewAgent
) -> None:
    agent = new_agent("kmsg")
    container = group.container()
    name = "p" * 200
    agent.name(container, namespace="default", pod=name, of="api")
    agent.start()
    with hogs([container], 1) as (hog,):
        hog.go()
        hog.killed()
        (record,) = eventually("the record", lambda: agent.of(container))

    subject = record["spec"]["subject"]
    assert (subject["namespace"], subject["pod"], subject["container"]) == ("default", name, "api")


def storm(group: Group, agent: Agent) -> tuple[list[Container], list[int]]:
    """Thirty kills over ten containers, as fast as they come; return the containers and the pids killed."""
    containers = [group.container(limit_mib=20) for _ in range(10)]
    with hogs(containers, 3, comm="storm") as all_hogs:
        time.sleep(0.2)
        for hog in all_hogs:
            hog.go()
        killed = [pid for hog in all_hogs for pid in hog.killed()]
        eventually("thirty records", lambda: len(agent.of(*containers)) >= 30)
        time.sleep(1)
    return containers, killed


def test_a_storm_of_thirty_kills_over_ten_containers_lands_on_each_three_times(
    group: Group, new_agent: NewAgent, source: str
) -> None:
    agent = new_agent(source, "--counter-wait=5")
    agent.start()
    containers, killed = storm(group, agent)

    records = agent.of(*containers)
    assert kills_by_container(records) == {container.id: 3 for container in containers}
    assert pids(records) == sorted(killed)
    assert any(r["spec"].get("subjectSource") == "CgroupCounter" for r in records), "nothing was rate-limited"
    assert_never_twice(agent.records())
    time.sleep(6)
    assert len(agent.of(*containers)) == 30, "the counters told kills again that the log had told"


def test_containers_that_vanish_with_their_kill_keep_it(group: Group, new_agent: NewAgent, source: str) -> None:
    """PID 1 dies, the runtime removes the cgroup at once.

    Beyond ten dumps in five seconds the log names none of them.
    """
    agent = new_agent(source, "--counter-wait=5")
    containers = [group.container() for _ in range(14)]
    agent.start()
    started = [Hog(container, 0) for container in containers]
    killed = []
    try:
        for hog in started:
            hog.go()
            killed += hog.killed()
            hog.container.remove()
    finally:
        for hog in started:
            hog.end()
    eventually("a record of each kill", lambda: set(killed) <= set(pids(agent.records())))
    time.sleep(7)

    records = [record for record in agent.records() if set(pids([record])) & set(killed)]
    assert pids(records) == sorted(killed)
    assert kills_by_container(agent.of(*containers)) == {container.id: 1 for container in containers}


def test_two_containers_of_a_pod_keep_their_kills_apart(group: Group, new_agent: NewAgent, source: str) -> None:
    agent = new_agent(source)
    one = group.container(limit_mib=24)
    other = group.container(limit_mib=40, pod_uid=one.pod_uid)
    agent.name(one, namespace="shop", pod="web", of="api")
    agent.start()
    with hogs([one, other], 2) as both:
        for hog in both:
            hog.go()
        killed = {hog.container.id: sorted(hog.killed()) for hog in both}
        eventually("four records", lambda: len(agent.of(one, other)) >= 4)

    assert {one.id: pids(agent.of(one)), other.id: pids(agent.of(other))} == killed


@pytest.mark.skipif(is_v2(), reason="cgroup v1 only: a pod's v2 counter includes its containers'")
def test_a_kill_in_a_cgroup_below_the_container_is_the_containers(
    group: Group, new_agent: NewAgent, source: str
) -> None:
    agent = new_agent(source, "--counter-wait=2")
    container = group.container()
    nested = container.folder / "inner"
    nested.mkdir()
    agent.start()
    with hogs([Container(container.pod_uid, container.id, nested)], 1) as (hog,):
        hog.go()
        hog.killed()
        (record,) = eventually("the record", lambda: agent.of(container))
        time.sleep(4)

    assert len(agent.of(container)) == 1
    assert record["spec"].get("taskMemcg", container.path + "/inner") == container.path + "/inner"


def test_text_that_user_space_writes_into_the_kernel_log_makes_no_record(
    group: Group, new_agent: NewAgent, source: str
) -> None:
    agent = new_agent(source)
    container = group.container()
    agent.start()
    summary = (
        f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg={container.path},"
        f"task_memcg={container.path},task=postgres,pid=4111111,uid=0"
    )
    kill_line = (
        "Memory cgroup out of memory: Killed process 4111111 (postgres) total-vm:1kB, anon-rss:1kB, file-rss:0kB, "
        "shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0"
    )
    device = os.open("/dev/kmsg", os.O_WRONLY)
    for text in (summary, kill_line):
        os.write(device, b"<3>" + text.encode())
    os.close(device)
    with hogs([container], 1) as (hog,):
        hog.go()
        killed = hog.killed()
        eventually("the real kill", lambda: agent.of(container))
    time.sleep(3)

    assert pids(agent.of(container)) == killed
    assert not [record for record in agent.records() if 4111111 in pids([record])]
