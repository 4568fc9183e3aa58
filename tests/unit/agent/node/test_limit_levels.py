"""Whose limit a kill without a dump was about, by the counters of the levels above its victim."""

from pathlib import Path
from typing import Any

import pytest

from oomreport.workload.quantity import MI
from support.node import ID, OTHER_ID, UID, Desk, anonymous
from support.node_files import V1, V2

KUBEPODS, QOS = "/kubepods", "/kubepods/burstable"
POD = f"{QOS}/pod{UID}"
CONTAINER = f"{POD}/{ID}"
VERSIONS = pytest.mark.parametrize("version", [V1, V2])


def watched(folder: Path, version: int) -> Desk:
    """Return a desk that knows a pod at 64Mi with a container at 32Mi and one without a limit."""
    desk = Desk(folder, version)
    desk.node.cgroup(QOS)
    desk.node.cgroup(POD, limit=64 * MI)
    desk.node.container(UID, ID, limit=32 * MI)
    desk.node.container(UID, OTHER_ID)
    desk.look()
    return desk


def told(desk: Desk, *, vanished: bool = False, **fields: Any) -> dict[str, Any]:
    """Have the kernel kill in the container without a dump; return the record's spec."""
    desk.node.kill(CONTAINER)
    desk.containers.count(desk.now)
    if vanished:
        desk.node.vanish(CONTAINER)
        desk.look(seconds=0.1)
    desk.take(anonymous(**fields))
    desk.settle()
    (spec,) = desk.specs
    assert spec["subject"]["containerID"] == ID
    return spec


@VERSIONS
@pytest.mark.parametrize(
    ("level", "scope", "limit"),
    [
        (CONTAINER, "Container", 32 * MI),
        (POD, "Pod", 64 * MI),
        (QOS, "QoSClass", None),
        (KUBEPODS, "NodeAllocatable", None),
    ],
)
def test_the_one_level_whose_limit_was_hit_is_named_with_its_limit(
    tmp_path: Path, version: int, level: str, scope: str, limit: int | None
) -> None:
    desk = watched(tmp_path, version)
    desk.node.hit(level)
    spec = told(desk)
    assert (spec["scope"], spec["scopeSource"]) == (scope, "Counters")
    assert spec.get("memory", {}).get("limitBytes") == limit
    assert "oomMemcg" not in spec


@pytest.mark.parametrize(
    ("peak", "refused", "scope"),
    [(32 * MI, 0, "Container"), (32 * MI - 4096, 3, "Container"), (24 * MI, 0, "Unknown")],
    ids=["uncounted", "counted", "never reached"],
)
def test_a_limit_of_memory_and_swap_together_is_the_containers(
    tmp_path: Path, peak: int, refused: int, scope: str
) -> None:
    """Where the kernel counts swap a runtime sets it beside the limit; a kernel 6.18 counts no refusal of either."""
    desk = watched(tmp_path, V1)
    desk.node.with_swap(CONTAINER, limit=32 * MI, peak=peak, refused=refused)
    spec = told(desk)
    assert (spec["scope"], spec.get("scopeCandidates")) == (scope, None)
    assert spec.get("memory", {}).get("limitBytes") == (32 * MI if scope == "Container" else None)


def test_a_limit_that_is_no_lower_than_the_pods_is_never_met_first(tmp_path: Path) -> None:
    desk = watched(tmp_path, V1)
    desk.node.with_swap(CONTAINER, limit=64 * MI, peak=64 * MI)
    desk.node.hit(POD)
    assert told(desk)["scope"] == "Pod"


def test_a_limit_that_was_once_reached_uncounted_stays_in_question_beside_one_that_was_hit(tmp_path: Path) -> None:
    desk = watched(tmp_path, V1)
    desk.node.with_swap(CONTAINER, limit=32 * MI, peak=32 * MI)
    desk.node.hit(POD)
    spec = told(desk)
    assert (spec["scope"], spec["scopeCandidates"]) == ("Unknown", ["Container", "Pod"])


@VERSIONS
def test_two_limits_that_were_hit_leave_it_open_and_are_named(tmp_path: Path, version: int) -> None:
    desk = watched(tmp_path, version)
    desk.node.hit(CONTAINER)
    desk.node.hit(KUBEPODS)
    spec = told(desk)
    assert spec["scope"] == "Unknown"
    assert "scopeSource" not in spec
    assert spec["scopeCandidates"] == ["Container", "NodeAllocatable"]


@VERSIONS
def test_where_no_limit_was_hit_nothing_is_claimed(tmp_path: Path, version: int) -> None:
    spec = told(watched(tmp_path, version))
    assert spec["scope"] == "Unknown"
    assert not spec.keys() & {"scopeSource", "scopeCandidates", "memory"}


@VERSIONS
def test_what_was_hit_before_the_mark_is_not_the_one(tmp_path: Path, version: int) -> None:
    desk = watched(tmp_path, version)
    desk.node.hit(POD)
    desk.containers.mark_limits(0.0, kills=None)
    desk.node.hit(CONTAINER)
    assert told(desk)["scope"] == "Container"


@VERSIONS
@pytest.mark.parametrize(
    ("later", "kills", "scope"),
    [(5.0, 1, "Unknown"), (5.0, 2, "Container"), (60.0, 1, "Container"), (5.0, None, "Container")],
)
def test_marks_are_set_anew_after_kills_and_once_a_minute(
    tmp_path: Path, version: int, later: float, kills: int | None, scope: str
) -> None:
    desk = watched(tmp_path, version)
    desk.containers.mark_limits(0.0, kills=1)
    desk.node.hit(POD)
    desk.containers.mark_limits(later, kills=kills)
    desk.node.hit(CONTAINER)
    assert told(desk)["scope"] == scope


@VERSIONS
def test_no_mark_is_set_while_a_kill_is_to_be_explained(tmp_path: Path, version: int) -> None:
    desk = watched(tmp_path, version)
    desk.node.hit(CONTAINER)
    desk.node.kill(CONTAINER)
    desk.containers.count(desk.now)
    desk.containers.mark_limits(0.0, kills=None)
    desk.take(anonymous())
    desk.settle()
    assert desk.specs[0]["scope"] == "Container"


@VERSIONS
def test_a_container_that_is_gone_with_its_counter_is_found_all_the_same(tmp_path: Path, version: int) -> None:
    desk = watched(tmp_path, version)
    desk.node.hit(CONTAINER)
    spec = told(desk, vanished=True)
    assert (spec["scope"], spec["memory"]["limitBytes"]) == ("Container", 32 * MI)


@VERSIONS
def test_the_limit_of_a_new_container_counts_from_its_making(tmp_path: Path, version: int) -> None:
    desk = Desk(tmp_path, version)
    desk.look()
    desk.node.container(UID, ID, limit=32 * MI)
    desk.node.hit(CONTAINER)
    desk.look(seconds=1)
    assert told(desk)["scope"] == "Container"


@VERSIONS
def test_an_oom_of_the_whole_node_stays_the_nodes(tmp_path: Path, version: int) -> None:
    desk = watched(tmp_path, version)
    desk.node.hit(CONTAINER)
    spec = told(desk, constraint="CONSTRAINT_NONE", global_oom=True)
    assert (spec["scope"], spec.get("scopeSource")) == ("Node", None)


@pytest.mark.parametrize(("version", "scope"), [(V1, "Unknown"), (V2, "Pod")])
def test_without_any_line_only_a_counter_of_ooms_is_proof(tmp_path: Path, version: int, scope: str) -> None:
    """On v1 page cache moves failcnt, and the node itself may have run out of memory."""
    desk = watched(tmp_path, version)
    desk.node.hit(POD)
    desk.node.kill(CONTAINER)
    desk.containers.count(desk.now)
    desk.now += 11
    desk.settle(untold=1)
    (spec,) = desk.specs
    assert (spec["source"], spec["scope"]) == ("CgroupCounter", scope)


def test_a_kernel_before_5_2_leaves_it_open(tmp_path: Path) -> None:
    desk = watched(tmp_path, V2)
    desk.node.hit(CONTAINER)
    for level in (CONTAINER, POD, QOS, KUBEPODS):
        (desk.node.root / level.lstrip("/") / "memory.events.local").unlink()
    spec = told(desk)
    assert (spec["scope"], spec.get("scopeSource")) == ("Unknown", None)


def test_a_limit_inside_the_container_is_not_the_containers(tmp_path: Path) -> None:
    desk = watched(tmp_path, V2)
    nested = f"{CONTAINER}/inner"
    desk.node.cgroup(nested)
    desk.node.hit(nested)
    assert told(desk)["scope"] == "OtherCgroup"
