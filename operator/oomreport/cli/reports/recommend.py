"""`oomreport recommend`: the changes that reports ask for."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import yaml

from oomreport.cli.reports.columns import age, table
from oomreport.cli.reports.markdown import recommended_body
from oomreport.cli.reports.owner_text import owner_short
from oomreport.cli.reports.patches import component, patches, values
from oomreport.cli.reports.report_source import advice_for
from oomreport.cli.terminal import say
from oomreport.errors import OOMReportError
from oomreport.gitops.advice import Advice
from oomreport.incident.api_json import as_json
from oomreport.names import API_VERSION
from oomreport.times import rfc3339

_SHORT = ("NAMESPACE", "WORKLOAD", "CONTAINER", "ACTION", "LIMIT", "NEW LIMIT", "NEW REQUEST", "CONFIDENCE", "KILLS")
_WIDE = ("CAUSE", "VERDICT", "STATE", "MANAGED BY", "REPORT", "BASIS")


def run(arguments: argparse.Namespace) -> int:
    """Print the recommendations and return the exit status."""
    try:
        advice = advice_for(arguments, mapped=arguments.output == "values")
    except OOMReportError as error:
        say(error)
        return 2
    if arguments.accepted_only:
        advice = [one for one in advice if one.decision == "Accepted"]
    chosen = [one for one in advice if one.action != "None"]
    open_ = [one for one in chosen if one.changes and is_open(one)]
    now = datetime.now(UTC)
    forms: dict[str, Callable[[], str]] = {
        "table": lambda: rows(chosen, now, wide=False),
        "wide": lambda: rows(chosen, now, wide=True),
        "json": lambda: json.dumps(as_list(chosen), indent=2) + "\n",
        "yaml": lambda: str(yaml.safe_dump(as_list(chosen), sort_keys=False, width=120)),
        "patch": lambda: patches(open_),
        "kustomize": lambda: component(open_),
        "values": lambda: values(open_),
        "markdown": lambda: recommended_body(chosen),
    }
    sys.stdout.write(forms[arguments.output]())
    if not chosen and arguments.output in ("table", "wide"):
        print(f"Nothing is recommended ({len(advice)} reports).", file=sys.stderr)
    return 1 if arguments.exit_code and open_ else 0


def is_open(advice: Advice) -> bool:
    """Whether it is still to be done: neither rejected, nor in the cluster already."""
    return advice.decision != "Rejected" and not advice.is_applied


def state_of(advice: Advice) -> str:
    """Return where the recommendation is on its way, in a word."""
    return "Applied" if advice.is_applied else advice.decision


def rows(advice: Sequence[Advice], now: datetime, *, wide: bool) -> str:
    """Return the table; nothing where there are no recommendations."""
    if not advice:
        return ""
    head = (*_SHORT, "LAST", *(_WIDE if wide else ("STATE",)))
    return table(head, [_row(one, now, wide=wide) for one in advice])


def _row(one: Advice, now: datetime, *, wide: bool) -> tuple[object, ...]:
    last = one.status.last_kill
    short = (
        *(one.namespace, f"{one.kind}/{one.workload}", one.container, one.action, one.previous_limit),
        *(one.limit, one.request, one.confidence, one.kills, age(one.status.last_kill_time, now)),
    )
    if not wide:
        return (*short, state_of(one))
    kill = (last.cause, last.verdict) if last else (None, None)
    return (*short, *kill, state_of(one), owner_short(one.status.managed_by), one.name, one.basis)


def as_list(advice: Sequence[Advice]) -> dict[str, Any]:
    """Return recommendations with their evidence, for programs."""
    return {"apiVersion": API_VERSION, "kind": "RecommendationList", "items": [_item(one) for one in advice]}


def _item(one: Advice) -> dict[str, Any]:
    status = one.status
    last = status.last_kill
    found = {
        "report": one.name,
        "namespace": one.namespace,
        "workloadRef": {"apiVersion": one.api_version, "kind": one.kind, "name": one.workload},
        "container": one.container,
        "action": one.action,
        "previousLimit": one.previous_limit,
        "memoryLimit": one.limit,
        "memoryRequest": one.request,
        "confidence": one.confidence,
        "basis": one.basis,
        "kills": one.kills,
        "lastKillTime": rfc3339(status.last_kill_time) if status.last_kill_time else None,
        "cause": last.cause.value if last else None,
        "verdict": last.verdict.value if last and last.verdict else None,
        "findings": [as_json(finding) for finding in status.findings],
        "review": {"decision": one.decision, "reviewer": one.reviewer, "note": one.note},
        "applied": one.is_applied,
        "managedBy": dict(status.managed_by) if status.managed_by else None,
    }
    return {key: value for key, value in found.items() if value is not None}
