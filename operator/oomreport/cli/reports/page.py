"""`oomreport report`: the reports of a cluster as one HTML page.

No script and nothing from the network, so that it opens from a disk and can be kept as an artifact of CI. Names are escaped: a
process chooses its own name.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

from oomreport.cli.reports.columns import age, printable
from oomreport.cli.reports.curve import curve
from oomreport.cli.reports.owner_text import owner_short
from oomreport.cli.reports.report_source import reports_for
from oomreport.errors import OOMReportError
from oomreport.times import parse_time
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
svg { display: block; max-width: 100%; height: auto; margin: .5rem 0 } svg text { fill: var(--soft); font-size: 11px } svg rect { fill: var(--bar) } svg .way { fill: none; stroke: var(--bar); stroke-width: 2 } svg .limit { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 6 4 }
.warning { color: var(--warn) } .critical { color: var(--bad) }
"""


def run(arguments: argparse.Namespace) -> int:
    """Write the page and return the exit status."""
    print("oomreport: reading reports ...", file=sys.stderr)
    try:
        reports = reports_for(arguments)
    except OOMReportError as error:
        print(f"oomreport: {error}", file=sys.stderr)
        return 2
    text = page(reports, cluster=arguments.cluster_name, now=datetime.now(UTC))
    try:
        Path(arguments.html).write_text(text, encoding="utf-8")
    except OSError as error:
        print(f"oomreport: {arguments.html}: {error.strerror or error}", file=sys.stderr)
        return 2
    print(f"oomreport: {len(reports)} reports are in {arguments.html}", file=sys.stderr)
    return 0


def page(reports: Sequence[Mapping[str, Any]], *, cluster: str, now: datetime) -> str:
    """Return the page; `cluster` is a name for its title, empty for none."""
    by_kills = sorted(reports, key=lambda one: (-_kills(one), _name(one)))
    title = f"OOM kills{f' in {cluster}' if cluster else ''}"
    parts = (
        _figures(reports, now),
        _section("Kills by day", _days(reports, now)),
        _section("Killed most", _table(by_kills[:_MOST_NAMED], now)),
        _section("Waiting for review", _table([one for one in by_kills if _waits(one)][:_MOST_NAMED], now)),
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


def _figures(reports: Sequence[Mapping[str, Any]], now: datetime) -> str:
    recent = sum(last is not None and now - last < timedelta(days=1) for last in map(_last, reports))
    figures = (
        (len(reports), "containers killed"),
        (sum(map(_kills, reports)), "kills counted"),
        (recent, "killed in the last day"),
        (sum(map(_waits, reports)), "wait for review"),
        (sum("Regressed" in _true(one) for one in reports), "fixes that did not hold"),
    )
    return f'<ul class="figures">{"".join(f"<li><b>{number}</b>{words}</li>" for number, words in figures)}</ul>'


def _days(reports: Iterable[Mapping[str, Any]], now: datetime) -> str:
    """Return bars of kills by day. A report keeps the times of its newest kills only, which the words say."""
    today = now.astimezone(UTC).date()
    days = [today - timedelta(days=back) for back in range(_DAYS - 1, -1, -1)]
    counted = Counter(time.astimezone(UTC).date() for one in reports for time in _times(one))
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
        f'<svg viewBox="0 -16 {width} {height + 36}" width="{width}" height="{height + 36}" role="img" aria-label="{label}">{bars}</svg>'
        '<p class="soft">Of each report only the newest kills are dated; older days may have had more.</p>'
    )


def _bar(day: date, count: int, *, at: float, step: float, scale: float) -> str:
    height, base, middle = count * scale, _BAR[1], at + step / 2
    number = f'<text x="{middle:.0f}" y="{base - height - 3:.0f}" text-anchor="middle">{count}</text>' if count else ""
    return (
        f'<rect x="{at + 4:.0f}" y="{base - height:.1f}" width="{step - 8:.0f}" height="{height:.1f}"/>{number}'
        f'<text x="{middle:.0f}" y="{base + 14}" text-anchor="middle">{day:%d %b}</text>'
    )


def _table(reports: Sequence[Mapping[str, Any]], now: datetime) -> str:
    if not reports:
        return '<p class="soft">None.</p>'
    rows = "".join(f"<tr>{''.join(_cells(one, now))}</tr>" for one in reports)
    heads = ("kills", "limit", "recommended")
    names = ("workload", "container", "cause", *heads, "action", "state", "last kill")
    head = "".join(f'<th class="{"number" if name in heads else ""}">{name}</th>' for name in names)
    return f'<div class="scroll"><table><tr>{head}</tr>{rows}</table></div>'


def _cells(report: Mapping[str, Any], now: datetime) -> Iterator[str]:
    status = report.get("status") or {}
    last, advice = status.get("lastKill") or {}, status.get("recommendation") or {}
    yield f'<td><a href="#{_anchor(report)}">{_text(_workload(report))}</a></td><td>{_text(report["spec"]["container"])}</td>'
    yield f'<td>{_text(last.get("cause"))}</td><td class="number">{_kills(report)}</td>'
    yield f'<td class="number">{_text(_limit(status))}</td><td class="number">{_text(advice.get("memoryLimit"))}</td>'
    yield f"<td>{_text(advice.get('action'))}</td><td>{_text(_state(report))}</td>"
    yield f"<td>{_text(age(_last(report), now))}</td>"


def _details(report: Mapping[str, Any], now: datetime) -> str:
    status = report.get("status") or {}
    last, advice = status.get("lastKill") or {}, status.get("recommendation") or {}
    victim = last.get("victim") or {}
    facts = {
        "victim": victim.get("comm"),
        "verdict": last.get("verdict"),
        "cause": last.get("cause"),
        "limit that was hit": _limit(status),
        "pod": last.get("pod"),
        "node": last.get("node"),
        "manifest": owner_short(status),
        "state": _state(report),
    }
    told = "".join(f"<tr><th>{name}</th><td>{_text(value)}</td></tr>" for name, value in facts.items() if value)
    findings = "".join(
        f'<li><span class="{_text(str(one.get("severity", "")).lower())}">{_text(one.get("severity"))}</span> {_text(one.get("message"))}</li>'
        for one in status.get("findings") or ()
    )
    change = " ".join(str(advice[key]) for key in ("action", "memoryLimit") if advice.get(key))
    words = f"{_workload(report)}, container {report['spec']['container']}: {_kills(report)} kills, the last {age(_last(report), now) or '-'} ago"
    return (
        f'<details id="{_anchor(report)}"><summary>{_text(words)}</summary>'
        f'<div class="scroll"><table>{told}</table></div>{curve(last)}'
        + (f"<h3>Why</h3><ul>{findings}</ul>" if findings else "")
        + (f"<h3>What to change</h3><p><b>{_text(change)}</b></p><p>{_text(advice.get('basis'))}</p>" if change else "")
        + "</details>\n"
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>\n"


def _text(value: object) -> str:
    return escape(printable(str(value))) if value is not None else ""


def _anchor(report: Mapping[str, Any]) -> str:
    return escape(_name(report), quote=True)


def _name(report: Mapping[str, Any]) -> str:
    return f"{report['metadata']['namespace']}/{report['metadata']['name']}"


def _workload(report: Mapping[str, Any]) -> str:
    ref = report["spec"]["workloadRef"]
    return f"{report['metadata']['namespace']}/{ref['kind']}/{ref['name']}"


def _kills(report: Mapping[str, Any]) -> int:
    return int((report.get("status") or {}).get("kills") or 0)


def _last(report: Mapping[str, Any]) -> datetime | None:
    return parse_time((report.get("status") or {}).get("lastKillTime"))


def _times(report: Mapping[str, Any]) -> set[datetime]:
    status = report.get("status") or {}
    told = [one.get("time") for key in ("recentKills", "counted") for one in status.get(key) or ()]
    return {time for text in (*told, *(status.get("killTimes") or ())) if (time := parse_time(text))}


def _true(report: Mapping[str, Any]) -> set[str]:
    conditions = (report.get("status") or {}).get("conditions") or ()
    return {one["type"] for one in conditions if one.get("status") == "True"}


def _waits(report: Mapping[str, Any]) -> bool:
    true = _true(report)
    return "Recommended" in true and not true & {"Reviewed", "Applied"}


def _state(report: Mapping[str, Any]) -> str:
    true = _true(report)
    known = next((one for one in ("Regressed", "Resolved", "Applied") if one in true), None)
    if known:
        return known
    decision = str((report["spec"].get("review") or {}).get("decision") or "Pending")
    return decision if "Reviewed" in true else "Waits for review" if _waits(report) else ""


def _limit(status: Mapping[str, Any]) -> str | None:
    hit = ((status.get("lastKill") or {}).get("memory") or {}).get("limitBytes")
    previous = (status.get("recommendation") or {}).get("previousLimit")
    return format_quantity(int(hit)) if hit else str(previous) if previous else None
