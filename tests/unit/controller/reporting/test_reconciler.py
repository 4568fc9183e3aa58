"""A report is gathered, decided and written; whatever is in its way, it is counted once."""

import asyncio
import logging
from typing import Any

import pytest

from oomreport.adapters.cluster.api_server import path
from oomreport.controller.reporting.gathering import EvidenceGatherer
from oomreport.controller.reporting.reconciler import ReportReconciler
from oomreport.controller.work.keys import EventKey, MarkKey, PodNoteKey, node_report_key
from oomreport.errors import ApiError
from oomreport.names import API_VERSION, OOM_REPORTS
from oomreport.workload.pod import pod_facts
from support.controller import KEY, NAMESPACE, Parts, pod_object, run
from support.evidence import UID, cid

RECORD = "worker-1-9f1c2b7a-35435120"


def reconciler(parts: Parts) -> ReportReconciler:
    return parts.reconciler


def gatherer(parts: Parts) -> EvidenceGatherer:
    return parts.evidence


@pytest.fixture
def parts() -> Parts:
    """A kill that pod status and the kernel's record both tell."""
    made = Parts()
    stored = made.pod(ended=True)
    made.pods.put(pod_facts(stored), now=made.now())
    workload = made.owners.workload_of(pod_facts(stored))
    run(workload)
    made.record(RECORD)
    made.router.assign(RECORD, KEY)
    made.queue.taken()
    return made


def test_a_kill_is_written_and_its_record_pod_and_event_follow(parts: Parts):
    parts.seconds = 2
    run(reconciler(parts).look_at(KEY))
    (report,) = parts.api.reports()
    assert report["status"]["kills"] == 1
    assert report["status"]["lastKill"]["verdict"] == "Confirmed"
    assert {type(key) for key in parts.queue.taken()} >= {MarkKey, PodNoteKey, EventKey}
    assert KEY in parts.deliveries


def test_a_second_look_changes_nothing(parts: Parts):
    parts.seconds = 2
    run(reconciler(parts).look_at(KEY))
    (before,) = parts.api.reports()
    run(reconciler(parts).look_at(KEY))
    assert parts.api.reports() == [before]


def test_a_write_is_told_with_cause_limit_and_advice_and_one_without_news_only_at_debug(
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level(logging.DEBUG)
    parts = Parts()
    for ended in (False, True):
        stored = parts.pod(ended=ended)
        parts.pods.put(pod_facts(stored), now=parts.now())
        run(parts.owners.workload_of(pod_facts(stored)))
        if not ended:
            parts.record(RECORD)
            parts.router.assign(RECORD, KEY)
        run(reconciler(parts).look_at(KEY))
    written = [vars(one) for one in caplog.records if one.getMessage() == "report written"]
    assert len(written) > 1
    assert written[0]["levelname"] == "INFO"
    assert all(one["levelname"] == "DEBUG" for one in written[1:])
    told = {key: written[0].get(key) for key in ("kills", "cause", "limit", "action", "memoryLimit")}
    assert told == {
        "kills": 1,
        "cause": "ContainerLimit",
        "limit": "256Mi",
        "action": "RaiseLimit",
        "memoryLimit": "384Mi",
    }


def test_a_report_that_somebody_else_wrote_meanwhile_is_read_and_decided_anew(parts: Parts):
    parts.seconds = 2
    parts.api.refuse(409, "PATCH", "/status", times=2)
    run(reconciler(parts).look_at(KEY))
    (report,) = parts.api.reports()
    assert report["status"]["kills"] == 1


def test_a_report_is_created_while_what_bounds_its_advice_is_read(parts: Parts, monkeypatch: pytest.MonkeyPatch):
    answer = parts.api._request

    async def slow(method: str, where: str, **rest: Any) -> Any:
        while "/nodes/" in where and not parts.api.reports():
            await asyncio.sleep(0.01)
        return await answer(method, where, **rest)

    monkeypatch.setattr(parts.api, "_request", slow)
    parts.api.put("v1", "nodes", {"metadata": {"name": "worker-1"}, "status": {"allocatable": {"memory": "8Gi"}}})
    parts.seconds = 2
    run(reconciler(parts).look_at(KEY))
    (report,) = parts.api.reports()
    assert report["status"]["kills"] == 1
    assert "NodeAllocatable" not in report["status"]["recommendation"].get("unknown", ())


def test_a_report_that_another_process_wrote_while_it_was_created_is_counted_on(parts: Parts):
    other = Parts(api=parts.api, seconds=2)
    other.record("worker-1-9f1c2b7a-11111111")
    other.router.assign("worker-1-9f1c2b7a-11111111", KEY)
    run(other.reconciler.look_at(KEY))
    (report,) = parts.api.reports()
    where = path(API_VERSION, OOM_REPORTS, namespace="shop", name=report["metadata"]["name"])
    run(parts.api.merge(where, {"spec": {"review": {"decision": "Accepted"}}}))
    # As long as the watch has not told of it, a report is taken for absent.
    parts.reports.trust(lambda: True)
    parts.seconds = 3
    run(reconciler(parts).look_at(KEY))
    (report,) = parts.api.reports()
    assert report["status"]["kills"] == 2
    assert report["status"]["observedGeneration"] == report["metadata"]["generation"] == 2


def test_kills_that_only_status_shows_are_each_counted_though_the_second_hides_the_first():
    parts = Parts()
    for number in (1, 2):
        parts.seconds = 2.0 * number
        stored = parts.pod(ended=True, instance=cid(number))
        facts = pod_facts(stored)
        parts.pods.put(facts, now=parts.now())
        run(parts.owners.workload_of(facts))
        run(reconciler(parts).look_at(KEY))
    assert parts.api.reports() == []
    parts.seconds += parts.patience.grace.total_seconds()
    run(reconciler(parts).look_at(KEY))
    (report,) = parts.api.reports()
    assert report["status"]["kills"] == 2


def test_a_report_that_never_stands_still_is_left_to_the_queue(parts: Parts):
    parts.api.refuse(409, "PATCH", "/status")
    with pytest.raises(ApiError, match="changed each of 5 times"):
        run(reconciler(parts).look_at(KEY))


def test_nothing_is_written_while_nobody_tells_of_a_kill():
    parts = Parts()
    run(reconciler(parts).look_at(KEY))
    assert parts.api.reports() == []


def test_the_kills_of_a_namespace_that_is_gone_are_their_nodes(parts: Parts):
    parts.api.gone_namespaces.add("shop")
    run(reconciler(parts).look_at(KEY))
    node = node_report_key(NAMESPACE, "worker-1", host=False)
    assert node in parts.queue.taken()
    assert [one.name for one in parts.records.of_report(node)] == [RECORD]


def test_what_bounds_the_advice_and_was_not_answered_is_asked_for_again(parts: Parts):
    parts.seconds = 2
    parts.api.refuse(503, "GET", "/nodes/")
    run(reconciler(parts).look_at(KEY))
    (report,) = parts.api.reports()
    assert "NodeAllocatable" in report["status"]["recommendation"]["unknown"]
    assert parts.queue.later[KEY] <= 31


def test_evidence_holds_the_records_and_pods_of_the_report(parts: Parts):
    evidence = run(gatherer(parts).gather(KEY, None, ()))
    assert [one.name for one in evidence.records] == [RECORD]
    assert [one.uid for one in evidence.pods] == [UID]
    assert evidence.recorded == {cid(1)}
    assert evidence.status == {}


def test_an_entry_is_forgettable_when_no_witness_has_brought_it_up_for_a_while(parts: Parts):
    parts.seconds = 2
    run(reconciler(parts).look_at(KEY))
    parts.records.drop(RECORD)
    parts.pods.put(pod_facts(pod_object(instance=cid(2), ended=True, resourceVersion="99")), now=parts.now())
    stored = run(parts.reports.get(KEY))
    run(parts.api.delete(f"/apis/oomreport.dev/v1alpha1/oomrecords/{RECORD}"))
    parts.record("another", container=cid(2))
    parts.router.assign("another", KEY)
    parts.seconds += 301
    # The end of the instance before is remembered up to here.
    assert run(gatherer(parts).gather(KEY, stored, ())).forgettable == set()
    parts.pods.put(pod_facts(pod_object(instance=cid(2), ended=True, resourceVersion="100")), now=parts.now())
    assert run(gatherer(parts).gather(KEY, stored, ())).forgettable == set()
    parts.seconds += 301
    assert run(gatherer(parts).gather(KEY, stored, ())).forgettable == {RECORD}
