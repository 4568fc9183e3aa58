"""The recommendation as a report keeps it: made at a kill, and made anew when what bounds it has changed.

It is kept while its witnesses are gone. It is made anew by a new kill, by rules of an OOMPolicy that differ from those it
was made by, by other LimitRanges or quotas of the namespace, and by the answer to what was not known then. So the report
names all three: `policy`, `boundsHash` and `unknown`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from oomreport.incident.advice.case import Case
from oomreport.incident.advice.recommendation import Action, Recommendation, recommendation, seen_since
from oomreport.incident.advice.sizing import in_mi
from oomreport.incident.kill import Cause
from oomreport.incident.witness.policy import Policy
from oomreport.incident.witness.surroundings import Unknown

MOST_BASIS = 1024
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


def advice_for(case: Case, stored: Mapping[str, Any], *, is_new: bool) -> dict[str, Any]:
    """Return status.recommendation; `stored` is the status as it is, `is_new` whether it does not show the last kill yet."""
    before: Mapping[str, Any] | None = stored.get("recommendation")
    if before is None:
        return _made(case)
    by_other_rules = is_by_other_rules(before, case)
    # A kill of which the kernel printed the last line only (rate limit) says nothing of a limit: the advice stands.
    if case.cause is Cause.UNKNOWN and case.kill.memory is None:
        was_off = (before.get("policy") or {}).get("enabled") is False
        return _made(case) if by_other_rules and (was_off or not case.around.policy.enabled) else dict(before)
    if is_new or (case.facts and case.kills != stored.get("kills")):
        return _made(case)
    was = before.get("action")
    if (since := seen_since(case, Action(was) if was in set(Action) else Action.NONE)) is not None:
        return _finished(case, since)
    if was == Action.LOWER_LIMIT and case.around.policy.enabled:
        return dict(before)
    if by_other_rules:
        made = _made(case)
        keeps = case.facts is None and made["action"] == before["action"] and made["action"] in _WITHOUT_NUMBER
        return {**made, "basis": before["basis"]} if keeps else made
    if case.facts and is_outdated(stored, case.around.bounds):
        return _made(case)
    answered = {Unknown(name) for name in before.get("unknown") or () if name in set(Unknown)} - case.around.unknown
    return _made(case) if answered and case.facts else dict(before)


def is_by_other_rules(advice: Mapping[str, Any], case: Case) -> bool:
    """Return whether advice was made by rules that do not hold any more; what holds is not known at times."""
    return Unknown.POLICIES not in case.around.unknown and not is_by(advice, case.around.policy)


def is_by(advice: Mapping[str, Any], policy: Policy) -> bool:
    """Return whether advice was made by these rules."""
    return bool((advice.get("policy") or {}) == policy.as_json())


def is_outdated(status: Mapping[str, Any], bounds: str | None) -> bool:
    """Return whether the namespace's bounds are others than the advice of a report was made within.

    What has been applied counts in a quota already, and is not looked at again before the next kill.
    """
    advice = status.get("recommendation") or {}
    if not advice or bounds is None or advice.get("action") in _WITHOUT_NUMBER:
        return False
    applied = any(
        one.get("type") == "Applied" and one.get("status") == "True" for one in status.get("conditions") or ()
    )
    return not applied and advice.get("boundsHash", "") != bounds


def _made(case: Case) -> dict[str, Any]:
    return _finished(case, _within_quota(case, recommendation(case)))


def _finished(case: Case, found: Recommendation) -> dict[str, Any]:
    bears = case.around.unknown & _BEARS_ON.get(found.action, _ALWAYS)
    unknown = [one for one in Unknown if one in bears]
    advice = found.as_json()
    if unknown:
        words = f" Not known: {', '.join(_WORDS[one] for one in unknown)}."
        advice = {**advice, "basis": found.basis[: MOST_BASIS - len(words)] + words, "unknown": unknown}
    if policy := case.around.policy.as_json():
        advice["policy"] = policy
    if case.around.bounds:
        advice["boundsHash"] = case.around.bounds
    return advice


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
