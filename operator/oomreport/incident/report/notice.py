"""The notice of a kill on its pod: annotations and Event.

The Event is of events.k8s.io/v1.

An Event's reason tells at a glance whose limit it was and whether the container lived on. Its name is computed from
pod, container and reason, so that a repeated kill becomes a series of one Event instead of a storm. Of an Event that
exists the API server lets nothing change but its series.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from oomreport.incident.kill import FULL_NODE, Cause, Kill
from oomreport.names import (
    ANNOTATION_CAUSE,
    ANNOTATION_KILLS,
    ANNOTATION_LAST_KILL,
    ANNOTATION_REPORT,
    ANNOTATION_VICTIM,
    API_VERSION,
    OOM_REPORT,
    bounded_text,
)
from oomreport.times import rfc3339
from oomreport.workload.quantity import MI, format_quantity

ANNOTATIONS = (
    ANNOTATION_LAST_KILL,
    ANNOTATION_KILLS,
    ANNOTATION_VICTIM,
    ANNOTATION_CAUSE,
    ANNOTATION_REPORT,
)
REPORTER = "oomreport.dev/controller"
_MOST_NOTE = 1000
_OF_NODE = FULL_NODE | {Cause.CPUSET_OR_NUMA}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportObject:
    """What refers to a report."""

    namespace: str
    name: str
    container: str
    uid: str = ""


def annotations(kill: Kill, *, report: ReportObject, kills: int) -> dict[str, str]:
    """Return what a pod is annotated with after a kill; `kills` counts those of the report, over all its pods."""
    return {
        ANNOTATION_LAST_KILL: rfc3339(kill.time) if kill.time else "",
        ANNOTATION_KILLS: str(kills),
        ANNOTATION_VICTIM: kill.comm or "",
        ANNOTATION_CAUSE: kill.cause,
        ANNOTATION_REPORT: report.name,
    }


def event_reason(kill: Kill, *, silent: bool) -> str:
    """Return the reason of a kill's Event."""
    if silent:
        return "ProcessOOMKilled"
    if kill.cause is Cause.POD_LIMIT:
        return "PodLimitOOMKilled"
    return "NodeOOMKilled" if kill.cause in _OF_NODE else "ContainerOOMKilled"


def event(kill: Kill, *, report: ReportObject, silent: bool, now: datetime, instance: str) -> dict[str, Any]:
    """Return the Event of a kill in a pod, as it is first created; `instance` names the process that reports it."""
    reason, pod = event_reason(kill, silent=silent), kill.pod or ""
    parts = (kill.pod_uid or "", report.container, reason)
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"namespace": report.namespace, "name": f"{pod[:200].rstrip('.-')}.{digest}"},
        "eventTime": rfc3339(now),
        "type": "Warning",
        "reason": reason,
        "action": "OOMKill",
        "note": bounded_text(_note(kill, report, silent=silent), _MOST_NOTE),
        "reportingController": REPORTER,
        "reportingInstance": instance[:128],
        "regarding": {
            "apiVersion": "v1",
            "kind": "Pod",
            "namespace": report.namespace,
            "name": pod,
            "uid": kill.pod_uid or "",
            "fieldPath": f"spec.containers{{{report.container}}}",
        },
        "related": {
            "apiVersion": API_VERSION,
            "kind": OOM_REPORT,
            "namespace": report.namespace,
            "name": report.name,
            "uid": report.uid,
        },
    }


def event_series(stored: Mapping[str, Any], *, more: int, now: datetime) -> dict[str, Any]:
    """Return the patch by which an Event that exists tells of `more` kills."""
    count = (stored.get("series") or {}).get("count", 1)
    return {"series": {"count": count + more, "lastObservedTime": rfc3339(now)}}


def _note(kill: Kill, report: ReportObject, *, silent: bool) -> str:
    victim, limit = kill.victim, kill.limit
    who = f"process {_printable(victim.comm or '')} (pid {victim.pid})" if victim else "a process"
    size = victim.anon_rss_bytes if victim else None
    return "".join(
        (
            f"Container {report.container}: {who} was OOM-killed",
            f", anonymous memory {size / MI:.0f}Mi" if size else "",
            f", at a limit of {format_quantity(limit)}" if limit else "",
            f", cause {kill.cause}",
            "; the container lived on" if silent else "",
            f"; see oomreport {report.name}",
        )
    )


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
