"""Nodes that go: power cuts and reboots in the middle of kills, a node that is removed for good. On the guest, which
can.

Acceptance: each kill that the kernel wrote and the agent could read is told exactly once. What is lost is printed.
"""

import time
from collections import Counter
from collections.abc import Callable

import pytest

from e2e import nodes
from e2e.kube import AGENT_NAMESPACE, Object, apply, eventually, items, kubectl, roll_out
from e2e.nodes import Gate, Node
from e2e.reports import assert_victim, report_of, settled_report
from e2e.storm import CONTAINERS, console_kills, kills_told, records_made, refused_agents, ten_waiting
from e2e.test_kills import kills_in
from e2e.test_outages import kill_in, no_controller
from e2e.witness import kills_of_pod, pods, statuses
from e2e.workloads import container, pod, pod_spec

NODES = ("v2",)
READ = 3
# Ten kills take longer than a busy machine needs to end the guest after the first ones.
APART_SECONDS = 4.0
# A record that was not delivered is on the disk after so long; a turn of the agent's loop takes a second at most.
SYNCED_SECONDS = 1.5
# Long enough for a second report of a kill to appear.
QUIET_SECONDS = 20


@pytest.mark.parametrize("way", ["sending", "spooling"])
def test_a_power_cut_in_the_middle_of_ten_kills(
    namespace: str, gate: Gate, way: str, record_property: Callable[[str, object], None]
) -> None:
    instances = ten_waiting(namespace, gate, apart=APART_SECONDS)
    if way == "spooling":
        with refused_agents():
            written, read = ended_while_they_are_killed(gate, instances, "v2-poweroff")
            assert not records_of(instances)
    else:
        written, read = ended_while_they_are_killed(gate, instances, "v2-poweroff")
    nodes.cluster("up", "--v2-worker")
    record_property("kills", what_was_told(namespace, written, read))


def test_a_reboot_in_the_middle_of_ten_kills(
    namespace: str, gate: Gate, record_property: Callable[[str, object], None]
) -> None:
    instances = ten_waiting(namespace, gate, apart=APART_SECONDS)
    written, read = ended_while_they_are_killed(gate, instances, "v2-reboot")
    record_property("kills", what_was_told(namespace, written, read))


def ended_while_they_are_killed(
    gate: Gate, instances: dict[str, str], verb: str
) -> tuple[dict[str, float], dict[str, float]]:
    """Open the gate and end the node after the agent has read some kills. Return all that the kernel wrote, and those
    that
    were read for sure, with their seconds since boot.
    """
    # systemd-sysctl lets the console show errors only.
    gate.node.sh("dmesg --console-level 7")
    before = records_made(gate.node)
    gate.touch()
    count = eventually(
        "some records", lambda: n if (n := records_made(gate.node) - before) >= READ else None, seconds=40
    )
    time.sleep(SYNCED_SECONDS)
    nodes.cluster(verb)
    written = dict(sorted(console_kills(instances).items(), key=lambda one: one[1]))
    assert count <= len(written) < len(CONTAINERS), f"{len(written)} kills before the end, {count} read"
    return written, dict(list(written.items())[:count])


def what_was_told(namespace: str, written: dict[str, float], read: dict[str, float]) -> str:
    """Wait for each kill that was read; return what was told and lost, once nothing was told twice."""
    eventually("each kill that was read", lambda: read.keys() <= kills_told(namespace).keys() or None, seconds=60)
    time.sleep(QUIET_SECONDS)
    told = kills_told(namespace)
    assert set(told.values()) == {1}
    assert told.keys() <= written.keys()
    lost = [f"{written[name] - max(read.values()):.1f} s" for name in written if name not in told]
    verdicts = Counter(one["status"]["lastKill"]["verdict"] for one in items("oomreports", namespace))
    reasons = Counter(
        (state.get("terminated") or state.get("waiting") or {}).get("reason")
        for one in pods(namespace)
        for state in (status["state"] for status in statuses(one))
    )
    figures = (
        f"{len(written)} written by the kernel, {len(read)} of them read a moment before the end; {len(told)} told once"
        f" {dict(verdicts)}; {len(lost)} lost {lost or ''} after the last that was surely read;"
        f" pod status afterwards {dict(reasons)}"
    )
    print(figures)
    return figures


def records_of(instances: dict[str, str]) -> list[Object]:
    """Return the records of kills in these containers."""
    return [one for one in items("oomrecords") if one["spec"].get("subject", {}).get("containerID") in instances]


def test_a_node_removed_for_good_leaves_its_kills_and_one_that_joins_tells_its_own(namespace: str, node: Node) -> None:
    with no_controller():
        found = kill_in(namespace, "last")
        (kill,) = kills_of_pod(found["metadata"]["uid"])
        instance = found["status"]["containerStatuses"][0]["containerID"].split("://")[1]
        eventually("its record", lambda: records_of({instance: "api"}))
        nodes.cluster("v2-poweroff")
        kubectl("delete", "node", node.name)
        kubectl("delete", "pod", "last", "-n", namespace, "--force", "--grace-period=0")
    try:
        report = settled_report(namespace, "Pod", "last", verdict=None)
        assert_victim(report["status"]["lastKill"], kill)
        assert report["status"]["lastKill"]["node"] == node.name
    finally:
        nodes.cluster("up", "--v2-worker")
        roll_out("ds/oomreport-agent", AGENT_NAMESPACE)
    apply(pod("first", namespace, pod_spec(container("self", "128", "1", "5"), restart="Never")))
    (kill,) = kills_in(namespace, 1)
    assert_victim(settled_report(namespace, "Pod", "first", verdict="Confirmed")["status"]["lastKill"], kill)
    assert (report_of(namespace, "Pod", "last") or {})["status"]["kills"] == 1
