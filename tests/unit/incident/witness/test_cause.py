"""Whose limit it was. The limits of real pods: one limited container, several, pod-level resources, sidecars."""

from typing import Any

import pytest

from oomreport.incident.kill import Cause
from oomreport.incident.witness.cause import cause_of
from oomreport.workload.pod import ContainerFacts, ContainerKind, PodFacts
from oomreport.workload.quantity import MI
from support.evidence import UID, cid, container, pod, record, running, termination

CONTAINER = f"/kubepods/burstable/pod{UID}/{cid(1)}"


def cause(facts: PodFacts | None = None, name: str = "api", **spec: Any) -> Cause:
    found = facts.container(name) if facts else None
    return cause_of(record(**spec), facts, found)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"scope": "Container"}, Cause.CONTAINER_LIMIT),
        ({"scope": "QoSClass"}, Cause.NODE_ALLOCATABLE),
        ({"scope": "NodeAllocatable"}, Cause.NODE_ALLOCATABLE),
        ({"scope": "Node", "constraint": "CONSTRAINT_NONE"}, Cause.NODE_OUT_OF_MEMORY),
        ({"scope": "Node", "constraint": "CONSTRAINT_CPUSET"}, Cause.CPUSET_OR_NUMA),
        ({"scope": "Node", "constraint": "CONSTRAINT_MEMORY_POLICY"}, Cause.CPUSET_OR_NUMA),
        ({"scope": "OtherCgroup", "oomMemcg": "/system.slice/x"}, Cause.UNKNOWN),
        ({"scope": "OtherCgroup", "oomMemcg": f"{CONTAINER}/worker"}, Cause.NESTED_CGROUP),
        ({"scope": "Unknown"}, Cause.UNKNOWN),
        ({"scope": "Container", "scopeSource": "Counters", "oomMemcg": None}, Cause.CONTAINER_LIMIT),
        ({"scope": "NodeAllocatable", "scopeSource": "Counters", "oomMemcg": None}, Cause.NODE_ALLOCATABLE),
        ({"scope": "Unknown", "scopeCandidates": ["Container", "Pod"], "oomMemcg": None}, Cause.UNKNOWN),
        ({"scope": "SomethingNew"}, Cause.UNKNOWN),
    ],
)
def test_the_scope_of_the_limit_names_the_cause(spec: dict[str, Any], expected: Cause):
    assert cause(pod(running(limit=512 * MI)), **spec) is expected


def test_container_or_pod_by_the_counters_are_one_limit_where_one_container_has_one():
    spec = {"scope": "Unknown", "scopeCandidates": ["Container", "Pod"], "oomMemcg": None, "limit": None}
    side = running("side", instance=cid(2))

    assert cause(pod(running()), **spec) is Cause.CONTAINER_LIMIT
    assert cause(pod(running(), side), **spec) is Cause.UNKNOWN
    assert cause(pod(running(), memory_limit=512 * MI), **spec) is Cause.UNKNOWN
    assert cause(None, **spec) is Cause.UNKNOWN
    assert cause(pod(running()), **{**spec, "scopeCandidates": ["Pod", "QoSClass"]}) is Cause.UNKNOWN


def test_no_record_no_cause():
    assert cause_of(None, pod(running()), running()) is Cause.UNKNOWN


def test_a_runtimes_own_child_with_the_containers_limit_is_the_container():
    assert cause(pod(running()), scope="OtherCgroup", oomMemcg=f"{CONTAINER}/container") is Cause.CONTAINER_LIMIT


def beside(**values: Any) -> ContainerFacts:
    return container("proxy", **{"limit": None, **values})


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ((), Cause.CONTAINER_LIMIT),
        ((beside(running_id=cid(2)),), Cause.POD_LIMIT),
        ((beside(limit=64 * MI, running_id=cid(2)),), Cause.POD_LIMIT),
        ((beside(),), Cause.CONTAINER_LIMIT),
        ((beside(terminations=(termination(cid(2), seconds=-60),)),), Cause.CONTAINER_LIMIT),
        ((beside(terminations=(termination(cid(2), seconds=60),)),), Cause.POD_LIMIT),
        ((beside(kind=ContainerKind.INIT, terminations=(termination(cid(2), seconds=60),)),), Cause.CONTAINER_LIMIT),
        ((beside(kind=ContainerKind.SIDECAR, running_id=cid(2)),), Cause.POD_LIMIT),
        ((beside(kind=ContainerKind.EPHEMERAL, running_id=cid(2)),), Cause.POD_LIMIT),
    ],
    ids=[
        "alone",
        "beside one without limit",
        "beside one with limit",
        "beside one that never started",
        "beside one that had ended",
        "beside one that ended later",
        "after an init container",
        "beside a sidecar",
        "beside a debugger",
    ],
)
def test_a_pods_limit_is_the_containers_where_nobody_else_could_use_it(others: Any, expected: Cause):
    assert cause(pod(running(), *others), scope="Pod") is expected


@pytest.mark.parametrize(
    ("own", "fired", "of_pod", "expected"),
    [
        (256, 256, None, Cause.CONTAINER_LIMIT),
        (256, 512, 512, Cause.POD_LIMIT),
        (None, 256, 256, Cause.POD_LIMIT),
        (256, None, None, Cause.CONTAINER_LIMIT),
        (256, None, 512, Cause.POD_LIMIT),
    ],
    ids=["equal", "the pod has more", "no limit of its own", "not printed", "not printed, the pod has more"],
)
def test_both_limits_must_be_equal(own: int | None, fired: int | None, of_pod: int | None, expected: Cause):
    limits = [size * MI if size else None for size in (own, fired, of_pod)]
    facts = pod(running(limit=limits[0]), memory_limit=limits[2])
    assert cause(facts, scope="Pod", limit=limits[1]) is expected


def test_an_init_container_shares_with_the_sidecars_before_it_only():
    migrate = container("migrate", kind=ContainerKind.INIT, running_id=cid(1))
    proxy = container("proxy", kind=ContainerKind.SIDECAR, running_id=cid(2))
    api = container("api", running_id=None)
    assert cause(pod(migrate, proxy, api), "migrate", scope="Pod") is Cause.CONTAINER_LIMIT
    assert cause(pod(proxy, migrate, api), "migrate", scope="Pod") is Cause.POD_LIMIT


def test_an_unknown_container_of_a_pod_without_a_limit_of_its_own_tells_no_cause():
    assert cause(pod(running(), beside(running_id=cid(2))), "unknown", scope="Pod") is Cause.UNKNOWN
    own = pod(running(), beside(running_id=cid(2)), memory_limit=256 * MI)
    assert cause(own, "unknown", scope="Pod") is Cause.POD_LIMIT


def test_without_the_pod_its_limit_stays_the_pods():
    assert cause(None, scope="Pod") is Cause.POD_LIMIT
