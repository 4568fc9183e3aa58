import math
import random
from collections.abc import Callable

import pytest

from oomreport.incident.memory.flight_recorder import FlightRecorder, Series
from oomreport.incident.memory.trajectory import Shape, Trajectory, trajectory
from oomreport.workload.quantity import MI

LIMIT = 512 * MI


def way(demand: Callable[[float], float], seconds: float, *, noise: float = 0.01, seed: int = 1) -> Trajectory:
    """Run a demand until it passes the limit, at the latest to `seconds`, where it is killed."""
    draw, recorder = random.Random(seed), FlightRecorder()
    for time in range(0, int(seconds), 5):
        size = int(demand(time) * draw.gauss(1, noise))
        if size > LIMIT:
            seconds = time
            break
        recorder.add(float(time), size)
    recording = recorder.recording()
    assert recording
    return trajectory(recent=recording.recent, life=recording.life, end=float(seconds), size=LIMIT)


def test_a_recorder_keeps_ten_minutes_and_the_whole_life_in_sixty_points() -> None:
    recorder = FlightRecorder()
    for second in range(0, 100_000, 5):
        recorder.add(float(second), second)
    recording = recorder.recording()

    assert recording
    assert len(recording.recent.sizes) == 120
    assert recording.recent.end == 99_995
    assert 30 <= len(recording.life.sizes) <= 60
    assert recording.life.start == 0
    assert max(recording.life.sizes) == 99_995


def test_a_point_of_the_life_is_the_highest_of_its_interval() -> None:
    recorder = FlightRecorder()
    for step in range(10_000):
        recorder.add(step * 5.0, 900 if step == 4_321 else 100)
    recording = recorder.recording()

    assert recording
    assert sorted(recording.life.sizes)[-2:] == [100, 900]


def test_a_gap_in_the_samples_ends_the_even_spacing_of_the_recent_ones() -> None:
    recorder = FlightRecorder()
    for time in (0.0, 5.0, 10.0, 60.0, 65.0):
        recorder.add(time, int(time))
    recording = recorder.recording()

    assert recording
    assert recording.recent.sizes == (60, 65)
    assert recording.recent.start == 60.0


def test_a_few_missed_samples_are_stood_for_by_the_last_one() -> None:
    recorder = FlightRecorder()
    for time in (0.0, 5.1, 9.9, 30.2, 35.0):
        recorder.add(time, int(time))
    recording = recorder.recording()

    assert recording
    assert recording.recent.sizes == (0, 5, 9, 9, 9, 9, 30, 35)
    assert recording.recent.start == 0.0


def test_a_recording_ends_where_it_is_asked_to() -> None:
    recorder = FlightRecorder()
    for second in range(0, 2000, 5):
        recorder.add(float(second), second)
    recording = recorder.recording(until=1500.0)

    assert recording
    assert recording.recent.sizes[-1] == recording.recent.end == 1500
    assert recording.life.time(len(recording.life.sizes) - 1) <= 1500
    assert recorder.recording(until=-1.0) is None
    first = recorder.recording(until=2.0)
    assert first
    assert (first.recent.sizes, len(first.life.sizes)) == ((), 1)


@pytest.mark.parametrize("hours", [0.4, 3, 30])
@pytest.mark.parametrize("seed", range(5))
def test_steady_growth_is_found_whether_it_takes_minutes_or_days(hours: float, seed: int) -> None:
    life = hours * 3600
    found = way(lambda time: 200 * MI + 312 * MI * time / life, life, seed=seed, noise=0.02)

    assert found.shape is Shape.GROWTH
    assert found.growth == pytest.approx(312 * MI / life, rel=0.2)


def test_a_collectors_sawtooth_does_not_hide_the_growth_beneath_it() -> None:
    found = way(lambda time: 150 * MI + 300 * MI * time / 7200 + 50 * MI * (time % 90) / 90, 7200)

    assert found.shape is Shape.GROWTH


def test_what_was_level_and_rose_at_once_is_a_spike() -> None:
    found = way(lambda time: 200 * MI if time < 3500 else 200 * MI + 312 * MI * (time - 3500) / 60, 3560)

    assert found.shape is Shape.SPIKE
    assert found.level == pytest.approx(200 * MI, rel=0.1)


def test_the_time_at_which_a_size_was_passed_for_good_is_told() -> None:
    def falls_back(time: float) -> float:
        return (100 * MI + 420 * MI * time / 7200) * (0.5 if 2000 < time < 2500 else 1.0)

    found = way(falls_back, 7200, noise=0.0)

    assert found.passed(300 * MI) == pytest.approx(200 / 420 * 7200, rel=0.05)
    assert found.passed(200 * MI) == pytest.approx(2500, rel=0.1)
    assert found.passed(LIMIT) is None


def test_a_smooth_rise_that_slows_is_no_staircase() -> None:
    found = way(lambda time: LIMIT * (0.2 + 0.82 * (1 - math.exp(-time / 1500))), 9000)

    assert found.shape is Shape.SATURATING


def test_death_within_the_first_minutes_is_a_startup_whatever_the_curve() -> None:
    found = way(lambda time: 512 * MI * time / 60, 60)

    assert found.shape is Shape.STARTUP
    assert found.uptime_seconds == 60


def test_a_cache_that_fills_ever_more_slowly_is_no_leak() -> None:
    found = way(lambda time: 100 * MI + 430 * MI * (1 - math.exp(-time / 2400)), 7200)

    assert found.shape is Shape.SATURATING


def test_without_samples_pod_status_still_tells_a_startup() -> None:
    assert trajectory(recent=None, life=None, end=100.0, size=LIMIT, uptime=20.0).shape is Shape.STARTUP
    assert trajectory(recent=None, life=None, end=100.0, size=LIMIT, uptime=9000.0).shape is Shape.UNKNOWN
    assert trajectory(recent=None, life=None, end=100.0, size=None).shape is Shape.UNKNOWN


def test_an_agent_younger_than_the_container_takes_nothing_for_its_start() -> None:
    recent = Series(start=100.0, interval=5.0, sizes=tuple(25 * MI * number for number in range(20)))
    young = {"recent": recent, "life": recent, "end": 200.0, "size": LIMIT}
    assert trajectory(**young).shape is Shape.STARTUP
    unknown = trajectory(**young, from_start=False)
    assert (unknown.shape, unknown.uptime_seconds) == (Shape.UNKNOWN, None)
    told = trajectory(**young, from_start=False, uptime=86400.0)
    assert (told.shape, told.uptime_seconds) == (Shape.SPIKE, 86400.0)
    assert trajectory(**young, from_start=False, uptime=100.5).uptime_seconds == 100.5
