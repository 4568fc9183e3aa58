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
    metadata, spec, status = report["metadata"], report["spec"], report.get("status") or {}
    last, advice = status.get("lastKill") or {}, status.get("recommendation") or {}
    victim = last.get("victim") or {}
    short = (
        *(metadata["namespace"], metadata["name"], spec["workloadRef"]["name"], spec["container"], victim.get("comm")),
        *(victim.get("oomScore"), status.get("kills"), last.get("cause"), advice.get("previousLimit")),
        *(advice.get("memoryLimit"), age(status.get("lastKillTime"), now)),
    )
    if not wide:
        return short
    return (
        *short,
        *(last.get("verdict"), last.get("pod"), last.get("node"), advice.get("action"), advice.get("confidence")),
        *((spec.get("review") or {}).get("decision"), owner_short(status)),
    )
