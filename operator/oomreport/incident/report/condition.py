"""Conditions of a report, each defined as a list of facts. A condition's time moves only when its status does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from oomreport.incident.kill import Kill, RecentKill, Verdict
from oomreport.times import rfc3339_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a condition is found to be."""

    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str = ""


def correlated(*, last: Kill, recent: Sequence[RecentKill], waiting: bool) -> Finding:
    """Whether the witnesses agree.

    True      every recent kill has a kernel record, and the last one a terminated status of the same container, unless
              it was silent
    False     a recent kill is known by pod status only, or the container of the last one is gone without a trace
    Unknown   the last kill is so new that pod status may still tell of it
    """
    if waiting:
        return Finding(
            status="Unknown", reason="WaitingForStatus", message="pod status may still tell of the last kill"
        )
    verdicts = {kill.verdict for kill in recent}
    if Verdict.CONTRADICTED in verdicts:
        return Finding(
            status="False", reason="Contradicted", message="pod status tells of a kill that the kernel denies"
        )
    if Verdict.STATUS_ONLY in verdicts:
        return Finding(
            status="False", reason="StatusOnly", message="pod status tells of a kill without a kernel record"
        )
    if last.verdict is Verdict.KERNEL_ONLY and not last.silent:
        return Finding(status="False", reason="NoTermination", message="no pod status shows how the container ended")
    return Finding(status="True", reason="WitnessesAgree")


def recommended(recommendation: Mapping[str, Any]) -> Finding:
    """Whether something is to be changed.

    True      the recommendation has an action for the last kill
    False     it has none; its basis says why
    """
    action = recommendation.get("action", "None")
    if action == "None":
        return Finding(status="False", reason="NothingToChange", message=recommendation.get("basis", ""))
    return Finding(status="True", reason=action)


def conditions(
    previous: Sequence[Mapping[str, Any]], found: Mapping[str, Finding], *, generation: int | None, now: datetime
) -> list[dict[str, Any]]:
    """Return conditions as a status holds them."""
    before = {condition["type"]: condition for condition in previous}
    moved = rfc3339_seconds(now)
    result: list[dict[str, Any]] = []
    for kind, finding in found.items():
        old = before.get(kind, {})
        condition = {
            "type": kind,
            "status": finding.status,
            "observedGeneration": generation,
            "lastTransitionTime": old["lastTransitionTime"] if old.get("status") == finding.status else moved,
            "reason": finding.reason,
            "message": finding.message,
        }
        result.append({key: value for key, value in condition.items() if value is not None})
    return result
