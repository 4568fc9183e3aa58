"""What the way to a kill says of how much is missing: more or less than the usual step, or up to a crest."""

import math
from collections.abc import Sequence

from oomreport.incident.advice.sizing import in_mi
from oomreport.incident.memory.history import PastKill, raises
from oomreport.incident.memory.trajectory import STARTUP_SECONDS, Shape, Trajectory
from oomreport.workload.quantity import MI

# A crest is an estimate: so much is put on top, and so many steps are the least and the most it may ask for.
_ABOVE_CREST = 1.07
_MOST_STEPS = 3.0
_LEAST_STEPS = 0.3
# Bursts that ended below the limit say that the one above it was rare.
_BURST_AFTER_OTHERS = 0.9
# High stairs lack more: the limit cut one in two, and others may follow. The square root of the mean stair's share in this
# part of the limit, within bounds; later steps only mend the first. Low stairs tell nothing: there may be many more.
_HIGH_STAIR = 0.25
_MOST_OF_STAIRS = 1.25
# A start that was killed late has little left of it: so many seconds left make a whole step, within these shares.
_WHOLE_STEP_SECONDS = 90.0
_LEAST_OF_START = 0.5
_MOST_OF_START = 1.1


def share_of_step(way: Trajectory, kills: Sequence[PastKill], limit: int) -> tuple[float, str]:
    """Return how much of the usual step is likely to be missing, and why.

    `kills` are those of this kind of limit, the last one too; `limit` is what fired, bytes.
    """
    raised = raises(kills) > 0
    if way.shape is Shape.SPIKE and way.bursts:
        return _BURST_AFTER_OTHERS, f"bursts had stayed below the limit before ({way.bursts} seen)"
    if way.shape is Shape.STAIRCASE and way.stair and way.stair > _HIGH_STAIR * limit and not raised:
        share = round(min(math.sqrt(way.stair / (_HIGH_STAIR * limit)), _MOST_OF_STAIRS), 2)
        return share, (
            f"it rose by stairs of {in_mi(way.stair // MI * MI)} on average (the square root of their share in"
            f" {_HIGH_STAIR * 100:.0f} % of the limit, at most x {_MOST_OF_STAIRS:g})"
        )
    age = way.uptime_seconds
    if way.rose_throughout and age is not None and all(kill.shape is Shape.STARTUP for kill in kills):
        left = STARTUP_SECONDS - age
        share = round(min(max(left / _WHOLE_STEP_SECONDS, _LEAST_OF_START), _MOST_OF_START), 2)
        return share, (
            f"it was killed {age:.0f} s after its start, which leaves {left:.0f} of {STARTUP_SECONDS:.0f} s to start in"
            f" ({_WHOLE_STEP_SECONDS:.0f} s make a step, between x {_LEAST_OF_START:g} and x {_MOST_OF_START:g})"
        )
    return 1.0, ""


def to_crest(limit: int, size: int, crest: int, *, usual: int | None) -> tuple[int, str]:
    """Return a limit above a crest, and the sum. `usual` is the limit without it, where the rise was too straight to trust.

    `size` is a whole step, bytes.
    """
    wanted = int(crest * _ABOVE_CREST)
    words = f"as the load of a day it has its crest at {in_mi(crest // MI * MI)}, x {_ABOVE_CREST} = {in_mi(wanted // MI * MI)}"
    if usual is not None and wanted > usual:
        wanted = int(math.sqrt(wanted * usual))
        words += f"; the rise was almost straight: geometric mean with {in_mi(usual // MI * MI)} = {in_mi(wanted // MI * MI)}"
    least, most = limit + int(_LEAST_STEPS * size), limit + int(_MOST_STEPS * size)
    bounded = min(max(wanted, least), most)
    if bounded != wanted:
        words += f", kept within {_LEAST_STEPS:g} and {_MOST_STEPS:g} whole steps: {in_mi(bounded // MI * MI)}"
    return bounded, words
