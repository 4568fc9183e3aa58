"""From a pod to its workload, with one question for the object between."""

from oomreport.controller.known.owners import Owners
from oomreport.workload.pod import pod_facts
from support.controller import Parts, pod_object, run


def owners(parts: Parts) -> Owners:
    return parts.owners


def test_what_controls_a_replica_set_is_asked_for_once():
    parts = Parts()
    parts.workload()
    for uid in ("a", "b"):
        workload = run(owners(parts).workload_of(pod_facts(pod_object(uid=uid))))
        assert (workload.kind, workload.name) == ("Deployment", "web")
    assert parts.api.asked("GET", "replicasets") == 1


def test_a_replica_set_that_is_gone_still_names_its_deployment():
    parts = Parts()
    facts = pod_facts(pod_object(labels={"pod-template-hash": "7d9c"}))
    workload = run(owners(parts).workload_of(facts))
    assert (workload.kind, workload.name) == ("Deployment", "web")


def test_a_pod_without_an_owner_is_its_own_workload():
    workload = run(owners(Parts()).workload_of(pod_facts(pod_object(owner=None))))
    assert (workload.kind, workload.name) == ("Pod", "web-7d9c-x2x4z")
