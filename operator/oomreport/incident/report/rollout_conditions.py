"""Whether a recommendation reached the workload's pods, and whether it holds there.

The pods are the witness, not the manifest: a limit counts when a container runs with it, whoever set it and where (a
new template, a resize in place, an autoscaler). Four facts about that:

* During a rollout some pods are new and some old. It is applied when all that run have it.
* Of a Job's or CronJob's pods often none runs; then the one that was made last tells.
* A container without a limit has the highest of all.
* The kernel prints the limit that fired. So a kill of an old pod at the old limit is told from one at the limit that
  was applied, whenever either becomes known; and a kill at the recommended limit proves that it had been applied.

What was applied is kept in `status.applied`, since the kill that shows it was not enough brings another recommendation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from oomreport.incident.advice.kept_advice import KeptAdvice
from oomreport.incident.advice.recommendation import Action
from oomreport.incident.kill import FULL_NODE, Cause, RecentKill
from oomreport.incident.memory.usage_since import UsageSince
from oomreport.incident.report.condition import ConditionFound
from oomreport.incident.report.status import Applied, Condition, ReportStatus, what_changes
from oomreport.incident.witness.evidence import Evidence, Patience
from oomreport.times import rfc3339, rfc3339_seconds
from oomreport.workload.pod import PodFacts
from oomreport.workload.quantity import MI, format_quantity, parse_quantity

APPLIED, RESOLVED, REGRESSED = "Applied", "Resolved", "Regressed"
# Reason of Applied and Resolved: the pods have it, their template may not.
RESIZED_IN_PLACE = "ResizedInPlace"
_NOT_KILLED_AGAIN = ConditionFound(
    status="False", reason="NotKilledAgain", message="no kill came at what was applied, or above"
)
_NEVER_APPLIED = ConditionFound(status="False", reason="NotApplied", message="nothing was seen in force yet")
_WHAT = {
    Action.RAISE_LIMIT: "a memory limit",
    Action.LOWER_LIMIT: "a memory limit",
    Action.RAISE_POD_LIMIT: "a pod-level memory limit",
    Action.RAISE_REQUEST: "a memory request",
}
_CAUSES = {
    Action.RAISE_LIMIT: frozenset({Cause.CONTAINER_LIMIT}),
    Action.LOWER_LIMIT: frozenset({Cause.CONTAINER_LIMIT}),
    Action.RAISE_POD_LIMIT: frozenset({Cause.POD_LIMIT}),
    Action.RAISE_REQUEST: FULL_NODE,
}
_QUIET_INTERVALS = 3
_MOST_COUNTED = 20
# A report must say Resolved before it is old enough to be deleted.
_QUIET_SHARE_OF_AGE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class KillHistory:
    """The kills of a report: `recent` as recentKills, newest first, and the IDs of those `new` in this look."""

    number: int
    first: datetime | None
    last: datetime | None
    recent: Sequence[RecentKill]
    new: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """status.applied, the three conditions that tell of it, and when time alone changes one."""

    applied: Applied | None
    conditions: Mapping[str, ConditionFound]
    look_again: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Values:
    """What the pods that tell have, in bytes; None is no limit. `wanted` is what is recommended."""

    action: Action
    wanted: int
    found: tuple[int | None, ...]

    @property
    def enough(self) -> int:
        """Return how many have what is wanted or more; or less, where the limit is to be lowered."""
        if self.action is Action.LOWER_LIMIT:
            return sum(value is not None and value <= self.wanted for value in self.found)
        return sum(value is None or value >= self.wanted for value in self.found)


def is_followed(status: Mapping[str, Any]) -> bool:
    """Return whether the workload's pods can tell if advice is applied, or what becomes of a leak."""
    advice = KeptAdvice.of(status.get("recommendation"))
    was_leak = advice.action == Action.FIX_LEAK or ReportStatus.part(status, "leak_ended") is not None
    return was_leak or _wanted(advice) is not None


def is_awaited(status: Mapping[str, Any]) -> bool:
    """Return whether a report waits for the end of its quiet window."""
    stored = ReportStatus.of(status)
    return stored.holds(APPLIED) and not stored.holds(RESOLVED)


def fix(evidence: Evidence, stored: ReportStatus, patience: Patience, *, advice: KeptAdvice, kills: KillHistory) -> Fix:
    """Return what becomes of the applied recommendation. `advice` is the recommendation as it is by now."""
    applied, regressed = _regressed(stored, kills, patience)
    values = _values(evidence, advice)
    finding = _applied(values, advice, stored, listed=evidence.pods_listed)
    if finding.status == "True" and (resized := _resized_in_place(evidence, stored)):
        words = f"{finding.message}; pod {resized} was resized in place, and its successors have what the manifest says"
        finding = replace(finding, reason=RESIZED_IN_PLACE, message=words)
    if finding.status != "True":
        return Fix(applied=applied, conditions=_conditions(finding, _unresolved(finding), regressed))
    if applied is None or not stored.holds(APPLIED) or regressed.status == "True":
        applied = _remembered(advice, evidence.now, _quiet(kills, patience))
        regressed = _NOT_KILLED_AGAIN
    elif not stored.holds(RESOLVED) or kills.new:
        applied = replace(applied, quiet_seconds=_quiet(kills, patience))
    resolved, due = _resolved(applied, stored, kills, values, evidence)
    if finding.reason == RESIZED_IN_PLACE:
        words = "a resize in place ends with its pod: it resolves nothing"
        resolved, due = ConditionFound(status="False", reason=RESIZED_IN_PLACE, message=words), None
    return Fix(applied=applied, conditions=_conditions(finding, resolved, regressed), look_again=due)


def _resized_in_place(evidence: Evidence, stored: ReportStatus) -> str | None:
    """Return a running pod whose limit was changed in place, by a hook or anybody else (a VPA); None without one."""
    resized = {change.what: change.time for change in reversed(stored.changes)}
    for pod in telling(evidence.pods, evidence.container):
        time = resized.get(what_changes(pod.name, evidence.container))
        # A StatefulSet makes a pod again under its name.
        by_hook = time is not None and (pod.created is None or pod.created <= time)
        if by_hook or evidence.container in pod.resized:
            return pod.name
    return None


def _conditions(
    applied: ConditionFound, resolved: ConditionFound, regressed: ConditionFound
) -> dict[str, ConditionFound]:
    return {APPLIED: applied, RESOLVED: resolved, REGRESSED: regressed}


def _applied(
    values: _Values | None,
    advice: KeptAdvice,
    stored: ReportStatus,
    *,
    listed: bool,
) -> ConditionFound:
    """Whether the recommendation is in force.

    True      every pod that runs has the recommended limit (or request), a higher one, or no limit;
              a lower one, where the limit is to be lowered
    False     one has not, or there is nothing to apply
    Unknown   no pod tells
    """
    if values is None:
        if advice.action == Action.NONE:
            words = "nothing is recommended that a pod could have"
            return ConditionFound(status="False", reason="NothingToApply", message=words)
        return ConditionFound(status="Unknown", reason="NotVisible", message="no limit or request of a pod tells of it")
    if values.enough < len(values.found):
        return _too_little(values, advice, stored)
    if values.found and listed:
        return _enough(values)
    # All that are known have it, but not all are known; or none is left. What was seen before stays.
    known = stored.condition(APPLIED)
    if known and (_covers(stored.applied, values) if known.is_true else not listed):
        return _as_before(known)
    if not listed:
        return ConditionFound(
            status="Unknown", reason="PodsNotListed", message="not all pods of the workload are known yet"
        )
    return ConditionFound(status="Unknown", reason="NoPods", message="no pod of the workload is there to tell")


def _enough(values: _Values) -> ConditionFound:
    least = min((value for value in values.found if value is not None), default=None)
    if least is None:
        return ConditionFound(
            status="True", reason="LimitRemoved", message=f"no pod has {_WHAT[values.action]} any more"
        )
    words = f"every pod has {_WHAT[values.action]} of {format_quantity(least)}"
    wanted = format_quantity(values.wanted)
    if values.action is Action.LOWER_LIMIT:
        return ConditionFound(status="True", reason="Trimmed", message=f"{words} or less; recommended was {wanted}")
    return ConditionFound(status="True", reason="Raised", message=f"{words}; recommended was {wanted}")


def _too_little(values: _Values, advice: KeptAdvice, stored: ReportStatus) -> ConditionFound:
    wanted, what = format_quantity(values.wanted), _WHAT[values.action]
    if values.enough:
        side = "less" if values.action is Action.LOWER_LIMIT else "more"
        words = f"{_share(values.enough, len(values.found))} pods have {what} of {wanted} or {side}"
        return ConditionFound(status="False", reason="RollingOut", message=words)
    if all(value is None for value in values.found):
        return ConditionFound(status="False", reason="LimitRemoved", message=f"no pod has {what} any more")
    least = min(value for value in values.found if value is not None)
    words = f"pods have {what} of {format_quantity(least)}; recommended is {wanted}"
    previous = parse_quantity(advice.previous_limit)
    if _covers(stored.applied, values):
        return ConditionFound(status="False", reason="Reverted", message=f"{words}, and was applied before")
    if values.action in (Action.RAISE_LIMIT, Action.RAISE_POD_LIMIT) and previous is not None and least != previous:
        more = least > previous
        words = f"{words}; it was {format_quantity(previous)} at the last kill"
        return ConditionFound(status="False", reason="RaisedTooLittle" if more else "Lowered", message=words)
    return ConditionFound(status="False", reason="NotApplied", message=words)


def _unresolved(applied: ConditionFound) -> ConditionFound:
    status: Literal["Unknown", "False"] = "Unknown" if applied.status == "Unknown" else "False"
    return ConditionFound(status=status, reason="NotApplied", message="the recommendation is not seen in force")


def _resolved(
    applied: Applied,
    stored: ReportStatus,
    kills: KillHistory,
    values: _Values | None,
    evidence: Evidence,
) -> tuple[ConditionFound, datetime | None]:
    """Whether the applied recommendation holds, and when that may change.

    True      no kill in the quiet window after it was applied
    False     the window is not over, or nothing is applied
    Unknown   the window is over, but no pod is there that could have been killed
    """
    since = max(applied.time, kills.last or applied.time)
    quiet = timedelta(seconds=applied.quiet_seconds)
    words = f"no kill since {rfc3339_seconds(since)}"
    if evidence.now < since + quiet:
        message = f"{words}; the quiet window of {int(quiet.total_seconds())} s ends {rfc3339_seconds(since + quiet)}"
        return ConditionFound(status="False", reason="QuietWindow", message=message), since + quiet
    known = stored.condition(RESOLVED)
    if (known and known.is_true) or (values and values.found and evidence.pods_listed):
        message = f"{words}, for {int(quiet.total_seconds())} s and more{_proof(evidence.surroundings.usage)}"
        return ConditionFound(status="True", reason="Quiet", message=message), None
    if known and not evidence.pods_listed:
        return _as_before(known), None
    return ConditionFound(
        status="Unknown", reason="NoPods", message=f"{words}, but no pod is there that could be killed"
    ), None


def _proof(usage: UsageSince | None) -> str:
    """Return how far the peak stayed from the limit, where a source tells."""
    if usage is None or not usage.limit:
        return ""
    limit, peak = format_quantity(usage.limit), format_quantity(usage.peak // MI * MI)
    return f"; of {limit} the containers held at most {peak} ({100 * usage.peak // usage.limit} %, {usage.source})"


def _as_before(known: Condition) -> ConditionFound:
    return ConditionFound(status=known.status, reason=known.reason, message=known.message)


def _regressed(stored: ReportStatus, kills: KillHistory, patience: Patience) -> tuple[Applied | None, ConditionFound]:
    """Return what was applied, and whether that was not enough.

    True      killed again by what it had raised, at the applied value or above
    False     not, or what was recommended after that kill is applied
    """
    applied, advised = stored.applied, stored.advice
    kill = _again(applied, kills, since=applied.time) if applied else None
    if kill is None and not stored.holds(APPLIED) and _is_limit(advised):
        # It was never seen in force, and the kernel says that it was.
        kill = _again(advised, kills, since=None)
        if kill:
            applied = _remembered(advised, kill.time, _quiet(kills, patience))
    known = stored.condition(REGRESSED)
    if kill:
        limit = kill.limit_bytes
        where = f" at a limit of {format_quantity(limit)}" if limit else ""
        words = f"killed again at {rfc3339(kill.time)}{where}; applied was {_value_of(applied)}"
        return applied, ConditionFound(status="True", reason="KilledAgain", message=words)
    if applied and known and known.is_true:
        return applied, _as_before(known)
    return applied, _NOT_KILLED_AGAIN if applied else _NEVER_APPLIED


def _again(applied: Applied | KeptAdvice, kills: KillHistory, *, since: datetime | None) -> RecentKill | None:
    """Return the newest kill by what an applied recommendation had raised.

    By the limit that fired, where the kernel has printed it, whatever the clocks say; else by time, if `since` is
    given.
    """
    causes = _CAUSES[Action(applied.action)]
    limit = parse_quantity(applied.memory_limit) if _is_limit(applied) else None
    for kill in kills.recent:
        if kill.cause not in causes:
            continue
        later = since is not None and kill.time > since
        if limit is None or kill.limit_bytes is None:
            if later:
                return kill
        elif kill.limit_bytes >= limit and (later or kill.id in kills.new):
            return kill
    return None


def _values(evidence: Evidence, advice: KeptAdvice) -> _Values | None:
    """Return what the pods that tell have of what is recommended; None where no value in pods tells of it."""
    wanted = _wanted(advice)
    if wanted is None:
        return None
    action = Action(advice.action)
    found = (_value(pod, evidence.container, action) for pod in telling(evidence.pods, evidence.container))
    return _Values(action=action, wanted=wanted, found=tuple(found))


def telling(pods: Sequence[PodFacts], container: str) -> tuple[PodFacts, ...]:
    """Return the pods by which to see what is in force: those that run, else the last one that has run."""
    present = [
        pod
        for pod in pods
        if not (pod.deleted or pod.terminating) and (one := pod.container(container)) and one.has_started
    ]
    if running := tuple(pod for pod in present if not pod.finished):
        return running
    newest = max(present, key=lambda pod: (pod.created.timestamp() if pod.created else 0.0, pod.name), default=None)
    return (newest,) if newest else ()


def _value(pod: PodFacts, name: str, action: Action) -> int | None:
    container = pod.container(name)
    assert container
    if action is Action.RAISE_REQUEST:
        return container.memory_request or 0
    return pod.memory_limit if action is Action.RAISE_POD_LIMIT else container.memory_limit


def _number(advice: KeptAdvice | Applied) -> str | None:
    """Return the number of a recommendation that a value in pods can tell of."""
    return advice.memory_request if advice.action == Action.RAISE_REQUEST else advice.memory_limit


def _wanted(advice: KeptAdvice | Applied) -> int | None:
    return parse_quantity(_number(advice)) if advice.action in _WHAT else None


def _is_limit(advice: KeptAdvice | Applied) -> bool:
    return (
        advice.action in (Action.RAISE_LIMIT, Action.RAISE_POD_LIMIT, Action.LOWER_LIMIT)
        and advice.memory_limit is not None
    )


def _covers(applied: Applied | None, values: _Values) -> bool:
    """Return whether what was once applied is no less than what is recommended now; for a lowering, no more."""
    if applied is None or applied.action != values.action:
        return False
    size = _wanted(applied)
    if size is not None and values.action is Action.LOWER_LIMIT:
        return size <= values.wanted
    return size is not None and size >= values.wanted


def _remembered(advice: KeptAdvice, now: datetime, quiet: int) -> Applied:
    return Applied(
        action=advice.action,
        memory_limit=advice.memory_limit,
        memory_request=advice.memory_request,
        previous_limit=advice.previous_limit,
        time=now.replace(microsecond=0),
        quiet_seconds=quiet,
    )


def _quiet(kills: KillHistory, patience: Patience) -> int:
    """Return how many seconds without a kill resolve a report: longer where kills were far apart."""
    quiet = patience.resolve_after
    if kills.number > 1 and kills.first and kills.last:
        quiet = max(quiet, _QUIET_INTERVALS * (kills.last - kills.first) / (kills.number - 1))
    return int(min(quiet, _QUIET_SHARE_OF_AGE * patience.termination_age).total_seconds())


def _value_of(applied: Applied | None) -> str:
    return (_number(applied) if applied else None) or "nothing"


def _share(part: int, whole: int) -> str:
    """Return how many of all; of very many only about, so that a report is not written for each of their pods."""
    return f"{part} of {whole}" if whole <= _MOST_COUNTED else f"{100 * part // whole // 20 * 20} % and more of the"
