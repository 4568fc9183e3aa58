import math
import re

import pytest

from oomreport.incident.memory.history import PastKill
from oomreport.incident.memory.outlook import share_of_step
from oomreport.incident.memory.trajectory import Shape, Trajectory
from oomreport.workload.quantity import MI
from support.evidence import after, cid
from unit.incident.advice.test_recommendation import advice, dead, report, usage

LIMIT = 512 * MI


def kills(*shapes: Shape, limits: tuple[int, ...] = ()) -> list[PastKill]:
    sizes = limits or (LIMIT,) * len(shapes)
    return [
        PastKill(time=after(60.0 * number), cause="ContainerLimit", limit=size, shape=shape)
        for number, (shape, size) in enumerate(zip(shapes, sizes, strict=True))
    ]


def share(way: Trajectory, *shapes: Shape, limits: tuple[int, ...] = ()) -> float:
    return share_of_step(way, kills(*(shapes or (way.shape,)), limits=limits), LIMIT)[0]


def start(seconds: float, *, rose: bool = True) -> Trajectory:
    return Trajectory(shape=Shape.STARTUP, uptime_seconds=seconds, rose_throughout=rose)


def test_the_later_in_its_start_a_container_was_killed_the_less_it_lacks() -> None:
    shares = [share(start(seconds)) for seconds in (5, 40, 60, 80, 100, 149)]

    assert shares == sorted(shares, reverse=True)
    assert (shares[0], shares[2], shares[-1]) == (1.1, 1.0, 0.5)


def test_a_burst_within_the_first_minutes_is_no_start_that_nears_its_end() -> None:
    assert share(start(100, rose=False)) == 1.0
    assert share(start(100), Shape.SPIKE, Shape.STARTUP) == 1.0


@pytest.mark.parametrize(("stair", "expected"), [(40, 1.0), (128, 1.0), (150, 1.08), (400, 1.25)])
def test_high_stairs_lack_more_than_low_ones(stair: int, expected: float) -> None:
    assert share(Trajectory(shape=Shape.STAIRCASE, stair=stair * MI)) == expected


def test_stairs_decide_the_first_step_only() -> None:
    way = Trajectory(shape=Shape.STAIRCASE, stair=300 * MI)
    assert share(way, Shape.STAIRCASE, Shape.STAIRCASE, limits=(LIMIT // 2, LIMIT)) == 1.0


def test_bursts_that_stayed_below_the_limit_say_that_the_one_above_it_was_rare() -> None:
    assert share(Trajectory(shape=Shape.SPIKE, bursts=2)) < share(Trajectory(shape=Shape.SPIKE)) == 1.0


def test_a_reviewer_can_redo_the_number_of_a_start_from_its_basis() -> None:
    sizes = [LIMIT * number // 20 for number in range(20)]
    found = advice(limit=LIMIT, way=usage(sizes, interval=5.0))

    assert "step: 49 % of 512Mi x (1Gi/512Mi)^0.3 = 308.9Mi" in found["basis"]
    assert "x 0.56 since it was killed 100 s after its start, which leaves 50 of 150 s to start in" in found["basis"]
    assert "(90 s make a step" in found["basis"]
    assert found["memoryLimit"] == "688Mi" == f"{-(-(512 + 308.9 * 0.56) // 16) * 16:.0f}Mi"


def test_a_reviewer_can_redo_the_number_of_stairs_from_its_basis() -> None:
    sizes = [50 * MI + 150 * MI * (number // 15) for number in range(60)]
    found = advice(limit=LIMIT, way=usage(sizes, interval=60.0))
    read = re.search(
        r"step: .* = ([0-9.]+)Mi; x ([0-9.]+) since it rose by stairs of ([0-9.]+)Mi .* 25 % of the limit",
        found["basis"],
    )

    assert read
    step, share, stair = map(float, read.groups())
    assert share == pytest.approx(math.sqrt(stair / (0.25 * 512)), abs=0.01)
    assert found["memoryLimit"] == f"{math.ceil((512 + step * share) / 16) * 16}Mi"
    assert len(found["basis"]) < 1024


def test_what_was_a_staircase_before_is_no_leak_when_its_many_stairs_look_even() -> None:
    even = [64 * MI + 36 * MI * (number // 5) for number in range(60)]
    later = {
        "limit": LIMIT,
        "name": "worker-1-9f1c2b7a-99999999",
        "seconds": 9000.0,
        "container": cid(2),
        "facts": dead(limit=LIMIT, instance=cid(2), seconds=9001),
        "way": usage(even, interval=120.0, end=9000.0),
    }
    first = report(
        limit=LIMIT // 2, way=usage([100 * MI + 50 * MI * (number // 20) for number in range(60)], interval=60.0)
    )

    assert [kill["shape"] for kill in first["recentKills"]] == ["Staircase"]
    assert report(**later)["recommendation"]["action"] == "FixLeak"
    assert report(**later, stored=first)["recommendation"]["action"] == "RaiseLimit"
