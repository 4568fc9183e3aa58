"""`oomreport list`: the reports, as `kubectl get oomreports` shows them."""

import argparse
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from oomreport.cli.reports.columns import age, table
from oomreport.cli.reports.export import listed
from oomreport.cli.reports.owner_text import owner_short
from oomreport.cli.reports.report_source import reports_for
from oomreport.errors import OOMReportError
from oomreport.incident.kill import Kill
from oomreport.incident.report.status import ReportStatus

_HEAD = (
    "NAMESPACE",
    "NAME",
    "WORKLOAD",
    "CONTAINER",
    "VICTIM",
    "SCORE",
    "KILLS",
    "CAUSE",
    "LIMIT",
    "RECOMMENDED",
    "LAST",
)
_WIDE = ("VERDICT", "POD", "NODE", "ACTION", "CONFIDENCE", "REVIEW", "MANAGED BY")


def run(arguments: argparse.Namespace) -> int:
    """Print the reports and return the exit status."""
    try:
        reports = reports_for(arguments)
    except OOMReportError as error:
        print(f"oomreport: {error}", file=sys.stderr)
        return 2
    if arguments.output in ("json", "yaml"):
        sys.stdout.write(listed(reports, as_json=arguments.output == "json"))
        return 0
    wide = arguments.output == "wide"
    if reports:
        now = datetime.now(UTC)
        head = (*_HEAD, *_WIDE) if wide else _HEAD
        sys.stdout.write(table(head, [_row(one, now, wide=wide) for one in reports]))
    else:
        print("No reports.", file=sys.stderr)
    return 0


def _row(report: Mapping[str, Any], now: datetime, *, wide: bool) -> tuple[object, ...]:
    metadata, spec, status = report["metadata"], report["spec"], ReportStatus.of(report.get("status"))
    last, advice = status.last_kill or Kill(), status.advice
    short = (
        *(metadata["namespace"], metadata["name"], spec["workloadRef"]["name"], spec["container"], last.comm),
        *(last.victim.oom_score if last.victim else None, status.kills, last.cause, advice.previous_limit),
        *(advice.memory_limit, age(status.last_kill_time, now)),
    )
    if not wide:
        return short
    return (
        *short,
        *(last.verdict, last.pod, last.node, advice.action, advice.confidence),
        *((spec.get("review") or {}).get("decision"), owner_short(status.managed_by)),
    )
