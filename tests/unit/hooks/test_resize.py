from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from oomreport.hooks.event import Event, EventType
from oomreport.hooks.resize import (
    Follow,
    KilledContainer,
    Raise,
    Rules,
    Stand,
    killed,
    patch_of,
    resize_of,
)
from oomreport.incident.report.status import NotedChange, what_changes
from oomreport.times import rfc3339
from oomreport.workload.quantity import GI, MI
from oomreport.workload.resizable import MemoryResources
from support.reports import INSTANCE, KILL, NOW, OURS, POD, event, pod, resized_by, status

HOUR = timedelta(hours=1)


def rules(**more: Any) -> Rules:
    return Rules(**{"manager": OURS, "cooldown": HOUR, **more})


def step(
    found: dict[str, Any] | None, *, of: Event | None = None, changes: Any = (), **more: Any
) -> Raise | Follow | Stand:
    kill = killed(of or event())
    assert isinstance(kill, KilledContainer), kill
    return resize_of(kill, found, rules(**more), changes=changes, now=NOW)


def stands(answer: object) -> str:
    assert isinstance(answer, Stand), answer
    return answer.reason


def raised(answer: object) -> MemoryResources:
    assert isinstance(answer, Raise), answer
    return answer.memory


def test_the_limit_goes_to_what_is_recommended_and_the_request_with_it() -> None:
    assert raised(step(pod())) == MemoryResources(limit=128 * MI, request=64 * MI)


def test_the_patch_names_one_container_and_the_version_that_was_looked_at() -> None:
    answer = step(pod())
    assert isinstance(answer, Raise)
    assert patch_of("api", "containers", answer.memory, resource_version=answer.resource_version) == {
        "metadata": {"resourceVersion": "77"},
        "spec": {
            "containers": [
                {"name": "api", "resources": {"limits": {"memory": "128Mi"}, "requests": {"memory": "64Mi"}}}
            ]
        },
    }


def test_of_a_guaranteed_pod_both_are_raised_whatever_request_is_recommended() -> None:
    whole = {"resources": {kind: {"cpu": "1", "memory": "64Mi"} for kind in ("limits", "requests")}}

    assert raised(step(pod(container=whole))) == MemoryResources(limit=128 * MI, request=128 * MI)


def test_a_burstable_pod_does_not_become_guaranteed() -> None:
    one = {"resources": {"limits": {"cpu": "1", "memory": "64Mi"}, "requests": {"cpu": "1", "memory": "32Mi"}}}
    found = event(status_=status(advice={"memoryRequest": "128Mi"}))

    assert raised(step(pod(container=one), of=found)) == MemoryResources(limit=128 * MI, request=32 * MI)


def test_a_container_without_a_request_of_its_own_is_given_none_but_where_the_class_needs_it() -> None:
    assert raised(step(pod(container={"resources": {"limits": {"memory": "64Mi"}}}))).request is None


@pytest.mark.parametrize(("maximum", "limit"), [(96 * MI, 96), (128 * MI, 128), (2 * GI, 128), (None, 128)])
def test_a_maximum_bounds_the_limit(maximum: int | None, limit: int) -> None:
    answer = step(pod(), maximum=maximum)
    assert raised(answer) == MemoryResources(limit=limit * MI, request=min(64, limit) * MI)
    assert isinstance(answer, Raise)
    assert bool(answer.note) == (limit < 128)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (event(EventType.RESOLVED), "Resolved is no reason to resize"),
        (event(status_=status(kill={"cause": "PodLimit"})), "the container's own limit was not the cause: PodLimit"),
        (event(status_=status(kill={"cause": "NodeOutOfMemory"})), "was not the cause: NodeOutOfMemory"),
        (event(status_=status(kill={"cause": "Unknown"})), "was not the cause: Unknown"),
        (
            event(status_=status(advice={"action": "FixLeak"})),
            "no higher limit of the container is recommended: FixLeak",
        ),
        (event(status_=status(advice={"memoryLimit": None})), "no higher limit"),
        (event(occasion="another"), "the report does not know the kill any more"),
        (
            event(status_=status(conditions=[{"type": "Reviewed", "status": "True", "reason": "Rejected"}])),
            "rejected by its reviewer",
        ),
    ],
)
def test_without_a_cause_a_recommendation_or_a_kill_nothing_is_resized(found: Event, reason: str) -> None:
    assert reason in stands(killed(found))


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, f"pod {POD} is gone"),
        (pod(metadata={"uid": "another"}), f"{POD} is another one now"),
        (pod(metadata={"deletionTimestamp": "2026-11-21T07:59:59Z"}), "is being deleted"),
        (pod(status_={"phase": "Failed"}), "does not run: Failed"),
        (pod(container={"name": "other"}), "has no container api"),
        (
            pod(container={"resizePolicy": [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]}),
            "would be restarted by a resize",
        ),
        (pod(limit="96Mi"), "the limit is 96Mi now, the kill was at 64Mi"),
        (pod(limit="128Mi"), "the limit is 128Mi now, the kill was at 64Mi"),
        (pod(limit="96Mi", in_force="64Mi"), "somebody's resize to 96Mi is on its way already"),
        (
            pod(container={"resources": {}}, status_={"containerStatuses": [{"name": "api"}]}),
            "no memory limit of its own",
        ),
    ],
)
def test_a_pod_that_is_not_as_it_was_killed_is_left_alone(found: dict[str, Any] | None, reason: str) -> None:
    assert reason in stands(step(found))


def test_a_container_that_does_not_run_right_now_is_waited_for() -> None:
    answer = step(pod(state={"waiting": {"reason": "CrashLoopBackOff"}}))

    assert isinstance(answer, Stand)
    assert answer.for_now
    assert "does not run: CrashLoopBackOff" in answer.reason


def test_an_init_container_cannot_be_resized_and_a_sidecar_can() -> None:
    found = pod()
    found["spec"]["initContainers"] = found["spec"]["containers"]
    found["spec"]["containers"] = []
    assert "cannot be resized" in stands(step(found))

    found["spec"]["initContainers"][0]["restartPolicy"] = "Always"
    answer = step(found)
    assert isinstance(answer, Raise)
    assert answer.container.place == "initContainers"


def test_no_pod_is_resized_again_before_the_cooldown_is_over() -> None:
    before = pod(limit="64Mi", metadata={"managedFields": [resized_by(OURS, "2026-11-21T07:58:20Z")]})

    assert stands(step(before)) == "the container was resized 100 s ago, cooldownSeconds is 3600"
    assert raised(step(before, cooldown=timedelta(seconds=100))).limit == 128 * MI


def test_the_cooldown_holds_by_the_reports_history_too_but_not_for_a_later_pod_of_that_name() -> None:
    noted = [NotedChange(time=NOW - timedelta(minutes=10), what=what_changes(POD, "api"))]

    assert "600 s ago" in stands(step(pod(), changes=noted))
    assert raised(step(pod(metadata={"creationTimestamp": "2026-11-21T07:55:00Z"}), changes=noted))
    assert raised(step(pod(), changes=[replace(noted[0], what=what_changes("web-7d9c-other", "api"))]))


@pytest.mark.parametrize(("limit", "in_force"), [("128Mi", "64Mi"), ("128Mi", "128Mi"), ("112Mi", "64Mi")])
def test_a_resize_of_ours_that_is_there_is_followed_and_not_made_again(limit: str, in_force: str) -> None:
    found = pod(limit=limit, in_force=in_force, metadata={"managedFields": [resized_by(OURS)]})

    assert isinstance(step(found), Follow)


def test_a_kill_at_the_raised_limit_waits_for_the_cooldown_like_any_other() -> None:
    found = pod(limit="128Mi", metadata={"managedFields": [resized_by(OURS)]})
    second = event(status_=status(kill={"memory": {"limitBytes": 128 * MI}}, advice={"memoryLimit": "256Mi"}))

    assert "resized 1 s ago" in stands(step(found, of=second))
    assert raised(step(found, of=second, cooldown=timedelta(0))).limit == 256 * MI


def test_where_policies_turn_recommendations_off_or_leave_no_room_nothing_is_done() -> None:
    assert "turns recommendations off" in stands(step(pod(), enabled=False))
    assert "no higher one is allowed or wanted (maximum 64Mi)" in stands(step(pod(), maximum=64 * MI))


def two_pods() -> dict[str, Any]:
    """The last kill was in another pod; this one's was before."""
    last = {"id": "later", "pod": "web-7d9c-other", "podUID": "other"}
    recent = [
        {"id": "later", "time": rfc3339(NOW), "pod": "web-7d9c-other", "cause": "ContainerLimit"},
        {"id": KILL, "time": rfc3339(NOW), "pod": POD, "cause": "ContainerLimit", "limitBytes": 64 * MI},
    ]
    counted = [{"id": KILL, "containerID": INSTANCE, "time": rfc3339(NOW), "verdict": "KernelOnly"}]
    return status(kill=last, recentKills=recent, counted=counted)


def test_an_event_is_about_its_own_pod_though_another_was_killed_since() -> None:
    found = killed(event(status_=two_pods()))
    assert isinstance(found, KilledContainer)

    assert (found.pod, found.container_id, found.limit) == (POD, INSTANCE, 64 * MI)
    assert raised(step(pod(), of=event(status_=two_pods()))).limit == 128 * MI


def test_a_pod_that_took_the_name_of_the_killed_one_is_told_by_its_containers() -> None:
    found = pod(metadata={"uid": "new"})
    found["status"]["containerStatuses"][0]["containerID"] = "containerd://" + "b" * 64

    assert "is another one now" in stands(step(found, of=event(status_=two_pods())))


def test_the_newest_kill_of_the_pod_decides_not_the_one_that_the_event_began_with() -> None:
    known = status(kill={"id": "later", "memory": {"limitBytes": 80 * MI}})
    known["recentKills"] = [
        {"id": "later", "time": rfc3339(NOW), "pod": POD},
        {"id": KILL, "time": rfc3339(NOW), "pod": POD, "limitBytes": 64 * MI},
    ]

    found = killed(event(status_=known))
    assert isinstance(found, KilledContainer)
    assert found.limit == 80 * MI


def test_what_is_no_kill_is_about_the_last_one() -> None:
    found = killed(event(EventType.RECOMMENDATION_READY, occasion="2026-11-21T08:00:00Z"))
    assert isinstance(found, KilledContainer)
    assert found.pod == POD
