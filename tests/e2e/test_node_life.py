"""What a node goes through: daemons that stop, agents that are replaced, a kubelet with other settings, no memory
left.
"""

import re
import time

import pytest

from e2e.kube import AGENT_NAMESPACE, Object, apply, eventually, item, items, kubectl
from e2e.nodes import Gate, Node, kubelet_with
from e2e.reports import assert_victim, settled_report, victim_pids
from e2e.storm import CONTAINERS, kills_told, ten_waiting
from e2e.test_kills import assert_killed_alone, kills_in, running_instance
from e2e.witness import kills_of_pod, monotonic_us, oom_killed, pods, ring_kills
from e2e.workloads import behind, container, gate_volume, pod, pod_spec

NODES = ("v2",)
# A worker is smaller than the innocent process, however many there are.
INNOCENT_MIB, WORKER_MIB = 256, 128


@pytest.mark.parametrize("unit", ["kubelet", "containerd"])
def test_a_kill_while_a_daemon_is_stopped(namespace: str, node: Node, gate: Gate, unit: str) -> None:
    waiting = behind(gate, "self", "128", "0", "5")
    apply(pod("alone", namespace, pod_spec(waiting, restart="Never", volumes=[gate_volume(gate)])))
    instance = running_instance(namespace, "alone")
    node.sh(f"systemctl stop {unit}")
    try:
        gate.touch()
        (kill,) = kills_in(namespace, 1)
    finally:
        node.sh(f"systemctl start {unit}")
    report = settled_report(namespace, "Pod", "alone", verdict=None)
    assert_victim(report["status"]["lastKill"], kill)
    assert report["status"]["lastKill"]["containerID"] == instance
    # A runtime that was away may find the container dead and not know why; its kill is told all the same.
    eventually("its end", lambda: (item("pod", "alone", namespace) or {})["status"]["phase"] == "Failed" or None)
    assert settled_report(namespace, "Pod", "alone", verdict=None)["status"]["kills"] == 1


def test_agents_replaced_while_containers_are_killed(namespace: str, gate: Gate) -> None:
    instances = ten_waiting(namespace, gate, apart=0.7)
    gate.touch()
    time.sleep(1.5)
    kubectl("rollout", "restart", "ds/oomreport-agent", "-n", AGENT_NAMESPACE)
    uid = pods(namespace)[0]["metadata"]["uid"]
    kills = eventually("ten kills", lambda: k if len(k := kills_of_pod(uid)) == len(CONTAINERS) else None)
    expected = dict.fromkeys(CONTAINERS, 1)
    eventually("each told", lambda: kills_told(namespace) == expected or None, seconds=90)
    time.sleep(10)
    assert kills_told(namespace) == expected
    told = [pid for report in items("oomreports", namespace) for pid in victim_pids(report)]
    assert sorted(told) == sorted(kill.pid for kill in kills)
    assert {r["status"]["lastKill"]["containerID"] for r in items("oomreports", namespace)} == instances.keys()


def test_a_child_killed_alone_is_silent_where_the_kubelet_asks_for_it(namespace: str) -> None:
    with kubelet_with(singleProcessOOMKill=True):
        apply(pod("silent", namespace, pod_spec(container("child", "128", "1", "3", "30"), restart="Never")))
        assert_killed_alone(namespace, running_instance(namespace, "silent"))


def test_the_limit_of_all_pods_is_told_as_the_nodes_allocatable_memory(namespace: str) -> None:
    settings = {"kubeReserved": {"memory": "1200Mi"}, "evictionHard": {"memory.available": "1Mi"}}
    with kubelet_with(**settings):
        greedy = container("self", "1500", "2", "0", limit=None, request=None)
        apply(pod("greedy", namespace, pod_spec(greedy, restart="Never")))
        (kill,) = kills_in(namespace, 1)
        assert kill.oom_memcg == "/kubepods.slice"
        report = settled_report(namespace, "Pod", "greedy", verdict="Confirmed")
    assert_victim(report["status"]["lastKill"], kill)
    assert report["status"]["lastKill"]["cause"] == "NodeAllocatable"
    assert eventually("OOMKilled", lambda: oom_killed(item("pod", "greedy", namespace) or {}, "api"))


def host_report(node: Node) -> Object | None:
    """Return the report on what is killed on the node outside pods."""
    found = [
        report
        for report in items("oomreports")
        if report["spec"]["workloadRef"]["kind"] == "Node"
        and report["spec"]["workloadRef"]["name"] == node.name
        and report["spec"]["container"] == "host"
    ]
    return found[0] if found else None


def test_a_system_daemon_is_reported_on_its_node(node: Node) -> None:
    # Not how many there were: the ring forgets.
    before = monotonic_us()
    counted = (host_report(node) or {}).get("status", {}).get("kills", 0)
    node.sh("systemd-run --quiet --unit=leak -p MemoryMax=24M -p Restart=no tail /dev/zero")
    kill = eventually("the kill", lambda: next(iter(ring_kills(before)), None))

    def look() -> Object | None:
        report = host_report(node)
        return report if report and report["status"]["kills"] == counted + 1 else None

    report = eventually("the node's report", look)
    assert_victim(report["status"]["lastKill"], kill)
    assert report["status"]["lastKill"]["victim"]["comm"] == "tail"


def test_an_innocent_victim_of_a_full_node_is_told_who_exceeded_its_request(namespace: str, node: Node) -> None:
    """Each process of the greedy container is smaller than the innocent one: the kernel weighs processes."""
    with kubelet_with(evictionHard={"memory.available": "1Mi"}):
        innocent = container("hold", str(INNOCENT_MIB), name="innocent", limit=None, request=None)
        apply(pod("innocent", namespace, pod_spec(innocent, restart="Never")))
        instance = running_instance(namespace, "innocent", "innocent")
        eventually("it holds its memory", lambda: "holding" in kubectl("logs", "innocent", "-n", namespace))
        available = int(node.sh("sed -n 's/^MemAvailable: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")) // 1024
        workers = -(-(available + INNOCENT_MIB // 2) // WORKER_MIB)
        greedy = container("burst", str(workers), str(WORKER_MIB), "1", "2", name="greedy", limit=None, request="16Mi")
        apply(pod("greedy", namespace, pod_spec(greedy, restart="Never")))
        kill = eventually("the kill", lambda: next(iter(kills_of_pod(uid_of(namespace, "innocent"))), None))
        kubectl("delete", "pod", "greedy", "-n", namespace, "--force", "--grace-period=0", "--wait=false")
        report = settled_report(namespace, "Pod", "innocent", "innocent", verdict="Confirmed")
    assert kill.constraint == "CONSTRAINT_NONE"
    assert instance in kill.memcg
    last = report["status"]["lastKill"]
    assert_victim(last, kill)
    assert last["cause"] == "NodeOutOfMemory"
    # The runtime counts kills by the limits of cgroups, and none was hit: pod status reads Error.
    assert last["termination"]["exitCode"] == 137
    findings = {finding["rule"]: finding["message"] for finding in report["status"]["findings"]}
    print(findings)
    assert "most above the request of its container" in findings["NodeOutOfMemory"]
    # The report keeps the tasks that weighed most.
    assert re.search(r"'hog-child' \(\d+ processes\) by \d+Mi at least", findings["NodeOutOfMemory"])


def uid_of(namespace: str, name: str) -> str:
    return next(str(one["metadata"]["uid"]) for one in pods(namespace) if one["metadata"]["name"] == name)
