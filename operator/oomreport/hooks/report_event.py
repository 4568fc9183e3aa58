"""The Kubernetes Events of a report itself, as `kubectl describe` shows them.

They tell what hooks are told. An Event is named by the report and what it says: the same said again becomes a series of
one Event. So kills are one Event for each limit and cause, however many pods they were in.
"""

import hashlib
from datetime import datetime
from typing import Any

from oomreport.hooks.event import OF_CONDITIONS, EventType
from oomreport.incident.kill import Kill
from oomreport.incident.report.notice import REPORTER, ReportObject
from oomreport.incident.report.status import ReportStatus
from oomreport.incident.witness.evidence import HOST_CONTAINER
from oomreport.names import API_VERSION, OOM_REPORT, bounded_text
from oomreport.times import rfc3339
from oomreport.workload.quantity import format_quantity

# events.k8s.io/v1 takes 1024 bytes.
_MOST_NOTE = 1000
_CONDITIONS = {type_: condition for condition, type_ in OF_CONDITIONS.items()} | {
    EventType.RECOMMENDATION_READY: "Recommended"
}
_WARNINGS = frozenset({EventType.OOM_KILLED, EventType.REGRESSED, EventType.NEAR_LIMIT})


def report_event(
    type_: EventType, status: ReportStatus, *, report: ReportObject, now: datetime, instance: str
) -> dict[str, Any]:
    """Return the Event of what happened to a report, as it is first created.

    `status` is what the report became by it; `instance` names the process that reports it.
    """
    note = bounded_text(_note(type_, status, report.container), _MOST_NOTE)
    digest = hashlib.sha256("\0".join((report.uid, type_, note)).encode()).hexdigest()[:16]
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"namespace": report.namespace, "name": f"{report.name[:200].rstrip('.-')}.{digest}"},
        "eventTime": rfc3339(now),
        "type": "Warning" if type_ in _WARNINGS else "Normal",
        "reason": type_,
        "action": "OOMKill" if type_ is EventType.OOM_KILLED else "Report",
        "note": note,
        "reportingController": REPORTER,
        "reportingInstance": instance[:128],
        "regarding": {
            "apiVersion": API_VERSION,
            "kind": OOM_REPORT,
            "namespace": report.namespace,
            "name": report.name,
            "uid": report.uid,
        },
    }


def _note(type_: EventType, status: ReportStatus, container: str) -> str:
    where = "The node itself" if container == HOST_CONTAINER else f"Container {container}"
    found = status.condition(_CONDITIONS[type_]) if type_ in _CONDITIONS else None
    if found is not None:
        return f"{where}, {found.reason}: {found.message}"
    return f"{where}: a process was OOM-killed{_by(status.last_kill)}"


def _by(kill: Kill | None) -> str:
    if kill is None:
        return ""
    limit = f" at a limit of {format_quantity(kill.limit)}" if kill.limit else ""
    return f"{limit}, cause {kill.cause}"
