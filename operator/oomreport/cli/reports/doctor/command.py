"""The command: what it prints and its exit status."""

# ruff: noqa: PLC0415 - what only some runs need is imported by them, so that starting is quick

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from oomreport.cli.reports.doctor.check_result import CheckResult, Level
from oomreport.cli.reports.doctor.installation import examined
from oomreport.cli.terminal import printable, say
from oomreport.errors import OOMReportError


def run(arguments: argparse.Namespace) -> int:
    """Print what was found. Return 1 where something keeps kills out of reports, 2 where nothing can be asked."""
    from oomreport.cli.reports.cluster import cluster_of

    try:
        cluster = cluster_of(context=arguments.context, kubeconfig=arguments.kubeconfig)
        cluster.get("/version")
    except OOMReportError as error:
        say(error)
        return 2
    found = examined(cluster, arguments.system_namespace, arguments.agent_namespace, own=lambda: datetime.now(UTC))
    if arguments.output == "json":
        rows = [{"check": one.check, "result": str(one.level), "message": one.words, "todo": one.todo} for one in found]
        print(json.dumps(rows, indent=2))
    else:
        sys.stdout.write(told(found))
    return 1 if any(one.level is Level.PROBLEM for one in found) else 0


def told(found: Sequence[CheckResult]) -> str:
    """Return findings as text, a line each and what to do below."""
    lines = []
    for one in found:
        lines.append(f"{one.level:<11}  {one.check}: {printable(one.words)}\n")
        lines += [f"{'':<11}  -> {printable(one.todo)}\n"] if one.todo else []
    problems = sum(one.level is Level.PROBLEM for one in found)
    last = (
        f"{problems} {'problem' if problems == 1 else 'problems'}.\n"
        if problems
        else "Nothing keeps kills from becoming reports.\n"
    )
    return "".join([*lines, "\n", last])
