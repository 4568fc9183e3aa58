"""From a record to its report: by the pod, by what is remembered, by names, else by the node."""

from typing import Any

import pytest

from oomreport.controller.known.reports import ReportStore
from oomreport.controller.reporting.router import Router
from oomreport.controller.work.keys import MarkKey, NodeKey, RecordKey, ReportKey, node_report_key, report_key
from oomreport.names import API_VERSION, OOM_RECORDS
from oomreport.workload.owner import Workload
from oomreport.workload.pod import pod_facts
from support.api_server import Object
from support.controller import KEY, NAMESPACE, Parts, pod_object, run
from support.evidence import UID, WEB, cid

NODE = node_report_key(NAMESPACE, "worker-1", host=False)
NAMES = {"namespace": "shop", "pod": "web-7d9c-x2x4z", "container": "api", "podUID": UID, "containerID": cid(1)}
BY_NAMES = report_key("shop", Workload(api_version="v1", kind="Pod", name="web-7d9c-x2x4z"), "api")


@pytest.fixture
def parts() -> Parts:
    return Parts()


def router(parts: Parts) -> Router:
    return parts.router


def test_the_pods_owner_is_the_workload(parts: Parts):
    parts.pod()
    name = parts.record(subject=NAMES)
    run(router(parts).route(name))
    assert parts.queue.taken() == [KEY]
    assert [one.name for one in parts.records.of_report(KEY)] == [name]


def test_a_pod_without_names_in_the_record_is_looked_for_on_its_node(parts: Parts):
    parts.pod()
    run(router(parts).route(parts.record()))
    assert parts.queue.taken() == [KEY]


def test_a_record_that_killed_nothing_is_marked_and_counted_nowhere(parts: Parts):
    run(router(parts).route(parts.record(victims=[], noVictim=True)))
    assert [type(key) for key in parts.queue.taken()] == [MarkKey]


def test_a_record_that_names_no_container_waits_for_its_node(parts: Parts):
    run(router(parts).route(parts.record(uid=None, container=None)))
    assert parts.queue.taken() == [NodeKey(name="worker-1")]


def test_a_pod_that_is_gone_is_waited_for_and_then_the_records_names_are_used(parts: Parts):
    name = parts.record(subject=NAMES)
    run(router(parts).route(name))
    assert parts.queue.taken() == []
    assert RecordKey(name=name) in parts.queue.later
    parts.seconds += 3
    run(router(parts).route(name))
    assert parts.queue.taken() == [BY_NAMES]
    assert parts.stored_record(name)["status"]["reportRef"]["name"] == "pod-web-7d9c-x2x4z-api"


def test_a_kill_that_a_report_has_counted_already_goes_to_that_report(parts: Parts):
    name = parts.record(subject=NAMES)
    report = run(parts.reports.ensure(KEY))
    stored = parts.api.at(API_VERSION, "oomreports", report.name, "shop") or {}
    parts.api.put(API_VERSION, "oomreports", {**stored, "status": {"counted": [{"id": name}]}})
    parts.seconds += 3
    run(router(parts).route(name))
    assert parts.queue.taken() == [KEY]


def test_another_pod_of_the_same_name_counts_for_a_stateful_set_only(parts: Parts):
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "s", "controller": True}
    parts.api.put("v1", "pods", pod_object("db-0", uid="11111111-0000-0000-0000-000000000000", owner=owner))
    names = {**NAMES, "pod": "db-0"}
    run(router(parts).route(parts.record(subject=names)))
    (key,) = parts.queue.taken()
    assert isinstance(key, ReportKey)
    assert (key.kind, key.name) == ("StatefulSet", "db")


def test_a_record_that_was_claimed_before_a_restart_stays_where_it_is(parts: Parts):
    report = run(parts.reports.ensure(BY_NAMES))
    name = parts.record(status={"reportRef": {"namespace": "shop", "name": report.name}})
    run(router(parts).route(name))
    assert parts.queue.taken() == [BY_NAMES]


def test_of_two_controllers_that_claim_one_is_refused_and_decides_anew(parts: Parts):
    name = parts.record(uid=None, container=None)
    changed = parts.stored_record(name)
    parts.api.put(API_VERSION, OOM_RECORDS, changed)
    assert run(router(parts).claim(name, NODE)) is False
    assert parts.queue.taken() == [RecordKey(name=name)]
    assert run(router(parts).claim(name, NODE)) is True


def test_the_claim_of_a_record_that_was_deleted_forgets_it(parts: Parts):
    name = parts.record(uid=None, container=None)
    run(parts.api.delete(f"/apis/{API_VERSION}/{OOM_RECORDS}/{name}"))
    assert run(router(parts).claim(name, NODE)) is False
    assert parts.records.get(name) is None


def test_a_namespace_that_is_gone_gives_its_kills_to_the_node(parts: Parts):
    name = parts.record(subject=NAMES)
    parts.api.gone_namespaces.add("shop")
    assert run(router(parts).claim(name, BY_NAMES)) is True
    assert parts.stored_record(name)["status"]["reportRef"]["name"] == "node-worker-1-unknown"


def test_a_claim_that_is_taken_back_is_matched_anew(parts: Parts):
    name = parts.record(uid=None, container=None)
    assert run(router(parts).claim(name, KEY, container_id=cid(2)))
    run(router(parts).release(name))
    assert "containerID" not in parts.stored_record(name)["status"]
    assert parts.queue.taken()[-1] == NodeKey(name="worker-1")


def test_a_match_that_is_taken_back_while_its_record_is_routed_is_not_counted(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
):
    """Two controllers match at once: without its container the record would be one more kill of that report."""
    name = parts.record(uid=None, container=None)
    assert run(router(parts).claim(name, KEY, container_id=cid(2)))
    parts.queue.taken()
    key_at = ReportStore.key_at

    async def meanwhile(self: ReportStore, *where: str) -> ReportKey | None:
        found = await key_at(self, *where)
        await router(parts).release(name)
        return found

    monkeypatch.setattr(ReportStore, "key_at", meanwhile)
    run(router(parts).route(name))
    assert parts.records.of_report(KEY) == ()
    assert parts.queue.taken() == [NodeKey(name="worker-1"), RecordKey(name=name)]


def beside(pod: Object, *containers: Object, init: tuple[Object, ...] = (), states: tuple[Object, ...] = ()) -> Object:
    """The pod with more containers."""
    spec, status = pod["spec"], pod["status"]
    spec = {**spec, "containers": [*spec["containers"], *containers], "initContainers": list(init)}
    return {**pod, "spec": spec, "status": {**status, "initContainerStatuses": list(states)}}


def of_pod(parts: Parts, *containers: Object, **more: Any) -> None:
    parts.workload()
    parts.api.put("v1", "pods", beside(pod_object(), *containers, **more))


def counted(parts: Parts, key: ReportKey, instance: str) -> None:
    """Have a report count the end of a container that pod status told of."""
    report = run(parts.reports.ensure(key))
    stored = parts.api.at(API_VERSION, "oomreports", report.name, key.namespace) or {}
    ended = "2026-11-20T20:13:00.000000Z"
    entry = {"id": f"container-{instance}", "containerID": instance, "time": ended, "verdict": "StatusOnly"}
    parts.api.put(API_VERSION, "oomreports", {**stored, "status": {"counted": [entry]}})


def test_a_record_without_its_containers_name_is_that_of_the_pods_only_container(parts: Parts):
    done = {"terminated": {"exitCode": 0, "finishedAt": "2026-11-20T20:12:00Z", "containerID": "containerd://init"}}
    of_pod(parts, init=({"name": "migrate"},), states=({"name": "migrate", "state": done},))
    run(router(parts).route(parts.record(container=cid(9))))
    assert parts.queue.taken() == [KEY]


def test_a_record_without_its_containers_name_is_that_of_the_report_that_counted_the_instance(parts: Parts):
    of_pod(parts, {"name": "proxy"})
    counted(parts, KEY, cid(9))
    name = parts.record(container=cid(9))
    run(router(parts).route(name))
    assert parts.queue.taken() == [KEY]
    assert parts.stored_record(name)["status"]["reportRef"]["name"] == "deployment-web-api"
    assert parts.api.at(API_VERSION, "oomreports", "deployment-web-unknown", "shop") is None


def test_a_record_without_its_containers_name_is_of_the_one_that_crashes_beside_one_that_ran_on(parts: Parts):
    pod = beside(pod_object(), {"name": "web"})
    crashed = {
        "name": "web",
        "state": {"running": {"startedAt": "2026-11-20T20:30:00Z"}},
        "containerID": f"containerd://{cid(20)}",
        "restartCount": 9,
    }
    pod["status"]["containerStatuses"] = [*pod["status"]["containerStatuses"], crashed]
    parts.workload()
    parts.api.put("v1", "pods", pod)
    run(router(parts).route(parts.record(container=cid(9))))
    (key,) = parts.queue.taken()
    assert isinstance(key, ReportKey)
    assert key.container == "web"


@pytest.mark.parametrize("told", [True, False])
def test_a_record_without_its_containers_name_waits_for_a_slow_kubelet_to_tell_whose_instance_it_was(
    parts: Parts, *, told: bool
):
    pod = beside(pod_object(), {"name": "proxy"})
    pod["status"] = {"phase": "Pending"}
    parts.workload()
    parts.api.put("v1", "pods", pod)
    name = parts.record(container=cid(9))
    run(router(parts).route(name))
    assert parts.queue.taken() == []
    assert parts.queue.later == {RecordKey(name=name): 2}
    if told:
        ended = {"exitCode": 137, "reason": "Error", "containerID": f"containerd://{cid(9)}"}
        api = {"name": "api", "restartCount": 1, "lastState": {"terminated": ended}}
        pod["status"] = {"phase": "Running", "containerStatuses": [api]}
        parts.pods.put(pod_facts(parts.api.put("v1", "pods", pod)), now=parts.now())
    parts.seconds += 2 if told else 60
    run(router(parts).route(name))
    (key,) = parts.queue.taken()
    assert isinstance(key, ReportKey)
    assert key.container == ("api" if told else "unknown")


def test_the_pod_may_be_gone_when_a_ledger_tells_whose_instance_it_was(parts: Parts):
    counted(parts, KEY, cid(9))
    name = parts.record(subject={**NAMES, "containerID": cid(9), "container": None})
    parts.seconds += 3
    run(router(parts).route(name))
    assert parts.queue.taken() == [KEY]


def test_what_was_counted_for_an_unknown_container_names_none(parts: Parts):
    of_pod(parts, {"name": "proxy"})
    counted(parts, report_key("shop", WEB, "unknown"), cid(9))
    name = parts.record(container=cid(9))
    parts.seconds += 60
    run(router(parts).route(name))
    assert parts.queue.taken() == [report_key("shop", WEB, "unknown")]


def test_a_kill_of_no_known_container_goes_to_its_pods_workload_else_to_the_node(parts: Parts):
    of_pod(parts, {"name": "proxy"})
    name = parts.record("of-pod", container=None)
    record = parts.records.get(name)
    assert record
    run(router(parts).settle_unknown(record))
    (key,) = parts.queue.taken()
    assert isinstance(key, ReportKey)
    assert (key.name, key.container) == ("web", "unknown")
    of_nobody = parts.record("of-nobody", uid=None, container=None)
    record = parts.records.get(of_nobody)
    assert record
    run(router(parts).settle_unknown(record))
    assert parts.queue.taken() == [NODE]


def test_a_kill_in_a_pod_of_one_container_is_that_containers(parts: Parts):
    parts.pod()
    record = parts.records.get(parts.record(container=None))
    assert record
    run(router(parts).settle_unknown(record))
    assert parts.queue.taken() == [KEY]


def test_a_record_that_could_not_be_counted_for_six_hours_goes_to_its_node_and_is_then_done(parts: Parts):
    parts.pod()
    name = parts.record(subject=NAMES)
    run(router(parts).route(name))
    assert parts.queue.taken() == [KEY]
    # Its report refuses it for ever, as where the owner's name is no value of a label.
    parts.seconds += 6 * 3600 - 60
    run(router(parts).route(name))
    assert parts.queue.taken() == [KEY]
    parts.seconds += 120
    run(router(parts).route(name))
    assert parts.queue.taken() == [NODE]
    run(router(parts).route(name))
    assert [type(key) for key in parts.queue.taken()] == [MarkKey]


def test_a_record_that_its_report_has_counted_is_not_given_up(parts: Parts):
    parts.pod()
    name = parts.record(subject=NAMES)
    run(router(parts).route(name))
    report = run(parts.reports.ensure(KEY))
    run(parts.reports.write_status(KEY, report, {"kills": 1, "counted": [{"id": name}]}))
    parts.queue.taken()
    parts.seconds += 7 * 3600
    run(router(parts).route(name))
    assert parts.queue.taken() == [KEY]
