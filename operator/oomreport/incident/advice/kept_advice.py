"""The recommendation as a report keeps it.

It is made at a kill, and made anew when what bounds it has changed.

It is kept while its witnesses are gone. Four things make it anew: a new kill, other rules of an OOMPolicy, other
LimitRanges or quotas of the namespace, and the answer to what was not known then. So the report names what it was made
by: `policy`, `boundsHash` and `unknown`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from oomreport.incident.advice.case import Case
from oomreport.incident.advice.raising import AdviceInput
from oomreport.incident.advice.recommendation import Action, Recommendation, recommendation, seen_since
from oomreport.incident.advice.sizing import in_mi
from oomreport.incident.api_json import from_json
from oomreport.incident.kill import Cause
from oomreport.incident.witness.evidence import UNKNOWN_CONTAINER
from oomreport.incident.witness.policy import Policy
from oomreport.incident.witness.surroundings import Unknown
from oomreport.workload.quantity import format_quantity

MOST_BASIS = 1024
NO_ACTION = Action.NONE.value
_WORDS = {
    Unknown.POLICIES: "the OOMPolicies",
    Unknown.NODE: "the node's allocatable memory",
    Unknown.LIMIT_RANGES: "the namespace's LimitRanges",
    Unknown.QUOTAS: "what the namespace's quotas leave",
    Unknown.REPLICAS: "the number of replicas",
    Unknown.METRICS: "the peak that the metrics source knows",
}
_BEARS_ON = {
    Action.RAISE_LIMIT: frozenset(Unknown),
    Action.LOWER_LIMIT: frozenset({Unknown.POLICIES, Unknown.LIMIT_RANGES}),
    Action.RAISE_POD_LIMIT: frozenset(Unknown) - {Unknown.METRICS},
    Action.RAISE_REQUEST: frozenset({Unknown.POLICIES, Unknown.QUOTAS, Unknown.REPLICAS}),
}
_ALWAYS = frozenset({Unknown.POLICIES})
# What the pod's spec said stands in their words, and no bound changes them.
_WITHOUT_NUMBER = frozenset({Action.FIX_LEAK, Action.LIMIT_TMPFS, Action.REVIEW_NODE})
# What asks for a number of one container, or says how that behaves from kill to kill.
_OF_A_CONTAINER = frozenset({Action.RAISE_LIMIT, Action.FIX_LEAK, Action.LIMIT_TMPFS})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAdvice:
    """What is recommended, as the report keeps it; sizes are quantities as the controller wrote them."""

    action: str = NO_ACTION
    memory_limit: str | None = None
    memory_request: str | None = None
    previous_limit: str | None = None
    confidence: str | None = None
    basis: str = ""
    inputs: tuple[AdviceInput, ...] = ()
    policy: Mapping[str, Any] | None = None
    bounds_hash: str | None = None
    unknown: tuple[str, ...] = ()

    @classmethod
    def of(cls, raw: object) -> "KeptAdvice":
        """Return `status.recommendation`; without one, advice that asks for nothing."""
        return from_json(cls, raw) or cls()


def advice_for(case: Case, before: KeptAdvice | None, *, kills: int, applied: bool, is_new: bool) -> KeptAdvice:
    """Return the recommendation after a kill.

    `before`, `kills` and `applied` are what the report holds. `is_new` says that it does not show the last kill yet.
    """
    if before is None:
        return _made(case)
    by_other_rules = is_by_other_rules(before, case)
    # A kill of which the kernel printed the last line only (rate limit) says nothing of a limit: the advice stands.
    if case.cause is Cause.UNKNOWN and case.kill.memory is None:
        was_off = (before.policy or {}).get("enabled") is False
        return _made(case) if by_other_rules and (was_off or not case.around.policy.enabled) else before
    if is_new or (case.facts and case.kills != kills):
        return _made(case)
    was = Action(before.action) if before.action in set(Action) else Action.NONE
    if (since := seen_since(case, was)) is not None:
        return _finished(case, since)
    if was is Action.LOWER_LIMIT and case.around.policy.enabled:
        return before
    if by_other_rules:
        made = _made(case)
        keeps = case.facts is None and made.action == before.action and made.action in _WITHOUT_NUMBER
        return replace(made, basis=before.basis) if keeps else made
    if case.facts and is_outdated(before, case.around.bounds, applied=applied):
        return _made(case)
    answered = {Unknown(name) for name in before.unknown if name in set(Unknown)} - case.around.unknown
    return _made(case) if answered and case.facts else before


def is_by_other_rules(advice: KeptAdvice, case: Case) -> bool:
    """Return whether advice was made by rules that do not hold any more; what holds is not known at times."""
    return Unknown.POLICIES not in case.around.unknown and not is_by(advice, case.around.policy)


def is_by(advice: KeptAdvice, policy: Policy) -> bool:
    """Return whether advice was made by these rules."""
    return bool((advice.policy or {}) == policy.as_json())


def is_outdated(advice: KeptAdvice | None, bounds: str | None, *, applied: bool) -> bool:
    """Return whether the namespace's bounds are others than the advice of a report was made within.

    What has been applied counts in a quota already, and is not looked at again before the next kill.
    """
    if advice is None or bounds is None or applied or advice.action in _WITHOUT_NUMBER:
        return False
    return (advice.bounds_hash or "") != bounds


def _made(case: Case) -> KeptAdvice:
    return _finished(case, _within_quota(case, _of_whom(case, recommendation(case))))


def _finished(case: Case, found: Recommendation) -> KeptAdvice:
    bears = case.around.unknown & _BEARS_ON.get(found.action, _ALWAYS)
    unknown = [one for one in Unknown if one in bears]
    advice = replace(
        KeptAdvice.of(found.as_json()),
        policy=case.around.policy.as_json() or None,
        bounds_hash=case.around.bounds or None,
    )
    if unknown:
        words = f" Not known: {', '.join(_WORDS[one] for one in unknown)}."
        basis = found.basis[: MOST_BASIS - len(words)] + words
        return replace(advice, basis=basis, unknown=tuple(one.value for one in unknown))
    return advice


def _of_whom(case: Case, found: Recommendation) -> Recommendation:
    """Return the recommendation, without what needs a name where a report gathers kills of containers without one."""
    needs_name = found.action in _OF_A_CONTAINER or (found.action is Action.RAISE_POD_LIMIT and case.pod is None)
    if case.container != UNKNOWN_CONTAINER or not needs_name:
        return found
    fired = f" of {format_quantity(found.previous_limit)}" if found.previous_limit else ""
    words = f"a limit{fired} fired, but which container it was is not known, so no limit is recommended"
    return Recommendation(action=Action.NONE, previous_limit=found.previous_limit, basis=words)


def _within_quota(case: Case, found: Recommendation) -> Recommendation:
    """Return the recommendation with no more request than the namespace's quota of requests leaves."""
    left, own = case.around.quota_requests, case.facts.memory_request if case.facts else None
    if left is None or found.request is None:
        return found
    most = (own or 0) + left // max(case.around.replicas, 1)
    if found.request <= most:
        return found
    why = f"what the namespace's quota of requests leaves ({in_mi(most)})"
    if most > (own or 0):
        return replace(found, request=most, basis=f"{found.basis} The request is cut to {why}.")
    if found.action is Action.RAISE_REQUEST:
        words = f"{found.basis} But {why} allows no more than the request already has."
        return Recommendation(action=Action.NONE, previous_limit=found.previous_limit, basis=words)
    return replace(found, request=None, basis=f"{found.basis} The request stays: {why} allows no more.")
