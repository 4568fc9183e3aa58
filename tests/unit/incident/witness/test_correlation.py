"""Four verdicts, late witnesses, several kills in one instance."""

from dataclasses import replace
from typing import Any

import pytest

from oomreport.incident.report.decision import Decision, RecordOutcome, decide
from oomreport.incident.witness.correlation import correlate
from oomreport.incident.witness.evidence import Evidence, RecordFacts
from oomreport.times import rfc3339
from support.evidence import (
    PATIENCE,
    T0,
    after,
    cid,
    container,
    ended,
    evidence,
    pod,
    record,
    running,
    termination,
)


def verdicts(status: dict[str, Any]) -> dict[str, str]:
    return {entry["id"]: entry["verdict"] for entry in status["counted"]}


def then(before: Decision, now: Evidence) -> Decision:
    return decide(replace(now, status=before.status), PATIENCE)


def test_a_record_is_reported_at_once_without_waiting_for_status():
    decision = decide(evidence(record(), pods=(pod(running()),)), PATIENCE)
    last = decision.status["lastKill"]
    assert decision.status["kills"] == 1
    assert (last["verdict"], last["cause"], last["silent"]) == ("KernelOnly", "ContainerLimit", False)
    assert decision.used == {"worker-1-9f1c2b7a-35435120": RecordOutcome.COUNTED}
    assert decision.look_again == after(15)


@pytest.mark.parametrize(
    ("reason", "code", "seconds", "verdict"),
    [
        ("OOMKilled", 137, 1, "Confirmed"),
        ("Error", 137, 1, "Confirmed"),
        ("Error", 137, 3600, "KernelOnly"),
        ("Error", 1, 1, "KernelOnly"),
        ("Completed", 0, 1, "KernelOnly"),
        ("OOMKilled", 0, 3600, "Confirmed"),
    ],
)
def test_the_end_of_the_same_instance_confirms(reason: str, code: int, seconds: float, verdict: str):
    first = decide(evidence(record(), pods=(pod(running()),)), PATIENCE)
    end = ended(reason=reason, code=code, seconds=seconds)
    decision = then(first, evidence(pods=(pod(end),), seconds=seconds + 1))
    assert decision.status["lastKill"]["verdict"] == verdict
    assert decision.status["kills"] == 1
    assert decision.status["lastKill"]["termination"]["exitCode"] == code


def test_the_end_of_another_instance_confirms_nothing():
    decision = decide(evidence(record(), pods=(pod(ended(instance=cid(2))),)), PATIENCE)
    assert verdicts(decision.status) == {"worker-1-9f1c2b7a-35435120": "KernelOnly"}


def test_a_container_that_still_runs_makes_the_kill_silent_once_it_had_time_to_die():
    first = decide(evidence(record(), pods=(pod(running()),)), PATIENCE)
    early = then(first, evidence(pods=(pod(running()),), seconds=14))
    late = then(early, evidence(pods=(pod(running()),), seconds=15.1))
    assert not early.changed
    assert late.changed
    assert late.status["lastKill"]["silent"] is True
    assert late.settled == {"worker-1-9f1c2b7a-35435120": True}
    assert late.look_again is None


def test_a_silent_kill_stays_silent_when_its_pod_is_forgotten():
    first = decide(evidence(record(), pods=(pod(running()),), seconds=16), PATIENCE)
    decision = then(first, evidence(seconds=900))
    assert not decision.changed
    assert decision.status["lastKill"]["silent"] is True


def test_a_marked_child_confirms_the_silent_kill_when_the_container_ends_well():
    first = decide(evidence(record(), pods=(pod(running()),), seconds=6), PATIENCE)
    decision = then(first, evidence(pods=(pod(ended(reason="OOMKilled", code=0, seconds=7200)),), seconds=7201))
    last = decision.status["lastKill"]
    assert (last["verdict"], last["silent"], decision.status["kills"]) == ("Confirmed", True, 1)


def test_a_process_that_takes_long_to_die_is_not_silent():
    first = decide(evidence(record(), pods=(pod(running()),), seconds=6), PATIENCE)
    decision = then(first, evidence(pods=(pod(ended(seconds=20)),), seconds=21))
    assert decision.status["lastKill"]["silent"] is False


def test_a_termination_without_record_waits_then_counts_by_status_alone():
    dead = pod(ended(seconds=0))
    waiting = correlate(evidence(pods=(dead,), seconds=10), PATIENCE)
    decision = decide(evidence(pods=(dead,), seconds=16), PATIENCE)
    assert waiting.ledger == ()
    assert waiting.look_again == after(15).replace(microsecond=0)
    assert verdicts(decision.status) == {f"container-{cid(1)}": "StatusOnly"}
    assert (decision.status["kills"], decision.status["lastKill"]["cause"]) == (1, "Unknown")
    assert decision.status["recommendation"]["action"] == "None"


def test_the_wait_starts_when_the_termination_is_first_seen():
    seen = evidence(pods=(pod(ended(seconds=0)),), seconds=100, first_seen={cid(1): after(95)})
    assert correlate(seen, PATIENCE).look_again == after(110)


def test_a_healthy_agent_contradicts_and_nothing_is_counted():
    seen = evidence(pods=(pod(ended()),), seconds=20, healthy_since={"worker-1": after(-60)})
    decision = decide(seen, PATIENCE)
    assert decision.status["kills"] == 0
    assert decision.status["lastKill"]["verdict"] == "Contradicted"
    assert [finding["rule"] for finding in decision.status["findings"]] == ["StatusContradicted"]


@pytest.mark.parametrize(
    ("healthy", "runtime_class"),
    [({"worker-1": after(5)}, None), ({"worker-2": after(-60)}, None), ({"worker-1": after(-60)}, "gvisor")],
    ids=["agent came later", "agent of another node", "guest kernel"],
)
def test_an_agent_that_could_not_see_the_kill_does_not_contradict(healthy: dict[str, Any], runtime_class: str | None):
    dead = pod(ended(), runtime_class=runtime_class)
    decision = decide(evidence(pods=(dead,), seconds=20, healthy_since=healthy), PATIENCE)
    assert decision.status["lastKill"]["verdict"] == "StatusOnly"
    assert decision.status["kills"] == 1


@pytest.mark.parametrize("healthy", [{}, {"worker-1": after(-60)}], ids=["StatusOnly", "Contradicted"])
def test_a_late_record_joins_the_kill_that_status_told_of(healthy: dict[str, Any]):
    dead = pod(ended())
    first = decide(evidence(pods=(dead,), seconds=20, healthy_since=healthy), PATIENCE)
    decision = then(first, evidence(record(), pods=(dead,), seconds=300, healthy_since=healthy))
    assert decision.status["kills"] == 1
    assert verdicts(decision.status) == {"worker-1-9f1c2b7a-35435120": "Confirmed"}
    assert decision.used == {"worker-1-9f1c2b7a-35435120": RecordOutcome.JOINED}
    assert decision.status["lastKill"]["victim"]["comm"] == "node"
    assert [kill["id"] for kill in decision.status["recentKills"]] == ["worker-1-9f1c2b7a-35435120"]
    rules = {finding["rule"] for finding in decision.status["findings"]}
    assert rules.isdisjoint({"StatusOnly", "StatusContradicted"})


def test_each_kill_of_one_instance_counts_and_its_end_belongs_to_the_last():
    one, two, three = record("a", seconds=0), record("b", seconds=60), record("c", seconds=120)
    decision = decide(evidence(three, one, two, pods=(pod(ended(seconds=121)),), seconds=122), PATIENCE)
    assert decision.status["kills"] == 3
    assert verdicts(decision.status) == {"a": "KernelOnly", "b": "KernelOnly", "c": "Confirmed"}
    assert decision.settled == {"a": True, "b": True, "c": False}


def test_a_later_record_of_the_instance_takes_over_its_end():
    dead = pod(ended(seconds=61))
    first = decide(evidence(record("a", seconds=0), pods=(dead,), seconds=62), PATIENCE)
    second = then(first, evidence(record("b", seconds=60), pods=(dead,), seconds=63))
    assert verdicts(first.status) == {"a": "Confirmed"}
    assert verdicts(second.status) == {"a": "KernelOnly", "b": "Confirmed"}
    assert second.status["kills"] == 2


def test_a_group_of_victims_is_one_kill():
    group = record(victims=[{"pid": 1, "comm": "a"}, {"pid": 2, "comm": "b"}], groupKill=True)
    decision = decide(evidence(group), PATIENCE)
    assert (decision.status["kills"], decision.status["lastKill"]["victims"]) == (1, 2)


@pytest.mark.parametrize(
    ("spec", "outcome"),
    [
        ({"victims": [], "noVictim": True}, RecordOutcome.NO_KILL),
        ({"victims": []}, RecordOutcome.NO_KILL),
        ({"victims": [], "missing": ["KillLine"]}, RecordOutcome.COUNTED),
        ({"victims": [], "source": "CgroupCounter"}, RecordOutcome.COUNTED),
    ],
    ids=["nothing killable", "nothing said", "line lost", "counter moved"],
)
def test_only_what_killed_is_a_kill(spec: dict[str, Any], outcome: RecordOutcome):
    decision = decide(evidence(record(**spec)), PATIENCE)
    assert list(decision.used.values()) == [outcome]
    assert decision.changed is (outcome is RecordOutcome.COUNTED)


def test_a_record_that_is_in_the_ledger_is_only_marked():
    first = decide(evidence(record()), PATIENCE)
    again = then(first, evidence(record()))
    assert not again.changed
    assert list(again.used) == ["worker-1-9f1c2b7a-35435120"]


def test_a_termination_is_history_when_its_report_would_have_been_deleted():
    old = evidence(pods=(pod(ended()),), seconds=8 * 86400)
    assert correlate(old, PATIENCE).ledger == ()


def test_a_container_whose_record_was_used_elsewhere_is_not_counted_by_its_end():
    seen = evidence(pods=(pod(ended()),), seconds=60, recorded=frozenset({cid(1)}))
    assert correlate(seen, PATIENCE).ledger == ()


def test_an_entry_that_nobody_can_bring_up_again_leaves_the_ledger():
    first = decide(evidence(record("a"), record("b", seconds=1)), PATIENCE)
    decision = then(first, evidence(forgettable=frozenset({"a"})))
    assert list(verdicts(decision.status)) == ["b"]
    assert decision.status["kills"] == 2


def test_a_thousand_kills_stay_a_small_report_and_are_counted_once():
    records = [record(f"r{n:04}", seconds=n, container=cid(n)) for n in range(1000)]
    status: dict[str, Any] = {}
    left = records
    rounds = 0
    while left:
        decision = decide(evidence(*left, status=status, seconds=2000), PATIENCE)
        status = decision.status
        left = [one for one in left if one.name not in decision.used]
        rounds += 1
    assert status["kills"] == 1000
    assert rounds == 2
    assert len(status["counted"]) == 512
    assert len(status["recentKills"]) == 10
    assert status["settledBefore"] == rfc3339(after(487))
    ends = pod(container(terminations=(termination(cid(3), seconds=3),)))
    again = decide(evidence(pods=(ends,), status=status, seconds=2000), PATIENCE)
    assert again.status["kills"] == 1000


def test_records_that_are_not_marked_yet_keep_their_place():
    records = [record(f"r{n:04}", seconds=n, container=cid(n)) for n in range(600)]
    first = decide(evidence(*records, seconds=700), PATIENCE)
    stuck = then(first, evidence(*records, seconds=700))
    assert len(first.used) == len(stuck.used) == 512
    assert stuck.status["kills"] == 512
    assert stuck.look_again == after(700)


def test_the_last_kill_is_the_latest_whatever_arrives_last():
    first = decide(evidence(record("b", seconds=60, comm="late"), seconds=61), PATIENCE)
    decision = then(first, evidence(record("a", seconds=0, comm="early"), seconds=62))
    assert decision.status["lastKill"]["victim"]["comm"] == "late"
    assert decision.status["firstKillTime"].startswith(T0.strftime("%Y-%m-%dT%H:%M:%S"))
    assert [kill["id"] for kill in decision.status["recentKills"]] == ["b", "a"]


def matched(name: str, instance: str = cid(1), **values: Any) -> RecordFacts:
    """An anonymous record that was matched with the end of a container."""
    return record(name, uid=None, status={"containerID": instance}, **values)


def test_a_matched_record_counts_as_that_of_the_container():
    decision = decide(evidence(matched("u"), pods=(pod(ended()),), seconds=2), PATIENCE)
    assert verdicts(decision.status) == {"u": "Confirmed"}
    assert decision.status["kills"] == 1


def test_a_matched_record_joins_what_status_told_of():
    first = decide(evidence(pods=(pod(ended()),), seconds=20), PATIENCE)
    decision = then(first, evidence(matched("u"), pods=(pod(ended()),), seconds=21))
    assert (decision.status["kills"], decision.used) == (1, {"u": RecordOutcome.JOINED})


@pytest.mark.parametrize("other", [record("r", seconds=1), matched("v", seconds=1)], ids=["its own", "matched too"])
def test_a_match_with_a_container_of_which_another_record_speaks_is_taken_back(other: RecordFacts):
    first = decide(evidence(other, pods=(pod(ended()),), seconds=2), PATIENCE)
    decision = then(first, evidence(matched("u"), pods=(pod(ended()),), seconds=3))
    assert not decision.changed
    assert (decision.used, decision.mismatched) == ({}, ("u",))
    at_once = decide(evidence(matched("u"), record("r", seconds=1), pods=(pod(ended()),), seconds=3), PATIENCE)
    assert (list(verdicts(at_once.status)), at_once.mismatched) == (["r"], ("u",))
