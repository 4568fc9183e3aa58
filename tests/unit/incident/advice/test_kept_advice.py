"""When advice is made, kept and made anew, and what it says of itself."""

from dataclasses import replace
from typing import Any

import pytest

from oomreport.incident.report.decision import decide
from oomreport.incident.witness.policy import DEFAULT, Policy, RequestRule
from oomreport.incident.witness.surroundings import UNBOUNDED, Surroundings, Unknown
from oomreport.workload.pod import ContainerFacts, PodFacts, Termination
from oomreport.workload.quantity import GI, MI
from support.evidence import PATIENCE, UID, cid, container, evidence, pod, record, termination

METRICS_MISSING = Surroundings(unknown=frozenset({Unknown.METRICS}))


def dead(limit: int = 256 * MI, request: int = 128 * MI) -> ContainerFacts:
    end: Termination = termination()
    return container(limit=limit, memory_request=request, terminations=(end,), attempt=0)


def first(around: Surroundings = UNBOUNDED, *, facts: PodFacts | None = None, **values: Any) -> dict[str, Any]:
    """Return the status after the first kill."""
    whole = facts or pod(dead(), uid=UID)
    return decide(evidence(record(**values), pods=(whole,), surroundings=around), PATIENCE).status


def later(status: dict[str, Any], around: Surroundings = UNBOUNDED, *, gone: bool = False) -> dict[str, Any]:
    """Return the advice at a later look without a new kill; `gone` where the pod is not there any more."""
    pods = () if gone else (pod(dead(), uid=UID),)
    found = decide(evidence(pods=pods, status=status, surroundings=around, seconds=60), PATIENCE)
    advice: dict[str, Any] = found.status["recommendation"]
    return advice


def test_what_is_the_default_is_not_written_down():
    assert DEFAULT.as_json() == {}
    assert Policy(maximum=4 * GI, most_raises=3, request=RequestRule.EQUAL_LIMIT, enabled=False).as_json() == {
        "maxMemory": "4Gi",
        "maxRaises": 3,
        "request": "EqualLimit",
        "enabled": False,
    }


def test_a_look_without_anything_new_changes_nothing():
    status = first()
    assert later(status) == status["recommendation"]
    assert later(status, gone=True) == status["recommendation"]
    assert "policy" not in status["recommendation"]


def unnamed(facts: PodFacts | None, **values: Any) -> dict[str, Any]:
    """Return the advice of a report that counts kills of containers that nobody could name."""
    pods = (facts,) if facts else ()
    found = decide(replace(evidence(record(**values), pods=pods), container="unknown"), PATIENCE)
    advice: dict[str, Any] = found.status["recommendation"]
    return advice


def test_no_container_gets_a_number_where_none_could_be_named():
    nobody = unnamed(None)
    assert (nobody["action"], nobody["previousLimit"]) == ("None", "256Mi")
    assert "memoryLimit" not in nobody
    assert nobody["basis"].startswith("a limit of 256Mi fired, but which container it was is not known")
    own = {"oomMemcg": f"/kubepods/burstable/pod{UID}", "scope": "Pod"}
    assert unnamed(None, **own)["action"] == "None"
    assert unnamed(pod(dead(), uid=UID, memory_limit=256 * MI), **own)["action"] == "RaisePodLimit"


def test_other_rules_make_it_anew_and_the_old_ones_bring_it_back():
    status = first()
    bounded = later(status, Surroundings(policy=Policy(maximum=272 * MI)))
    assert (bounded["memoryLimit"], bounded["policy"]) == ("272Mi", {"maxMemory": "272Mi"})
    assert later({**status, "recommendation": bounded}) == status["recommendation"]


def test_rules_that_cannot_be_read_take_nothing_back():
    status = first(Surroundings(policy=Policy(maximum=272 * MI)))
    assert later(status, Surroundings(unknown=frozenset({Unknown.POLICIES}))) == status["recommendation"]


def test_an_answer_that_comes_later_makes_it_anew_while_the_pod_is_there():
    status = first(METRICS_MISSING)
    advice = status["recommendation"]
    assert advice["unknown"] == ["Metrics"]
    assert advice["basis"].endswith(" Not known: the peak that the metrics source knows.")
    answered = Surroundings(peak=700 * MI)
    assert later(status, METRICS_MISSING) == advice
    assert later(status, answered, gone=True) == advice
    assert later(status, answered)["memoryLimit"] == "768Mi"


def test_an_answer_that_is_lost_later_changes_nothing():
    status = first(Surroundings(peak=700 * MI))
    assert later(status, METRICS_MISSING) == status["recommendation"]


def test_what_bears_on_no_number_is_not_complained_about():
    nothing = first(Surroundings(policy=Policy(enabled=False), unknown=frozenset(Unknown)))["recommendation"]
    assert nothing["unknown"] == ["OOMPolicies"]
    raised = first(Surroundings(unknown=frozenset(Unknown)))["recommendation"]
    assert raised["unknown"] == [one.value for one in Unknown]


def test_a_basis_that_is_full_still_says_what_is_not_known():
    long = Surroundings(unknown=frozenset(Unknown), node_allocatable=300 * MI, peak=700 * MI, peak_source="m" * 2000)
    advice = first(long)["recommendation"]
    assert len(advice["basis"]) <= 1024
    assert advice["basis"].endswith("the peak that the metrics source knows.")
    assert max(len(one["source"]) for one in advice["inputs"]) == 256


def test_the_advice_on_a_volume_outlives_its_pod_and_new_rules():
    stat = {"shmem": 250 * MI, "anon": 2 * MI}
    status = first(stat=stat)
    advice = later(status, Surroundings(policy=Policy(maximum=GI)), gone=True)
    assert advice["action"] == "LimitTmpfs"
    assert advice["basis"] == status["recommendation"]["basis"]
    assert advice["policy"] == {"maxMemory": "1Gi"}


def test_a_kill_of_which_only_the_last_line_was_printed_keeps_its_advice_unless_it_is_turned_off():
    status = first()
    kill = {**status["lastKill"], "cause": "Unknown"}
    del kill["memory"]
    mute = {**status, "lastKill": kill}
    assert later(mute, Surroundings(policy=Policy(maximum=272 * MI))) == status["recommendation"]
    off = later(mute, Surroundings(policy=Policy(enabled=False)))
    assert off["action"] == "None"
    # What it was is not kept; the next kill that says more brings advice back.
    assert "no kernel record says" in later({**mute, "recommendation": off})["basis"]


@pytest.mark.parametrize(
    ("left", "request_", "words"),
    [
        (1 * GI, "192Mi", "keeps that share"),
        (32 * MI, "160Mi", "cut to what the namespace's quota of requests leaves (160Mi)"),
        (0, None, "The request stays"),
    ],
)
def test_a_quota_of_requests_bounds_the_request_and_not_the_limit(left: int, request_: str | None, words: str):
    advice = first(Surroundings(quota_requests=left))["recommendation"]
    assert advice["memoryLimit"] == "384Mi"
    assert advice.get("memoryRequest") == request_
    assert words in advice["basis"]


def test_where_only_a_request_is_to_be_raised_and_none_is_left_nothing_is_advised():
    facts = pod(container(limit=None, memory_request=64 * MI, terminations=(termination(),), attempt=0), uid=UID)
    values: dict[str, Any] = {"scope": "Node", "constraint": "CONSTRAINT_NONE", "oomMemcg": None, "limit": None}
    raised = first(facts=facts, **values)["recommendation"]
    assert raised["action"] == "RaiseRequest"
    nothing = first(Surroundings(quota_requests=0), facts=facts, **values)["recommendation"]
    assert (nothing["action"], nothing.get("memoryRequest")) == ("None", None)
    assert "allows no more than the request already has" in nothing["basis"]


def test_the_pods_largest_sum_leaves_a_container_what_its_neighbours_do_not_take():
    around = Surroundings(limit_range_pod=416 * MI)
    neighbour = container("proxy", limit=128 * MI)
    both = first(around, facts=pod(dead(), neighbour, uid=UID))["recommendation"]
    assert both["memoryLimit"] == "288Mi"
    own = first(around, facts=pod(dead(), neighbour, uid=UID, memory_limit=GI))["recommendation"]
    assert own["memoryLimit"] == "384Mi"


def test_the_limit_range_for_containers_does_not_bound_a_pod():
    values = {"scope": "Pod", "oomMemcg": f"/kubepods/burstable/pod{UID}", "container": cid(1)}
    facts = pod(dead(128 * MI), container("other", limit=128 * MI), uid=UID, memory_limit=256 * MI)
    around = Surroundings(limit_range_max=256 * MI, limit_range_pod=320 * MI)
    advice = first(around, facts=facts, **values)["recommendation"]
    assert (advice["action"], advice["memoryLimit"]) == ("RaisePodLimit", "320Mi")
    assert "LimitRange for pods (320Mi)" in advice["basis"]


def test_a_limit_range_asks_for_a_least_limit():
    advice = first(Surroundings(limit_range_min=GI))["recommendation"]
    assert advice["memoryLimit"] == "1Gi"
    assert "the least that the namespace allows" in advice["basis"]


def test_other_bounds_of_the_namespace_make_it_anew_while_the_pod_is_there():
    full = Surroundings(quota_left=0, bounds="aaaaaaaaaa")
    status = first(full)
    assert (status["recommendation"]["action"], status["recommendation"]["boundsHash"]) == ("None", "aaaaaaaaaa")
    # What is left changes with every pod, and is no reason.
    assert later(status, Surroundings(quota_left=4 * GI, bounds="aaaaaaaaaa")) == status["recommendation"]
    wider = Surroundings(quota_left=4 * GI, bounds="bbbbbbbbbb")
    assert later(status, wider)["memoryLimit"] == "384Mi"
    assert later(status, wider)["boundsHash"] == "bbbbbbbbbb"
    assert later(status, wider, gone=True) == status["recommendation"]
    assert "boundsHash" not in later(status, Surroundings(bounds=""))
    assert later(status, Surroundings(quota_left=4 * GI, bounds=None)) == status["recommendation"]


def test_advice_that_has_been_applied_is_not_looked_at_again_for_other_bounds():
    status = first(Surroundings(bounds="aaaaaaaaaa"))
    conditions = [{**one, "status": "True"} if one["type"] == "Applied" else one for one in status["conditions"]]
    applied = {**status, "conditions": [*conditions, {"type": "Applied", "status": "True"}]}
    # The quota holds what was applied by now.
    assert later(applied, Surroundings(quota_left=0, bounds="bbbbbbbbbb"))["memoryLimit"] == "384Mi"
    assert later(status, Surroundings(quota_left=0, bounds="bbbbbbbbbb"))["action"] == "None"
