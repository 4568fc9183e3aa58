"""Conditions of a report, each defined as a list of facts. A condition's time moves only when its status does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from oomreport.incident.api_json import as_json, from_json
from oomreport.incident.kill import Kill, RecentKill, Verdict
from oomreport.incident.report.status import NO_ACTION, Condition, KeptAdvice


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionFound:
    """What a condition is found to be."""

    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str = ""


def correlated(*, last: Kill, recent: Sequence[RecentKill], waiting: bool) -> ConditionFound:
    """Whether the witnesses agree.

    True      every recent kill has a kernel record, and the last one a terminated status of the same container, unless
              it was silent
    False     a recent kill is known by pod status only, or the container of the last one is gone without a trace
    Unknown   the last kill is so new that pod status may still tell of it
    """
    if waiting:
        return ConditionFound(
            status="Unknown", reason="WaitingForStatus", message="pod status may still tell of the last kill"
        )
    verdicts = {kill.verdict for kill in recent}
    if Verdict.CONTRADICTED in verdicts:
        return ConditionFound(
            status="False", reason="Contradicted", message="pod status tells of a kill that the kernel denies"
        )
    if Verdict.STATUS_ONLY in verdicts:
        return ConditionFound(
            status="False", reason="StatusOnly", message="pod status tells of a kill without a kernel record"
        )
    if last.verdict is Verdict.KERNEL_ONLY and not last.silent:
        return ConditionFound(
            status="False", reason="NoTermination", message="no pod status shows how the container ended"
        )
    return ConditionFound(status="True", reason="WitnessesAgree")


def recommended(advice: KeptAdvice) -> ConditionFound:
    """Whether something is to be changed.

    True      the recommendation has an action for the last kill
    False     it has none; its basis says why
    """
    if advice.action == NO_ACTION:
        return ConditionFound(status="False", reason="NothingToChange", message=advice.basis)
    return ConditionFound(status="True", reason=advice.action)


def conditions(
    previous: Sequence[Condition], found: Mapping[str, ConditionFound], *, generation: int | None, now: datetime
) -> tuple[Condition, ...]:
    """Return conditions as a status holds them."""
    before = {condition.type: condition for condition in previous}
    return tuple(
        Condition(
            type=kind,
            status=one.status,
            observed_generation=generation,
            last_transition_time=before[kind].last_transition_time
            if kind in before and before[kind].status == one.status
            else now.replace(microsecond=0),
            reason=one.reason,
            message=one.message,
        )
        for kind, one in found.items()
    )


def conditions_json(
    previous: Sequence[Mapping[str, Any]],
    found: Mapping[str, ConditionFound],
    *,
    generation: int | None,
    now: datetime,
) -> list[dict[str, Any]]:
    """Return the same from and to the API's JSON."""
    known = tuple(one for raw in previous if (one := from_json(Condition, raw)))
    return [as_json(one) for one in conditions(known, found, generation=generation, now=now)]
