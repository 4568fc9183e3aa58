"""One attempt to deliver an event, with the report's present state."""

import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass

from oomreport.controller.delivery.hook_target import Due, HookTarget, target_of
from oomreport.controller.known.reports import StoredReport
from oomreport.controller.work.keys import ReportKey
from oomreport.hooks.answer import Answer, Outcome
from oomreport.hooks.delivery import Delivery, DeliveryKey
from oomreport.hooks.event import Event
from oomreport.incident.report.status import ReportStatus

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A delivery of a report."""

    report: ReportKey
    delivery: DeliveryKey

    def __str__(self) -> str:
        """Return it as logs name it."""
        return f"{self.delivery.event} of {self.report} to {self.delivery.hook}"


def event_of(key: ReportKey, report: StoredReport, delivery: Delivery, labels: Mapping[str, str]) -> Event:
    """Return the event that a delivery tells; `labels` are those of the workload's owner."""
    return Event(
        type=delivery.key.event,
        occasion=delivery.key.kill_id,
        time=delivery.time,
        namespace=report.namespace,
        report=report.name,
        report_uid=report.uid,
        workload=key.workload,
        container=key.container,
        status=ReportStatus.of(report.status),
        kills=delivery.kills,
        last_time=delivery.last_time,
        labels=labels,
    )


async def attempt(due: Due, targets: Mapping[str, HookTarget]) -> Answer:
    """Make one attempt. Nothing is raised: a mistake of ours is an answer too, and the attempt is made again."""
    target = target_of(due.hook, targets)
    if target is None:
        return Answer(outcome=Outcome.RETRY, message="this controller knows no such target")
    try:
        return await target.deliver(due)
    except Exception as error:  # noqa: BLE001 - an attempt that failed is made again
        # The error's own words may hold a secret: only its type and its frames are shown.
        frames = "".join(traceback.format_tb(error.__traceback__))
        metadata = due.hook.metadata
        facts = {"hook": f"{metadata['namespace']}/{metadata['name']}", "error": type(error).__name__}
        log.error("delivery attempt failed", extra={**facts, "traceback": frames})  # noqa: TRY400
        return Answer(outcome=Outcome.RETRY, message=f"mistake in the controller: {type(error).__name__}")
