from typing import Any

import pytest

from oomreport.incident.report.decision import decide
from oomreport.incident.witness.evidence import Patience
from oomreport.times import rfc3339, rfc3339_seconds
from oomreport.workload.quantity import MI
from support.evidence import after, cid, ended, evidence, pod, record, running


def test_a_kill_of_which_only_the_last_line_was_printed_leaves_the_advice_as_it_is() -> None:
    pods = (pod(running(instance=cid(1))),)
    first = decide(evidence(record("one", seconds=0), pods=pods, seconds=0.2), Patience())
    anonymous = record("two", seconds=2, limit=None, oomMemcg=None, taskMemcg=None, scope="Unknown", constraint=None)
    second = decide(evidence(anonymous, pods=pods, seconds=2.2, status=first.status), Patience())

    assert first.status["recommendation"]["action"] == "RaiseLimit"
    assert second.status["kills"] == 2
    assert second.status["lastKill"]["cause"] == "Unknown"
    assert second.status["recommendation"] == first.status["recommendation"]


def test_a_container_killed_as_a_group_did_not_live_on_though_status_is_slow_to_say_so() -> None:
    pods = (pod(running(instance=cid(1))),)
    first = decide(evidence(record("one", groupKill=True), pods=pods, seconds=0.2), Patience())
    later = decide(evidence(pods=pods, seconds=20, status=first.status), Patience())
    assert first.status["lastKill"]["silent"] is False
    assert first.settled == {"one": False}
    assert later.status["lastKill"]["silent"] is False


def test_a_group_nested_in_a_container_leaves_it_running() -> None:
    pods = (pod(running(instance=cid(1))),)
    nested = record("one", groupKill=True, taskMemcg=f"/kubepods/burstable/podu/{cid(1)}/worker")
    assert decide(evidence(nested, pods=pods, seconds=20), Patience()).status["lastKill"]["silent"] is True


def usage(*, seconds: float, from_start: bool) -> dict[str, Any]:
    """Return a rise that was watched for so many seconds before the kill."""
    sizes = [240 * MI * (number + 1) // 20 for number in range(20)]
    way = {"startTime": rfc3339(after(-seconds)), "intervalSeconds": seconds / 20, "bytes": sizes}
    return {**way, "fromStart": from_start}


def test_a_silent_kill_has_the_uptime_that_pod_status_tells_though_the_agent_is_younger() -> None:
    runs = running(instance=cid(1), running_since=after(-7200))
    kill = record("one", usage=usage(seconds=100, from_start=False))
    status = decide(evidence(kill, pods=(pod(runs),), seconds=20), Patience()).status
    assert status["lastKill"]["silent"] is True
    assert status["lastKill"]["startedAt"] == rfc3339_seconds(after(-7200))
    assert status["recentKills"][0]["uptimeSeconds"] == 7200
    assert "StartupPeak" not in {finding["rule"] for finding in status["findings"]}


def test_an_agent_younger_than_the_container_does_not_tell_an_uptime_where_pod_status_does_not() -> None:
    kill = record("one", usage=usage(seconds=100, from_start=False))
    status = decide(evidence(kill, seconds=20), Patience()).status
    assert "startedAt" not in status["lastKill"]
    assert "uptimeSeconds" not in status["recentKills"][0]
    assert "StartupPeak" not in {finding["rule"] for finding in status["findings"]}
    seen = record("one", usage=usage(seconds=100, from_start=True))
    status = decide(evidence(seen, seconds=20), Patience()).status
    assert status["recentKills"][0] | {"shape": "Startup", "uptimeSeconds": 100} == status["recentKills"][0]


def test_what_pod_status_tells_of_the_start_later_mends_the_kill_in_short() -> None:
    kill = record("one", usage=usage(seconds=100, from_start=True))
    first = decide(evidence(kill, pods=(pod(running(instance=cid(2))),)), Patience())
    assert first.status["recentKills"][0]["uptimeSeconds"] == 100
    pods = (pod(ended(instance=cid(1))),)
    second = decide(evidence(pods=pods, seconds=2, status=first.status), Patience())
    third = decide(evidence(pods=pods, seconds=3, status=second.status), Patience())
    # The instance ran for nine minutes, as the builder has it.
    assert second.status["recentKills"][0]["uptimeSeconds"] == pytest.approx(540, abs=2)
    assert second.status["lastKill"]["startedAt"] == second.status["lastKill"]["termination"]["startedAt"]
    assert second.changed
    assert third.status["recentKills"] == second.status["recentKills"]
    assert third.status["lastKill"] == second.status["lastKill"]


def test_the_time_of_the_last_silent_kill_stays_when_a_kill_follows_that_ended_its_container() -> None:
    pods = (pod(running(instance=cid(1))),)
    first = decide(evidence(record("one", seconds=0), pods=pods, seconds=0.2), Patience()).status
    silent = decide(evidence(pods=pods, seconds=20, status=first), Patience()).status
    whole = record("two", seconds=30, groupKill=True)
    last = decide(evidence(whole, pods=pods, seconds=30.2, status=silent), Patience()).status
    assert "lastSilentKillTime" not in first
    assert silent["lastSilentKillTime"] == silent["lastKillTime"]
    assert last["lastKillTime"] > last["lastSilentKillTime"] == silent["lastKillTime"]
