"""The names of a workload's pods, by the names that Kubernetes makes."""

import re

import pytest

from oomreport.workload.owner import Workload
from oomreport.workload.pod_names import pod_names


def workload(kind: str, name: str = "web") -> Workload:
    group = {"Job": "batch/v1", "CronJob": "batch/v1", "Pod": "v1", "Rollout": "argoproj.io/v1alpha1"}
    return Workload(api_version=group.get(kind, "apps/v1"), kind=kind, name=name)


@pytest.mark.parametrize(
    ("kind", "pod"),
    [
        ("Deployment", "web-6d4cf56db6-x2x4z"),
        ("Deployment", "web-7c5ddbdf54-hj9kq"),
        ("ReplicaSet", "web-hj9kq"),
        ("DaemonSet", "web-hj9kq"),
        ("StatefulSet", "web-0"),
        ("StatefulSet", "web-12"),
        ("Job", "web-hj9kq"),
        ("Job", "web-3-hj9kq"),
        ("CronJob", "web-29384720-hj9kq"),
        ("CronJob", "web-29384720-0-hj9kq"),
    ],
)
def test_a_pod_and_its_successors_are_matched(kind: str, pod: str):
    pattern = pod_names(workload(kind), pod)
    assert pattern != pod
    assert re.fullmatch(pattern or "", pod)
    assert pattern == pod_names(workload(kind), None)


@pytest.mark.parametrize(
    "pod",
    [
        "web-api-6d4cf56db6-x2x4z",  # Deployment web-api
        "web-0",
        "web-canary-x2x4z",  # DaemonSet web-canary
        "xweb-6d4cf56db6-x2x4z",
        "web-6d4cf56db6-x2x4z-1",
        "web2-6d4cf56db6-x2x4z",
    ],
)
def test_pods_of_other_workloads_are_not(pod: str):
    assert not re.fullmatch(pod_names(workload("Deployment"), None) or "", pod)


def test_where_a_kind_has_no_pattern_the_pod_itself_is_asked_for():
    assert pod_names(workload("Pod", "bare.1"), "bare.1") == r"bare\.1"
    assert pod_names(workload("Rollout"), "web-x") == "web-x"
    assert pod_names(workload("Rollout"), None) is None
    assert pod_names(workload("Deployment"), "named-by-hand") == "named-by-hand"


def test_a_name_that_kubernetes_cuts_is_not_matched_by_a_pattern():
    """A ReplicaSet of 60 characters: of its name 58 are kept before the suffix."""
    name = "w" * 49
    pod = f"{name}-6d4cf56db6"[:58] + "x2x4z"
    assert pod_names(workload("Deployment", name), pod) == pod
    assert pod_names(workload("Deployment", name), None) is None
    assert pod_names(workload("DaemonSet", "d" * 60), None) is None
    assert re.fullmatch(pod_names(workload("StatefulSet", "s" * 60), None) or "", "s" * 60 + "-3")


def test_the_kinds_of_other_groups_are_not_kubernetes_own():
    other = Workload(api_version="example.dev/v1", kind="Deployment", name="web")
    assert pod_names(other, "web-1") == "web-1"
