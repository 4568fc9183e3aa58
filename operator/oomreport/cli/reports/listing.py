"""`oomreport list`: the reports, as `kubectl get oomreports` shows them."""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from oomreport.adapters.cluster.objects import resource_version
from oomreport.cli.reports.columns import age, table
from oomreport.cli.reports.export import listed
from oomreport.cli.reports.owner_text import owner_short
from oomreport.cli.reports.report_source import reports_for
from oomreport.cli.terminal import say
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


# As watch(1) of procps does by default.
_WATCH_SECONDS = 2.0


def run(arguments: argparse.Namespace) -> int:
    """Print the reports and return the exit status."""
    if arguments.watch:
        return watch(arguments, lambda: reports_for(arguments, told=False))
    try:
        reports = reports_for(arguments)
    except OOMReportError as error:
        say(error)
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


def watch(
    arguments: argparse.Namespace,
    read: Callable[[], Sequence[Mapping[str, Any]]],
    pause: Callable[[float], None] = time.sleep,
) -> int:
    """Print the reports, and then each one that is new or changed, until it is interrupted; return the exit status.

    An API server that does not answer is asked again, once it has answered.
    """
    wide = arguments.output == "wide"
    head = (*_HEAD, *_WIDE) if wide else _HEAD
    known: dict[tuple[str, str], str] | None = None
    failed = False
    while True:
        try:
            reports = read()
        except OOMReportError as error:
            if known is None:
                say(error)
                return 2
            if not failed:
                say(f"{error}; trying again")
            failed = True
            pause(_WATCH_SECONDS)
            continue
        failed = False
        versions = {_key(one): resource_version(one) for one in reports}
        changed = [one for one in reports if known is None or known.get(_key(one)) != resource_version(one)]
        if changed or known is None:
            lines = table(head, [_row(one, datetime.now(UTC), wide=wide) for one in changed])
            # The head is said once.
            sys.stdout.write(lines if known is None else lines.partition("\n")[2])
            sys.stdout.flush()
        known = versions
        pause(_WATCH_SECONDS)


def _key(report: Mapping[str, Any]) -> tuple[str, str]:
    return report["metadata"]["namespace"], report["metadata"]["name"]


def _review(report: Mapping[str, Any], status: ReportStatus) -> str | None:
    """Return what was decided about the recommendation as it is now; the decision alone where it is too new."""
    found = status.condition("Reviewed")
    seen = found is not None and found.observed_generation == report["metadata"].get("generation")
    decision: str | None = (report["spec"].get("review") or {}).get("decision")
    return found.reason if found and seen else decision


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
        *(_review(report, status), owner_short(status.managed_by)),
    )
