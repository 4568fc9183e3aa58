"""Stories as one HTML page: no script, nothing from the network, names escaped."""

from collections.abc import Sequence
from html import escape
from typing import Any

from oomreport.cli.pods import Named
from oomreport.cli.story import advice, heading, make_up, sentences, shown, size_text
from oomreport.kernel.record import Invocation
from oomreport.kernel.wall import YEARLESS

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1c1e21; background: #fff }
article { border-top: 1px solid #d0d4da; padding: 1rem 0 }
h2 { font-size: 1.15rem; margin: .5rem 0 } .when { color: #5b6470; margin: 0 }
table { border-collapse: collapse; font-variant-numeric: tabular-nums } td, th { padding: .15rem .8rem .15rem 0; text-align: right }
td.name, th.name { text-align: left } th { color: #5b6470; font-weight: normal } tr.killed { color: #b3261e; font-weight: 600 }
svg { display: block; margin: .6rem 0 } .key { display: inline-block; width: .8rem; height: .8rem; margin-right: .4rem }
ul.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .3rem 1.5rem; margin: 0 0 .8rem }
pre { background: #f4f5f7; padding: .8rem; overflow-x: auto; font-size: .8rem } summary { color: #5b6470; cursor: pointer }
@media (prefers-color-scheme: dark) { body { background: #16181c; color: #e6e8eb } pre { background: #22262c } article { border-color: #3a4048 } tr.killed { color: #ff8a80 } }
"""
_COLOURS = ("#b3261e", "#7a4fbf", "#2f6fb2", "#a8781b")
_WIDTH = 760
_TOP = 12


def page(records: Sequence[tuple[Invocation, dict[str, Any], Named | None]]) -> str:
    """Return the page."""
    body = "\n".join(_article(number, *record) for number, record in enumerate(records, 1))
    if not records:
        body = "<p>No OOM kill in this log.</p>"
    kills = sum(len(invocation.victims) for invocation, _, _ in records)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>OOM kills</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head>\n<body><h1>OOM kills</h1>\n"
        f"<p>{len(records)} runs of the kernel's OOM killer, {kills} processes killed.</p>\n{body}\n</body></html>\n"
    )


def _article(number: int, invocation: Invocation, spec: dict[str, Any], facts: Named | None) -> str:
    text = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences(invocation, spec, facts))
    looks = "".join(f"<li>{escape(look)}</li>" for look in advice(invocation, spec))
    look_list = f"<h3>What to look at</h3><ul>{looks}</ul>" if looks else ""
    log = "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in spec.get("log", ""))
    return (
        f"<article><h2>{number}. {escape(heading(invocation, spec))}</h2>"
        f'<p class="when">{escape(_when(invocation))}</p>{text}{_make_up(invocation)}{_candidates(invocation)}{look_list}'
        f"<details><summary>The kernel's text</summary><pre>{escape(log)}</pre></details></article>"
    )


def _when(invocation: Invocation) -> str:
    stamp = invocation.first
    wall = ""
    if stamp.wall is not None:
        wall = stamp.wall.strftime("%b %d %H:%M:%S") if stamp.wall.year == YEARLESS else stamp.wall.isoformat(" ")
    boot = f"{stamp.monotonic_us / 1_000_000:.6f} s after boot" if stamp.monotonic_us is not None else ""
    kernel = f"kernel {invocation.kernel_release}" if invocation.kernel_release else ""
    return ", ".join(part for part in (wall, boot, kernel) if part)


def _make_up(invocation: Invocation) -> str:
    shares = make_up(invocation)
    memory = invocation.memory
    limit = memory.limit_bytes if memory else None
    whole = max(sum(share.size for share in shares), (memory.usage_bytes or 0) if memory else 0, limit or 0)
    if not shares or not whole:
        return ""
    bars, legend, at = [], [], 0.0
    for share, colour in zip(shares, _COLOURS, strict=False):
        width = _WIDTH * share.size / whole
        bars.append(f'<rect x="{at:.1f}" y="4" width="{width:.1f}" height="28" fill="{colour}"/>')
        at += width
        legend.append(
            f'<li><span class="key" style="background:{colour}"></span>{escape(share.name)} '
            f"{size_text(share.size)} ({100 * share.size / whole:.0f} %)</li>"
        )
    mark = ""
    if limit:
        x = min(_WIDTH * limit / whole, _WIDTH - 1)
        mark = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="36" stroke="currentColor" stroke-width="2"/>'
    label = escape("memory in use by kind" + (f", limit {size_text(limit)}" if limit else ""))
    return (
        f'<svg viewBox="0 0 {_WIDTH} 36" width="100%" height="36" preserveAspectRatio="none" role="img" aria-label="{label}">'
        f'<rect x="0" y="4" width="{_WIDTH}" height="28" fill="#8884" />{"".join(bars)}{mark}</svg>'
        f'<ul class="legend">{"".join(legend)}</ul>'
    )


def _candidates(invocation: Invocation) -> str:
    if not invocation.tasks:
        return ""
    killed = {victim.pid for victim in invocation.victims}
    top = invocation.tasks[:_TOP]
    highest = max((task.oom_score or 0 for task in top), default=0) or 1
    rows = []
    for task in top:
        score = "-" if task.oom_score is None else str(task.oom_score)
        bar = 120 * (task.oom_score or 0) / highest
        rows.append(
            f'<tr class="{"killed" if task.pid in killed else ""}"><td>{score}</td>'
            f'<td class="name"><svg width="120" height="10" style="margin:0"><rect width="{bar:.0f}" height="10" fill="currentColor"/></svg></td>'
            f"<td>{size_text(task.rss_bytes or 0)}</td><td>{size_text(task.swap_bytes or 0)}</td>"
            f"<td>{'' if task.oom_score_adj is None else task.oom_score_adj}</td><td>{task.pid}</td>"
            f'<td class="name">{escape(shown(task.comm))}{" killed" if task.pid in killed else ""}</td></tr>'
        )
    more = f"<p>and {len(invocation.tasks) - _TOP} more</p>" if len(invocation.tasks) > _TOP else ""
    return (
        '<table><tr><th>score</th><th></th><th>resident</th><th>swap</th><th>adj</th><th>pid</th><th class="name">candidate</th></tr>'
        f"{''.join(rows)}</table>{more}"
    )
