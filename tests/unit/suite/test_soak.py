"""The soak's own reckoning: what is drawn from a seed, what a container wrote down, what is lost or doubled."""

import pytest

from soak.account import account, dead, twice, written
from soak.plan import API_FAULTS, MOST_A_SECOND, NODE_FAULTS, PARENTS, drawn

PARENT = """\
hog mode=after pid=1 mono=90
hog mode=unless pid=1 mono=95
hog mode=bursts pid=1 mono=100
hog child started n=1 pid=7 mono=110
hog child ended n=1 pid=7 signal=9 mono=120
hog child ended n=2 pid=8 exit=3 mono=130
hog child ended n=3 pid=9 signal=9 mono=140
hog children done n=3 mono=150
"""
LOOP = "hog mode=self pid=1 mono=100\nhog allocated pid=1 mib=16 mono=110\nhog mode=unless pid=1 mono=290\nhog mode=self pid=1 mono=300\n"
CLOSED = "hog mode=unless pid=1 mono=390\nhog closed mono=400\n"


@pytest.mark.parametrize("kills", [1, 500, 10_000])
def test_a_plan_has_each_kill_once_and_each_fault_at_least_once(kills: int) -> None:
    for seed in range(1, 30):
        plan = drawn(seed=seed, kills=kills, away=30)
        assert plan.children == kills
        assert len(plan.bursts) == PARENTS
        assert {one.fault for one in plan.node} == set(NODE_FAULTS)
        assert {one.fault for one in plan.api} == set(API_FAULTS)
        assert [one.seconds for one in plan.api if one.fault == "api_gone"].count(30) == 1
        assert all(list(each) == sorted(each, key=lambda one: one.at) for each in plan.bursts)


def test_the_same_seed_has_the_same_plan() -> None:
    assert drawn(seed=3, kills=500, away=30) == drawn(seed=3, kills=500, away=30)
    assert drawn(seed=3, kills=500, away=30) != drawn(seed=4, kills=500, away=30)


def test_no_burst_is_faster_than_a_hundred_a_second_nor_outlasts_the_soak() -> None:
    plan = drawn(seed=5, kills=10_000, away=600)
    for burst in (one for each in plan.bursts for one in each):
        assert burst.at + burst.kills * burst.apart_ms / 1000 <= plan.seconds + 0.001
    rates = [
        1000 * len(plan.bursts) / one.apart_ms for each in plan.bursts for one in each if one.at < plan.seconds / 2
    ]
    assert max(rates) <= MOST_A_SECOND * PARENTS


def test_a_parent_that_lives_on_wrote_down_which_children_the_kernel_ended() -> None:
    found = dead(written(PARENT), runs=True)
    assert (found.children, found.firsts, found.kills) == (2, 0, 2)


def test_each_first_process_died_but_the_one_that_runs() -> None:
    assert dead(written(LOOP), runs=True).firsts == 1
    assert dead(written(LOOP), runs=False).firsts == 2


def test_one_that_runs_and_found_the_end_of_the_soak_did_not_die() -> None:
    assert dead(written(LOOP + CLOSED), runs=True).firsts == 2


def test_a_line_that_was_cut_is_no_kill() -> None:
    assert written("hog child ended n=1 pid=7 signal=9 mo").children == 0


def test_what_is_missing_in_one_container_is_not_made_good_by_one_that_has_a_counter_of_its_own() -> None:
    found = account({"a": 5, "b": 5}, {"a": 4, "b": 6}, firm=["b"])
    assert (found.kills, found.counted, found.lost, found.doubled) == (10, 9, 1, 1)
    assert found.wrong == {"a": "4 told of 5", "b": "6 told of 5"}


def test_a_kill_told_of_another_container_that_went_is_counted_elsewhere() -> None:
    found = account({"a": 5, "b": 5}, {"a": 4, "b": 7})
    assert (found.counted, found.elsewhere, found.lost, found.doubled) == (10, 1, 0, 1)


def test_a_kill_told_of_no_known_container_is_counted_and_one_too_many_is_doubled() -> None:
    found = account({"a": 5}, {"a": 4}, unnamed=1)
    assert (found.counted, found.elsewhere, found.lost, found.doubled) == (5, 1, 0, 0)
    assert account({"a": 5}, {"a": 4}, unnamed=2).doubled == 1


def test_only_what_is_missing_can_be_unknowable_and_not_in_a_container_that_lives_on() -> None:
    found = account({"a": 5, "b": 5}, {"a": 4, "b": 4}, firm=["b"], unknowable=3)
    assert (found.unknowable, found.lost, found.counted) == (1, 1, 8)
    assert account({"a": 5, "b": 5}, {"a": 3, "b": 4}, unknowable=2).lost == 1
    assert account({"a": 5}, {"a": 5}, unknowable=3).unknowable == 0


def test_a_report_of_a_container_that_lost_nothing_is_doubled() -> None:
    assert account({}, {"c": 1}).doubled == 1


def test_a_kill_in_two_ledgers_is_named() -> None:
    assert twice(["x", "y", "x"]) == ["x"]
