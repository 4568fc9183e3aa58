"""Anonymous records and the ends that nothing explains."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomreport.incident.witness.evidence import Ending, RecordFacts
from oomreport.incident.witness.matching import matches, may_belong
from support.evidence import UID, cid, container, pod, record, termination


def anonymous(name: str = "r", *, seconds: float = 0, **spec: Any) -> RecordFacts:
    return record(name, seconds=seconds, uid=None, **spec)


def ending(number: int = 1, *, node: str = "worker-1", uid: str = UID, **values: Any) -> Ending:
    end = termination(cid(number), **values)
    facts = container(terminations=(end,))
    return Ending(pod=pod(facts, uid=uid, node=node), container=facts, termination=end)


@pytest.mark.parametrize(
    ("values", "fits"),
    [
        ({"seconds": 0}, True),
        ({"seconds": 15}, True),
        ({"seconds": 17}, False),
        ({"seconds": -1}, True),
        ({"seconds": -3}, False),
        ({"reason": "Error"}, True),
        ({"reason": "Error", "code": 1}, False),
        ({"reason": "Completed", "code": 0}, False),
        ({"node": "worker-2"}, False),
    ],
)
def test_a_kill_may_be_that_of_an_end_on_its_node_in_its_seconds(values: dict[str, Any], *, fits: bool):
    assert may_belong(anonymous(), ending(**values)) is fits


@pytest.mark.parametrize(("seconds", "fits"), [(-4, True), (-14, True), (-17, False), (15, True), (17, False)])
def test_a_counter_may_be_looked_at_long_after_the_end(seconds: float, *, fits: bool):
    assert may_belong(record(container=None, source="CgroupCounter"), ending(seconds=seconds)) is fits


def test_a_known_pod_narrows_the_choice():
    known = record(container=None)
    assert may_belong(known, ending())
    assert not may_belong(known, ending(uid="another"))


def test_each_end_is_taken_once_and_the_closest_first():
    found = matches(
        [anonymous("a", seconds=0), anonymous("b", seconds=5)], [ending(1, seconds=6), ending(2, seconds=1)]
    )
    assert {name: one.container_id for name, one in found.items()} == {"a": cid(2), "b": cid(1)}


def test_what_the_runtime_calls_oom_killed_comes_before_a_bare_sigkill():
    found = matches([anonymous()], [ending(1, seconds=0, reason="Error"), ending(2, seconds=9)])
    assert found["r"].container_id == cid(2)


def test_the_agents_candidates_come_first():
    found = matches([anonymous(subjectCandidates=[cid(9), cid(1)])], [ending(1, seconds=9, reason="Error"), ending(2)])
    assert found["r"].container_id == cid(1)
    by_pod = matches([anonymous(subjectCandidates=["other"])], [ending(1), ending(2, seconds=9, uid="other")])
    assert by_pod["r"].container_id == cid(2)


def test_as_many_as_possible_are_matched():
    """The first record's best end is the second one's only end: the first moves on."""
    records = [anonymous("a", seconds=0), anonymous("b", seconds=-14)]
    found = matches(records, [ending(1, seconds=0.9), ending(2, seconds=12)])
    assert {name: one.container_id for name, one in found.items()} == {"a": cid(2), "b": cid(1)}


@given(
    kills=st.lists(st.integers(0, 30), max_size=8),
    ends=st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["OOMKilled", "Error"])), max_size=8),
    order=st.randoms(use_true_random=False),
)
def test_no_end_is_used_twice_no_match_is_impossible_and_the_order_does_not_matter(
    kills: list[int], ends: list[tuple[int, str]], order: Any
):
    records = [anonymous(f"r{n}", seconds=second) for n, second in enumerate(kills)]
    endings = [ending(n, seconds=second, reason=reason) for n, (second, reason) in enumerate(ends)]
    found = matches(records, endings)
    by_name = {one.name: one for one in records}
    assert len({one.container_id for one in found.values()}) == len(found)
    assert all(may_belong(by_name[name], one) for name, one in found.items())
    shuffled = list(records)
    order.shuffle(shuffled)
    assert matches(shuffled, endings) == found
    free = [one for one in endings if one.container_id not in {taken.container_id for taken in found.values()}]
    left = [one for one in records if one.name not in found]
    assert not any(may_belong(one, end) for one in left for end in free)
