import math
import random

import pytest

from oomreport.incident.memory.crest import crest_of
from oomreport.workload.quantity import MI


def rise(hours: float, *, period: float, begins: float, noise: float = 0.01) -> tuple[list[float], list[float]]:
    """Return 60 samples of a load between 200 and 600 MiB, `hours` long, that `begins` at an angle (0 is the middle)."""
    draw = random.Random(1)
    times = [hours * 3600 * index / 59 for index in range(60)]
    sizes = [
        (400 + 200 * math.sin(2 * math.pi * time / (period * 3600) + begins)) * MI * draw.gauss(1, noise)
        for time in times
    ]
    return times, sizes


@pytest.mark.parametrize("period", [24, 12, 6])
def test_less_than_half_of_a_rise_tells_its_crest(period: float) -> None:
    times, sizes = rise(period * 0.3, period=period, begins=-math.pi / 2)

    assert sizes[-1] < 500 * MI
    assert crest_of(times, sizes) == pytest.approx(600 * MI, rel=0.1)


def test_a_rise_that_is_almost_over_needs_little_more() -> None:
    times, sizes = rise(11, period=24, begins=-math.pi / 2)

    assert crest_of(times, sizes) == pytest.approx(600 * MI, rel=0.03)


def test_a_crest_is_never_below_what_was_reached() -> None:
    times, sizes = rise(8, period=24, begins=0.1, noise=0.03)
    crest = crest_of(times, sizes)

    assert crest is not None
    assert crest >= sizes[-1]


def test_a_burst_after_a_level_stretch_is_near_no_harmonic() -> None:
    times = [60.0 * index for index in range(60)]
    sizes = [200.0 * MI] * 55 + [600.0 * MI] * 5

    assert crest_of(times, sizes) is None
