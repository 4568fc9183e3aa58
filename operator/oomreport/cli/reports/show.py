"""`oomreport show`: a report told in words."""

import argparse
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

from oomreport.cli.logs.story import recommended
from oomreport.cli.logs.words import shown, size_text
from oomreport.cli.reports.naming import cluster_reports_named, reports_named
from oomreport.cli.reports.owner_text import owner_sentences
from oomreport.cli.reports.report_source import connected, reports_of_file
from oomreport.cli.terminal import printable, say
from oomreport.errors import InputUnreadable, OOMReportError
from oomreport.gitops.advice import Advice, advice_of
from oomreport.incident.kill import Cause, Kill, Verdict
from oomreport.incident.memory.usage import Usage
from oomreport.incident.report.status import Condition
from oomreport.times import rfc3339, rfc3339_seconds

_WIDTH = 100
_CAUSES = {
    Cause.CONTAINER_LIMIT: "The container reached its own memory limit",
    Cause.POD_LIMIT: "The pod reached its memory limit",
    Cause.NODE_ALLOCATABLE: "The pods of the node together reached what the kubelet lets them use",
    Cause.NODE_OUT_OF_MEMORY: "The node ran out of memory; no limit of this container fired",
    Cause.NESTED_CGROUP: "A cgroup made inside the container reached its own limit",
    Cause.CPUSET_OR_NUMA: "The NUMA nodes that were allowed ran out of memory",
    Cause.UNKNOWN: "No evidence tells whose limit it was",
}
_PARTS = ("heap and stacks", "files", "of them tmpfs and shared memory", "kernel", "swapped out besides")
_VERDICTS = {
    Verdict.CONFIRMED: "the kernel's record and pod status agree",
    Verdict.KERNEL_ONLY: "by the kernel's record; pod status does not say so",
    Verdict.STATUS_ONLY: "by pod status; no kernel record is there",
    Verdict.CONTRADICTED: "pod status says so, and the node's counters saw no kill",
}


def run(arguments: argparse.Namespace) -> int:
    """Tell the reports and return the exit status."""
    try:
        for number, report in enumerate(_reports(arguments)):
            sys.stdout.write(("\n" if number else "") + told(advice_of(report)))
    except OOMReportError as error:
        say(error)
        return 2
    return 0


def told(advice: Advice) -> str:
    """Return the whole of a report in words."""
    whose = f"{advice.namespace} {advice.kind}/{advice.workload}, container {advice.container}"
    lines = [f"{printable(whose)}: {_kills(advice)}"]
    for sentence in _happened(advice.status.last_kill):
        lines += _wrapped(sentence, "   ")
    lines += _listed("Why", [f"{one.severity}: {one.message}." for one in advice.status.findings])
    if recommendation := advice.status.recommendation:
        lines += _listed("What to change", [f"{recommended(recommendation)}. Basis: {advice.basis.rstrip('.')}."])
    lines += _listed("Who", [*owner_sentences(advice.status.managed_by), _review(advice)])
    lines += _listed("State", [_condition(one) for one in advice.status.conditions])
    return "\n".join(lines) + "\n"


def _reports(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    if arguments.reports is None:
        cluster = connected(arguments)
        namespace = arguments.namespace or cluster.namespace
        return [one for name in arguments.names for one in cluster_reports_named(cluster, namespace, name)]
    found = reports_of_file(arguments.reports)
    chosen = []
    for name in arguments.names:
        meant = [one for one in found if arguments.namespace in (None, one["metadata"]["namespace"])]
        own = reports_named(meant, name)
        if not own:
            raise InputUnreadable(f"{arguments.reports}: no report {name}")
        chosen += own
    return chosen


def _kills(advice: Advice) -> str:
    time = advice.status.last_kill_time
    last = rfc3339(time) if time else None
    return f"OOM-killed {'once' if advice.kills == 1 else f'{advice.kills} times'}{f', last at {last}' if last else ''}"


def _happened(last: Kill | None) -> Iterator[str]:
    if last is None:
        yield "The last kill is not known yet."
        return
    limit = f" of {size_text(last.limit)}" if last.limit is not None else ""
    verdict = _VERDICTS[last.verdict] if last.verdict else "no verdict is known"
    yield f"{_CAUSES[last.cause]}{limit} ({verdict})."
    victim = last.victim
    if victim and victim.comm is not None:
        holds = f", holding {size_text(victim.anon_rss_bytes)}" if victim.anon_rss_bytes is not None else ""
        score = f", with a score of {victim.oom_score}" if victim.oom_score is not None else ""
        more = (last.victims or 1) - 1
        yield f"{shown(victim.comm)} (pid {victim.pid}) was killed{holds}{score}{f', and {more} more' if more else ''}."
    if last.usage:
        yield from _before(last.usage, printed=bool(last.memory and last.memory.stat), at_kill=_at_kill(last))
    if last.silent:
        yield "The container lived on: pod status shows nothing of it."
    if last.pod:
        yield f"It was in pod {last.pod}{f' on node {last.node}' if last.node else ''}."


def _at_kill(last: Kill) -> int:
    """Return what the kernel said of the memory at the kill, in bytes; 0 where it said nothing."""
    victim = last.victim.anon_rss_bytes if last.victim else None
    return max(victim or 0, (last.memory.usage_bytes if last.memory else None) or 0)


def _before(usage: Usage, *, printed: bool, at_kill: int) -> Iterator[str]:
    """Yield what the agent saw of the memory before the kill, and its parts where no dump tells them."""
    last = usage.last
    if last and not printed:
        sizes = (last.anon, last.file, last.shmem, last.kernel, last.swap)
        parts = [f"{name} {size_text(size)}" for name, size in zip(_PARTS, sizes, strict=True) if size]
        if parts:
            yield f"When last looked at, at {rfc3339(last.time)}, it held {size_text(last.usage)}: {', '.join(parts)}."
    # Lower figures are older ones, and would read as if the kernel was wrong.
    if usage.peak and usage.peak.size >= at_kill:
        samples = f"Its samples reached {size_text(usage.highest)}, its" if (usage.highest or 0) >= at_kill else "Its"
        yield f"{samples} peak with page cache was {size_text(usage.peak.size)}."
    if usage.pressure and usage.pressure.some:
        yield (
            f"Tasks stood still for want of memory {usage.pressure.some:.0f} % of ten seconds,"
            f" all at once {usage.pressure.full:.0f} %."
        )


def _review(advice: Advice) -> str:
    if advice.decision == "Pending":
        return f"Nobody has decided yet: oomreport accept -n {advice.namespace} {advice.name}, or reject."
    by = f" by {advice.reviewer}" if advice.reviewer else ""
    return f"{advice.decision}{by}{f': {advice.note}' if advice.note else ''}."


def _condition(one: Condition) -> str:
    message = f": {one.message}" if one.message else ""
    since = f" since {rfc3339_seconds(one.last_transition_time)}" if one.last_transition_time else ""
    return f"{one.type} {one.status}{since} ({one.reason}){message}"


def _listed(title: str, points: list[str]) -> list[str]:
    lines = [line for point in points for line in _wrapped(point, "   - ")]
    return ["", f"   {title}", *lines] if lines else []


def _wrapped(text: str, first: str) -> list[str]:
    return textwrap.wrap(printable(text), _WIDTH, initial_indent=first, subsequent_indent=" " * len(first))
