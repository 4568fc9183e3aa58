"""`oomreport report`: the reports of a cluster as one HTML page.

No script and nothing from the network, so that it opens from a disk and can be kept as an artifact of CI. Names are
escaped: a process chooses its own name.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

from oomreport.cli.reports.columns import age
from oomreport.cli.reports.curve import curve
from oomreport.cli.reports.owner_text import owner_short
from oomreport.cli.reports.report_source import reports_for
from oomreport.cli.terminal import printable, say
from oomreport.errors import OOMReportError
from oomreport.incident.kill import Kill
from oomreport.incident.report.status import ReportStatus
from oomreport.workload.quantity import format_quantity

# A report lives for a week after its last kill, and two show whether it gets better.
_DAYS = 14
_MOST_NAMED = 15
_BAR = (760, 90)
_STYLE = """
:root { color-scheme: light dark; --text: #1c1e21; --soft: #5b6470; --line: #d0d4da; --ground: #fff; --box: #f4f5f7; --bad: #b3261e; --warn: #8a5a00; --bar: #2f6fb2 }
@media (prefers-color-scheme: dark) { :root { --text: #e6e8eb; --soft: #a3adb8; --line: #3a4048; --ground: #16181c; --box: #22262c; --bad: #ff8a80; --warn: #f0b94d; --bar: #7db3ec } }
body { font: 16px/1.5 system-ui, "Segoe UI", "Liberation Sans", sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: var(--text); background: var(--ground) }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem } h3 { font-size: 1rem; margin: 1rem 0 .3rem } .soft { color: var(--soft) }
ul.figures { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 1rem } ul.figures li { background: var(--box); padding: .5rem 1rem; min-width: 7rem } ul.figures b { display: block; font-size: 1.6rem; font-variant-numeric: tabular-nums }
.scroll { overflow-x: auto } table { border-collapse: collapse; white-space: nowrap; font-variant-numeric: tabular-nums } th { color: var(--soft); font-weight: normal; text-align: left } td, th { padding: .2rem 1rem .2rem 0; border-bottom: 1px solid var(--line) } td.number, th.number { text-align: right }
details { border-top: 1px solid var(--line); padding: .5rem 0; overflow-wrap: anywhere } summary { cursor: pointer } a { color: inherit }
svg { display: block; max-width: 100%; height: auto; margin: .5rem 0 } .scroll > svg { max-width: none } svg text { fill: var(--soft); font-size: 11px } svg rect { fill: var(--bar) } svg .way { fill: none; stroke: var(--bar); stroke-width: 2 } svg .limit { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 6 4 }
.warning { color: var(--warn) } .critical { color: var(--bad) }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """A report as the page shows it. `review` is what people decided, empty where they did not."""

    name: str
    workload: str
    container: str
    review: str
    status: ReportStatus

    @classmethod
    def of(cls, report: Mapping[str, Any]) -> "_Shown":
        """Return a report as the API server sends it."""
        metadata, spec = report["metadata"], report["spec"]
        ref, namespace = spec["workloadRef"], metadata["namespace"]
        return cls(
            name=f"{namespace}/{metadata['name']}",
            workload=f"{namespace}/{ref['kind']}/{ref['name']}",
            container=spec["container"],
            review=str((spec.get("review") or {}).get("decision") or ""),
            status=ReportStatus.of(report.get("status")),
        )

    @property
    def times(self) -> set[datetime]:
        """Return the times of the kills that are dated."""
        recent, counted = self.status.recent_kills, self.status.counted
        return {*(one.time for one in recent), *(one.time for one in counted), *self.status.kill_times}

    @property
    def waits(self) -> bool:
        """Return whether its recommendation waits for review."""
        holds = self.status.holds
        return holds("Recommended") and not (holds("Reviewed") or holds("Applied"))

    @property
    def state(self) -> str:
        """Return in a word what became of the recommendation; empty without one."""
        known = next((one for one in ("Regressed", "Resolved", "Applied") if self.status.holds(one)), None)
        if known:
            return known
        if self.status.holds("Reviewed"):
            return self.review or "Pending"
        return "Waits for review" if self.waits else ""


def run(arguments: argparse.Namespace) -> int:
    """Write the page and return the exit status."""
    say("reading reports ...")
    try:
        reports = reports_for(arguments)
    except OOMReportError as error:
        say(error)
        return 2
    text = page(reports, cluster=arguments.cluster_name, now=datetime.now(UTC))
    try:
        Path(arguments.html).write_text(text, encoding="utf-8")
    except OSError as error:
        say(f"{arguments.html}: {error.strerror or error}")
        return 2
    say(f"{len(reports)} reports are in {arguments.html}")
    return 0


def page(reports: Sequence[Mapping[str, Any]], *, cluster: str, now: datetime) -> str:
    """Return the page; `cluster` is a name for its title, empty for none."""
    shown = [_Shown.of(one) for one in reports]
    by_kills = sorted(shown, key=lambda one: (-one.status.kills, one.name))
    title = f"OOM kills{f' in {cluster}' if cluster else ''}"
    parts = (
        _figures(shown, now),
        _section("Kills by day", _days(shown, now)),
        _section("Killed most", _table(by_kills[:_MOST_NAMED], now)),
        _section("Waiting for review", _table([one for one in by_kills if one.waits][:_MOST_NAMED], now)),
        _section("All reports", "".join(_details(one, now) for one in by_kills)),
    )
    body = "".join(parts) if reports else "<p>There are no reports.</p>"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{_text(title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{_text(title)}</h1>\n"
        f'<p class="soft">Made {now.astimezone(UTC):%Y-%m-%d %H:%M} UTC. A report lives for a week after its last kill.</p>\n'
        f"{body}</body></html>\n"
    )


def _figures(reports: Sequence[_Shown], now: datetime) -> str:
    recent = sum(
        last is not None and now - last < timedelta(days=1) for last in (one.status.last_kill_time for one in reports)
    )
    figures = (
        (len(reports), "containers killed"),
        (sum(one.status.kills for one in reports), "kills counted"),
        (recent, "killed in the last day"),
        (sum(one.waits for one in reports), "wait for review"),
        (sum(one.status.holds("Regressed") for one in reports), "fixes that did not hold"),
    )
    return f'<ul class="figures">{"".join(f"<li><b>{number}</b>{words}</li>" for number, words in figures)}</ul>'


def _days(reports: Iterable[_Shown], now: datetime) -> str:
    """Return bars of kills by day. A report keeps the times of its newest kills only, which the words say."""
    today = now.astimezone(UTC).date()
    days = [today - timedelta(days=back) for back in range(_DAYS - 1, -1, -1)]
    counted = Counter(time.astimezone(UTC).date() for one in reports for time in one.times)
    highest = max((counted[day] for day in days), default=0)
    if not highest:
        return f'<p class="soft">No kill in the last {_DAYS} days.</p>'
    width, height = _BAR
    step = width / _DAYS
    bars = "".join(
        _bar(day, counted[day], at=number * step, step=step, scale=height / highest) for number, day in enumerate(days)
    )
    label = f"kills by day, at most {highest}"
    return (
        f'<div class="scroll"><svg viewBox="0 -16 {width} {height + 36}" width="{width}" height="{height + 36}" role="img"'
        f' aria-label="{label}">{bars}</svg></div>'
        '<p class="soft">Of each report only the newest kills are dated; older days may have had more.</p>'
    )


def _bar(day: date, count: int, *, at: float, step: float, scale: float) -> str:
    height, base, middle = count * scale, _BAR[1], at + step / 2
    number = f'<text x="{middle:.0f}" y="{base - height - 3:.0f}" text-anchor="middle">{count}</text>' if count else ""
    return (
        f'<rect x="{at + 4:.0f}" y="{base - height:.1f}" width="{step - 8:.0f}" height="{height:.1f}"/>{number}'
        f'<text x="{middle:.0f}" y="{base + 14}" text-anchor="middle">{day:%d %b}</text>'
    )


def _table(reports: Sequence[_Shown], now: datetime) -> str:
    if not reports:
        return '<p class="soft">None.</p>'
    rows = "".join(f"<tr>{''.join(_cells(one, now))}</tr>" for one in reports)
    heads = ("kills", "limit", "recommended")
    names = ("workload", "container", "cause", *heads, "action", "state", "last kill")
    head = "".join(f'<th class="{"number" if name in heads else ""}">{name}</th>' for name in names)
    return f'<div class="scroll"><table><tr>{head}</tr>{rows}</table></div>'


def _cells(report: _Shown, now: datetime) -> Iterator[str]:
    status = report.status
    last, advice = status.last_kill, status.recommendation
    yield f'<td><a href="#{_anchor(report)}">{_text(report.workload)}</a></td><td>{_text(report.container)}</td>'
    yield f'<td>{_text(last.cause if last else None)}</td><td class="number">{status.kills}</td>'
    yield f'<td class="number">{_text(_limit(status))}</td><td class="number">{_text(status.advice.memory_limit)}</td>'
    yield f"<td>{_text(advice.action if advice else None)}</td><td>{_text(report.state)}</td>"
    yield f"<td>{_text(age(status.last_kill_time, now))}</td>"


def _details(report: _Shown, now: datetime) -> str:
    status, kills = report.status, report.status.kills
    last, advice = status.last_kill or Kill(), status.recommendation
    facts = {
        "victim": last.comm,
        "verdict": last.verdict,
        "cause": last.cause if status.last_kill else None,
        "limit that was hit": _limit(status),
        "pod": last.pod,
        "node": last.node,
        "manifest": owner_short(status.managed_by),
        "state": report.state,
    }
    told = "".join(f"<tr><th>{name}</th><td>{_text(value)}</td></tr>" for name, value in facts.items() if value)
    findings = "".join(
        f'<li><span class="{_text(one.severity.lower())}">{_text(one.severity)}</span> {_text(one.message)}</li>'
        for one in status.findings
    )
    change = " ".join(filter(None, (advice.action, advice.memory_limit))) if advice else ""
    ago = age(status.last_kill_time, now) or "-"
    words = f"{report.workload}, container {report.container}: {kills} {'kill' if kills == 1 else 'kills'}, the last {ago} ago"
    return (
        f'<details id="{_anchor(report)}"><summary>{_text(words)}</summary>'
        f'<div class="scroll"><table>{told}</table></div>{curve(last)}'
        + (f"<h3>Why</h3><ul>{findings}</ul>" if findings else "")
        + (f"<h3>What to change</h3><p><b>{_text(change)}</b></p><p>{_text(status.advice.basis)}</p>" if change else "")
        + "</details>\n"
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>\n"


def _text(value: object) -> str:
    return escape(printable(str(value))) if value is not None else ""


def _anchor(report: _Shown) -> str:
    return escape(report.name, quote=True)


def _limit(status: ReportStatus) -> str | None:
    hit = status.last_kill.limit if status.last_kill else None
    return format_quantity(hit) if hit else status.advice.previous_limit or None
