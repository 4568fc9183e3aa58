from datetime import UTC, datetime, timedelta

from oomreport.incident.kill import RecentKill
from oomreport.incident.memory.history import PastKill, in_a_row, insufficient, past_kills, raises
from oomreport.incident.memory.trajectory import Shape
from oomreport.workload.quantity import MI

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def kills(*limits: int | None) -> tuple[PastKill, ...]:
    recent = [
        RecentKill(
            id=str(number), time=NOW + timedelta(hours=number), limit_bytes=None if limit is None else limit * MI
        )
        for number, limit in enumerate(limits)
    ]
    return past_kills(recent[::-1])


def test_kills_are_told_oldest_first_and_a_shape_of_a_later_version_is_unknown() -> None:
    assert [kill.limit for kill in kills(64, 128)] == [64 * MI, 128 * MI]
    (kill,) = past_kills([RecentKill(id="a", time=NOW, shape="Spiral", growth_bytes_per_hour=7200)])
    assert (kill.shape, kill.growth) == (Shape.UNKNOWN, 2.0)


def test_a_limit_that_fired_above_the_present_one_was_not_enough_either() -> None:
    assert insufficient(kills(64, 256, None), 128 * MI) == 256 * MI
    assert insufficient(kills(64), 128 * MI) == 128 * MI
    assert insufficient((), 128 * MI) == 128 * MI


def test_steps_up_are_counted_and_steps_down_and_unknown_limits_are_not() -> None:
    assert raises(kills(64, 64, 128, None, 256, 128)) == 2
    assert raises(()) == raises(kills(64)) == 0


def test_the_last_kills_at_one_limit_are_a_row() -> None:
    assert in_a_row(kills(64, 128, 128, None, 128)) == 3
    assert in_a_row(kills(64, 64)) == 2
    assert in_a_row(()) == 0
