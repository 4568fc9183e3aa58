"""The main job for every kind of workload: a real kill, then one report that says who, why and what to set."""

import json

import pytest

from e2e.kube import Object, apply, eventually, item, kubectl
from e2e.reports import (
    assert_annotated,
    assert_victim,
    child_verdict,
    events_of,
    report_of,
    report_of_every_kill,
    settled_report,
    victim_pids,
)
from e2e.witness import RingKill, kills_of_pod, oom_killed, pods, processes_in, running_id
from e2e.workloads import (
    MIB,
    container,
    cron_job,
    daemon_set,
    deployment,
    job,
    pod,
    pod_spec,
    stateful_set,
)


def killed_once(**more: object) -> Object:
    """A pod whose container is killed as PID 1; with restartPolicy Always it would loop."""
    return pod_spec(container("self", "128", "2", "5"), **more)  # type: ignore[arg-type]


def first_kill(namespace: str, selector: str | None = None) -> tuple[Object, RingKill]:
    """Return a pod of the workload with its kill, as pod status and the raw ring show them."""

    def look() -> tuple[Object, RingKill] | None:
        for found in pods(namespace, selector):
            kills = kills_of_pod(found["metadata"]["uid"])
            if kills:
                return found, kills[0]
        return None

    return eventually("a kill in the ring", look, seconds=90)


def test_pid_1_of_a_deployment_is_killed(namespace: str) -> None:
    apply(deployment("web", namespace, pod_spec(container("self", "128", "3", "5"))))
    before = eventually(
        "the container runs", lambda: next((p for p in pods(namespace) if running_id(p, "api")), None), seconds=60
    )
    instance = running_id(before, "api")
    assert instance
    inside = processes_in(instance)
    after, kill = first_kill(namespace)
    termination = eventually("OOMKilled", lambda: oom_killed(pods(namespace)[0], "api"))

    report = settled_report(namespace, "Deployment", "web", verdict="Confirmed", kills=1)
    last = report["status"]["lastKill"]
    assert kill.pid in inside
    assert_victim(last, kill)
    assert last["containerID"] == instance
    assert termination["containerID"].endswith(instance)
    assert last["termination"]["reason"] == "OOMKilled"
    assert last["termination"]["exitCode"] == termination["exitCode"] == 137
    assert last["pod"] == after["metadata"]["name"]
    assert last["podUID"] == after["metadata"]["uid"]
    assert last["node"] == after["spec"]["nodeName"]
    assert last["cause"] == "ContainerLimit"
    assert last["silent"] is False
    assert last["memory"]["limitBytes"] == 64 * MIB
    assert instance in kill.memcg
    recommendation = report["status"]["recommendation"]
    assert recommendation["action"] == "RaiseLimit"
    assert recommendation["previousLimit"] == "64Mi"
    recommended = recommendation["memoryLimit"]
    assert 64 < int(recommended.removesuffix("Mi")) <= 256
    assert "64Mi" in recommendation["basis"]
    assert recommended in recommendation["basis"]
    assert_annotated(namespace, last["pod"], report)
    event = eventually("the event", lambda: events_of(namespace, last["pod"]))[0]
    assert event["reason"] == "ContainerOOMKilled"
    assert event["related"]["name"] == report["metadata"]["name"]
    table = kubectl("get", "oomreports", "-n", namespace)
    heads = ("WORKLOAD", "CONTAINER", "VICTIM", "SCORE", "KILLS", "CAUSE", "LIMIT", "RECOMMENDED", "LAST")
    assert all(head in table.splitlines()[0].split() for head in heads)
    assert {"api", "hog", "ContainerLimit", "64Mi", recommended} <= set(table.splitlines()[1].split())


def test_a_job_that_never_restarts(namespace: str) -> None:
    apply(job("import", namespace, killed_once(restart="Never")))
    found, kill = first_kill(namespace)

    report = settled_report(namespace, "Job", "import", verdict="Confirmed")
    assert_victim(report["status"]["lastKill"], kill)
    assert_annotated(namespace, found["metadata"]["name"], report)
    assert eventually("the pod failed", lambda: item("pod", found["metadata"]["name"], namespace))["status"]["phase"]


def test_a_cron_jobs_kill_is_reported_on_the_cron_job(namespace: str) -> None:
    apply(cron_job("nightly", namespace, killed_once(restart="Never")))
    # A job as the schedule would make it, without waiting for the full minute.
    kubectl("create", "job", "nightly-now", "--from=cronjob/nightly", "-n", namespace)
    _, kill = first_kill(namespace, "batch.kubernetes.io/job-name=nightly-now")
    kubectl("patch", "cronjob", "nightly", "-n", namespace, "-p", '{"spec": {"suspend": true}}')

    runs = len([p for p in pods(namespace) if kills_of_pod(p["metadata"]["uid"])])
    report = settled_report(namespace, "CronJob", "nightly", verdict="Confirmed", kills=runs)
    assert kill.pid in victim_pids(report)


def test_two_replicas_of_a_stateful_set_share_one_report(namespace: str) -> None:
    apply(stateful_set("db", namespace, pod_spec(container("child", "128", "1", "2", "5")), replicas=2))
    report = report_of_every_kill(namespace, "StatefulSet", "db", kills=2)
    recent = report["status"]["recentKills"]
    assert {one["pod"] for one in recent} == {"db-0", "db-1"}

    def verdicts_of_earlier_kills() -> set[str]:
        """Of the last one pod status may not tell yet."""
        found = report_of(namespace, "StatefulSet", "db") or {}
        return {one["verdict"] for one in found["status"]["recentKills"][1:]}

    eventually("their verdicts", lambda: verdicts_of_earlier_kills() == {child_verdict()} or None)


def test_a_daemon_sets_kill(namespace: str) -> None:
    apply(daemon_set("logs", namespace, pod_spec(container("child", "128", "1", "2", "5"))))
    _, kill = first_kill(namespace)

    report = report_of_every_kill(namespace, "DaemonSet", "logs", kills=1)
    assert kill.pid in victim_pids(report)


def test_a_bare_pod_with_a_name_of_200_characters(namespace: str) -> None:
    name = "a-name-" + "x" * 193
    assert len(name) == 200
    apply(pod(name, namespace, killed_once(restart="Never")))
    _, kill = first_kill(namespace)

    report = settled_report(namespace, "Pod", name, verdict="Confirmed")
    assert_victim(report["status"]["lastKill"], kill)
    assert report["status"]["lastKill"]["pod"] == name
    assert_annotated(namespace, name, report)


@pytest.mark.parametrize("kind", ["init", "sidecar"])
def test_an_init_container_and_a_native_sidecar(namespace: str, kind: str) -> None:
    more = {"restartPolicy": "Always"} if kind == "sidecar" else {}
    first = container("self", "128", "2", "5", name="prepare", **more)
    apply(
        pod("boot", namespace, pod_spec(container("hold", "4", name="main"), restart="Never", initContainers=[first]))
    )
    _, kill = first_kill(namespace)

    def look() -> Object | None:
        return settled_report(namespace, "Pod", "boot", "prepare", verdict="Confirmed", kills=kills_now(), seconds=5)

    def kills_now() -> int:
        return len(kills_of_pod(pods(namespace)[0]["metadata"]["uid"]))

    report = eventually("the report counts what the ring shows", look, seconds=60)
    assert report["status"]["lastKill"]["cause"] == "ContainerLimit"
    assert kill.pid in victim_pids(report)


def test_five_kills_of_a_crash_loop_are_one_report_with_five_kills(namespace: str) -> None:
    apply(pod("looper", namespace, pod_spec(container("self", "128", "1", "2"))))

    def five() -> list[RingKill] | None:
        kills = kills_of_pod(pods(namespace)[0]["metadata"]["uid"])
        return kills if len(kills) >= 5 else None

    kills = eventually("five kills in the ring", five, seconds=300, every=1)
    # The loop ends here, so that the fifth is the last; its termination may be lost with the pod.
    kubectl("delete", "pod", "looper", "-n", namespace, "--wait=false")
    report = settled_report(namespace, "Pod", "looper", verdict=None, kills=len(kills))
    assert {one["verdict"] for one in report["status"]["recentKills"][1:]} == {"Confirmed"}
    assert report["status"]["kills"] == 5
    assert victim_pids(report) == [k.pid for k in reversed(kills)]
    assert report["status"]["firstKillTime"] < report["status"]["lastKillTime"]


def test_a_pod_deleted_right_after_its_kill(namespace: str) -> None:
    apply(deployment("gone", namespace, pod_spec(container("self", "128", "2", "2"))))
    found, kill = first_kill(namespace)
    kubectl("delete", "deployment", "gone", "-n", namespace, "--wait=false", "--cascade=foreground")
    kubectl("delete", "pod", found["metadata"]["name"], "-n", namespace, "--force", "--grace-period=0", check=False)

    def look() -> Object | None:
        reports = json.loads(kubectl("get", "oomreports", "-n", namespace, "-o", "json"))["items"]
        return reports[0] if reports else None

    report = eventually("a report", look)
    assert report["spec"]["workloadRef"]["kind"] == "Deployment"
    assert report["spec"]["workloadRef"]["name"] == "gone"
    assert report["status"]["kills"] == 1
    assert_victim(report["status"]["lastKill"], kill)
