"""`oomreport export`: the reports of a cluster in a file.

`recommend` and `apply` read it where they cannot reach the cluster.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import yaml

from oomreport.cli.reports.report_source import reports_for
from oomreport.cli.terminal import say
from oomreport.errors import InputUnreadable, OOMReportError

# The API server's own bookkeeping: in a file it says nothing, and changes with every export.
_NOT_KEPT = ("managedFields", "selfLink")


def run(arguments: argparse.Namespace) -> int:
    """Write the reports and return the exit status."""
    try:
        reports = reports_for(arguments, mapped=True)
        text = listed(reports, as_json=arguments.output == "json")
        if arguments.file in (None, "-"):
            sys.stdout.write(text)
        else:
            write_text(arguments.file, text)
            print(f"{arguments.file}: {len(reports)} reports", file=sys.stderr)
    except OOMReportError as error:
        say(error)
        return 2
    return 0


def listed(reports: list[dict[str, Any]], *, as_json: bool) -> str:
    """Return reports as a list, as `kubectl get oomreports -o yaml` (or json) writes it."""
    items = [_kept(report) for report in reports]
    whole = {"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}}
    if as_json:
        return json.dumps(whole, indent=2) + "\n"
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(whole, Dumper=dumper, sort_keys=True, width=120)
    return text


def _kept(report: dict[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in report["metadata"].items() if key not in _NOT_KEPT}
    return report | {"metadata": metadata}


def write_text(name: str, text: str) -> None:
    """Write a file. Raises InputUnreadable where that is not possible."""
    try:
        Path(name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputUnreadable(f"{name}: {error.strerror or error}") from error
