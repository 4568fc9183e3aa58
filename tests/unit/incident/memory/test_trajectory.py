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


def test_a_runtime_that_is_seen_before_the_containers_own_process_is_no_step_of_it() -> None:
    """As sampled on a slow node with cgroup v2: runc in the container's cgroup, then 24Mi held, then a burst."""
    sizes = (5451776, 5763072, *[26275840] * 35, 34062336)
    series = Series(start=0.0, interval=5.0, sizes=sizes)
    found = trajectory(recent=series, life=series, end=186.5, size=64 * MI)

    assert found.shape is Shape.SPIKE
    assert found.level == 26275840


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


def test_a_day_that_fell_and_rose_again_is_a_cycle_with_a_crest_above_the_limit() -> None:
    def day(time: float) -> float:
        return 400 * MI + 200 * MI * math.sin(2 * math.pi * time / 86400 + 3.5)

    life = next(5.0 * step for step in range(1, 20_000) if day(5.0 * step) > LIMIT)
    found = way(day, life)

    assert found.shape is Shape.CYCLE
    assert found.crest == pytest.approx(600 * MI, rel=0.1)


def test_what_was_level_and_rose_at_once_is_a_spike() -> None:
    found = way(lambda time: 200 * MI if time < 3500 else 200 * MI + 312 * MI * (time - 3500) / 60, 3560)

    assert found.shape is Shape.SPIKE
    assert found.level == pytest.approx(200 * MI, rel=0.1)


def test_earlier_bursts_that_just_fitted_are_counted() -> None:
    def bursts(time: float) -> float:
        return 490 * MI if time % 900 > 840 else 200 * MI

    assert way(bursts, 3700).near_misses == 4


def test_bursts_that_ended_below_the_limit_are_counted_and_noise_is_none() -> None:
    def bursts(time: float) -> float:
        if time >= 4000:
            return 200 * MI + 320 * MI * (time - 4000) / 30
        return 380 * MI if time % 900 > 840 and time < 3600 else 200 * MI

    assert way(bursts, 4100).bursts == 4
    assert way(lambda time: 200 * MI if time < 3600 else 520 * MI, 3700, noise=0.03).bursts == 0


def test_stairs_that_come_ever_more_slowly_are_no_cache_that_fills() -> None:
    marks = [200, 500, 900, 1500, 2600]
    found = way(lambda time: 150 * MI + 85 * MI * sum(time >= mark for mark in marks), 3600)

    assert found.shape is Shape.STAIRCASE
    assert found.crest is None


def test_a_smooth_rise_that_slows_is_no_staircase() -> None:
    found = way(lambda time: LIMIT * (0.2 + 0.82 * (1 - math.exp(-time / 1500))), 9000)

    assert found.shape is Shape.SATURATING


def test_steps_with_level_stretches_between_are_a_staircase() -> None:
    found = way(lambda time: 100 * MI + 100 * MI * int(time / 900), 3900)

    assert found.shape is Shape.STAIRCASE


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
    recent = Series(start=100.0, interval=5.0, sizes=tuple(range(20)))
    young = {"recent": recent, "life": recent, "end": 200.0, "size": LIMIT}
    assert trajectory(**young).shape is Shape.STARTUP
    unknown = trajectory(**young, from_start=False)
    assert (unknown.shape, unknown.uptime_seconds) == (Shape.UNKNOWN, None)
    told = trajectory(**young, from_start=False, uptime=86400.0)
    assert (told.shape, told.uptime_seconds) == (Shape.SPIKE, 86400.0)
    assert trajectory(**young, from_start=False, uptime=100.5).shape is Shape.STARTUP
