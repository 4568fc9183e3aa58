"""What is not there when a kernel kills: the agent, the controller. Nothing is lost, nothing counted twice."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from e2e.kube import AGENT_NAMESPACE, CONTROLLER_NAMESPACE, Object, apply, eventually, item, items, kubectl, roll_out
from e2e.nodes import Gate, Node
from e2e.reports import assert_victim, child_verdict, children_killed, report_of, settled_report
from e2e.witness import killed, kills_of_pod, pods, running_id, statuses
from e2e.workloads import behind, container, gate_volume, pod, pod_spec

ABSENT = {"spec": {"template": {"spec": {"nodeSelector": {"oomreport.dev/test": "no-such-node"}}}}}
PRESENT = {"spec": {"template": {"spec": {"nodeSelector": None}}}}


@contextmanager
def no_agent() -> Iterator[None]:
    def patch(change: Object) -> None:
        kubectl("patch", "ds/oomreport-agent", "-n", AGENT_NAMESPACE, "--type=merge", "-p", json.dumps(change))

    patch(ABSENT)
    try:
        eventually("no agent pod", lambda: not items("pods", AGENT_NAMESPACE))
        yield
    finally:
        patch(PRESENT)
        roll_out("ds/oomreport-agent", AGENT_NAMESPACE)


@contextmanager
def no_controller() -> Iterator[None]:
    kubectl("scale", "deploy/oomreport-controller", "-n", CONTROLLER_NAMESPACE, "--replicas=0")
    try:
        eventually("no controller pod", lambda: not items("pods", CONTROLLER_NAMESPACE))
        yield
    finally:
        kubectl("scale", "deploy/oomreport-controller", "-n", CONTROLLER_NAMESPACE, "--replicas=1")
        roll_out("deploy/oomreport-controller", CONTROLLER_NAMESPACE)


def kill_in(namespace: str, name: str) -> Object:
    """Have a pod's only container killed and return the pod once its status says so."""
    apply(pod(name, namespace, pod_spec(container("self", "128", "1", "5"), restart="Never")))
    return eventually("killed", lambda: next((p for p in pods(namespace) if killed(p, "api")), None))


def child_pod(namespace: str) -> Object:
    """A pod of which two children are killed, or the first with the whole container."""
    return pod("child", namespace, pod_spec(container("child", "128", "2", "1", "5"), restart="Never"))


def test_an_agent_started_after_the_kill_finds_it_in_the_ring(namespace: str) -> None:
    with no_agent():
        found = kill_in(namespace, "early")
    (kill,) = kills_of_pod(found["metadata"]["uid"])

    report = settled_report(namespace, "Pod", "early", verdict="Confirmed", seconds=90)
    assert_victim(report["status"]["lastKill"], kill)
    assert report["status"]["lastKill"]["victim"]["oomScore"] > 0


def test_a_controller_that_was_down_catches_up(namespace: str) -> None:
    with no_controller():
        found = kill_in(namespace, "unseen")
        apply(child_pod(namespace))
        child = item("pod", "child", namespace)
        assert child
        eventually(
            "every kill of a child", lambda: len(kills_of_pod(child["metadata"]["uid"])) == children_killed(2) or None
        )
        assert report_of(namespace, "Pod", "unseen") is None
    (kill,) = kills_of_pod(found["metadata"]["uid"])

    report = settled_report(namespace, "Pod", "unseen", verdict="Confirmed")
    assert_victim(report["status"]["lastKill"], kill)
    settled_report(namespace, "Pod", "child", verdict=child_verdict(), kills=children_killed(2))


def test_restarting_the_controller_changes_nothing(namespace: str, node: Node) -> None:
    kill_in(namespace, "steady")
    apply(child_pod(namespace))
    settled_report(namespace, "Pod", "steady", verdict="Confirmed")
    settled_report(namespace, "Pod", "child", verdict=child_verdict(), kills=children_killed(2))
    if not node.groups:
        eventually("silent", lambda: (report_of(namespace, "Pod", "child") or {})["status"]["lastKill"]["silent"])
    time.sleep(5)
    before = {r["metadata"]["name"]: r["status"] for r in items("oomreports", namespace)}

    with no_controller():
        pass
    time.sleep(20)
    assert {r["metadata"]["name"]: r["status"] for r in items("oomreports", namespace)} == before


def test_a_restarted_agent_repeats_nothing(namespace: str) -> None:
    apply(child_pod(namespace))
    settled_report(namespace, "Pod", "child", verdict=child_verdict(), kills=children_killed(2))
    uid = pods(namespace)[0]["metadata"]["uid"]

    def records() -> list[str]:
        return [r["metadata"]["name"] for r in items("oomrecords") if r["spec"].get("subject", {}).get("podUID") == uid]

    before = records()
    kubectl("rollout", "restart", "ds/oomreport-agent", "-n", AGENT_NAMESPACE)
    roll_out("ds/oomreport-agent", AGENT_NAMESPACE)
    time.sleep(15)
    assert len(before) == children_killed(2)
    assert sorted(records()) == sorted(before)
    assert (report_of(namespace, "Pod", "child") or {})["status"]["kills"] == children_killed(2)


def test_a_kill_soon_after_a_restart_of_the_agent_has_the_containers_true_age(namespace: str, gate: Gate) -> None:
    """What the agent saw is short; pod status tells when the container started, also of one that lives on."""
    spec = pod_spec(behind(gate, "child", "128", "1", "0", "5"), restart="Never", volumes=[gate_volume(gate)])
    apply(pod("older", namespace, spec))
    eventually("it runs", lambda: running_id(item("pod", "older", namespace) or {}, "api"), seconds=60)
    time.sleep(5)
    kubectl("rollout", "restart", "ds/oomreport-agent", "-n", AGENT_NAMESPACE)
    roll_out("ds/oomreport-agent", AGENT_NAMESPACE)
    time.sleep(12)
    gate.touch()
    status = settled_report(namespace, "Pod", "older", verdict=child_verdict())["status"]
    found = item("pod", "older", namespace)
    assert found
    (state,) = (one["state"] for one in statuses(found))
    last, (short,) = status["lastKill"], status["recentKills"]
    assert last["startedAt"] == (state.get("running") or state["terminated"])["startedAt"]
    assert last["usage"]["fromStart"] is False
    killed, started, seen = (
        datetime.fromisoformat(text) for text in (last["time"], last["startedAt"], last["usage"]["life"]["startTime"])
    )
    assert abs(short["uptimeSeconds"] - (killed - started).total_seconds()) <= 1
    assert (seen - started).total_seconds() > 5


@contextmanager
def no_right_to_create() -> Iterator[None]:
    """The agent's own right to create is taken away for a while: to it the API server only refuses."""
    binding = json.loads(kubectl("get", "clusterrolebinding", "oomreport-agent", "-o", "json"))
    kubectl("delete", "clusterrolebinding", "oomreport-agent")
    try:
        yield
    finally:
        binding["metadata"] = {"name": "oomreport-agent", "labels": binding["metadata"].get("labels", {})}
        apply(binding)


def test_an_agent_without_the_api_server_spools_and_delivers(namespace: str) -> None:
    with no_right_to_create():
        found = kill_in(namespace, "refused")
        time.sleep(3)
        uid = found["metadata"]["uid"]
        assert not [r for r in items("oomrecords") if r["spec"].get("subject", {}).get("podUID") == uid]
    (kill,) = kills_of_pod(uid)
    report = settled_report(namespace, "Pod", "refused", verdict="Confirmed", seconds=120)
    assert_victim(report["status"]["lastKill"], kill)


def test_an_agent_that_cannot_write_its_records_contradicts_nobody(namespace: str) -> None:
    """Its silence is no proof: the kill counts by pod status alone until the record comes."""
    with no_right_to_create():
        kill_in(namespace, "untold")
        report = settled_report(namespace, "Pod", "untold", verdict="StatusOnly", seconds=60)
        assert report["status"]["kills"] == 1
        (agent,) = [one for one in pods(AGENT_NAMESPACE) if _is_beside(one, report)]
        ready = next(one for one in agent["status"]["conditions"] if one["type"] == "Ready")
        assert ready["status"] == "False"
    settled_report(namespace, "Pod", "untold", verdict="Confirmed", seconds=120)
    roll_out("ds/oomreport-agent", AGENT_NAMESPACE)


def _is_beside(found: Object, report: Object) -> bool:
    return bool(found["spec"].get("nodeName") == report["status"]["lastKill"]["node"])
