"""The main job on a real API server: a record and a pod's status become a report, annotations and an Event."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integration.api_server import AGENT_NAMESPACE
from integration.controller.client import V1, Client, Object, eventually, report_at
from integration.controller.conftest import Start
from integration.controller.shop import Shop, new_id, record
from oomreport.adapters.cluster.api_server import path
from oomreport.api.oom_report import OOMReport
from oomreport.workload.quantity import MI, parse_quantity


def send(client: Client, one: Object) -> str:
    return str(client.create("oomrecords", one)["metadata"]["name"])


def settled(shop: Shop, name: str, *, kills: int, verdict: str, namespace: str | None = None) -> Object:
    def look() -> Object | None:
        report = report_at(shop.client, namespace or shop.namespace, name)
        status = (report or {}).get("status", {})
        last = status.get("lastKill", {})
        assert (status.get("kills"), last.get("verdict")) == (kills, verdict)
        return report

    return eventually(f"{name}: {kills} {verdict}", look)


def outcome(client: Client, name: str) -> Object | None:
    status: Object = client.call("GET", path(V1, "oomrecords", name=name)).get("status", {})
    return status if status.get("usedTime") else None


def events(shop: Shop, pod: str) -> list[Object]:
    found = shop.client.items(path("events.k8s.io/v1", "events", namespace=shop.namespace))
    return [event for event in found if event["regarding"]["name"] == pod]


def report_events(shop: Shop, report: Object) -> dict[str, int] | None:
    """Return how often each Event tells of something that happened to a report, once it tells of all its kills."""
    told: Counter[str] = Counter()
    for event in shop.client.items(path("events.k8s.io/v1", "events", namespace=shop.namespace)):
        if event["regarding"].get("uid") == report["metadata"]["uid"]:
            told[event["reason"]] += event.get("series", {}).get("count", 1)
    return told if told["OOMKilled"] >= report["status"]["kills"] else None


def test_a_kill_in_a_deployment_is_reported_confirmed_annotated_and_announced(shop: Shop, start: Start):
    start()
    web = shop.name("web")
    pod = shop.deployment(web)
    name = send(shop.client, record(pod, node=shop.node))
    first = settled(shop, f"deployment-{web}-api", kills=1, verdict="KernelOnly")
    pod.ends()
    report = settled(shop, f"deployment-{web}-api", kills=1, verdict="Confirmed")

    assert first["spec"]["workloadRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": web}
    assert report["metadata"]["labels"] == {
        "oomreport.dev/workload-kind": "Deployment",
        "oomreport.dev/workload": web,
        "oomreport.dev/container": "api",
    }
    last = report["status"]["lastKill"]
    assert (last["cause"], last["silent"], last["recordName"]) == ("ContainerLimit", False, name)
    assert (last["pod"], last["podUID"], last["node"]) == (pod.name, pod.uid, shop.node)
    assert last["termination"]["reason"] == "OOMKilled"
    assert last["victim"]["comm"] == "node"
    recommendation = report["status"]["recommendation"]
    assert (recommendation["action"], recommendation["previousLimit"]) == ("RaiseLimit", "256Mi")
    assert (parse_quantity(recommendation["memoryLimit"]) or 0) > 256 * MI
    # The last one is AtRisk: nothing here serves the memory of running containers.
    statuses = [condition["status"] for condition in report["status"]["conditions"]]
    assert statuses == ["True", "True", *["False"] * 4, "Unknown"]
    used = eventually("the record is marked", lambda: outcome(shop.client, name))
    assert (used["outcome"], used["reportRef"]["name"]) == ("Counted", f"deployment-{web}-api")
    assert eventually("annotations", pod.annotations) == {
        "last-kill": last["time"],
        "kills": "1",
        "victim": "node",
        "cause": "ContainerLimit",
        "report": f"deployment-{web}-api",
    }
    (event,) = eventually("the event", lambda: events(shop, pod.name))
    assert (event["reason"], event["related"]["name"]) == ("ContainerOOMKilled", f"deployment-{web}-api")
    # What was written is what the model of the API says, nothing was pruned on the way.
    written = OOMReport.model_validate(report).as_json()["status"]
    assert written == {"deliveries": [], "killTimes": [], "changes": [], **report["status"]}


def test_a_killed_child_is_silent(shop: Shop, start: Start):
    start()
    pod = shop.pod(shop.name("bare"))
    send(shop.client, record(pod, node=shop.node))

    def silent() -> Object | None:
        report = report_at(shop.client, shop.namespace, f"pod-{pod.name}-api")
        return report if report and report.get("status", {}).get("lastKill", {}).get("silent") else None

    report = eventually("silent", silent)
    assert report["status"]["lastKill"]["verdict"] == "KernelOnly"
    assert "SilentKill" in [finding["rule"] for finding in report["status"]["findings"]]
    (event,) = eventually("the event", lambda: events(shop, pod.name))
    assert event["reason"] == "ProcessOOMKilled"


def test_five_kills_of_a_crash_loop_are_one_report_and_one_series(shop: Shop, start: Start):
    start()
    pod = shop.pod(shop.name("loop"))
    for kill in range(1, 6):
        send(shop.client, record(pod, node=shop.node))
        pod.ends()
        settled(shop, f"pod-{pod.name}-api", kills=kill, verdict="Confirmed")
        pod.run("api")
    report = settled(shop, f"pod-{pod.name}-api", kills=5, verdict="Confirmed")
    assert report["status"]["lastKill"]["restartCount"] == 4
    assert report["status"]["recommendation"]["confidence"] == "Medium"
    assert len(report["status"]["recentKills"]) == 5

    def series() -> Object | None:
        (event,) = events(shop, pod.name)
        assert event["series"]["count"] == 5
        return event

    eventually("the series counts five", series)
    # What kubectl describe shows of the report: one Event for the five kills, and what became of its recommendation.
    told = eventually("the report's own events", lambda: report_events(shop, report))
    assert told["OOMKilled"] == 5
    assert told["RecommendationReady"] >= 1
    eventually("kills on the pod", lambda: pod.annotations().get("kills") == "5")


def test_a_termination_without_record_is_status_only_and_joined_when_the_record_comes_late(shop: Shop, start: Start):
    start()
    web = shop.name("late")
    pod = shop.deployment(web)
    killed = datetime.now(UTC)
    pod.ends()
    status_only = settled(shop, f"deployment-{web}-api", kills=1, verdict="StatusOnly")
    assert status_only["status"]["lastKill"]["cause"] == "Unknown"
    name = send(shop.client, record(pod, node=shop.node, at=killed))
    joined = settled(shop, f"deployment-{web}-api", kills=1, verdict="Confirmed")
    assert joined["status"]["lastKill"]["cause"] == "ContainerLimit"
    used = eventually("the record is marked", lambda: outcome(shop.client, name))
    assert used["outcome"] == "Joined"


def test_a_healthy_agent_that_saw_nothing_contradicts(shop: Shop, start: Start):
    agent = f"agent-{shop.node}"
    shop.client.create(
        "pods",
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": agent,
                "namespace": AGENT_NAMESPACE,
                "labels": {"app.kubernetes.io/name": "oomreport", "app.kubernetes.io/component": "agent"},
            },
            "spec": {"nodeName": shop.node, "containers": [{"name": "agent", "image": "none"}]},
        },
    )
    where = path("v1", "pods", namespace=AGENT_NAMESPACE, name=agent)
    shop.created.append(where)
    since = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": since}
    shop.client.merge(f"{where}/status", {"status": {"conditions": [ready]}})
    start()
    pod = shop.pod(shop.name("liar"))
    pod.ends()
    report = settled(shop, f"pod-{pod.name}-api", kills=0, verdict="Contradicted")
    assert "StatusContradicted" in [finding["rule"] for finding in report["status"]["findings"]]
    assert pod.annotations() == {}
    guest = shop.pod(shop.name("guest"), spec={"runtimeClassName": None})
    send(shop.client, record(guest, node=shop.node))
    guest.ends()
    settled(shop, f"pod-{guest.name}-api", kills=1, verdict="Confirmed")


@pytest.mark.parametrize("kind", ["CronJob", "Rollout", "Static"])
def test_the_workload_is_what_people_know(kind: str, shop: Shop, start: Start):
    start()
    base = shop.name("nightly")
    expected = {"kind": kind, "name": base}
    spec: Object = {}
    if kind == "CronJob":
        pod = shop.cron_job(base)
    elif kind == "Rollout":
        owner = {"apiVersion": "example.dev/v1", "kind": "Rollout", "metadata": {"name": base, "uid": "1-2-3"}}
        pod = shop.pod(f"{base}-x", owner=owner)
    else:
        digest = "0123456789abcdef0123456789abcdef"
        node = shop.client.create("nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": shop.node}})
        shop.created.append(path("v1", "nodes", name=shop.node))
        owner = {"apiVersion": "v1", "kind": "Node", "metadata": node["metadata"]}
        mirror = {"kubernetes.io/config.hash": digest, "kubernetes.io/config.mirror": digest}
        pod = shop.pod(f"{base}-{shop.node}", owner=owner, annotations=mirror)
        expected = {"kind": "Pod", "name": pod.name}
        subject = {"podUID": digest, "containerID": pod.id_of(), "namespace": shop.namespace, "pod": pod.name}
        spec = {"subject": subject | {"container": "api"}}
    send(shop.client, record(pod, node=shop.node, **spec))
    pod.ends()

    def look() -> Object | None:
        for report in shop.client.items(path(V1, "oomreports", namespace=shop.namespace)):
            if expected.items() <= report["spec"]["workloadRef"].items():
                return report if report.get("status", {}).get("lastKill", {}).get("verdict") == "Confirmed" else None
        return None

    assert eventually(f"a report on {expected}", look)["status"]["kills"] == 1


def test_a_pod_deleted_before_its_record_arrives_keeps_its_workload(shop: Shop, start: Start):
    start()
    web = shop.name("gone")
    pod = shop.deployment(web)
    late = record(pod, node=shop.node)
    pod.vanish()
    time.sleep(0.3)
    send(shop.client, late)
    report = settled(shop, f"deployment-{web}-api", kills=1, verdict="KernelOnly")
    assert report["status"]["lastKill"]["pod"] == pod.name


def test_a_pod_that_nobody_saw_is_reported_by_the_records_own_names(shop: Shop, start: Start):
    pod = shop.pod(shop.name("ghost"))
    late = record(pod, node=shop.node)
    pod.vanish()
    start()
    name = send(shop.client, late)
    settled(shop, f"pod-{pod.name}-api", kills=1, verdict="KernelOnly")
    assert eventually("marked", lambda: outcome(shop.client, name))["outcome"] == "Counted"


def test_a_pod_that_the_agent_could_not_name_is_found_on_its_node(shop: Shop, start: Start):
    start()
    web = shop.name("nameless")
    pod = shop.deployment(web)
    send(shop.client, record(pod, node=shop.node, named=False))
    settled(shop, f"deployment-{web}-api", kills=1, verdict="KernelOnly")


def test_a_name_of_200_characters_and_two_workloads_with_one_name_get_reports_of_their_own(shop: Shop, start: Start):
    start()
    base = shop.name("web")
    long = f"{base}-" + "x" * (199 - len(base))
    pods = [
        shop.pod(long),
        shop.pod(base, containers={"api-x": "256Mi"}),
        shop.pod(f"{base}-api", containers={"x": "256Mi"}),
    ]
    for pod, container in zip(pods, ("api", "api-x", "x"), strict=True):
        send(shop.client, record(pod, container, node=shop.node))

    def look() -> dict[tuple[str, str], Any] | None:
        found = {
            (report["spec"]["workloadRef"]["name"], report["spec"]["container"]): report.get("status", {}).get("kills")
            for report in shop.client.items(path(V1, "oomreports", namespace=shop.namespace))
        }
        assert found == {(long, "api"): 1, (base, "api-x"): 1, (f"{base}-api", "x"): 1}
        return found

    eventually("three reports", look)


def test_records_of_nothing_and_of_the_host(shop: Shop, start: Start):
    start()
    nothing = send(shop.client, record(None, node=shop.node, noVictim=True, victims=[]))
    host = send(
        shop.client, record(None, node=shop.node, comm="sshd", scope="Node", taskMemcg="/system.slice/ssh.service")
    )
    assert eventually("marked", lambda: outcome(shop.client, nothing))["outcome"] == "NoKill"
    report = settled(shop, f"node-{shop.node}-host", kills=1, verdict="KernelOnly", namespace="oomreport-system")
    assert report["status"]["lastKill"]["cause"] == "NodeOutOfMemory"
    assert report["status"]["recommendation"]["action"] == "ReviewNode"
    assert eventually("marked", lambda: outcome(shop.client, host))["outcome"] == "Counted"


def test_anonymous_records_are_matched_with_the_ends_that_nothing_explains(shop: Shop, start: Start):
    start()
    pods = [shop.pod(shop.name("storm")) for _ in range(3)]
    now = datetime.now(UTC)
    send(shop.client, record(pods[0], node=shop.node, at=now))
    anonymous = [send(shop.client, record(None, node=shop.node, at=now + timedelta(milliseconds=n))) for n in range(3)]
    pods[0].ends(at=now)
    pods[1].ends(at=now)
    pods[2].ends(reason="Error", at=now)
    for pod in pods:
        settled(shop, f"pod-{pod.name}-api", kills=1, verdict="Confirmed")
    settled(shop, f"node-{shop.node}-unknown", kills=1, verdict="KernelOnly", namespace="oomreport-system")

    def outcomes() -> list[str] | None:
        found = [status["outcome"] for name in anonymous if (status := outcome(shop.client, name))]
        return sorted(found) if len(found) == 3 else None

    assert eventually("all marked", outcomes) == ["ContainerUnknown", "Counted", "Counted"]


def test_candidates_of_the_agent_come_first(shop: Shop, start: Start):
    start()
    pods = [shop.pod(shop.name("either")) for _ in range(2)]
    now = datetime.now(UTC)
    pods[0].ends(at=now)
    pods[1].ends(at=now + timedelta(seconds=2))
    send(shop.client, record(None, node=shop.node, at=now, subjectCandidates=[new_id(), pods[1].id_of()]))
    settled(shop, f"pod-{pods[1].name}-api", kills=1, verdict="Confirmed")
    settled(shop, f"pod-{pods[0].name}-api", kills=1, verdict="StatusOnly")


def test_candidates_that_are_replicas_of_one_workload_decide_it(shop: Shop, start: Start):
    start()
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": shop.name("db"), "uid": "1-2-3"}}
    replicas = [shop.pod(shop.name("db"), owner=owner) for _ in range(2)]
    ids = [pod.id_of() for pod in replicas]
    name = send(shop.client, record(None, node=shop.node, subjectCandidates=ids))
    settled(shop, f"statefulset-{owner['metadata']['name']}-api", kills=1, verdict="KernelOnly")  # type: ignore[index]
    assert eventually("marked", lambda: outcome(shop.client, name))["outcome"] == "Counted"


def test_a_kill_in_a_namespace_that_is_going_away_is_reported_on_its_node(shop: Shop, start: Start):
    start()
    shop.namespace = shop.name("going")
    shop.client.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": shop.namespace}})
    pod = shop.pod("doomed")
    # Nobody finalizes it here: it stays Terminating.
    shop.client.delete(path("v1", "namespaces", name=shop.namespace))
    send(shop.client, record(pod, node=shop.node))
    report = settled(shop, f"node-{shop.node}-unknown", kills=1, verdict="KernelOnly", namespace="oomreport-system")
    assert report["status"]["lastKill"]["pod"] == "doomed"


def test_what_is_old_is_deleted(shop: Shop, start: Start):
    old, new = shop.pod(shop.name("old")), shop.pod(shop.name("new"))
    start("--housekeeping=1s", "--record-age=2s", "--report-age=30s", "--records-per-node=3")
    long_ago = datetime.now(UTC) - timedelta(seconds=24)
    send(shop.client, record(old, node=shop.node, at=long_ago))
    for _ in range(5):
        send(shop.client, record(new, node=shop.node))
    settled(shop, f"pod-{new.name}-api", kills=5, verdict="KernelOnly")
    eventually("records are deleted", lambda: not shop.client.items(path(V1, "oomrecords")))

    def only_the_new_one() -> bool:
        found = {one["metadata"]["name"] for one in shop.client.items(path(V1, "oomreports", namespace=shop.namespace))}
        assert found == {f"pod-{new.name}-api"}
        return True

    eventually("the old report is deleted", only_the_new_one)


def test_a_review_by_people_is_kept_and_seen(shop: Shop, start: Start):
    start("--housekeeping=1s")
    pod = shop.pod(shop.name("reviewed"))
    name = f"pod-{pod.name}-api"
    send(shop.client, record(pod, node=shop.node))
    settled(shop, name, kills=1, verdict="KernelOnly")
    where = path(V1, "oomreports", namespace=shop.namespace, name=name)
    shop.client.merge(where, {"spec": {"review": {"decision": "Accepted", "reviewer": "ada"}}})

    def reviewed() -> Object | None:
        report = shop.client.call("GET", where)
        conditions = {one["type"]: one["status"] for one in report["status"]["conditions"]}
        return report if conditions["Reviewed"] == "True" else None

    eventually("the condition", reviewed)
    send(shop.client, record(pod, node=shop.node))
    report = settled(shop, name, kills=2, verdict="KernelOnly")
    assert report["spec"]["review"] == {"decision": "Accepted", "reviewer": "ada", "note": ""}
