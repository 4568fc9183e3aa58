"""The walk from a pod to what people call the workload."""

import pytest

from oomreport.workload.owner import (
    Lookup,
    Workload,
    perhaps_named,
    workload_above,
    workload_of_vanished,
    workload_or_lookup,
)
from oomreport.workload.pod import OwnerReference, PodFacts


def owner(kind: str, name: str, api_version: str = "apps/v1") -> OwnerReference:
    return OwnerReference(api_version=api_version, kind=kind, name=name, uid="2")


def pod(controller: OwnerReference | None = None, template_hash: str | None = None) -> PodFacts:
    return PodFacts(uid="1", namespace="shop", name="web-7d9c-x2x4z", owner=controller, template_hash=template_hash)


def workload(kind: str, name: str, api_version: str = "apps/v1") -> Workload:
    return Workload(api_version=api_version, kind=kind, name=name)


@pytest.mark.parametrize(
    ("controller", "expected"),
    [
        (None, workload("Pod", "web-7d9c-x2x4z", "v1")),
        (owner("Node", "worker-1", "v1"), workload("Pod", "web-7d9c-x2x4z", "v1")),
        (owner("StatefulSet", "db"), workload("StatefulSet", "db")),
        (owner("DaemonSet", "logs"), workload("DaemonSet", "logs")),
        (owner("Rollout", "web", "argoproj.io/v1alpha1"), workload("Rollout", "web", "argoproj.io/v1alpha1")),
        (owner("ReplicaSet", "odd", "example.dev/v1"), workload("ReplicaSet", "odd", "example.dev/v1")),
        (owner("Node", "thing", "example.dev/v1"), workload("Node", "thing", "example.dev/v1")),
    ],
)
def test_most_pods_name_their_workload(controller: OwnerReference | None, expected: Workload):
    assert workload_or_lookup(pod(controller)) == expected


@pytest.mark.parametrize(
    "between", [owner("ReplicaSet", "web-7d9c"), owner("Job", "nightly-1", "batch/v1")], ids=["ReplicaSet", "Job"]
)
def test_what_stands_between_is_asked_for_its_own_controller(between: OwnerReference):
    assert workload_or_lookup(pod(between)) == Lookup(reference=between)


def test_the_controller_of_what_stands_between_is_the_workload():
    between = owner("ReplicaSet", "web-7d9c")
    assert workload_above(between, owner("Deployment", "web")) == workload("Deployment", "web")
    assert workload_above(between, None) == workload("ReplicaSet", "web-7d9c")


def test_a_vanished_replica_set_leaves_its_deployments_name():
    between = owner("ReplicaSet", "web-7d9c")
    assert workload_of_vanished(pod(between, "7d9c"), between) == workload("Deployment", "web")
    assert workload_of_vanished(pod(between), between) == workload("ReplicaSet", "web-7d9c")
    assert workload_of_vanished(pod(between, "c"), between) == workload("ReplicaSet", "web-7d9c")


def test_a_vanished_job_is_its_own_workload():
    between = owner("Job", "nightly-1", "batch/v1")
    assert workload_of_vanished(pod(between, "1"), between) == workload("Job", "nightly-1", "batch/v1")


def test_the_version_of_a_group_does_not_tell_workloads_apart():
    assert workload("Rollout", "web", "x.dev/v1").identity == workload("Rollout", "web", "x.dev/v2").identity
    assert workload("Deployment", "web").identity != workload("Deployment", "web", "x.dev/v1").identity


def test_the_names_that_a_workload_can_have_by_its_pod_alone():
    def named(kind: str, name: str) -> frozenset[str]:
        return perhaps_named(OwnerReference(api_version="apps/v1", kind=kind, name=name), "pod-0")

    assert named("ReplicaSet", "web-7d9c") == {"web-7d9c", "web"}
    assert "import" in named("Job", "import-29012345")
    assert "db" in named("StatefulSet", "db")
    assert named("Node", "worker-1") == {"pod-0"}
    assert perhaps_named(None, "pod-0") == {"pod-0"}
