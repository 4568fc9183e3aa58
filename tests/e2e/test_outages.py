"""What is not there when a kernel kills: the agent, the controller. Nothing is lost, nothing counted twice."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from e2e.kube import AGENT_NAMESPACE, CONTROLLER_NAMESPACE, Object, apply, eventually, items, kubectl, roll_out
from e2e.reports import assert_victim, report_of, settled_report
from e2e.witness import kills_of_pod, oom_killed, pods
from e2e.workloads import container, pod, pod_spec

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
    return eventually("OOMKilled", lambda: next((p for p in pods(namespace) if oom_killed(p, "api")), None))


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
        apply(pod("child", namespace, pod_spec(container("child", "128", "2", "1", "5"))))
        child = eventually(
            "two silent kills",
            lambda: next((p for p in pods(namespace) if len(kills_of_pod(p["metadata"]["uid"])) == 2), None),
        )
        assert report_of(namespace, "Pod", "unseen") is None
    (kill,) = kills_of_pod(found["metadata"]["uid"])

    report = settled_report(namespace, "Pod", "unseen", verdict="Confirmed")
    assert_victim(report["status"]["lastKill"], kill)
    settled_report(namespace, "Pod", child["metadata"]["name"], verdict="KernelOnly", kills=2)


def test_restarting_the_controller_changes_nothing(namespace: str) -> None:
    kill_in(namespace, "steady")
    apply(pod("child", namespace, pod_spec(container("child", "128", "2", "1", "5"))))
    settled_report(namespace, "Pod", "steady", verdict="Confirmed")
    settled_report(namespace, "Pod", "child", verdict="KernelOnly", kills=2)
    eventually("silent", lambda: report_of(namespace, "Pod", "child")["status"]["lastKill"]["silent"])
    time.sleep(5)
    before = {r["metadata"]["name"]: r["status"] for r in items("oomreports", namespace)}

    with no_controller():
        pass
    time.sleep(20)
    assert {r["metadata"]["name"]: r["status"] for r in items("oomreports", namespace)} == before


def test_a_restarted_agent_repeats_nothing(namespace: str) -> None:
    apply(pod("child", namespace, pod_spec(container("child", "128", "2", "1", "5"))))
    settled_report(namespace, "Pod", "child", verdict="KernelOnly", kills=2)
    uid = pods(namespace)[0]["metadata"]["uid"]

    def records() -> list[str]:
        return [r["metadata"]["name"] for r in items("oomrecords") if r["spec"].get("subject", {}).get("podUID") == uid]

    before = records()
    kubectl("rollout", "restart", "ds/oomreport-agent", "-n", AGENT_NAMESPACE)
    roll_out("ds/oomreport-agent", AGENT_NAMESPACE)
    time.sleep(15)
    assert len(before) == 2
    assert sorted(records()) == sorted(before)
    assert report_of(namespace, "Pod", "child")["status"]["kills"] == 2


def test_an_agent_without_the_api_server_spools_and_delivers(namespace: str) -> None:
    """The agent's own right to create is taken away for a while: to it the API server only refuses."""
    binding = json.loads(kubectl("get", "clusterrolebinding", "oomreport-agent", "-o", "json"))
    kubectl("delete", "clusterrolebinding", "oomreport-agent")
    try:
        found = kill_in(namespace, "refused")
        time.sleep(3)
        uid = found["metadata"]["uid"]
        assert not [r for r in items("oomrecords") if r["spec"].get("subject", {}).get("podUID") == uid]
    finally:
        binding["metadata"] = {"name": "oomreport-agent", "labels": binding["metadata"].get("labels", {})}
        apply(binding)
    (kill,) = kills_of_pod(uid)
    report = settled_report(namespace, "Pod", "refused", verdict="Confirmed", seconds=120)
    assert_victim(report["status"]["lastKill"], kill)
