"""What people reviewed, and whether it is still what is recommended.

A recommendation is made anew at each kill and whenever its bounds change. A review holds until the recommendation
differs materially from the one that was reviewed; what was rejected is not brought up again before that.
"""

from oomreport.incident.advice.kept_advice import KeptAdvice
from oomreport.incident.advice.sizing import ROUNDING
from oomreport.incident.report.condition import ConditionFound
from oomreport.incident.report.status import ReportStatus, Reviewed
from oomreport.incident.witness.policy import rounding_in
from oomreport.workload.quantity import parse_quantity

PENDING = "Pending"
# A number that moves by no more than this is the same answer to a reviewer.
_MATERIAL_PERCENT = 10


def is_material(before: KeptAdvice | Reviewed, after: KeptAdvice) -> bool:
    """Return whether two recommendations ask people for different things.

    They do where the action differs, where one names a number that the other does not, and where the limit or the
    request differs by more than 10 % and by more than one step of rounding (the policy's roundTo, else 16Mi). What led
    to the numbers (basis, confidence, previousLimit, policy, unknown) does not count.
    """
    if before.action != after.action:
        return True
    rounding = rounding_in(after.policy) or (rounding_in(before.policy) if isinstance(before, KeptAdvice) else None)
    return _differs(before.memory_limit, after.memory_limit, rounding) or _differs(
        before.memory_request, after.memory_request, rounding
    )


def reviewed_state(
    stored: ReportStatus, advice: KeptAdvice, *, decision: str, generation: int | None
) -> Reviewed | None:
    """Return status.reviewed: the decision and what it was about; None while nobody has decided.

    `stored` is the status as it was read. A new generation is a new review: it is about the recommendation that stood
    in the status when it was made.
    """
    if decision == PENDING:
        return None
    known = stored.reviewed
    if known and known.generation == generation and known.decision == decision:
        return known
    seen = stored.recommendation or advice
    return Reviewed(
        decision=decision,
        generation=generation,
        action=seen.action,
        memory_limit=seen.memory_limit,
        memory_request=seen.memory_request,
    )


def reviewed(state: Reviewed | None, advice: KeptAdvice) -> ConditionFound:
    """Whether people have decided on what is recommended now.

    True      spec.review.decision is Accepted or Rejected, and the recommendation is materially the one decided on
    False     it is Pending, or it was about another recommendation
    """
    if state is None:
        words = "nobody has decided about the recommendation"
        return ConditionFound(status="False", reason=PENDING, message=words)
    if not is_material(state, advice):
        words = "the decision is about the recommendation as it is now"
        return ConditionFound(status="True", reason=state.decision, message=words)
    return ConditionFound(
        status="False",
        reason="RecommendationChanged",
        message=f"{state.decision} was {in_words(state)}; what is recommended now is {in_words(advice)}",
    )


def in_words(advice: KeptAdvice | Reviewed) -> str:
    """Return what a recommendation asks for, in few words."""
    numbers = {"limit": advice.memory_limit, "request": advice.memory_request}
    told = ", ".join(f"{name} {size}" for name, size in numbers.items() if size is not None)
    return f"{advice.action} ({told})" if told else advice.action


def _differs(before: str | None, after: str | None, rounding: int | None) -> bool:
    old, new = parse_quantity(before), parse_quantity(after)
    if old is None or new is None:
        return old is not new
    step = rounding or ROUNDING
    return abs(new - old) > max(step, old * _MATERIAL_PERCENT / 100)
