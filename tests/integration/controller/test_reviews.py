"""People's edits of reports are followed at once, and the controller's own writes are not taken for them."""

import time

from integration.api_server import ADMIN
from integration.controller.client import V1, Object, ReportWatch, eventually, report_at
from integration.controller.conftest import Start
from integration.controller.shop import Shop, record
from integration.controller.test_reports import send, settled
from oomreport.adapters.cluster.api_server import path


def condition(report: Object, kind: str) -> Object:
    return next(one for one in report["status"]["conditions"] if one["type"] == kind)


def reviewed(shop: Shop, name: str, decision: str) -> Object:
    """Return the report once its condition follows the review."""

    def look() -> Object | None:
        report = report_at(shop.client, shop.namespace, name)
        assert report
        assert condition(report, "Reviewed")["reason"] == decision
        assert report["status"]["observedGeneration"] == report["metadata"]["generation"]
        return report

    return eventually(f"{name} {decision}", look, seconds=5)


def test_the_condition_follows_a_review_at_once_and_there_and_back(shop: Shop, start: Start):
    start()
    pod = shop.pod(shop.name("seen"))
    send(shop.client, record(pod, node=shop.node))
    pod.ends()
    name = f"pod-{pod.name}-api"
    settled(shop, name, kills=1, verdict="Confirmed")
    where = path(V1, "oomreports", namespace=shop.namespace, name=name)
    for decision, status in (("Accepted", "True"), ("Pending", "False"), ("Rejected", "True")):
        began = time.monotonic()
        shop.client.merge(where, {"spec": {"review": {"decision": decision, "reviewer": "ada"}}})
        report = reviewed(shop, name, decision)
        print(f"{decision} after {time.monotonic() - began:.3f} s")
        assert condition(report, "Reviewed")["status"] == status
        assert report["spec"]["review"]["reviewer"] == "ada"
    assert report["status"]["kills"] == 1


def test_one_edit_is_one_write_and_own_writes_are_none(shop: Shop, start: Start):
    start()
    pod = shop.pod(shop.name("quiet"))
    send(shop.client, record(pod, node=shop.node))
    pod.ends()
    name = f"pod-{pod.name}-api"
    settled(shop, name, kills=1, verdict="Confirmed")
    time.sleep(2)
    watch = ReportWatch(shop.namespace)
    watch.start()
    where = path(V1, "oomreports", namespace=shop.namespace, name=name)
    shop.client.merge(where, {"spec": {"review": {"decision": "Accepted"}}})
    reviewed(shop, name, "Accepted")
    # A label is no edit of the spec.
    shop.client.merge(where, {"metadata": {"labels": {"team": "a"}}})
    time.sleep(3)
    versions = list(
        dict.fromkeys(one["metadata"]["resourceVersion"] for _, one in watch.seen if one["metadata"]["name"] == name)
    )
    # As it was, the edit, its condition, the label.
    assert len(versions) == 4


def test_a_review_made_while_no_controller_ran_is_seen_by_the_next(shop: Shop, start: Start):
    first = start("--no-leader-election")
    pod = shop.pod(shop.name("away"))
    send(shop.client, record(pod, node=shop.node))
    name = f"pod-{pod.name}-api"
    eventually("the report", lambda: (report_at(shop.client, shop.namespace, name) or {}).get("status"))
    first.terminate()
    where = path(V1, "oomreports", namespace=shop.namespace, name=name)
    shop.client.merge(where, {"spec": {"review": {"decision": "Rejected", "note": "it is a test"}}})
    start("--no-leader-election")
    reviewed(shop, name, "Rejected")


def test_a_report_that_a_person_deletes_comes_back_with_the_next_kill(shop: Shop, start: Start):
    start()
    pod = shop.pod(shop.name("gone"))
    send(shop.client, record(pod, node=shop.node))
    name = f"pod-{pod.name}-api"
    eventually("the report", lambda: (report_at(shop.client, shop.namespace, name) or {}).get("status"))
    time.sleep(2)
    shop.client.delete(path(V1, "oomreports", namespace=shop.namespace, name=name))
    send(shop.client, record(pod, node=shop.node))
    eventually("it is back", lambda: (report_at(shop.client, shop.namespace, name) or {}).get("status"))


def test_kubectl_shows_a_row_of_a_report_also_where_names_are_as_long_as_they_may_be(shop: Shop, start: Start):
    start()
    owner = {"apiVersion": "example.dev/v1", "kind": "K" + "k" * 62, "metadata": {"name": "w" * 253, "uid": "1-2-3"}}
    container = "c" * 63
    pod = shop.pod("p" * 253, owner=owner, containers={container: "256Mi"})
    plain = shop.pod(shop.name("plain"))
    # kubectl leaves a cell without a value blank.
    victim = {"pid": 212, "comm": "node", "uid": 0, "oomScore": 1873, "oomScoreAdj": 939, "reaped": False}
    send(shop.client, record(pod, container, node=shop.node, victims=[victim]))
    send(shop.client, record(plain, node=shop.node, victims=[victim]))

    def rows(*options: str) -> dict[str, dict[str, str]]:
        lines = ADMIN.kubectl("get", "oomreports", "-n", shop.namespace, *options).splitlines() or [""]
        head = lines[0].split()
        found = [dict(zip(head, line.split(), strict=False)) for line in lines[1:]]
        return {row["WORKLOAD"]: row for row in found}

    both = {"w" * 253, plain.name}
    eventually("both rows", lambda: both <= rows().keys())
    eventually("both have advice", lambda: all(row.get("RECOMMENDED") == "384Mi" for row in _of(rows(), both)))
    for name, holder in (("w" * 253, container), (plain.name, "api")):
        row = rows()[name]
        assert list(row) == [
            "NAME",
            *["WORKLOAD", "CONTAINER", "VICTIM", "SCORE", "KILLS", "CAUSE", "LIMIT", "RECOMMENDED", "LAST"],
        ]
        assert (row["CONTAINER"], row["KILLS"], row["CAUSE"]) == (holder, "1", "ContainerLimit")
        assert (row["LIMIT"], row["RECOMMENDED"], row["VICTIM"]) == ("256Mi", "384Mi", "node")
        wide = rows("-o", "wide")[name]
        # What keeps a manifest is blank where no mark tells, and the age stands under its head then.
        assert list(wide)[10:18] == [
            *["VERDICT", "POD", "NODE", "ACTION", "CONFIDENCE", "REVIEW", "APPLIED", "RESOLVED"],
        ]
        assert (wide["ACTION"], wide["REVIEW"], wide["NODE"]) == ("RaiseLimit", "Pending", shop.node)


def _of(rows: dict[str, dict[str, str]], names: set[str]) -> list[dict[str, str]]:
    return [row for name, row in rows.items() if name in names]
