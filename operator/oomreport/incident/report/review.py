"""What people reviewed, and whether it is still what is recommended.

A recommendation is made anew at each kill and whenever its bounds change. A review holds until the recommendation differs
materially from the one that was reviewed; what was rejected is not brought up again before that.
"""

from collections.abc import Mapping
from typing import Any

from oomreport.incident.report.condition import Finding
from oomreport.workload.quantity import GI, MI, parse_quantity

PENDING = "Pending"
# A number that moves by no more than this is the same answer to a reviewer.
_MATERIAL_PERCENT = 10
_NUMBERS = ("memoryLimit", "memoryRequest")
_REVIEWED = ("action", *_NUMBERS)


def is_material(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Return whether two recommendations, as status.recommendation holds them, ask people for different things.

    They do where the action differs, where one names a number that the other does not, and where the limit or the request
    differs by more than 10 % and by more than one step of rounding (the policy's roundTo, else 16Mi, from 1Gi on 64Mi).
    What led to the numbers (basis, confidence, previousLimit, policy, unknown) does not count. An empty mapping is one
    that recommends nothing.
    """
    if before.get("action", "None") != after.get("action", "None"):
        return True
    return any(_differs(before.get(key), after.get(key), _rounding(before, after)) for key in _NUMBERS)


def reviewed_state(
    stored: Mapping[str, Any], recommendation: Mapping[str, Any], *, decision: str, generation: int | None
) -> dict[str, Any] | None:
    """Return status.reviewed: the decision and what it was about; None while nobody has decided.

    `stored` is the status as it was read. A new generation is a new review: it is about the recommendation that stood in
    the status when it was made.
    """
    if decision == PENDING:
        return None
    known: Mapping[str, Any] | None = stored.get("reviewed")
    if known and known.get("generation") == generation and known.get("decision") == decision:
        return dict(known)
    seen = stored.get("recommendation") or recommendation
    about = {key: seen[key] for key in _REVIEWED if key in seen}
    return {"decision": decision, **({} if generation is None else {"generation": generation}), **about}


def reviewed(state: Mapping[str, Any] | None, recommendation: Mapping[str, Any]) -> Finding:
    """Whether people have decided on what is recommended now.

    True      spec.review.decision is Accepted or Rejected, and the recommendation is materially the one decided on
    False     it is Pending, or it was about another recommendation
    """
    if state is None:
        return Finding(status="False", reason=PENDING)
    decision = str(state["decision"])
    if not is_material(state, recommendation):
        return Finding(status="True", reason=decision)
    was, now = in_words(state), in_words(recommendation)
    return Finding(
        status="False",
        reason="RecommendationChanged",
        message=f"{decision} was {was}; what is recommended now is {now}",
    )


def in_words(recommendation: Mapping[str, Any]) -> str:
    """Return what a recommendation asks for, in few words."""
    numbers = {"limit": recommendation.get("memoryLimit"), "request": recommendation.get("memoryRequest")}
    told = ", ".join(f"{name} {size}" for name, size in numbers.items() if size is not None)
    action = recommendation.get("action", "None")
    return f"{action} ({told})" if told else str(action)


def _differs(before: object, after: object, rounding: int | None) -> bool:
    old, new = parse_quantity(before), parse_quantity(after)
    if old is None or new is None:
        return old is not new
    step = rounding or (16 * MI if max(old, new) < GI else 64 * MI)
    return abs(new - old) > max(step, old * _MATERIAL_PERCENT / 100)


def _rounding(before: Mapping[str, Any], after: Mapping[str, Any]) -> int | None:
    found = ((one.get("policy") or {}).get("roundTo") for one in (after, before))
    return next((size for text in found if (size := parse_quantity(text))), None)
