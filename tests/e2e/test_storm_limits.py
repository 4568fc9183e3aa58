"""Whose limit it was in a storm, also for the kills whose dump the kernel left out: no wrong one, hardly ever none.

A node's limit is not among them: where it is full, all that its pods have mapped is read again and again, and the few
kills that come have their dumps. tests/node/test_limits.py has it, in cgroups of its own.
"""

import time
from collections import Counter
from contextlib import nullcontext

from e2e.kube import Object, apply, eventually, items
from e2e.nodes import Gate, Node, kubelet_with
from e2e.test_kills import running_instance
from e2e.witness import monotonic_us, pods, ring_kills
from e2e.workloads import behind, container, gate_volume, pod, pod_spec

# Of the kills that nothing but counters tell the limit of, at least so many are to get it.
LEAST_SHARE = 0.95
CAUSES = {"Container": "ContainerLimit", "Pod": "PodLimit"}
ACTIONS = {"Container": "RaiseLimit", "Pod": "RaisePodLimit"}


def storming(gate: Gate, name: str, *, mib: int, limit: str | None, children: int = 1) -> Object:
    """Return a container whose children allocate, one after another, once the gate opens."""
    arguments = ("child", str(mib), str(children), "0", "0")
    return behind(gate, *arguments, name=name, limit=limit, request=limit and "8Mi")


def storm_waiting(namespace: str, gate: Gate, *containers: Object, of_pods: int, **more: object) -> None:
    """Run as many pods of these containers, and wait until all wait for the gate."""
    names = [f"storm-{number}" for number in range(of_pods)]
    for name in names:
        apply(pod(name, namespace, pod_spec(*containers, restart="Never", volumes=[gate_volume(gate)], **more)))
    for name in names:
        for one in containers:
            running_instance(namespace, name, one["name"], seconds=120)


def open_gate(gate: Gate, *, kills: int) -> None:
    """Open it, and wait for so many kills in the ring."""
    before = monotonic_us()
    gate.touch()

    def look() -> bool | None:
        return sum(kill.comm == "hog-child" for kill in ring_kills(before)) >= kills or None

    eventually(f"{kills} kills in the ring", look, seconds=90)


def records_of(namespace: str, *, kills: int) -> list[Object]:
    """Return the specs of the records of kills in these pods, once there is one of each kill."""

    def look() -> list[Object] | None:
        uids = {one["metadata"]["uid"] for one in pods(namespace)}
        found = [record["spec"] for record in items("oomrecords")]
        found = [
            spec
            for spec in found
            if spec.get("subject", {}).get("podUID") in uids and spec["source"] != "CgroupCounter"
        ]
        return found if len(found) >= kills else None

    return eventually(f"{kills} records", look, seconds=90)


def assert_told(namespace: str, level: str, *, kills: int) -> None:
    """Nothing but this level's limit is named, by the records without a dump and by the reports of all."""
    without = [spec for spec in records_of(namespace, kills=kills) if "oomMemcg" not in spec]
    found = Counter(spec["scope"] for spec in without)
    candidates = [spec.get("scopeCandidates") for spec in without if spec["scope"] == "Unknown"]
    print(f"{level}: {kills} kills, {len(without)} without a dump: {dict(found)} {candidates}")
    assert without, "the kernel printed every dump"
    assert set(found) <= {level, "Unknown"}, found
    assert found[level] >= LEAST_SHARE * len(without), (found, candidates)
    assert {spec["scopeSource"] for spec in without if spec["scope"] == level} == {"Counters"}

    def look() -> bool | None:
        return sum(one.get("status", {}).get("kills", 0) for one in items("oomreports", namespace)) >= kills or None

    eventually("each kill in a report", look, seconds=90)
    # What pod status or a later look adds comes within the controller's grace.
    time.sleep(15)
    reports = items("oomreports", namespace)
    assert sum(one["status"]["kills"] for one in reports) == kills
    causes = Counter(kill["cause"] for one in reports for kill in one["status"]["recentKills"])
    actions = Counter(one["status"]["recommendation"]["action"] for one in reports)
    print(f"causes {dict(causes)}, actions {dict(actions)}")
    assert set(causes) <= {CAUSES[level], "Unknown"}, causes
    assert causes[CAUSES[level]] >= LEAST_SHARE * causes.total(), causes
    assert set(actions) == {ACTIONS[level]}


def test_a_storm_without_dumps_on_the_containers_own_limits(namespace: str, gate: Gate) -> None:
    """The limit of the third keeps the pod's, which is the sum of all, out of reach."""
    containers = [storming(gate, name, mib=48, limit="24Mi") for name in ("first", "second")]
    storm_waiting(namespace, gate, *containers, container("hold", "1", name="third"), of_pods=8)
    open_gate(gate, kills=16)
    assert_told(namespace, "Container", kills=16)


def test_a_storm_without_dumps_on_limits_of_pods(namespace: str, gate: Gate, node: Node) -> None:
    """Processes that are killed alone die faster than containers: where the kubelet can be asked for it, it is."""
    alone = not node.groups or node.kind == "v2"
    of_pods, children = (2, 8) if alone else (8, 1)
    containers = [storming(gate, name, mib=96, limit=None, children=children) for name in ("first", "second")]
    resources = {"limits": {"memory": "48Mi"}, "requests": {"memory": "16Mi"}}
    kills = of_pods * children * len(containers)
    with kubelet_with(singleProcessOOMKill=True) if alone and node.groups else nullcontext():
        storm_waiting(namespace, gate, *containers, of_pods=of_pods, resources=resources)
        open_gate(gate, kills=kills)
        assert_told(namespace, "Pod", kills=kills)
