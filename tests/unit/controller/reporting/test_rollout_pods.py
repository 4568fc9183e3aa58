"""Workloads whose pods tell whether a recommendation is applied are followed, and listed once for all."""

from typing import Any

import pytest

from oomreport.controller.reporting.rollout_pods import RolloutPods
from oomreport.controller.work.keys import SurveyKey
from oomreport.workload.pod import pod_facts
from support.controller import KEY, Parts, pod_object, run
from support.evidence import UID

SURVEY = SurveyKey(namespace="shop")
ADVISED = {
    "recommendation": {"action": "RaiseLimit", "memoryLimit": "512Mi", "previousLimit": "256Mi"},
    "lastKill": {"id": "r", "time": "2026-11-20T20:21:07Z"},
    "kills": 1,
}


def rollout(parts: Parts) -> RolloutPods:
    return parts.rollout_pods


def test_a_report_with_advice_has_its_namespace_listed_soon_and_one_without_does_not():
    parts = Parts()
    rollout(parts).keep(KEY, {})
    assert parts.queue.later == {}
    rollout(parts).keep(KEY, ADVISED)
    assert parts.queue.later == {SURVEY: 2.0}


def test_a_listing_learns_of_healthy_pods_and_has_the_report_looked_at():
    parts = Parts()
    parts.pod()
    rollout(parts).keep(KEY, ADVISED)
    run(rollout(parts).survey("shop"))
    assert parts.pods.get(UID)
    assert parts.pods.is_listed("shop", KEY.workload.identity)
    assert parts.queue.later[KEY] == 5.0


def test_a_listing_that_shows_nothing_new_has_nothing_looked_at():
    parts = Parts()
    parts.pod()
    rollout(parts).keep(KEY, ADVISED)
    run(rollout(parts).survey("shop"))
    parts.queue.later.clear()
    run(rollout(parts).survey("shop"))
    assert parts.queue.later == {}
    assert parts.queue.taken() == []


def test_a_pod_that_a_listing_does_not_show_any_more_is_gone():
    parts = Parts()
    parts.workload()
    rollout(parts).keep(KEY, ADVISED)
    parts.pods.put(pod_facts(pod_object()), now=parts.now())
    parts.seconds += 1
    run(rollout(parts).survey("shop"))
    known = parts.pods.get(UID)
    assert known is not None
    assert known.deleted


def test_a_namespace_in_which_nothing_is_followed_is_not_listed():
    parts = Parts()
    run(rollout(parts).survey("shop"))
    assert parts.api.asked("GET") == 0


def test_listings_of_a_large_namespace_take_a_twentieth_of_the_time_at_most(monkeypatch: pytest.MonkeyPatch):
    parts, clock = Parts(), [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    parts.pod()
    answer = parts.api._request

    async def slow(method: str, where: str, **rest: Any) -> Any:
        clock[0] += 3
        return await answer(method, where, **rest)

    monkeypatch.setattr(parts.api, "_request", slow)
    rollout(parts).keep(KEY, ADVISED)
    clock[0] += 2
    run(rollout(parts).survey_when_settled("shop"))
    assert parts.api.asked("GET", "/pods") == 1
    rollout(parts).survey_soon("shop")
    began = clock[0]
    clock[0] += 50
    run(rollout(parts).survey_when_settled("shop"))
    assert parts.api.asked("GET", "/pods") == 1
    # The listing, and the pod's owner.
    clock[0] = began + 20 * 2 * 3
    run(rollout(parts).survey_when_settled("shop"))
    assert parts.api.asked("GET", "/pods") == 2


def test_a_listing_waits_for_the_end_of_a_burst_and_not_for_ever(monkeypatch: pytest.MonkeyPatch):
    parts, clock = Parts(), [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    parts.pod()
    rollout(parts).keep(KEY, ADVISED)
    while clock[0] < 127:
        clock[0] += 1.5
        rollout(parts).survey_soon("shop")
        run(rollout(parts).survey_when_settled("shop"))
    assert parts.api.asked("GET", "/pods") == 0
    clock[0] = 130
    run(rollout(parts).survey_when_settled("shop"))
    assert parts.api.asked("GET", "/pods") == 1
    rollout(parts).survey_soon("shop")
    clock[0] += 2
    run(rollout(parts).survey_when_settled("shop"))
    assert parts.api.asked("GET", "/pods") == 2
