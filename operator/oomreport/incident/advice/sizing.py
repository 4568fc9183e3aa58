"""The sums behind a recommended limit, each with its words.

How far a limit is too low cannot be seen at the kill: memory is cut off there. A step that is too small costs more
kills. One that is too large costs memory until the limit is lowered again, two days later. So steps are bold:

    what rose throughout its life, or died while it started   x 2.5, which also tells a leak from a cache that fills
    anything else                                             x 1.5
    a small container                                         100Mi more, where that is more
"""

from dataclasses import dataclass
from math import ceil

from oomreport.incident.witness.policy import Policy
from oomreport.incident.witness.surroundings import Surroundings
from oomreport.workload.quantity import MI, format_quantity

# docs/advice.md has the sources of these.
# What caps a limit by policy; conditions know it by these words.
POLICY_MAXIMUM = "maxMemory of OOMPolicy"
STEP = 1.5
STEADY_STEP = 2.5
LEAST_STEP = 100 * MI
# A plain choice: easy to read, and on average half of it is spare. 64Mi would leave four times as much.
ROUNDING = 16 * MI


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The lowest upper bound, and whose it is."""

    size: int
    why: str


def step(limit: int, policy: Policy, *, steady: bool) -> tuple[int, str]:
    """Return the next limit, and the sum in words. `steady`: the rise could go on."""
    if policy.headroom_percent is not None:
        size = limit + ceil(limit * policy.headroom_percent / 100)
        return size, f"{format_quantity(limit)} and {policy.headroom_percent} % by the policy"
    factor = STEADY_STEP if steady else STEP
    size = ceil(limit * factor)
    if size - limit < LEAST_STEP:
        return limit + LEAST_STEP, f"{format_quantity(limit)} and {format_quantity(LEAST_STEP)}"
    return size, f"{format_quantity(limit)} x {factor:g}"


def rounded(size: int, policy: Policy) -> tuple[int, int]:
    """Return a size rounded up, and the multiple it is rounded to."""
    unit = policy.rounding or ROUNDING
    return -(-size // unit) * unit, unit


def ceiling(limit: int, around: Surroundings, *, of_pod: bool = False, beside: int | None = 0) -> Ceiling | None:
    """Return the lowest bound that holds for a container, or for a pod, whose limit is `limit` now.

    `beside` are the limits of the container's neighbours together, which a pod's largest sum holds too; None where the
    pod has a limit of its own, which no container's changes.
    """
    bounds = [
        (around.policy.maximum, f"{POLICY_MAXIMUM} {around.policy.maximum_of or '(unnamed)'}"),
        (around.node_allocatable, "the node's allocatable memory"),
    ]
    if not of_pod:
        bounds.append((around.limit_range_max, "the namespace's LimitRange"))
    if around.limit_range_pod is not None and (of_pod or beside is not None):
        besides = 0 if of_pod else beside or 0
        less = f", less {in_mi(besides)} of the other containers" if besides else ""
        bounds.append((max(0, around.limit_range_pod - besides), f"the namespace's LimitRange for pods{less}"))
    if around.quota_left is not None:
        bounds.append((limit + around.quota_left // max(around.replicas, 1), "what the namespace's quota leaves"))
    found = [Ceiling(size=size, why=f"{why} ({in_mi(size)})") for size, why in bounds if size is not None]
    return min(found, key=lambda one: one.size, default=None)


def in_mi(size: float) -> str:
    """Return a size as people read it: a quantity where it is exact, else Mi with one digit."""
    whole = int(size)
    return format_quantity(whole) if whole == size and whole % MI == 0 else f"{size / MI:.1f}Mi"
