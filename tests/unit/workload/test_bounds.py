"""LimitRanges, ResourceQuotas and nodes as the API server sends them."""

from typing import Any

from oomreport.workload.bounds import QuotaLeft, allocatable_memory, memory_range, quota_left
from oomreport.workload.quantity import GI, MI


def limit_range(*limits: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"limits": list(limits)}}


def quota(hard: dict[str, str], used: dict[str, str] | None, **spec: Any) -> dict[str, Any]:
    status = {"hard": hard, "used": used} if used is not None else {}
    return {"spec": {"hard": hard, **spec}, "status": status}


def test_the_allocatable_memory_of_a_node():
    assert allocatable_memory({"status": {"allocatable": {"memory": "16312388Ki"}}}) == 16312388 * 1024
    assert allocatable_memory({"status": {}}) is None
    assert allocatable_memory({}) is None


def test_the_strictest_of_several_limit_ranges_holds():
    found = memory_range(
        [
            limit_range({"type": "Container", "max": {"memory": "2Gi", "cpu": "2"}, "min": {"memory": "32Mi"}}),
            limit_range({"type": "Container", "max": {"memory": "1Gi"}, "min": {"memory": "64Mi"}}),
            limit_range({"type": "Pod", "max": {"memory": "4Gi"}}, {"type": "PersistentVolumeClaim"}),
        ]
    )
    assert (found.container_max, found.container_min, found.pod_max) == (GI, 64 * MI, 4 * GI)


def test_without_limit_ranges_nothing_is_bounded():
    found = memory_range([limit_range({"type": "Container", "default": {"memory": "1Gi"}}), {}])
    assert (found.container_max, found.container_min, found.pod_max) == (None, None, None)


def test_the_least_that_a_quota_leaves_counts():
    found = quota_left(
        [
            quota({"limits.memory": "4Gi", "pods": "10"}, {"limits.memory": "1Gi", "pods": "3"}),
            quota({"limits.memory": "8Gi", "memory": "2Gi"}, {"limits.memory": "7Gi", "memory": "1Gi"}),
            quota({"requests.memory": "1Gi"}, {"requests.memory": "512Mi"}),
        ]
    )
    assert found == QuotaLeft(limits=GI, requests=512 * MI)


def test_an_exceeded_quota_leaves_nothing():
    assert quota_left([quota({"limits.memory": "1Gi"}, {"limits.memory": "2Gi"})]).limits == 0


def test_a_quota_that_is_not_counted_yet_is_no_quota_that_leaves_everything():
    assert quota_left([quota({"limits.memory": "1Gi"}, None)]) == QuotaLeft(partial=True)


def test_a_quota_of_nearly_every_pod_holds_and_one_of_some_pods_is_not_guessed_at():
    hard, used = {"limits.memory": "2Gi"}, {"limits.memory": "1Gi"}
    assert quota_left([quota(hard, used, scopes=["NotTerminating", "NotBestEffort"])]) == QuotaLeft(limits=GI)
    assert quota_left([quota(hard, used, scopes=["Terminating"])]) == QuotaLeft(partial=True)
    selector = {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "Exists"}]}
    assert quota_left([quota(hard, used, scopeSelector=selector)]) == QuotaLeft(partial=True)


def test_a_quota_of_other_things_says_nothing():
    assert quota_left([quota({"pods": "10"}, {"pods": "10"}, scopes=["Terminating"])]) == QuotaLeft()
