"""`oomreport accept` and `oomreport reject`: the review of a report.

They write spec.review and nothing else.

Between the look and the decision a kill may have made another recommendation. The write is bound to the report as it
was read just before (resourceVersion); where only the kills moved on and the recommendation is the same, it is tried
again.
"""

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from oomreport.cli.logs.story import recommended
from oomreport.cli.reports.cluster import Cluster
from oomreport.cli.reports.naming import only_report_named
from oomreport.cli.reports.report_source import connected
from oomreport.cli.terminal import printable, say
from oomreport.errors import ApiError, InputUnreadable, OOMReportError
from oomreport.gitops.advice import Advice, advice_of
from oomreport.incident.advice.kept_advice import NO_ACTION, KeptAdvice
from oomreport.incident.report.status import ReportStatus
from oomreport.times import rfc3339_seconds
from oomreport.workload.quantity import parse_quantity

_ATTEMPTS = 5
_CONFLICT = 409


class _NotDoneError(OOMReportError):
    """The review was not written; the message says why."""


def run(arguments: argparse.Namespace) -> int:
    """Write the reviews and return the exit status."""
    try:
        if arguments.if_limit is not None and parse_quantity(arguments.if_limit) is None:
            raise InputUnreadable(f"--if-limit {arguments.if_limit}: is no quantity, such as 480Mi")
        cluster = connected(arguments)
        reviewer = arguments.reviewer or cluster.who()
    except OOMReportError as error:
        say(error)
        return 2
    status = 0
    for name in arguments.names:
        try:
            advice = reviewed(cluster, arguments.namespace or cluster.namespace, name, arguments, reviewer)
        except (_NotDoneError, ApiError, InputUnreadable) as error:
            say(error)
            # 0 is no answer at all.
            status = 2 if isinstance(error, ApiError) and error.is_unreachable else max(status, 1)
            continue
        what = recommended(advice.status.advice)
        print(printable(f"{advice.namespace}/{advice.name} {arguments.decision} by {reviewer}: {what}"))
    return status


def reviewed(cluster: Cluster, namespace: str, name: str, arguments: argparse.Namespace, reviewer: str) -> Advice:
    """Write a review and return what was decided about. Raises _NotDoneError, ApiError, InputUnreadable."""
    report = only_report_named(cluster, namespace, name)
    name = report["metadata"]["name"]
    first = _recommendation(report)
    if first.action == NO_ACTION:
        raise _NotDoneError(f"{namespace}/{name}: there is no recommendation to decide about")
    wanted = arguments.if_limit
    if wanted is not None and parse_quantity(wanted) != parse_quantity(first.memory_limit):
        raise _NotDoneError(f"{namespace}/{name}: not {wanted} is recommended, but {first.memory_limit or 'no limit'}")
    note = arguments.note if arguments.note is not None else ""
    # The time tells a decision from the same one about an earlier recommendation.
    now = rfc3339_seconds(datetime.now(UTC))
    review = {"decision": arguments.decision, "reviewer": reviewer, "note": note, "time": now}
    for _ in range(_ATTEMPTS):
        try:
            return advice_of(cluster.review(report, review))
        except ApiError as error:
            if error.status != _CONFLICT:
                raise
        report = cluster.report(namespace, name)
        other = _recommendation(report)
        if decides(first) != decides(other):
            raise _NotDoneError(
                f"{namespace}/{name}: the recommendation changed just now, from {recommended(first)!r} to"
                f" {recommended(other)!r}; look again"
            )
    raise _NotDoneError(f"{namespace}/{name}: it changes faster than it can be reviewed; try again")


def decides(advice: KeptAdvice) -> tuple[str | None, ...]:
    """Return what a decision is about: another value of these is another recommendation."""
    return advice.action, advice.memory_limit, advice.memory_request, advice.previous_limit


def _recommendation(report: Mapping[str, Any]) -> KeptAdvice:
    return ReportStatus.of(report.get("status")).advice
