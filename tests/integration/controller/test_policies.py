"""OOMPolicy in the controller: it bounds advice, an override wins, and a change of it makes the advice anew."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from integration.api_server import ADMIN, CONTROLLER, CONTROLLER_NAMESPACE, holder_of, token
from integration.api_server import eventually as soon
from integration.controller.client import V1, Object, eventually, report_at
from integration.controller.conftest import Start
from integration.controller.shop import Shop, record
from integration.controller.test_reports import send, settled
from oomreport.adapters.cluster.api_server import path
from oomreport.workload.quantity import MI, parse_quantity

DOCS = Path(__file__).parents[3] / "docs"
Put = Callable[..., str]


@pytest.fixture
def put(shop: Shop) -> Iterator[Put]:
    """Write a policy, in the shop's namespace where no other is named; those of a test are gone after it."""
    made: list[str] = []

    def write(spec: Object, *, name: str = "default", namespace: str | None = None) -> str:
        where = path(V1, "oompolicies", namespace=namespace or shop.namespace, name=name)
        metadata = {"name": name, "namespace": namespace or shop.namespace}
        body = {"apiVersion": V1, "kind": "OOMPolicy", "metadata": metadata, "spec": spec}
        shop.client.call("PATCH", f"{where}?fieldManager=test&force=true", body, "application/apply-patch+yaml")
        made.append(where)
        return where

    yield write
    for where in made:
        shop.client.delete(where)


def advised(shop: Shop, name: str, look: Callable[[Object], bool], *, seconds: float = 20) -> Object:
    """Return the advice of a report, once it is as `look` wants it."""

    def found() -> Object | None:
        report = report_at(shop.client, shop.namespace, name)
        advice: Object = (report or {}).get("status", {}).get("recommendation", {})
        assert look(advice), advice
        return advice

    return eventually(f"the advice of {name}", found, seconds=seconds)


def killed(shop: Shop, base: str) -> str:
    """Kill a Deployment's container at its limit of 256Mi; return the report's name."""
    web = shop.name(base)
    pod = shop.deployment(web)
    send(shop.client, record(pod, node=shop.node))
    pod.ends()
    return f"deployment-{web}-api"


def test_a_policy_bounds_the_number_and_the_report_names_it(shop: Shop, start: Start, put: Put):
    put({"recommendation": {"maxMemory": "272Mi", "request": "EqualLimit"}})
    start()
    name = killed(shop, "bounded")
    settled(shop, name, kills=1, verdict="Confirmed")
    advice = advised(shop, name, lambda one: one.get("memoryLimit") == "272Mi")
    assert advice["memoryRequest"] == "272Mi"
    assert "(272Mi)" in advice["basis"]
    assert advice["policy"] == {"maxMemory": "272Mi", "request": "EqualLimit"}


def test_the_namespaces_policy_wins_over_the_clusters_value_by_value_and_an_override_over_both(
    shop: Shop, start: Start, put: Put
):
    put({"recommendation": {"maxMemory": "288Mi", "roundTo": "32Mi"}}, namespace=CONTROLLER_NAMESPACE)
    web = shop.name("special")
    override = {"kind": "Deployment", "name": web, "recommendation": {"headroomPercent": 25, "maxMemory": "1Gi"}}
    put({"recommendation": {"headroomPercent": 50}, "overrides": [override]})
    start()
    pod, other = shop.deployment(web), shop.pod(shop.name("other"))
    for one in (pod, other):
        send(shop.client, record(one, node=shop.node))
    special = advised(shop, f"deployment-{web}-api", bool)
    plain = advised(shop, f"pod-{other.name}-api", bool)
    assert (special["memoryLimit"], plain["memoryLimit"]) == ("320Mi", "288Mi")
    assert special["policy"] == {"headroomPercent": 25, "maxMemory": "1Gi", "roundTo": "32Mi"}
    assert plain["policy"] == {"headroomPercent": 50, "maxMemory": "288Mi", "roundTo": "32Mi"}


def test_a_changed_policy_makes_the_advice_anew_without_a_kill_and_a_deleted_one_takes_it_back(
    shop: Shop, start: Start, put: Put
):
    start()
    name = killed(shop, "changed")
    before = advised(shop, name, lambda one: one.get("action") == "RaiseLimit")
    where = put({"recommendation": {"maxMemory": "272Mi"}})
    cut = advised(shop, name, lambda one: one.get("memoryLimit") == "272Mi")
    put({"recommendation": {"enabled": False}})
    off = advised(shop, name, lambda one: one.get("action") == "None")
    assert "asks for no recommendation" in off["basis"]
    shop.client.delete(where)
    # What a read that was late did not know at first may be known by now: the basis may differ in that.
    again = advised(shop, name, lambda one: one.get("action") == before["action"] and "policy" not in one)
    assert "policy" in cut
    assert again["memoryLimit"] == before["memoryLimit"]
    report = report_at(shop.client, shop.namespace, name)
    assert report
    assert report["status"]["kills"] == 1


def test_the_clusters_policy_touches_the_reports_of_all_namespaces(shop: Shop, start: Start, put: Put):
    start()
    names = [killed(shop, "all") for _ in range(3)]
    for name in names:
        advised(shop, name, lambda one: one.get("action") == "RaiseLimit")
    put({"recommendation": {"maxMemory": "272Mi"}}, namespace=CONTROLLER_NAMESPACE)
    for name in names:
        advised(shop, name, lambda one: one.get("memoryLimit") == "272Mi")


def test_a_policy_that_changed_while_no_controller_ran_is_found_by_the_next(shop: Shop, start: Start, put: Put):
    first = start("--no-leader-election")
    where = put({"recommendation": {"maxMemory": "272Mi"}})
    name = killed(shop, "meanwhile")
    advised(shop, name, lambda one: one.get("memoryLimit") == "272Mi")
    settled(shop, name, kills=1, verdict="Confirmed")
    first.terminate()
    shop.client.delete(where)
    start("--no-leader-election")
    advice = advised(shop, name, lambda one: one.get("memoryLimit") != "272Mi")
    assert parse_quantity(advice["memoryLimit"]) > 272 * MI


def test_without_the_right_to_read_policies_reports_are_written_and_say_so(
    shop: Shop, start: Start, put: Put, tmp_path
):
    """The right is taken away, and given back while the controller runs."""
    put({"recommendation": {"maxMemory": "272Mi"}})
    role = shop.client.call("GET", path("rbac.authorization.k8s.io/v1", "clusterroles", name=CONTROLLER))
    where = path("rbac.authorization.k8s.io/v1", "clusterroles", name=CONTROLLER)
    without = [rule for rule in role["rules"] if "oompolicies" not in rule["resources"]]
    assert without != role["rules"]
    probe = holder_of(token(CONTROLLER, CONTROLLER_NAMESPACE), tmp_path)

    def may() -> bool:
        return probe.kubectl("auth", "can-i", "list", "oompolicies.oomreport.dev", "-A").strip() == "yes"

    shop.client.merge(where, {"rules": without})
    try:
        soon("the right is taken", lambda: not _allowed(may))
        controller = start()
        name = killed(shop, "blind")
        report = settled(shop, name, kills=1, verdict="Confirmed")
        advice = report["status"]["recommendation"]
        assert advice["action"] == "RaiseLimit"
        assert "OOMPolicies" in advice["unknown"]
        assert "Not known: the OOMPolicies" in advice["basis"]
        assert "policies cannot be read, the defaults hold" in [
            line["message"] for line in controller.messages("warning")
        ]
    finally:
        shop.client.merge(where, {"rules": role["rules"]})
    later = advised(shop, name, lambda one: one.get("memoryLimit") == "272Mi", seconds=60)
    assert "OOMPolicies" not in later.get("unknown", ())


def _allowed(may: Callable[[], bool]) -> bool:
    try:
        return may()
    except Exception:  # noqa: BLE001 - kubectl ends with 1 where the answer is no
        return False


def test_a_policy_can_keep_annotations_off_the_pods_of_a_namespace(shop: Shop, start: Start, put: Put):
    put({"annotatePods": False})
    start()
    pod = shop.pod(shop.name("bare"))
    send(shop.client, record(pod, node=shop.node))
    pod.ends()
    settled(shop, f"pod-{pod.name}-api", kills=1, verdict="Confirmed")
    time.sleep(2)
    assert pod.annotations() == {}
    put({"annotatePods": True})
    # It is told with the next look at the report: a kill, here.
    time.sleep(1)
    pod.run("api")
    send(shop.client, record(pod, node=shop.node))
    eventually("annotations", lambda: pod.annotations().get("kills") == "2")


def test_a_policy_decides_how_long_the_reports_of_its_namespace_are_kept(shop: Shop, start: Start, put: Put):
    """By the options reports go after 10 seconds.

    The policy keeps those of the shop, and does not count old ends twice.
    """
    put({"retention": {"reportDays": 1}})
    other = path("v1", "namespaces", name="oomreport-other")
    if shop.client.found(other) is None:
        shop.client.create(
            "namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "oomreport-other"}}
        )
    start("--report-age=10s", "--housekeeping=1s")
    pod = shop.pod(shop.name("kept"))
    elsewhere = Shop(client=shop.client, namespace="oomreport-other", node=shop.node)
    gone = elsewhere.pod(shop.name("gone"))
    try:
        for one in (pod, gone):
            send(shop.client, record(one, node=shop.node))
        settled(shop, f"pod-{pod.name}-api", kills=1, verdict="KernelOnly")
        settled(elsewhere, f"pod-{gone.name}-api", kills=1, verdict="KernelOnly")
        eventually(
            "the other one is gone",
            lambda: not report_at(shop.client, "oomreport-other", f"pod-{gone.name}-api"),
            seconds=40,
        )
        assert report_at(shop.client, shop.namespace, f"pod-{pod.name}-api")
    finally:
        elsewhere.clean()


def test_an_end_older_than_a_short_retention_does_not_bring_a_deleted_report_back(shop: Shop, start: Start, put: Put):
    put({"retention": {"reportDays": 1}})
    pod = shop.pod(shop.name("old"))
    pod.ends(at=datetime.now(UTC) - timedelta(days=2))
    fresh = shop.pod(shop.name("fresh"))
    fresh.ends(at=datetime.now(UTC) - timedelta(hours=2))
    start()
    settled(shop, f"pod-{fresh.name}-api", kills=1, verdict="StatusOnly")
    time.sleep(2)
    assert report_at(shop.client, shop.namespace, f"pod-{pod.name}-api") is None


def test_the_example_of_the_docs_is_taken_and_holds(shop: Shop, start: Start):
    text = (DOCS / "advice.md").read_text()
    example = (
        text.split("```yaml\n", 1)[1].split("```", 1)[0].replace("namespace: shop", f"namespace: {shop.namespace}")
    )
    ADMIN.kubectl("apply", "--server-side", "-f", "-", stdin=example)
    try:
        start()
        pod = shop.pod(shop.name("doc"))
        send(shop.client, record(pod, node=shop.node))
        advice = advised(shop, f"pod-{pod.name}-api", bool)
        assert advice["policy"]["headroomPercent"] == 25
        assert advice["memoryLimit"] == "320Mi"
    finally:
        ADMIN.kubectl("delete", "-f", "-", stdin=example)
