"""`oomreport show`: a report told in words."""

import argparse
import sys
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from oomreport.cli.logs.story import recommended, shown, size_text
from oomreport.cli.reports.columns import printable
from oomreport.cli.reports.owner_text import owner_sentences
from oomreport.cli.reports.report_source import connected, reports_of_file
from oomreport.errors import InputUnreadable, OOMReportError
from oomreport.gitops.advice import Advice, advice_of

_WIDTH = 100
_CAUSES = {
    "ContainerLimit": "The container reached its own memory limit",
    "PodLimit": "The pod reached its memory limit",
    "NodeAllocatable": "The pods of the node together reached what the kubelet lets them use",
    "NodeOutOfMemory": "The node ran out of memory; no limit of this container fired",
    "NestedCgroup": "A cgroup made inside the container reached its own limit",
    "CPUSetOrNUMA": "The NUMA nodes that were allowed ran out of memory",
    "Unknown": "No evidence tells whose limit it was",
}
_PARTS = (
    ("heap and stacks", "anonBytes"),
    ("files", "fileBytes"),
    ("of them tmpfs and shared memory", "shmemBytes"),
    ("kernel", "kernelBytes"),
    ("swapped out besides", "swapBytes"),
)
_VERDICTS = {
    "Confirmed": "the kernel's record and pod status agree",
    "KernelOnly": "by the kernel's record; pod status does not say so",
    "StatusOnly": "by pod status; no kernel record is there",
    "Contradicted": "pod status says so, and the node's counters saw no kill",
}


def run(arguments: argparse.Namespace) -> int:
    """Tell the reports and return the exit status."""
    try:
        for number, report in enumerate(_reports(arguments)):
            sys.stdout.write(("\n" if number else "") + told(advice_of(report)))
    except OOMReportError as error:
        print(f"oomreport: {error}", file=sys.stderr)
        return 2
    return 0


def told(advice: Advice) -> str:
    """Return the whole of a report in words."""
    lines = [f"{advice.namespace} {advice.kind}/{advice.workload}, container {advice.container}: {_kills(advice)}"]
    for sentence in _happened(advice.status.get("lastKill") or {}):
        lines += _wrapped(sentence, "   ")
    findings = advice.status.get("findings") or []
    lines += _listed("Why", [f"{one.get('severity')}: {one.get('message')}." for one in findings])
    if recommendation := advice.status.get("recommendation"):
        lines += _listed("What to change", [f"{recommended(recommendation)}. Basis: {advice.basis}."])
    lines += _listed("Who", [*owner_sentences(advice.status), _review(advice)])
    lines += _listed("State", [_condition(one) for one in advice.status.get("conditions") or []])
    return "\n".join(lines) + "\n"


def _reports(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    if arguments.reports is None:
        cluster = connected(arguments)
        return [cluster.report(arguments.namespace or cluster.namespace, name) for name in arguments.names]
    found = reports_of_file(arguments.reports)
    chosen = []
    for name in arguments.names:
        own = [
            one
            for one in found
            if one["metadata"]["name"] == name and arguments.namespace in (None, one["metadata"]["namespace"])
        ]
        if not own:
            raise InputUnreadable(f"{arguments.reports}: no report {name}")
        chosen += own
    return chosen


def _kills(advice: Advice) -> str:
    last = advice.status.get("lastKillTime")
    return f"OOM-killed {'once' if advice.kills == 1 else f'{advice.kills} times'}{f', last at {last}' if last else ''}"


def _happened(last: Mapping[str, Any]) -> Iterator[str]:
    if not last:
        yield "The last kill is not known yet."
        return
    memory, victim = last.get("memory") or {}, last.get("victim") or {}
    limit = f" of {size_text(memory['limitBytes'])}" if isinstance(memory.get("limitBytes"), int) else ""
    cause = _CAUSES.get(str(last.get("cause")), str(last.get("cause")))
    yield f"{cause}{limit} ({_VERDICTS.get(str(last.get('verdict')), str(last.get('verdict')))})."
    if victim.get("comm") is not None:
        size = victim.get("anonRSSBytes")
        holds = f", holding {size_text(size)}" if isinstance(size, int) else ""
        score = f", with a score of {victim['oomScore']}" if victim.get("oomScore") is not None else ""
        more = (last.get("victims") or 1) - 1
        yield f"{shown(str(victim['comm']))} (pid {victim.get('pid')}) was killed{holds}{score}{f', and {more} more' if more else ''}."
    yield from _before(last.get("usage") or {}, printed="stat" in memory)
    if last.get("silent"):
        yield "The container lived on: pod status shows nothing of it."
    if last.get("pod"):
        node = f" on node {last['node']}" if last.get("node") else ""
        yield f"It was in pod {last['pod']}{node}."


def _before(usage: Mapping[str, Any], *, printed: bool) -> Iterator[str]:
    """Yield what the agent saw of the container's memory before the kill; what it consisted of where no dump tells that."""
    last, peak, pressure = usage.get("lastSample") or {}, usage.get("peak") or {}, usage.get("pressure") or {}
    parts = [f"{name} {size_text(last[key])}" for name, key in _PARTS if last.get(key)]
    if parts and not printed:
        yield f"When last looked at, at {last.get('time')}, it held {size_text(last['usageBytes'])}: {', '.join(parts)}."
    highest = max((size for one in (usage, usage.get("life") or {}) for size in one.get("bytes") or ()), default=0)
    if highest and isinstance(peak.get("bytes"), int):
        yield f"Its samples reached {size_text(highest)}, its peak with page cache {size_text(peak['bytes'])}."
    if pressure.get("somePercent"):
        yield (
            f"Tasks stood still for want of memory {pressure['somePercent']:.0f} % of ten seconds,"
            f" all at once {pressure.get('fullPercent', 0):.0f} %."
        )


def _review(advice: Advice) -> str:
    if advice.decision == "Pending":
        return f"Nobody has decided yet: oomreport accept -n {advice.namespace} {advice.name}, or reject."
    by = f" by {advice.reviewer}" if advice.reviewer else ""
    return f"{advice.decision}{by}{f': {advice.note}' if advice.note else ''}."


def _condition(one: Mapping[str, Any]) -> str:
    message = f": {one['message']}" if one.get("message") else ""
    return f"{one.get('type')} {one.get('status')} since {one.get('lastTransitionTime')} ({one.get('reason')}){message}"


def _listed(title: str, points: list[str]) -> list[str]:
    lines = [line for point in points for line in _wrapped(point, "   - ")]
    return ["", f"   {title}", *lines] if lines else []


def _wrapped(text: str, first: str) -> list[str]:
    return textwrap.wrap(printable(text), _WIDTH, initial_indent=first, subsequent_indent=" " * len(first))
