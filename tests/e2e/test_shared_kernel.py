"""Nodes that share one kernel and its log, as kind's do: each kill is reported once, by the node whose container it
was.
"""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from e2e import nodes
from e2e.kube import Object, apply, eventually, items
from e2e.nodes import Node
from e2e.test_kills import QUIET_SECONDS, running_instance
from e2e.witness import RingKill, monotonic_us, ring_kills
from e2e.workloads import container, pod, pod_spec

NODES = ("kind",)
PODS, KILLS_OF_EACH = 10, 2
OUTSIDE = 3


@pytest.fixture(scope="module")
def both() -> list[Node]:
    """The two nodes of the cluster."""
    found = nodes.kind_nodes()
    assert len(found) == 2, "tests/cluster/cluster up --provider kind --workers 1"
    return found


@pytest.fixture
def gates(both: list[Node]) -> Iterator[str]:
    """A folder of this path on every node."""
    path = f"/run/gate-{time.time_ns()}"
    for node in both:
        node.sh(f"mkdir {path}")
    yield path
    for node in both:
        node.sh(f"rm -r {path}")


def storming_pod(namespace: str, node: Node, number: int, gates: str) -> Object:
    """A pod on this very node, whose processes bear the node's name."""
    mount = {"name": "gate", "mountPath": "/gate", "readOnly": True}
    arguments = ("comm", node.name[-15:].encode().hex(), "after", "/gate/open")
    storm = ("child", "48", str(KILLS_OF_EACH), "0.1", "0")
    spec = pod_spec(
        container(*arguments, *storm, limit="24Mi", request="8Mi", volumeMounts=[mount]),
        restart="Never",
        volumes=[{"name": "gate", "hostPath": {"path": gates}}],
        nodeName=node.name,
        nodeSelector={},
    )
    return pod(f"{node.name}-{number}"[-40:].strip("-"), namespace, spec)


def kill_outside(node: Node, count: int) -> None:
    """Have processes killed on the machine, in a memory cgroup that no node knows."""
    script = f"""
        root=/sys/fs/cgroup/memory; limit=memory.limit_in_bytes
        if [ -e /sys/fs/cgroup/cgroup.controllers ]; then root=/sys/fs/cgroup; limit=memory.max; fi
        for number in $(seq {count}); do
            group=$root/outside-$$-$number; mkdir $group && echo 16M >$group/$limit
            sh -c "echo \\$\\$ >$group/cgroup.procs; exec tail /dev/zero"
            rmdir $group
        done"""
    done = node.sh_on_kernel(script)
    assert b"Killed" in done.stderr or b"Permission" not in done.stderr, done.stderr


def test_each_kill_of_two_nodes_is_told_once_and_by_its_own_node(namespace: str, both: list[Node], gates: str) -> None:
    wanted = [storming_pod(namespace, node, number, gates) for node in both for number in range(PODS)]
    apply(*wanted)
    names = [one["metadata"]["name"] for one in wanted]
    for name in names:
        running_instance(namespace, name)
    before = monotonic_us()
    expected = {node.name[-15:]: PODS * KILLS_OF_EACH for node in both}
    records_before = {record["metadata"]["name"] for record in items("oomrecords")}
    kill_outside(both[0], OUTSIDE)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda node: node.sh(f"touch {gates}/open"), both))

    def done() -> list[RingKill] | None:
        found = ring_kills(before)
        counted = {comm: sum(kill.comm == comm for kill in found) for comm in expected}
        return found if counted == expected else None

    kills = eventually(f"{sum(expected.values())} kills in the ring", done)
    outside = [kill for kill in kills if kill.comm == "tail"]
    assert len(outside) == OUTSIDE

    def told() -> list[Object] | None:
        reports = items("oomreports", namespace)
        told = {r["metadata"]["name"]: r.get("status", {}).get("kills", 0) for r in reports}
        assert sum(told.values()) >= sum(expected.values()), json.dumps(told)
        return reports

    eventually("all kills told", told, seconds=90)
    time.sleep(QUIET_SECONDS)
    reports = items("oomreports", namespace)
    counts = {report["spec"]["workloadRef"]["name"]: report["status"]["kills"] for report in reports}
    assert counts == dict.fromkeys(names, KILLS_OF_EACH)
    assert {report["status"]["lastKill"]["node"] for report in reports} == {node.name for node in both}
    assert_told_by_their_own_node(both, records_before)


def assert_told_by_their_own_node(both: list[Node], records_before: set[str]) -> None:
    """The victim's name is its node's wherever the log names its cgroup; a kill outside has no record.

    Beyond the limit of dumps counters tell how many kills are a node's own, exactly. Which of the bare lines they were,
    nothing on a node tells when another node's are as much alike.
    """
    fresh = [r["spec"] for r in items("oomrecords") if r["metadata"]["name"] not in records_before]
    for node in both:
        of_node = [spec for spec in fresh if spec["nodeName"] == node.name]
        assert len(of_node) == PODS * KILLS_OF_EACH
        named = {spec["victims"][0]["comm"] for spec in of_node if "taskMemcg" in spec}
        assert named <= {node.name[-15:]}
    assert "tail" not in {victim["comm"] for spec in fresh for victim in spec["victims"]}
