"""Records that name no container are matched with terminations that no record explains, and wait for both."""

from oomreport.controller.reporting.anonymous import AnonymousMatcher
from oomreport.controller.work.keys import NodeKey, node_report_key
from oomreport.workload.pod import pod_facts
from support.controller import KEY, NAMESPACE, Parts, pod_object, run
from support.evidence import cid

UNKNOWN = node_report_key(NAMESPACE, "worker-1", host=False)


def matcher(parts: Parts) -> AnonymousMatcher:
    return parts.anonymous


def ended_pod(parts: Parts) -> None:
    parts.workload()
    parts.pods.put(pod_facts(pod_object(ended=True)), now=parts.now())


def anonymous(parts: Parts) -> str:
    return parts.record(uid=None, container=None)


def test_nothing_is_matched_before_others_of_the_same_moment_can_have_come():
    parts = Parts()
    ended_pod(parts)
    anonymous(parts)
    run(matcher(parts).settle("worker-1"))
    assert parts.queue.taken() == []
    assert 2.5 < parts.queue.later[NodeKey(name="worker-1")] <= 3


def test_a_record_is_claimed_for_the_container_that_ended_with_it():
    parts = Parts()
    ended_pod(parts)
    name = anonymous(parts)
    parts.seconds = 4
    run(matcher(parts).settle("worker-1"))
    assert parts.queue.taken() == [KEY]
    assert parts.stored_record(name)["status"]["containerID"] == cid(1)


def test_an_end_that_a_record_of_its_own_explains_is_not_matched():
    parts = Parts()
    ended_pod(parts)
    parts.record("own")
    name = parts.record("anonymous", uid=None, container=None)
    parts.seconds = 4
    run(matcher(parts).settle("worker-1"))
    assert "containerID" not in parts.stored_record(name)["status"]


def test_what_nothing_matches_in_time_is_the_nodes():
    parts = Parts()
    anonymous(parts)
    parts.seconds = 61
    run(matcher(parts).settle("worker-1"))
    assert parts.queue.taken() == [UNKNOWN]
    assert NodeKey(name="worker-1") not in parts.queue.later


def test_an_end_that_a_ledger_has_with_a_record_is_explained_after_a_restart_too():
    parts = Parts()
    ended_pod(parts)
    report = run(parts.reports.ensure(KEY))
    entry = {"id": "earlier", "containerID": cid(1), "time": "2026-11-20T20:21:07Z", "verdict": "Confirmed"}
    run(parts.reports.write_status(KEY, report, {"counted": [entry]}))
    name = anonymous(parts)
    parts.seconds = 4
    run(matcher(parts).settle("worker-1"))
    assert "containerID" not in parts.stored_record(name)["status"]
