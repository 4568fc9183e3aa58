"""A pod's status has looked at what it can tell something new about, and nothing else."""

from oomreport.controller.reporting.pod_router import PodRouter
from oomreport.controller.work.keys import NodeKey
from oomreport.workload.pod import pod_facts
from support.controller import KEY, Parts, pod_object, run
from support.evidence import UID, cid


def pod_router(parts: Parts) -> PodRouter:
    return parts.pod_router


def routed(parts: Parts, **values: object) -> list[object]:
    parts.workload()
    parts.pods.put(pod_facts(pod_object(**values)), now=parts.now())  # type: ignore[arg-type]
    run(pod_router(parts).route(UID))
    return parts.queue.taken()


def test_a_container_that_ended_by_oom_has_its_report_looked_at():
    assert routed(Parts(), ended=True) == [KEY]


def test_a_running_pod_concerns_nobody_and_its_owner_is_not_asked_for():
    parts = Parts()
    assert routed(parts) == []
    assert parts.api.asked("GET") == 0


def test_a_running_pod_whose_instance_is_in_a_ledger_has_the_report_looked_at():
    parts = Parts()
    parts.pods.watch(cid(1))
    assert routed(parts) == [KEY]


def test_an_end_that_is_older_than_reports_are_kept_concerns_nobody():
    assert routed(Parts(seconds=8 * 86400), ended=True) == []


def test_a_node_with_records_that_name_no_container_is_looked_at():
    parts = Parts()
    parts.record(uid=None, container=None)
    assert routed(parts, ended=True) == [KEY, NodeKey(name="worker-1")]


def test_a_pod_that_is_not_known_any_more_concerns_nobody():
    parts = Parts()
    run(parts.pod_router.route("gone"))
    assert parts.queue.taken() == []
