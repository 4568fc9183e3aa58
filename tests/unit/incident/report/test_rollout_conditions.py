"""Whether a recommendation is in the pods, and whether it holds: stories of a report, one look after another."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from oomreport.incident.report.decision import Decision, decide
from oomreport.incident.report.rollout_conditions import is_awaited, is_followed, telling
from oomreport.times import rfc3339
from oomreport.workload.pod import PodFacts
from oomreport.workload.quantity import MI
from support.evidence import PATIENCE, after, cid, container, ended, evidence, pod, record, running

WINDOW = timedelta(minutes=10)
QUICK = replace(PATIENCE, resolve_after=WINDOW)
# The recommendation after a kill at 256Mi, whatever it is.
FIRST = 384 * MI


class Story:
    """A report that is looked at again and again; each look builds on the status that the last one wrote."""

    def __init__(self) -> None:
        self.status: dict[str, Any] = {}
        self.number = 0

    def look(self, *records: Any, pods: tuple[PodFacts, ...] = (), at: float, **values: Any) -> Decision:
        whole: dict[str, Any] = {"pods_listed": True, "status": self.status, **values}
        found = evidence(*records, pods=pods, seconds=at, **whole)
        decision = decide(found, QUICK)
        self.status = decision.status
        return decision

    def killed(self, *, at: float, limit: int | None = 256 * MI, pods: tuple[PodFacts, ...] = (), **values: Any) -> Any:
        self.number += 1
        name = f"worker-1-9f1c2b7a-{self.number}"
        uid = f"00000000-0000-4000-8000-{self.number:012d}"
        one = record(name, seconds=at, container=cid(100 + self.number), uid=uid, limit=limit, **values)
        return self.look(one, pods=pods, at=at + 0.2)

    def condition(self, kind: str) -> Mapping[str, Any]:
        return next(one for one in self.status["conditions"] if one["type"] == kind)

    def told(self) -> tuple[str, str, str]:
        """Return Applied, Resolved and Regressed as status/reason."""
        found = (self.condition(kind) for kind in ("Applied", "Resolved", "Regressed"))
        applied, resolved, regressed = (f"{one['status']}/{one['reason']}" for one in found)
        return applied, resolved, regressed

    @property
    def recommended(self) -> str:
        return str(self.status["recommendation"]["memoryLimit"])


def runs(limit: int | None = 256 * MI, number: int = 1, **values: Any) -> PodFacts:
    uid = f"{number:08d}-0000-4000-8000-000000000000"
    return pod(running(instance=cid(number), limit=limit), uid=uid, name=f"web-{number}", **values)


def applied_story(at: float = 60) -> Story:
    """A kill at 256Mi, and then one pod with what was recommended."""
    story = Story()
    story.killed(at=0, pods=(runs(),))
    story.look(pods=(runs(FIRST, 2),), at=at)
    return story


def test_nothing_is_applied_while_the_pods_are_as_they_were():
    story = Story()
    story.killed(at=0, pods=(runs(),))
    assert story.recommended == "384Mi"
    assert story.told() == ("False/NotApplied", "False/NotApplied", "False/NotApplied")
    assert story.condition("Applied")["message"] == "pods have a memory limit of 256Mi; recommended is 384Mi"
    assert "applied" not in story.status
    assert is_followed(story.status)


def test_applied_then_quiet_then_resolved():
    story = applied_story()
    assert story.told() == ("True/Raised", "False/QuietWindow", "False/NotKilledAgain")
    assert story.status["applied"] == {
        "action": "RaiseLimit",
        "memoryLimit": "384Mi",
        "previousLimit": "256Mi",
        "time": "2026-11-20T20:22:07Z",
        "quietSeconds": 600,
    }
    assert is_awaited(story.status)
    decision = story.look(pods=(runs(FIRST, 2),), at=300)
    assert not decision.changed
    due = decision.look_again
    assert due == datetime.fromisoformat("2026-11-20T20:32:07Z")
    story.look(pods=(runs(FIRST, 2),), at=661)
    assert story.told() == ("True/Raised", "True/Quiet", "False/NotKilledAgain")
    assert not is_awaited(story.status)
    decision = story.look(pods=(runs(FIRST, 2),), at=86_400)
    assert not decision.changed
    assert decision.look_again is None


def test_a_higher_limit_and_none_at_all_are_enough_too():
    for limit, reason in ((600 * MI, "True/Raised"), (None, "True/LimitRemoved")):
        story = Story()
        story.killed(at=0, pods=(runs(),))
        story.look(pods=(runs(limit, 2),), at=60)
        assert story.told()[0] == reason


def test_a_limit_that_anybody_raised_in_place_is_not_what_the_manifest_has():
    story = Story()
    story.killed(at=0, pods=(runs(),))
    story.look(pods=(runs(FIRST, resized=frozenset({"api"})),), at=60)
    assert story.told()[:2] == ("True/ResizedInPlace", "False/ResizedInPlace")
    story.look(pods=(runs(FIRST, 2, resized=frozenset({"other"})),), at=120)
    assert story.told()[0] == "True/Raised"


def test_every_condition_says_in_words_why():
    story = applied_story()
    story.look(pods=(runs(FIRST, 2),), at=700)
    assert [one["type"] for one in story.status["conditions"] if not one["message"]] == []


def test_a_limit_raised_by_too_little_or_lowered_is_told_with_the_figures():
    for limit, reason in ((320 * MI, "RaisedTooLittle"), (128 * MI, "Lowered")):
        story = Story()
        story.killed(at=0, pods=(runs(),))
        story.look(pods=(runs(limit, 2),), at=60)
        condition = story.condition("Applied")
        assert (condition["status"], condition["reason"]) == ("False", reason)
        assert f"{limit // MI}Mi; recommended is 384Mi; it was 256Mi at the last kill" in condition["message"]


def test_a_rollout_is_not_over_while_old_pods_run():
    story = Story()
    story.killed(at=0, pods=(runs(),))
    old, new = runs(), runs(FIRST, 2)
    story.look(pods=(old, new), at=60)
    assert story.told()[0] == "False/RollingOut"
    assert story.condition("Applied")["message"] == "1 of 2 pods have a memory limit of 384Mi or more"
    story.look(pods=(replace(old, terminating=True), new), at=61)
    assert story.told()[0] == "True/Raised"


def test_a_new_pod_that_has_not_started_proves_nothing():
    waiting = pod(container(limit=FIRST), uid="2", name="web-2")
    story = Story()
    story.killed(at=0, pods=(runs(),))
    story.look(pods=(waiting,), at=60)
    assert story.told()[0] == "Unknown/NoPods"


def test_nothing_is_applied_before_all_pods_are_known():
    story = Story()
    story.killed(at=0, pods=())
    story.look(pods=(runs(FIRST, 2),), at=60, pods_listed=False)
    assert story.told()[0] == "Unknown/NoPods"
    story.look(pods=(runs(FIRST, 2),), at=61)
    assert story.told()[0] == "True/Raised"
    again = Story()
    again.look(record(), at=1, pods=(runs(FIRST, 2),), pods_listed=False)
    assert again.told()[0] == "Unknown/PodsNotListed"


def test_a_restart_changes_nothing_until_the_pods_are_listed_again():
    story = applied_story()
    for at in (100, 5000):
        decision = story.look(pods=(), at=at, pods_listed=False)
        assert not decision.changed
    story.look(pods=(runs(FIRST, 2),), at=5001)
    assert story.told() == ("True/Raised", "True/Quiet", "False/NotKilledAgain")


def test_killed_again_at_what_was_applied():
    story = applied_story()
    story.killed(at=120, limit=FIRST, pods=(runs(FIRST, 2),))
    assert story.told() == ("False/NotApplied", "False/NotApplied", "True/KilledAgain")
    assert "at a limit of 384Mi; applied was 384Mi" in story.condition("Regressed")["message"]
    assert story.recommended == "576Mi"
    # What was applied stays known beside what is recommended now.
    assert story.status["applied"]["memoryLimit"] == "384Mi"
    moved = story.condition("Regressed")["lastTransitionTime"]
    # The next kill at the same limit is no news; one by the node neither.
    story.killed(at=180, limit=FIRST, pods=(runs(FIRST, 2),))
    story.killed(at=190, limit=None, scope="Node", pods=(runs(FIRST, 2),))
    assert story.told()[2] == "True/KilledAgain"
    assert story.condition("Regressed")["lastTransitionTime"] == moved


def test_the_escalated_recommendation_applied_ends_the_regression_and_opens_a_new_window():
    story = applied_story()
    story.killed(at=120, limit=FIRST, pods=(runs(FIRST, 2),))
    story.look(pods=(runs(576 * MI, 3),), at=180)
    assert story.told() == ("True/Raised", "False/QuietWindow", "False/NotKilledAgain")
    assert story.status["applied"]["memoryLimit"] == "576Mi"
    story.look(pods=(runs(576 * MI, 3),), at=180 + 601)
    assert story.told()[1] == "True/Quiet"
    story.killed(at=900, limit=576 * MI, pods=(runs(576 * MI, 3),))
    assert story.told() == ("False/NotApplied", "False/NotApplied", "True/KilledAgain")


def test_a_resolved_report_regresses_too():
    story = applied_story()
    story.look(pods=(runs(FIRST, 2),), at=700)
    assert story.told()[1] == "True/Quiet"
    story.killed(at=800, limit=FIRST, pods=(runs(FIRST, 2),))
    assert story.told() == ("False/NotApplied", "False/NotApplied", "True/KilledAgain")


def test_a_kill_of_an_old_pod_is_no_regression_however_late_it_is_heard_of():
    story = applied_story()
    # The kernel says which limit fired; its record comes after the rollout, by a clock that is ahead.
    story.killed(at=61, limit=256 * MI, pods=(runs(FIRST, 2),))
    assert story.told() == ("True/Raised", "False/QuietWindow", "False/NotKilledAgain")
    assert story.recommended == "384Mi"
    assert story.status["applied"]["time"] == "2026-11-20T20:22:07Z"


def test_an_old_pods_kill_after_a_regression_lowers_nothing():
    story = applied_story()
    story.killed(at=120, limit=FIRST, pods=(runs(FIRST, 2),))
    story.killed(at=121, limit=256 * MI, pods=(runs(FIRST, 2),))
    assert story.told() == ("False/RaisedTooLittle", "False/NotApplied", "True/KilledAgain")
    assert "384Mi x 1.5" in story.status["recommendation"]["basis"]
    assert story.recommended == "576Mi"


def test_a_kill_at_the_recommended_limit_proves_that_it_was_applied():
    # No look saw the pod: the controller was down, or the kill came within moments of the start.
    story = Story()
    story.killed(at=0, pods=(runs(),))
    story.killed(at=60, limit=FIRST, pods=())
    assert story.told()[2] == "True/KilledAgain"
    assert story.status["applied"]["memoryLimit"] == "384Mi"
    assert story.status["applied"]["time"] == "2026-11-20T20:22:07Z"
    story.look(pods=(runs(576 * MI, 2),), at=120)
    assert story.told() == ("True/Raised", "False/QuietWindow", "False/NotKilledAgain")


def test_a_kill_by_something_else_is_no_regression_but_no_quiet_either():
    story = applied_story()
    # The kernel printed the last line only: nobody knows whose limit it was.
    story.killed(at=300, limit=None, scope="Unknown", pods=(runs(FIRST, 2),))
    assert story.told() == ("True/Raised", "False/QuietWindow", "False/NotKilledAgain")
    story.look(pods=(runs(FIRST, 2),), at=661)
    assert story.told()[1] == "False/QuietWindow"
    story.look(pods=(runs(FIRST, 2),), at=300 + 60 * 20)
    assert story.told()[1] == "True/Quiet"


def test_a_limit_taken_back_is_told_as_that():
    story = applied_story()
    story.look(pods=(runs(256 * MI, 3),), at=120)
    assert story.told() == ("False/Reverted", "False/NotApplied", "False/NotKilledAgain")
    story.look(pods=(runs(256 * MI, 3),), at=180)
    assert story.told()[0] == "False/Reverted"
    # And applied again: its window begins anew.
    story.look(pods=(runs(FIRST, 4),), at=240)
    assert story.told() == ("True/Raised", "False/QuietWindow", "False/NotKilledAgain")
    assert story.status["applied"]["time"] == "2026-11-20T20:25:07Z"


def test_pods_that_all_vanish_take_nothing_back_and_prove_nothing():
    story = applied_story()
    story.look(pods=(), at=120)
    assert story.told() == ("True/Raised", "False/QuietWindow", "False/NotKilledAgain")
    story.look(pods=(), at=700)
    assert story.told() == ("True/Raised", "Unknown/NoPods", "False/NotKilledAgain")
    story.look(pods=(runs(FIRST, 5),), at=800)
    assert story.told()[1] == "True/Quiet"
    story.look(pods=(), at=900)
    assert story.told()[1] == "True/Quiet"


def test_a_job_that_runs_now_and_then_is_told_by_its_last_pod():
    old = pod(ended(), uid="1", name="job-1", finished=True, created=after(-60))
    new = replace(runs(FIRST, 2), finished=True, created=after(60))
    assert telling((old, new), "api") == (new,)
    assert telling((old, new, runs(number=3)), "api")[0].name == "web-3"
    story = Story()
    story.killed(at=0, pods=(old,))
    assert story.told()[0] == "False/NotApplied"
    story.look(pods=(old, new), at=90)
    assert story.told()[0] == "True/Raised"


def test_another_containers_limit_does_not_count():
    both = pod(running(limit=256 * MI), running("sidecar", instance=cid(9), limit=900 * MI), name="web-2", uid="2")
    story = Story()
    story.killed(at=0, pods=(both,))
    assert story.told()[0] == "False/NotApplied"


def test_the_pods_limit_where_that_is_what_is_recommended():
    story = Story()
    kill = record(scope="Pod", limit=512 * MI)
    two = (running(limit=None), running("sidecar", instance=cid(9), limit=None))
    story.look(kill, pods=(pod(*two, memory_limit=512 * MI),), at=1)
    assert story.status["recommendation"]["action"] == "RaisePodLimit"
    wanted = story.recommended
    assert story.told()[0] == "False/NotApplied"
    story.look(pods=(pod(*two, uid="2", name="web-2", memory_limit=2048 * MI),), at=60)
    assert story.told()[0] == "True/Raised"
    assert story.status["applied"]["memoryLimit"] == wanted


def test_a_request_where_the_node_was_full():
    story = Story()
    small = pod(running(limit=512 * MI, memory_request=64 * MI))
    story.look(record(scope="Node", limit=None), pods=(small,), at=1)
    assert story.status["recommendation"]["action"] == "RaiseRequest"
    assert story.told()[0] == "False/NotApplied"
    large = pod(running(limit=512 * MI, memory_request=400 * MI), uid="2", name="web-2")
    story.look(pods=(large,), at=60)
    assert story.told()[0] == "True/Raised"
    assert story.status["applied"]["memoryRequest"] == story.status["recommendation"]["memoryRequest"]
    story.killed(at=120, limit=None, scope="Node", pods=(large,))
    assert story.told()[2] == "True/KilledAgain"


def test_what_no_value_in_a_pod_shows_is_unknown():
    story = Story()
    story.look(record(scope="Node", limit=None), at=1)
    assert story.status["recommendation"]["action"] == "ReviewNode"
    assert story.told() == ("Unknown/NotVisible", "Unknown/NotApplied", "False/NotApplied")
    assert not is_followed(story.status)


def test_kills_far_apart_ask_for_a_longer_window_that_ends_before_the_report_does():
    story = Story()
    story.killed(at=0, pods=(runs(),))
    story.killed(at=3600, pods=(runs(),))
    story.look(pods=(runs(FIRST, 2),), at=3700)
    assert story.status["applied"]["quietSeconds"] == 3 * 3600
    rare = Story()
    rare.killed(at=0, pods=(runs(),))
    rare.killed(at=5 * 86400, pods=(runs(),))
    rare.look(pods=(runs(FIRST, 2),), at=5 * 86400 + 60)
    assert rare.status["applied"]["quietSeconds"] == 0.9 * 7 * 86400


def test_another_policy_moves_the_end_of_a_window_that_is_open_and_of_no_other():
    story = applied_story()
    short = replace(QUICK, resolve_after=timedelta(seconds=30))
    found = evidence(pods=(runs(FIRST, 2),), seconds=91, pods_listed=True, status=story.status)
    story.status = decide(found, short).status
    assert story.told()[1] == "True/Quiet"
    decision = story.look(pods=(runs(FIRST, 2),), at=92)
    assert not decision.changed


def test_who_keeps_the_manifest_is_shown_and_kept_while_nobody_can_be_asked():
    story = Story()
    kept = {"tool": "Flux", "kind": "Kustomization", "name": "apps", "namespace": "flux-system"}
    story.look(record(), at=1, pods=(runs(),), managed_by=kept)
    assert story.status["managedBy"] == kept
    assert not story.look(at=2, pods=(runs(),), managed_by=None).changed
    story.look(at=3, pods=(runs(),), managed_by={})
    assert "managedBy" not in story.status


def test_a_resize_in_place_resolves_nothing_until_a_pod_was_made_with_the_limit():
    story = Story()
    story.killed(at=0, pods=(runs(),))
    what = "memory limit of container api in pod web-1"
    story.status = {**story.status, "changes": [{"time": rfc3339(after(30)), "hook": "shop/raise", "what": what}]}
    changes = story.status["changes"]
    story.look(pods=(runs(FIRST, created=after(-600)),), at=60)
    assert story.told()[:2] == ("True/ResizedInPlace", "False/ResizedInPlace")
    assert "pod web-1 was resized in place" in story.condition("Applied")["message"]
    story.status = {**story.status, "changes": changes}
    story.look(pods=(runs(FIRST, created=after(-600)),), at=3600)
    assert story.told()[1] == "False/ResizedInPlace"
    story.status = {**story.status, "changes": changes}
    story.look(pods=(runs(FIRST, 2, created=after(3650)),), at=3700)
    assert story.told()[0] == "True/Raised"
