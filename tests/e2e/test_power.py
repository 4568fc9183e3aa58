"""Nodes that go: power cuts and reboots in the middle of kills, a node that is removed for good. On the guest, which can.

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
from e2e.storm import CONTAINERS, console_kills, kills_told, refused_agents, ten_waiting
from e2e.test_kills import kills_in
from e2e.test_outages import kill_in, no_controller
from e2e.witness import kills_of_pod, monotonic_us, pods, statuses
from e2e.workloads import container, pod, pod_spec

NODES = ("v2",)
CUT_AFTER = 5
# On a busy machine many seconds pass until systemd stops the first container.
REBOOT_AFTER, APART_AT_REBOOT_SECONDS = 3, 4.0
# The console is written before the agent can have read the line; it syncs what is not delivered after 0.2 s.
LAST_MOMENT_SECONDS = 1.5
# Long enough for a second report of a kill to appear.
QUIET_SECONDS = 20


@pytest.mark.parametrize("way", ["sending", "spooling"])
def test_a_power_cut_in_the_middle_of_ten_kills(
    namespace: str, gate: Gate, way: str, record_property: Callable[[str, object], None]
) -> None:
    instances = ten_waiting(namespace, gate)
    if way == "spooling":
        with refused_agents():
            end, written = ended_while_they_are_killed(gate, instances, "v2-poweroff")
            assert not any(records_of(instances))
    else:
        end, written = ended_while_they_are_killed(gate, instances, "v2-poweroff")
    nodes.cluster("up", "--v2-worker")
    record_property("kills", what_was_told(namespace, written, readable_until=end - LAST_MOMENT_SECONDS))


def test_a_reboot_in_the_middle_of_ten_kills(
    namespace: str, gate: Gate, record_property: Callable[[str, object], None]
) -> None:
    """Whatever is killed until systemd is asked to reboot is told; the agent has its own time to end after that."""
    instances = ten_waiting(namespace, gate, apart=APART_AT_REBOOT_SECONDS)
    end, written = ended_while_they_are_killed(gate, instances, "v2-reboot", after=REBOOT_AFTER)
    record_property("kills", what_was_told(namespace, written, readable_until=end))


def ended_while_they_are_killed(
    gate: Gate, instances: dict[str, str], verb: str, *, after: int = CUT_AFTER
) -> tuple[float, dict[str, float]]:
    """Open the gate and end the node after some kills. Return when, and all kills that the kernel wrote, in seconds since
    its boot.
    """
    # systemd-sysctl lets the console show errors only.
    gate.node.sh("dmesg --console-level 7")
    started = time.monotonic() - monotonic_us() / 1e6
    gate.touch()
    eventually("some kills", lambda: len(console_kills(instances)) >= after or None, every=0.05)
    end = time.monotonic() - started
    nodes.cluster(verb)
    written = console_kills(instances)
    assert after <= len(written) < len(CONTAINERS), f"{len(written)} kills before the end"
    return end, written


def what_was_told(namespace: str, written: dict[str, float], *, readable_until: float) -> str:
    """Wait for each kill that could be read; return what was told and lost, once nothing was told twice."""
    safe = {name for name, stamp in written.items() if stamp <= readable_until}
    assert safe, f"all kills came in the last moment: {written}, {readable_until}"
    eventually("each kill that could be read", lambda: safe <= kills_told(namespace).keys() or None, seconds=60)
    time.sleep(QUIET_SECONDS)
    told = kills_told(namespace)
    assert set(told.values()) == {1}
    assert told.keys() <= written.keys()
    lost = [f"{written[name] - readable_until:+.1f} s" for name in sorted(written.keys() - told.keys())]
    verdicts = Counter(one["status"]["lastKill"]["verdict"] for one in items("oomreports", namespace))
    reasons = Counter(
        (state.get("terminated") or state.get("waiting") or {}).get("reason")
        for one in pods(namespace)
        for state in (status["state"] for status in statuses(one))
    )
    figures = (
        f"{len(written)} written by the kernel, {len(safe)} of them could be read; {len(told)} told once"
        f" {dict(verdicts)}; {len(lost)} lost {lost or ''};"
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
