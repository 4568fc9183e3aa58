import pytest

from oomreport.incident.advice.sizing import ceiling, in_mi, rounded, step
from oomreport.incident.witness.policy import Policy
from oomreport.incident.witness.surroundings import Surroundings
from oomreport.workload.quantity import GI, MI

PLAIN = Policy()


@pytest.mark.parametrize(
    ("limit", "steady", "size", "words"),
    [
        (64 * MI, False, 164 * MI, "64Mi and 100Mi"),
        (512 * MI, False, 768 * MI, "512Mi x 1.5"),
        (512 * MI, True, 1280 * MI, "512Mi x 2.5"),
    ],
)
def test_a_step_is_a_factor_and_never_less_than_a_small_container_needs(
    limit: int, size: int, words: str, *, steady: bool
) -> None:
    assert step(limit, PLAIN, steady=steady) == (size, words)


def test_a_policys_headroom_replaces_the_factor() -> None:
    size, words = step(1000 * MI, Policy(headroom_percent=20), steady=True)
    assert (size, words) == (1200 * MI, "1000Mi and 20 % by the policy")


@pytest.mark.parametrize(
    ("size", "policy", "expected"),
    [
        (161 * MI, PLAIN, 176 * MI),
        (176 * MI, PLAIN, 176 * MI),
        (8 * GI + 1, PLAIN, 8 * GI + 16 * MI),
        (5, Policy(rounding=7), 7),
    ],
)
def test_sizes_are_rounded_up(size: int, policy: Policy, expected: int) -> None:
    assert rounded(size, policy)[0] == expected


def test_the_lowest_bound_wins_and_says_whose_it_is() -> None:
    around = Surroundings(
        policy=Policy(maximum=4 * GI, maximum_of="shop/default"), node_allocatable=3 * GI, limit_range_max=2 * GI
    )
    found = ceiling(GI, around)
    assert found is not None
    assert (found.size, found.why) == (2 * GI, "the namespace's LimitRange (2Gi)")
    of_pod = ceiling(GI, around, of_pod=True)
    assert of_pod is not None
    assert of_pod.size == 3 * GI
    assert ceiling(GI, Surroundings()) is None


def test_what_a_quota_leaves_is_shared_by_all_replicas() -> None:
    found = ceiling(512 * MI, Surroundings(quota_left=3 * GI, replicas=3))
    assert found is not None
    assert found.size == 512 * MI + GI


def test_the_neighbours_in_the_pod_have_their_part_of_its_largest_sum() -> None:
    around = Surroundings(limit_range_pod=2 * GI)
    found = ceiling(GI, around, beside=512 * MI)
    assert found is not None
    assert found.size == 2 * GI - 512 * MI
    assert "less 512Mi of the other containers" in found.why
    assert ceiling(GI, around, beside=None) is None


def test_a_size_is_a_quantity_where_it_is_exact() -> None:
    assert (in_mi(512 * MI), in_mi(2 * GI), in_mi(1.55 * MI), in_mi(0)) == ("512Mi", "2Gi", "1.6Mi", "0")
