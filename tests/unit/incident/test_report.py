from oomreport.incident.evidence import Patience
from oomreport.incident.report import decide
from unit.incident.builders import cid, evidence, pod, record, running


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
