from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomreport.incident.oom_record import RecordSpec, SubjectSource
from oomreport.incident.witness.attribution import (
    MOST_CANDIDATES,
    Anonymous,
    Attribution,
    Suspect,
    _least_cost_columns,
    attributions,
    group_memcg,
)
from oomreport.kernel.record import Invocation, Stamp, Victim

MIB = 1 << 20
COUNTER, TABLE, VANISHED = SubjectSource.CGROUP_COUNTER, SubjectSource.TASK_TABLE, SubjectSource.VANISHED_CGROUP


def kill(pid: int = 1, *, mib: int = 10, adj: int | None = None, comm: str = "hog", **fields: object) -> Anonymous:
    victim = Victim(pid=pid, comm=comm, anon_rss_bytes=mib * MIB, oom_score_adj=adj)
    return Anonymous(victim=victim, **fields)  # type: ignore[arg-type]


def keys(kills: list[Anonymous], suspects: list[Suspect]) -> list[str | None]:
    return [found.key for found in attributions(kills, suspects)]


def test_the_one_container_whose_counter_moved_owns_the_kill() -> None:
    (found,) = attributions([kill()], [Suspect(key="a", unexplained=1)])
    assert found == Attribution(key="a", source=COUNTER)
    assert found.of(RecordSpec()).as_json()["subjectSource"] == "CgroupCounter"


def test_a_storm_over_look_alikes_gives_each_container_what_its_counter_shows() -> None:
    """Thirty kills over ten containers, of which ten have a dump: two are left for each."""
    suspects = [Suspect(key=f"c{n}", unexplained=2, limit_bytes=32 * MIB) for n in range(10)]
    found = keys([kill(pid) for pid in range(20)], suspects)
    assert sorted(found) == sorted([f"c{n}" for n in range(10)] * 2)  # type: ignore[type-var]


def test_memory_beyond_a_limit_cannot_have_been_charged_to_it() -> None:
    suspects = [
        Suspect(key="small", unexplained=1, limit_bytes=32 * MIB),
        Suspect(key="big", unexplained=1, limit_bytes=128 * MIB),
    ]
    assert keys([kill(mib=100), kill(mib=30)], suspects) == ["big", "small"]
    assert keys([kill(mib=30), kill(mib=100)], suspects) == ["small", "big"]


def test_the_score_adjustment_tells_the_qos_class() -> None:
    suspects = [
        Suspect(key="besteffort", unexplained=1, qos_class="BestEffort"),
        Suspect(key="guaranteed", unexplained=1, qos_class="Guaranteed"),
        Suspect(key="burstable", unexplained=1, qos_class="Burstable"),
    ]
    assert keys([kill(adj=939), kill(adj=-997), kill(adj=1000)], suspects) == ["burstable", "guaranteed", "besteffort"]


def test_what_was_seen_in_a_container_before_counts() -> None:
    suspects = [
        Suspect(key="java", unexplained=1, comms=frozenset({"java"}), oom_score_adjs=frozenset({900})),
        Suspect(key="node", unexplained=1, comms=frozenset({"node"}), oom_score_adjs=frozenset({800})),
    ]
    assert keys([kill(comm="node"), kill(comm="java")], suspects) == ["node", "java"]
    assert keys([kill(adj=900), kill(adj=800)], suspects) == ["java", "node"]


def test_a_task_table_names_the_container_unless_its_counter_stood_still() -> None:
    row = kill(key="a", pod_uid="p")
    assert attributions([row], []) == [Attribution(key="a", source=TABLE)]
    assert attributions([row], [Suspect(key="a", pod_uid="p", unexplained=1)]) == [Attribution(key="a", source=TABLE)]
    still = [Suspect(key="a", pod_uid="p", unexplained=0), Suspect(key="b", pod_uid="p", unexplained=1)]
    assert attributions([row], still) == [Attribution(key="b", source=COUNTER)]


def test_a_kill_known_by_its_table_takes_no_other_kills_place() -> None:
    suspects = [Suspect(key="a", unexplained=1), Suspect(key="b", unexplained=1)]
    assert keys([kill(1), kill(2, key="a")], suspects) == ["b", "a"]


def test_a_table_of_a_pods_limit_tells_the_pod_only() -> None:
    suspects = [Suspect(key="a", pod_uid="p", unexplained=1), Suspect(key="b", pod_uid="q", unexplained=1)]
    assert keys([kill(1, pod_uid="q"), kill(2)], suspects) == ["b", "a"]
    assert keys([kill(1, pod_uid="r")], suspects) == [None]


def test_a_container_that_vanished_explains_the_kill_that_is_left() -> None:
    suspects = [Suspect(key="counted", unexplained=1), Suspect(key="gone", vanished=True)]
    found = attributions([kill(1), kill(2)], suspects)
    assert sorted((f.key, f.source) for f in found) == [("counted", COUNTER), ("gone", VANISHED)]


def test_more_vanished_containers_than_kills_are_listed_and_none_is_named() -> None:
    suspects = [Suspect(key=name, vanished=True) for name in ("a", "b")]
    (found,) = attributions([kill()], suspects)
    assert found == Attribution(candidates=("a", "b"))
    assert found.of(RecordSpec()).as_json()["subjectCandidates"] == ["a", "b"]


def test_the_candidates_listed_are_bounded() -> None:
    (found,) = attributions([kill()], [Suspect(key=str(n), vanished=True) for n in range(50)])
    assert len(found.of(RecordSpec()).as_json()["subjectCandidates"]) == MOST_CANDIDATES


def test_a_host_process_of_a_global_oom_is_not_blamed_on_a_container_that_just_ended() -> None:
    gone = [Suspect(key="gone", vanished=True)]
    assert keys([kill(adj=0, is_global=True)], gone) == [None]
    assert keys([kill(adj=1000, is_global=True)], gone) == ["gone"]


def test_nothing_known_is_nothing_said() -> None:
    assert attributions([kill()], []) == [Attribution()]
    assert attributions([], [Suspect(key="a", unexplained=1)]) == []
    assert Attribution().of(RecordSpec()) == RecordSpec()


@given(
    counts=st.lists(st.integers(0, 12), min_size=1, max_size=12),
    fewer=st.integers(0, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_container_gets_more_than_its_counter_shows_and_no_kill_is_left_that_could_be_placed(
    counts: list[int], fewer: int, seed: int
) -> None:
    random = Random(seed)
    suspects = [Suspect(key=str(n), unexplained=count, limit_bytes=32 * MIB) for n, count in enumerate(counts)]
    kills = [
        kill(pid, mib=random.randint(1, 60), adj=random.choice([None, 0, 1000])) for pid in range(sum(counts) + fewer)
    ]
    found = keys(kills, suspects)

    assert {key: found.count(key) for key in {*found} - {None}} == {str(n): c for n, c in enumerate(counts) if c}
    assert found.count(None) == fewer


def test_many_kills_at_once_are_placed_in_parts() -> None:
    suspects = [Suspect(key=f"c{n}", unexplained=30) for n in range(10)]
    found = keys([kill(pid) for pid in range(300)], suspects)
    assert {key: found.count(key) for key in found} == {f"c{n}": 30 for n in range(10)}


@pytest.mark.parametrize("seed", range(50))
def test_the_assignment_is_as_cheap_as_trying_all(seed: int) -> None:
    random = Random(seed)
    rows, columns = random.randint(1, 5), random.randint(5, 6)
    costs = [[random.choice([0, 1, 5, 100, random.random()]) for _ in range(columns)] for _ in range(rows)]
    found = _least_cost_columns(costs)

    assert len(set(found)) == rows
    cheapest = min(sum(costs[r][p[r]] for r in range(rows)) for p in permutations(range(columns), rows))
    assert sum(costs[row][column] for row, column in enumerate(found)) == pytest.approx(cheapest)


def test_the_group_line_names_the_cgroup_and_only_as_a_line_of_its_own() -> None:
    line = "Tasks in /kubepods.slice/x.slice are going to be killed due to memory.oom.group set"
    at = Stamp(monotonic_us=1)
    log = (
        f"Memory cgroup out of memory: Killed process 1 (a)\n{line}\nMemory cgroup out of memory: Killed process 2 (b)"
    )
    assert group_memcg(Invocation(first=at, killed=at, group_kill=True, log=log)) == "/kubepods.slice/x.slice"
    assert group_memcg(Invocation(first=at, killed=at, group_kill=True, log=f"x {line}")) is None
    assert group_memcg(Invocation(first=at, killed=at, log=log)) is None
