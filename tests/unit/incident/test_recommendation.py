"""The first number: from what the kernel printed, only where that limit was the cause."""

from typing import Any

import pytest

from oomreport.incident.cause import Cause
from oomreport.incident.recommendation import recommendation
from oomreport.workload.pod import ContainerFacts
from oomreport.workload.quantity import GI, MI
from unit.incident.builders import container


def advice(
    *,
    cause: Cause = Cause.CONTAINER_LIMIT,
    limit: int | None = 256 * MI,
    facts: ContainerFacts | None = None,
    kills: int = 1,
    **memory: Any,
) -> dict[str, Any]:
    whole = {"limitBytes": limit, "usageBytes": limit, **memory} if limit else memory
    return recommendation(cause=cause, memory=whole, container=facts, kills=kills).as_json()


@pytest.mark.parametrize(
    ("limit", "wanted"),
    [
        (64 * MI, "80Mi"),
        (256 * MI, "320Mi"),
        (100 * MI, "128Mi"),
        (1 * MI, "16Mi"),
        (819 * MI, "1Gi"),
        (GI, "1280Mi"),
        (3 * GI, "3840Mi"),
        (100_000_000, "128Mi"),
        (8 * GI, "10Gi"),
    ],
)
def test_a_quarter_is_added_and_rounded_up(limit: int, wanted: str):
    found = advice(limit=limit)
    assert (found["action"], found["memoryLimit"]) == ("RaiseLimit", wanted)


@pytest.mark.parametrize(
    ("request_", "wanted"), [(256 * MI, "320Mi"), (128 * MI, "160Mi"), (100 * MI, "125Mi"), (None, None)]
)
def test_the_request_keeps_its_share_of_the_limit(request_: int | None, wanted: str | None):
    found = advice(facts=container(memory_request=request_))
    assert found.get("memoryRequest") == wanted


@pytest.mark.parametrize(("kills", "confidence"), [(1, "Low"), (2, "Medium"), (3, "High"), (300, "High")])
def test_repeats_make_sure(kills: int, confidence: str):
    assert advice(kills=kills)["confidence"] == confidence


def test_the_basis_names_every_input_of_the_sum():
    basis = advice(facts=container(memory_request=128 * MI), kills=3)["basis"]
    for part in (
        "256Mi",
        "as the kernel printed it",
        "1.25 x 256Mi = 320Mi",
        "multiple of 16Mi",
        "kills so far: 3",
        "128Mi",
    ):
        assert part in basis


def test_a_pods_limit_is_raised_on_the_pod():
    found = advice(cause=Cause.POD_LIMIT, limit=96 * MI, facts=container(memory_request=32 * MI))
    assert (found["action"], found["memoryLimit"], found["previousLimit"]) == ("RaisePodLimit", "128Mi", "96Mi")
    assert "memoryRequest" not in found


@pytest.mark.parametrize("cause", [Cause.NODE_ALLOCATABLE, Cause.NODE_OUT_OF_MEMORY, Cause.CPUSET_OR_NUMA])
def test_where_the_node_is_at_fault_no_limit_is_raised(cause: Cause):
    found = advice(cause=cause, facts=container())
    assert found["action"] == "ReviewNode"
    assert "memoryLimit" not in found


@pytest.mark.parametrize("cause", [Cause.NESTED_CGROUP, Cause.UNKNOWN])
def test_where_no_limit_of_kubernetes_fired_nothing_is_changed_and_the_reason_said(cause: Cause):
    found = advice(cause=cause, facts=container())
    assert found["action"] == "None"
    assert found["basis"]


def test_a_lost_limit_is_taken_from_the_pod_or_nothing_is_said():
    assert "by the pod" in advice(limit=None, facts=container())["basis"]
    assert advice(limit=None)["action"] == "None"
    assert advice(cause=Cause.POD_LIMIT, limit=None, facts=container())["action"] == "None"


@pytest.mark.parametrize(
    ("stat", "action"),
    [
        ({"shmem": 200 * MI, "anon": 50 * MI}, "LimitTmpfs"),
        ({"shmem": 0, "total_shmem": 128 * MI}, "LimitTmpfs"),
        ({"shmem": 120 * MI}, "RaiseLimit"),
        ({}, "RaiseLimit"),
    ],
)
def test_memory_full_of_files_is_bounded_first(stat: dict[str, int], action: str):
    found = advice(stat=stat)
    assert found["action"] == action
    assert action == "RaiseLimit" or "memoryLimit" not in found
