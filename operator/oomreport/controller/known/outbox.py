"""Edits of deliveries for a report's next write.

A report has one writer, the Reporter. What a delivery becomes is handed over here as an edit, and is part of the
report's next write.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from oomreport.controller.known.hooks import HookRegistry
from oomreport.controller.known.reports import StoredReport, labels_of
from oomreport.controller.work.keys import ReportKey
from oomreport.hooks.answer import Change
from oomreport.hooks.delivery import Delivery, DeliveryKey, State, deliveries_of
from oomreport.hooks.outbox import Happening, happenings, kill_times, posted, redelivered
from oomreport.incident.report.condition import ConditionFound, conditions_json
from oomreport.incident.report.decision import Decision
from oomreport.incident.report.status import ReportStatus
from oomreport.incident.witness.evidence import Patience
from oomreport.times import rfc3339

log = logging.getLogger(__name__)
DELIVERED = "Delivered"
MOST_CHANGES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """A delivery that is not to be told any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InDigest:
    """A delivery that a digest tells together with others."""

    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """A delivery after an attempt. `attempts_before` is how many there were before it."""

    attempts_before: int
    result: Delivery


Edit = Withdrawn | InDigest | Attempted


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The status that is to be written, the edits that are in it, and what happens by it."""

    status: Mapping[str, Any]
    changed: bool
    edits: Mapping[DeliveryKey, Edit] = field(default_factory=dict)
    changes: tuple[tuple[str, Change], ...] = ()
    happened: tuple[Happening, ...] = ()


def without_delivered(status: ReportStatus) -> ReportStatus:
    """Return a status without the condition that is added here."""
    if not status.condition(DELIVERED):
        return status
    return replace(status, conditions=tuple(one for one in status.conditions if one.type != DELIVERED))


class Outbox:
    """Edits that wait for their report's next write."""

    def __init__(self, hooks: HookRegistry, now: Callable[[], datetime]) -> None:
        self._hooks, self._now = hooks, now
        self._edits: defaultdict[ReportKey, dict[DeliveryKey, Edit]] = defaultdict(dict)
        self._changes: defaultdict[ReportKey, list[tuple[str, Change]]] = defaultdict(list)

    def edit(self, key: ReportKey, delivery: DeliveryKey, edit: Edit, change: Change | None = None) -> None:
        """Have a delivery changed by the report's next write."""
        self._edits[key][delivery] = edit
        if change:
            self._changes[key].append((delivery.hook, change))

    def is_edited(self, key: ReportKey, delivery: DeliveryKey) -> bool:
        """Return whether a delivery is about to change."""
        return delivery in self._edits.get(key, {})

    async def draft(self, key: ReportKey, stored: StoredReport | None, decision: Decision, patience: Patience) -> Draft:
        """Return the status with deliveries. Raises ApiError where it cannot be said whom to tell."""
        before = stored.status if stored else {}
        if not decision.status:
            return Draft(status=decision.status, changed=decision.changed)
        now = self._now()
        edits, changes = dict(self._edits.get(key, {})), tuple(self._changes.get(key, ()))
        subscriptions = await self._hooks.subscriptions(key.namespace, labels_of(key))
        known = [changed for one in deliveries_of(before) if (changed := _edited(one, edits)) is not None]
        if stored and stored.redeliver:
            known = [*redelivered(known, stored.redeliver, now=now)]
        was, becomes = stored.known if stored else ReportStatus(), decision.becomes
        happened = tuple(happenings(was, becomes, now))
        deliveries = posted(
            was,
            becomes,
            subscriptions,
            happened=happened,
            deliveries=known,
            hooks=self._hooks.names(),
            settled=decision.settled,
            now=now,
            patience=max(patience.unknown_after, patience.grace, patience.settle),
        )
        own: dict[str, Any] = {
            "deliveries": [one.as_json() for one in deliveries],
            "changes": [*(_change(one) for one in reversed(changes)), *before.get("changes", ())][:MOST_CHANGES],
            "conditions": [*decision.status.get("conditions", ()), *_delivered(before, deliveries, stored, now)],
            "killTimes": [rfc3339(time) for time in was.kill_times],
        }
        if any(one.repeated for one in subscriptions):
            own["killTimes"] = [rfc3339(time) for time in kill_times(was, becomes)]
        return Draft(
            status={**decision.status, **{name: value for name, value in own.items() if value}},
            changed=decision.changed or any(value != (before.get(name) or []) for name, value in own.items()),
            edits=edits,
            changes=changes,
            happened=happened,
        )

    def stored(self, key: ReportKey, draft: Draft) -> None:
        """Take note that a draft stands in the report, or that there is no report to stand in."""
        waiting = self._edits.get(key, {})
        for delivery, edit in draft.edits.items():
            if waiting.get(delivery) is edit:
                del waiting[delivery]
        if not waiting:
            self._edits.pop(key, None)
        if draft.changes:
            self._changes[key] = [one for one in self._changes[key] if one not in draft.changes]
            if not self._changes[key]:
                del self._changes[key]

    def drop(self, key: ReportKey) -> None:
        """Forget what was to be changed in a report that is gone."""
        self._edits.pop(key, None)
        self._changes.pop(key, None)


def _edited(delivery: Delivery, edits: Mapping[DeliveryKey, Edit]) -> Delivery | None:
    if not delivery.is_pending:
        return delivery
    match edits.get(delivery.key):
        case Withdrawn():
            return None
        case InDigest(digest=digest):
            return replace(delivery, digest=digest)
        case Attempted(attempts_before=before, result=result) if delivery.attempts == before:
            # Kills may have joined the delivery since the attempt began.
            return replace(result, kills=delivery.kills, last_time=delivery.last_time, time=delivery.time)
        case _:
            # No edit, or the delivery has gone on since.
            return delivery


def _delivered(
    before: Mapping[str, Any], deliveries: tuple[Delivery, ...], stored: StoredReport | None, now: datetime
) -> list[dict[str, Any]]:
    """Return the condition Delivered, nothing where nobody is to be told anything.

    True      no delivery is pending or failed
    False     one was given up, or is still to be made
    """
    previous = [one for one in before.get("conditions", ()) if one["type"] == DELIVERED]
    if not deliveries and not previous:
        return []
    failed = sum(one.state is State.FAILED for one in deliveries)
    pending = sum(one.is_pending for one in deliveries)
    finding = ConditionFound(status="True", reason="AllDelivered", message="no delivery is pending or given up")
    if failed:
        finding = ConditionFound(
            status="False", reason="GivenUp", message=f"given up: {failed}; still to be made: {pending}"
        )
    elif pending:
        finding = ConditionFound(status="False", reason="Pending", message=f"{pending} deliveries are to be made")
    return conditions_json(previous, {DELIVERED: finding}, generation=stored.generation if stored else 1, now=now)


def _change(one: tuple[str, Change]) -> dict[str, Any]:
    hook, change = one
    values = {
        "time": rfc3339(change.time),
        "hook": hook,
        "what": change.what,
        "before": change.before,
        "after": change.after,
        "message": change.message,
    }
    return {key: value for key, value in values.items() if value is not None}
