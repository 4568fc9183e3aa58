"""The sums behind a recommended limit, each with its words.

How far a limit is too low cannot be seen at the kill: memory is cut off there. A step too small costs more kills, one too
large costs memory for good. A container of 128Mi that dies three times for want of 200Mi is a bad trade, as is half a
node reserved for one that lacked a little; so a step is large for small limits and small for large ones:

    step = 49 % of the limit x (1Gi / limit)^0.3       128Mi +91 %, 512Mi +60 %, 1Gi +49 %, 4Gi +32 %, 16Gi +21 %

Most limits are too low by little, so the first step is a whole one and the next are 0.56, 0.35 and 0.35 of one. A demand
that is still higher is of another kind, and steps grow again: 0.7, then whole ones.
"""

from dataclasses import dataclass
from math import ceil

from oomreport.incident.witness.policy import Policy
from oomreport.incident.witness.surroundings import Surroundings
from oomreport.workload.quantity import GI, MI, format_quantity

_SHARE = 0.49
_BEND = 0.3
_STEPS = (1.0, 0.56, 0.35, 0.35, 0.7, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The lowest upper bound, and whose it is."""

    size: int
    why: str


def step_share(raises: int) -> float:
    """Return which part of a step the next raise is, after so many."""
    return _STEPS[min(raises, len(_STEPS) - 1)]


def step(limit: int, raises: int, policy: Policy) -> tuple[int, str]:
    """Return by how much to raise a limit, and the sum in words."""
    if policy.headroom_percent is not None:
        size = ceil(limit * policy.headroom_percent / 100)
        return size, f"{policy.headroom_percent} % of {format_quantity(limit)} by policy = {in_mi(size)}"
    share = step_share(raises)
    size = ceil(share * _SHARE * limit * (GI / limit) ** _BEND)
    sum_ = f"{_SHARE * 100:.0f} % of {in_mi(limit)} x (1Gi/{in_mi(limit)})^{_BEND}"
    return size, f"{sum_} = {in_mi(size)}" if share == 1.0 else f"{share:g} x {sum_} = {in_mi(size)}"


def rounded(size: int, policy: Policy) -> tuple[int, int]:
    """Return a size rounded up, and the multiple it is rounded to."""
    unit = policy.rounding or (16 * MI if size < GI else 64 * MI)
    return -(-size // unit) * unit, unit


def ceiling(limit: int, around: Surroundings, *, of_pod: bool = False, beside: int | None = 0) -> Ceiling | None:
    """Return the lowest bound that holds for a container, or for a pod, whose limit is `limit` now.

    `beside` are the limits of the container's neighbours together, which a pod's largest sum holds too; None where the pod
    has a limit of its own, which no container's changes.
    """
    bounds = [
        (around.policy.maximum, "the policy's maxMemory"),
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
