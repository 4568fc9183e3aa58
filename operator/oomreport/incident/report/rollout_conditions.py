"""Whether a recommendation reached the workload's pods, and whether it holds there.

The pods are the witness, not the manifest: a limit counts when a container runs with it, whoever set it and where (a new
template, a resize in place, an autoscaler). Four facts about that:

* During a rollout some pods are new and some old. It is applied when all that run have it.
* Of a Job's or CronJob's pods often none runs; then the one that was made last tells.
* A container without a limit has the highest of all.
* The kernel prints the limit that fired. So a kill of an old pod at the old limit is told from one at the limit that was
  applied, whenever either becomes known; and a kill at the recommended limit proves that it had been applied.

What was applied is kept in `status.applied`, since the kill that shows it was not enough brings another recommendation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from oomreport.incident.advice.recommendation import Action
from oomreport.incident.kill import Cause, RecentKill
from oomreport.incident.report.condition import Finding
from oomreport.incident.witness.evidence import Evidence, Patience
from oomreport.times import parse_time, rfc3339, rfc3339_seconds
from oomreport.workload.pod import PodFacts
from oomreport.workload.quantity import format_quantity, parse_quantity

APPLIED, RESOLVED, REGRESSED = "Applied", "Resolved", "Regressed"
# What a value in pods can tell of, by the recommendation's field.
_FIELD = {
    Action.RAISE_LIMIT: "memoryLimit",
    Action.RAISE_POD_LIMIT: "memoryLimit",
    Action.RAISE_REQUEST: "memoryRequest",
}
_WHAT = {
    Action.RAISE_LIMIT: "a memory limit",
    Action.RAISE_POD_LIMIT: "a memory limit of the pod",
    Action.RAISE_REQUEST: "a memory request",
}
_NODE = frozenset({Cause.NODE_ALLOCATABLE, Cause.NODE_OUT_OF_MEMORY})
_CAUSES = {
    Action.RAISE_LIMIT: frozenset({Cause.CONTAINER_LIMIT}),
    Action.RAISE_POD_LIMIT: frozenset({Cause.POD_LIMIT}),
    Action.RAISE_REQUEST: _NODE,
}
_QUIET_INTERVALS = 3
_MOST_COUNTED = 20
# A report must say Resolved before it is old enough to be deleted.
_QUIET_SHARE_OF_AGE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Kills:
    """The kills of a report: `recent` as recentKills, newest first, and those of them that are `new` in this look by ID."""

    number: int
    first: datetime | None
    last: datetime | None
    recent: Sequence[RecentKill]
    new: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """status.applied, the three conditions that tell of it, and when time alone changes one."""

    applied: dict[str, Any] | None
    conditions: Mapping[str, Finding]
    look_again: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Values:
    """What the pods that tell have, in bytes; None is no limit. `wanted` is what is recommended."""

    action: Action
    wanted: int
    found: tuple[int | None, ...]

    @property
    def enough(self) -> int:
        """Return how many have what is wanted or more."""
        return sum(value is None or value >= self.wanted for value in self.found)


def is_followed(status: Mapping[str, Any]) -> bool:
    """Return whether the workload's pods can tell if a report's recommendation is applied."""
    return _wanted(status.get("recommendation") or {}) is not None


def is_awaited(status: Mapping[str, Any]) -> bool:
    """Return whether a report waits for the end of its quiet window."""
    stored = {one["type"]: one["status"] for one in status.get("conditions") or ()}
    return stored.get(APPLIED) == "True" and stored.get(RESOLVED) != "True"


def fix(evidence: Evidence, patience: Patience, *, advice: Mapping[str, Any], kills: Kills) -> Fix:
    """Return what becomes of the applied recommendation. `advice` is the recommendation as it is by now."""
    stored = evidence.status
    before = {one["type"]: one for one in stored.get("conditions") or ()}
    applied, regressed = _regressed(stored, before, kills, patience)
    values = _values(evidence, advice)
    finding = _applied(values, advice, stored, before, listed=evidence.pods_listed)
    if finding.status != "True":
        return Fix(applied=applied, conditions=_conditions(finding, _unresolved(finding), regressed))
    was_applied = before.get(APPLIED, {}).get("status") == "True"
    if applied is None or not was_applied or regressed.status == "True":
        applied = _remembered(advice, evidence.now, _quiet(kills, patience))
        regressed = Finding(status="False", reason="NotKilledAgain")
    elif before.get(RESOLVED, {}).get("status") != "True" or kills.new:
        applied = {**applied, "quietSeconds": _quiet(kills, patience)}
    resolved, due = _resolved(applied, before, kills, values, evidence)
    return Fix(applied=applied, conditions=_conditions(finding, resolved, regressed), look_again=due)


def _conditions(applied: Finding, resolved: Finding, regressed: Finding) -> dict[str, Finding]:
    return {APPLIED: applied, RESOLVED: resolved, REGRESSED: regressed}


def _applied(
    values: _Values | None,
    advice: Mapping[str, Any],
    stored: Mapping[str, Any],
    before: Mapping[str, Mapping[str, Any]],
    *,
    listed: bool,
) -> Finding:
    """Whether the recommendation is in force.

    True      every pod that runs has the recommended limit (or request), a higher one, or no limit
    False     one has less, or there is nothing to apply
    Unknown   no pod tells
    """
    if values is None:
        if advice.get("action", "None") == Action.NONE:
            return Finding(status="False", reason="NothingToApply")
        return Finding(status="Unknown", reason="NotVisible", message="no limit or request of a pod tells of it")
    if values.enough < len(values.found):
        return _too_little(values, advice, stored)
    if values.found and listed:
        return _enough(values)
    # All that are known have it, but not all are known; or none is left. What was seen before stays.
    known = before.get(APPLIED)
    was_true = known is not None and known["status"] == "True"
    if known and (_covers(stored.get("applied"), values) if was_true else not listed):
        return Finding(status=known["status"], reason=known["reason"], message=known["message"])
    if not listed:
        return Finding(status="Unknown", reason="PodsNotListed", message="not all pods of the workload are known yet")
    return Finding(status="Unknown", reason="NoPods", message="no pod of the workload is there to tell")


def _enough(values: _Values) -> Finding:
    least = min((value for value in values.found if value is not None), default=None)
    if least is None:
        return Finding(status="True", reason="LimitRemoved", message=f"no pod has {_WHAT[values.action]} any more")
    words = f"every pod has {_WHAT[values.action]} of {format_quantity(least)}"
    wanted = format_quantity(values.wanted)
    return Finding(status="True", reason="Raised", message=f"{words}; recommended was {wanted}")


def _too_little(values: _Values, advice: Mapping[str, Any], stored: Mapping[str, Any]) -> Finding:
    wanted, what = format_quantity(values.wanted), _WHAT[values.action]
    if values.enough:
        words = f"{_share(values.enough, len(values.found))} pods have {what} of {wanted} or more"
        return Finding(status="False", reason="RollingOut", message=words)
    least = min(value for value in values.found if value is not None)
    words = f"pods have {what} of {format_quantity(least)}; recommended is {wanted}"
    previous = parse_quantity(advice.get("previousLimit"))
    if _covers(stored.get("applied"), values):
        return Finding(status="False", reason="Reverted", message=f"{words}, and was applied before")
    if values.action is not Action.RAISE_REQUEST and previous is not None and least != previous:
        more = least > previous
        words = f"{words}; it was {format_quantity(previous)} at the last kill"
        return Finding(status="False", reason="RaisedTooLittle" if more else "Lowered", message=words)
    return Finding(status="False", reason="NotApplied", message=words)


def _unresolved(applied: Finding) -> Finding:
    return Finding(status="Unknown" if applied.status == "Unknown" else "False", reason="NotApplied")


def _resolved(
    applied: Mapping[str, Any],
    before: Mapping[str, Mapping[str, Any]],
    kills: Kills,
    values: _Values | None,
    evidence: Evidence,
) -> tuple[Finding, datetime | None]:
    """Whether the applied recommendation holds, and when that may change.

    True      no kill in the quiet window after it was applied
    False     the window is not over, or nothing is applied
    Unknown   the window is over, but no pod is there that could have been killed
    """
    began = parse_time(applied["time"])
    assert began
    since = max(began, kills.last or began)
    quiet = timedelta(seconds=applied["quietSeconds"])
    words = f"no kill since {rfc3339_seconds(since)}"
    if evidence.now < since + quiet:
        message = f"{words}; the quiet window of {int(quiet.total_seconds())} s ends {rfc3339_seconds(since + quiet)}"
        return Finding(status="False", reason="QuietWindow", message=message), since + quiet
    known = before.get(RESOLVED, {})
    if known.get("status") == "True" or (values and values.found and evidence.pods_listed):
        message = f"{words}, for {int(quiet.total_seconds())} s and more"
        return Finding(status="True", reason="Quiet", message=message), None
    if known and not evidence.pods_listed:
        return Finding(status=known["status"], reason=known["reason"], message=known["message"]), None
    return Finding(
        status="Unknown", reason="NoPods", message=f"{words}, but no pod is there that could be killed"
    ), None


def _regressed(
    stored: Mapping[str, Any],
    before: Mapping[str, Mapping[str, Any]],
    kills: Kills,
    patience: Patience,
) -> tuple[dict[str, Any] | None, Finding]:
    """Return what was applied, and whether that was not enough.

    True      killed again by what it had raised, at the applied value or above
    False     not, or what was recommended after that kill is applied
    """
    applied = stored.get("applied")
    kill = _again(applied, kills, since=parse_time(applied["time"])) if applied else None
    advised = stored.get("recommendation") or {}
    if kill is None and before.get(APPLIED, {}).get("status") != "True" and _is_limit(advised):
        # It was never seen in force, and the kernel says that it was.
        kill = _again(advised, kills, since=None)
        if kill:
            applied = _remembered(advised, kill.time, _quiet(kills, patience))
    known = before.get(REGRESSED, {})
    if kill:
        limit = kill.limit_bytes
        where = f" at a limit of {format_quantity(limit)}" if limit else ""
        words = f"killed again at {rfc3339(kill.time)}{where}; applied was {_value_of(applied or {})}"
        return applied, Finding(status="True", reason="KilledAgain", message=words)
    if applied and known.get("status") == "True":
        return dict(applied), Finding(status="True", reason=known["reason"], message=known["message"])
    return dict(applied) if applied else None, Finding(
        status="False", reason="NotKilledAgain" if applied else "NotApplied"
    )


def _again(applied: Mapping[str, Any], kills: Kills, *, since: datetime | None) -> RecentKill | None:
    """Return the newest kill by what an applied recommendation had raised.

    By the limit that fired, where the kernel has printed it, whatever the clocks say; else by time, if `since` is given.
    """
    action = Action(applied["action"])
    limit = parse_quantity(applied.get("memoryLimit")) if _is_limit(applied) else None
    for kill in kills.recent:
        fired = kill.limit_bytes
        if kill.cause not in _CAUSES[action]:
            continue
        later = since is not None and kill.time > since
        if limit is None or fired is None:
            if later:
                return kill
        elif fired >= limit and (later or kill.id in kills.new):
            return kill
    return None


def _values(evidence: Evidence, advice: Mapping[str, Any]) -> _Values | None:
    """Return what the pods that tell have of what is recommended; None where no value in pods tells of it."""
    wanted = _wanted(advice)
    if wanted is None:
        return None
    action = Action(advice["action"])
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


def _wanted(advice: Mapping[str, Any]) -> int | None:
    field = _FIELD.get(advice.get("action", Action.NONE))
    return parse_quantity(advice.get(field)) if field else None


def _is_limit(advice: Mapping[str, Any]) -> bool:
    return advice.get("action") in (Action.RAISE_LIMIT, Action.RAISE_POD_LIMIT) and "memoryLimit" in advice


def _covers(applied: Mapping[str, Any] | None, values: _Values) -> bool:
    """Return whether what was applied once is no less than what is recommended now."""
    if not applied or applied["action"] != values.action:
        return False
    size = _wanted(applied)
    return size is not None and size >= values.wanted


def _remembered(advice: Mapping[str, Any], now: datetime, quiet: int) -> dict[str, Any]:
    kept = {key: advice[key] for key in ("action", "memoryLimit", "memoryRequest", "previousLimit") if key in advice}
    return {**kept, "time": rfc3339_seconds(now), "quietSeconds": quiet}


def _quiet(kills: Kills, patience: Patience) -> int:
    """Return how many seconds without a kill resolve a report: longer where kills were far apart."""
    quiet = patience.resolve_after
    if kills.number > 1 and kills.first and kills.last:
        quiet = max(quiet, _QUIET_INTERVALS * (kills.last - kills.first) / (kills.number - 1))
    return int(min(quiet, _QUIET_SHARE_OF_AGE * patience.termination_age).total_seconds())


def _value_of(applied: Mapping[str, Any]) -> str:
    return str(applied.get(_FIELD.get(applied.get("action", Action.NONE), ""), "nothing"))


def _share(part: int, whole: int) -> str:
    """Return how many of all; of very many only about, so that a report is not written for each of their pods."""
    return f"{part} of {whole}" if whole <= _MOST_COUNTED else f"{100 * part // whole // 20 * 20} % and more of the"
