"""What a node goes through, on the guest that can go through it: power cuts, reboots, daemons that stop, other settings."""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from e2e import nodes
from e2e.kube import AGENT_NAMESPACE, Object, apply, eventually, item, items, kubectl
from e2e.nodes import Gate, Node
from e2e.reports import assert_victim, settled_report, victim_pids
from e2e.test_kills import assert_killed_alone, kills_in, running_instance
from e2e.witness import kills_of_pod, oom_killed, pods, ring_kills
from e2e.workloads import container, pod, pod_spec

NODES = ("v2",)
CONTAINERS = [f"c{number}" for number in range(10)]
CUT_AFTER = 4
# The kernel's console is written before the agent can have read the line; what was printed in the last moment is lost.
LAST_MOMENT_SECONDS = 2.0
_ON_CONSOLE = re.compile(
    r"\[ *(?P<stamp>\d+\.\d+)\] oom-kill:.*task_memcg=\S*cri-containerd-(?P<container>[0-9a-f]{64})\.scope,task="
)


def console_kills() -> dict[str, float]:
    """Return the containers whose kill the guest's kernel wrote to its console, with the seconds since boot."""
    known = nodes.cluster_state()
    assert known
    text = (known.folder / "v2" / "console.log").read_text(errors="replace")
    return {found["container"]: float(found["stamp"]) for found in _ON_CONSOLE.finditer(text)}


def ten_waiting(namespace: str, gate: Gate) -> dict[str, str]:
    """Run a pod of ten containers that are killed one after another once the gate opens; return ID and name of each."""
    mount = {"name": "gate", "mountPath": "/gate", "readOnly": True}
    each = [
        container(
            *("after", f"/gate/{gate.name}", "self", "48", str(number * 0.7), "0"),
            name=name,
            limit="24Mi",
            request="8Mi",
            volumeMounts=[mount],
        )
        for number, name in enumerate(CONTAINERS)
    ]
    volumes = [{"name": "gate", "hostPath": {"path": gate.parent}}]
    apply(pod("ten", namespace, pod_spec(*each, restart="Never", volumes=volumes)))
    return {running_instance(namespace, "ten", name): name for name in CONTAINERS}


@contextmanager
def refused_agents() -> Iterator[None]:
    """Take the agents' right to create records away for a while: they spool."""
    binding = json.loads(kubectl("get", "clusterrolebinding", "oomreport-agent", "-o", "json"))
    kubectl("delete", "clusterrolebinding", "oomreport-agent")
    try:
        yield
    finally:
        binding["metadata"] = {"name": "oomreport-agent", "labels": binding["metadata"].get("labels", {})}
        apply(binding)


def kills_told(namespace: str) -> dict[str, int]:
    return {
        report["spec"]["container"]: report.get("status", {}).get("kills", 0)
        for report in items("oomreports", namespace)
    }


@pytest.mark.parametrize("way", ["sending", "spooling"])
def test_a_power_cut_in_the_middle_of_ten_kills(
    namespace: str, gate: Gate, way: str, record_property: Callable[[str, object], None]
) -> None:
    instances = ten_waiting(namespace, gate)
    if way == "spooling":
        with refused_agents():
            written = cut_while_they_are_killed(gate, instances)
            assert not any(kills_told(namespace).values())
    else:
        written = cut_while_they_are_killed(gate, instances)
    nodes.cluster("up", "--v2-worker")
    last = max(written.values())
    safe = {instances[one] for one, stamp in written.items() if last - stamp > LAST_MOMENT_SECONDS}
    assert safe, "the cut came too early"
    eventually("each kill that could be read", lambda: safe <= kills_told(namespace).keys() or None, seconds=40)
    time.sleep(20)
    told = {name: kills for name, kills in kills_told(namespace).items() if kills}
    assert set(told.values()) == {1}
    names = {instances[one] for one in written}
    assert told.keys() <= names
    record_property("kills_lost", f"{len(names - told.keys())} of {len(names)}")
    print(f"lost: {len(names - told.keys())} of {len(names)} kills that the kernel wrote before the cut")


def cut_while_they_are_killed(gate: Gate, instances: dict[str, str]) -> dict[str, float]:
    """Open the gate, cut the power after some kills, and return those that the kernel had written by then."""

    def enough() -> bool | None:
        return len(console_kills().keys() & instances.keys()) >= CUT_AFTER or None

    # systemd-sysctl lets the console show errors only.
    gate.node.sh("dmesg --console-level 7")
    gate.touch()
    eventually("some kills on the console", enough, every=0.05)
    nodes.cluster("v2-poweroff")
    written = {one: stamp for one, stamp in console_kills().items() if one in instances}
    assert CUT_AFTER <= len(written) < len(CONTAINERS), f"{len(written)} kills before the cut"
    return written


@pytest.mark.parametrize("unit", ["kubelet", "containerd"])
def test_a_kill_while_a_daemon_is_stopped(namespace: str, node: Node, gate: Gate, unit: str) -> None:
    mount = {"name": "gate", "mountPath": "/gate", "readOnly": True}
    waiting = container("after", f"/gate/{gate.name}", "self", "128", "0", "5", volumeMounts=[mount])
    volumes = [{"name": "gate", "hostPath": {"path": gate.parent}}]
    apply(pod("alone", namespace, pod_spec(waiting, restart="Never", volumes=volumes)))
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
    instances = ten_waiting(namespace, gate)
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


@contextmanager
def kubelet_with(**settings: object) -> Iterator[None]:
    """Lay settings over the kubelet's for a while."""
    nodes.cluster("up", "--v2-worker", "--v2-kubelet", json.dumps(settings))
    try:
        yield
    finally:
        nodes.cluster("up", "--v2-worker", "--v2-kubelet", "{}")


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
    before = len(ring_kills())
    counted = (host_report(node) or {}).get("status", {}).get("kills", 0)
    node.sh("systemd-run --quiet --unit=leak -p MemoryMax=24M -p Restart=no tail /dev/zero")
    kill = eventually("the kill", lambda: k[-1] if len(k := ring_kills()) > before else None)

    def look() -> Object | None:
        report = host_report(node)
        return report if report and report["status"]["kills"] == counted + 1 else None

    report = eventually("the node's report", look)
    assert_victim(report["status"]["lastKill"], kill)
    assert report["status"]["lastKill"]["victim"]["comm"] == "tail"
