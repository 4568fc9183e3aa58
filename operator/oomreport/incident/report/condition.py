"""Conditions of a report, each defined as a list of facts.

A condition's time moves only when its status does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from oomreport.incident.advice.kept_advice import NO_ACTION, KeptAdvice
from oomreport.incident.advice.raising import MOST
from oomreport.incident.advice.sizing import POLICY_MAXIMUM
from oomreport.incident.api_json import as_json, from_json
from oomreport.incident.kill import Kill, RecentKill, Verdict
from oomreport.incident.memory.forecast import Forecast
from oomreport.incident.memory.usage_since import UsageSince
from oomreport.incident.report.status import Condition
from oomreport.times import rfc3339_seconds
from oomreport.workload.quantity import MI, format_quantity

# People who are told a day before can plan a restart.
_NEAR = timedelta(days=1)
# Looks are a minute apart; after so long without one nothing is known.
_OLD = timedelta(hours=2)


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
    if last.verdict is Verdict.KERNEL_ONLY:
        words = "the kernel's record tells of the last kill; the container lived on, and pod status does not show such a kill"
        return ConditionFound(status="True", reason="ContainerLivedOn", message=words)
    words = "each recent kill has a kernel record, and pod status shows the end of the last container"
    return ConditionFound(status="True", reason="WitnessesAgree", message=words)


def recommended(advice: KeptAdvice) -> ConditionFound:
    """Whether something is to be changed.

    True      the recommendation has an action for the last kill
    False     it has none; its basis says why. Reason CappedByPolicy: the policy's maxMemory allows no higher limit;
              Capped: another bound does not
    """
    if advice.action == NO_ACTION and (bound := _bound(advice)):
        reason = "CappedByPolicy" if bound.startswith(POLICY_MAXIMUM) else "Capped"
        return ConditionFound(status="False", reason=reason, message=advice.basis)
    if advice.action == NO_ACTION:
        return ConditionFound(status="False", reason="NothingToChange", message=advice.basis)
    numbers = ((advice.memory_limit, "limit"), (advice.memory_request, "request"))
    sizes = " and ".join(f"a memory {what} of {size}" for size, what in numbers if size)
    words = f"recommended is {sizes}" if sizes else "no number is recommended; the basis says what to do"
    return ConditionFound(status="True", reason=advice.action, message=words)


def _bound(advice: KeptAdvice) -> str | None:
    """Return the bound that the limit has reached already."""
    return next((one.source for one in advice.inputs if one.name == MOST), None)


def at_risk(usage: UsageSince | None, forecast: Forecast | None, *, grows_on: bool, now: datetime) -> ConditionFound:
    """Whether the next kill is near, by the growth of a running container.

    True      the limit may be full within a day, and the growth is one that has killed before
    False     nothing grows, or not so fast, or it may end as other growth does
    Unknown   no source tells what the running containers hold
    """
    if usage is None or now - usage.last > _OLD:
        words = "no source tells what the running containers hold"
        return ConditionFound(status="Unknown", reason="NotWatched", message=words)
    if forecast is None:
        words = f"the containers held at most {format_quantity(usage.peak // MI * MI)} ({usage.source})"
        return ConditionFound(status="False", reason="NoGrowth", message=words)
    full, earliest = rfc3339_seconds(forecast.full_at), rfc3339_seconds(forecast.earliest)
    words = f"the limit may be full {full}, at the earliest {earliest}"
    if grows_on and forecast.earliest - now <= _NEAR:
        return ConditionFound(status="True", reason="LimitFills", message=words)
    return ConditionFound(status="False", reason="Growing", message=words)


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
