"""Explained kills as one HTML page.

It has no script and loads nothing from the network; names are escaped.
"""

from collections.abc import Sequence
from html import escape

from oomreport.cli.logs.choice import score_text
from oomreport.cli.logs.explained import Explained
from oomreport.cli.logs.filling import make_up, whole_of
from oomreport.cli.logs.groups import Group, grouped, listed_text, when_and_kernel
from oomreport.cli.logs.judgement import Judgement
from oomreport.cli.logs.story import (
    PODS_HINT,
    hints,
    recommended,
    sentences,
    wants_pods,
)
from oomreport.cli.logs.words import shown, size_text
from oomreport.kernel.record import Invocation

_STYLE = """
:root { color-scheme: light dark; --text: #1c1e21; --soft: #5b6470; --line: #d0d4da; --ground: #fff; --box: #f4f5f7; --bad: #b3261e; --warn: #8a5a00 }
@media (prefers-color-scheme: dark) { :root { --text: #e6e8eb; --soft: #a3adb8; --line: #3a4048; --ground: #16181c; --box: #22262c; --bad: #ff8a80; --warn: #f0b94d } }
body { font: 16px/1.5 system-ui, "Segoe UI", "Liberation Sans", sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: var(--text); background: var(--ground) }
article { border-top: 1px solid var(--line); padding: 1rem 0; overflow-wrap: anywhere }
h2 { font-size: 1.2rem; margin: .5rem 0 } h3 { font-size: 1rem; margin: 1rem 0 .3rem } .when { color: var(--soft); margin: 0 }
ul, ol { margin: .2rem 0 .8rem; padding-left: 1.3rem }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap }
td, th { padding: .15rem 1rem .15rem 0; text-align: right } td.name, th.name { text-align: left; font-family: ui-monospace, "Liberation Mono", monospace }
th { color: var(--soft); font-weight: normal } th.name { font-family: inherit } tr.killed { color: var(--bad); font-weight: 600 }
svg { display: block; margin: .8rem 0 .4rem } td svg { margin: 0; fill: var(--soft) } tr.killed svg { fill: var(--bad) } .key { display: inline-block; width: .8rem; height: .8rem; margin-right: .4rem; vertical-align: -.05rem }
ul.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .3rem 1.5rem; margin: 0 0 .8rem }
.rest { background: #8884 } .limit { width: 2px; background: currentColor }
ul.findings { list-style: none; padding: 0 } .info, .warning, .critical { font-size: .8rem; border: 1px solid; border-radius: .2rem; padding: 0 .3rem; margin-right: .2rem; color: var(--soft) }
.warning { color: var(--warn) } .critical { color: var(--bad) }
.advice { background: var(--box); padding: .5rem .8rem; border-left: 3px solid var(--soft) } .advice p { margin: 0 } .advice ul { margin: .2rem 0 0; color: var(--soft); font-size: .9rem }
pre { background: var(--box); padding: .8rem; overflow-x: auto; font-size: .8rem; overflow-wrap: normal } summary { color: var(--soft); cursor: pointer; margin-top: 1rem }
@media print { details { display: none } }
"""
_COLOURS = (
    "#b3261e", "#7a4fbf", "#2f6fb2", "#a8781b", "#3b7d4f", "#a3487f", "#5b6470", "#6b8e23", "#20808d", "#8c5a3c",
)  # fmt: skip
_WIDTH = 760
_TOP = 12
_MOST_CONTENTS = 30


def page(
    records: Sequence[Explained], *, knows_pods: bool, unread: Sequence[str] = (), others: Sequence[str] = ()
) -> str:
    """Return the page; `knows_pods` says whether pods were asked for, `unread` what of the logs could not be read.

    `others` is what logs without any record tell of other killers.
    """
    groups = grouped(records)
    body = "\n".join(_article(number, group) for number, group in enumerate(groups, 1))
    if not records:
        none = "".join(f"<p>{escape(sentence)}</p>" for sentence in ("No OOM kill by the kernel found.", *others))
        body = "".join(f"<p>{escape(sentence)}</p>" for sentence in others) if unread else none
    body += "".join(f"<p>{escape(sentence)}</p>\n" for sentence in unread)
    kills = sum(len(explained.invocation.victims) for explained in records)
    hint = f'<p class="when">{escape(PODS_HINT)}</p>\n' if not knows_pods and any(map(wants_pods, records)) else ""
    contents = _contents(groups) if len(groups) > 1 else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>OOM kills</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head>\n<body><h1>OOM kills</h1>\n"
        f"<p>The kernel's OOM killer ran {_times(len(records))} and killed {kills} {'process' if kills == 1 else 'processes'}.</p>\n"
        f"{contents}{body}\n{hint}</body></html>\n"
    )


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _contents(groups: Sequence[Group]) -> str:
    lines = "".join(f"<li>{escape(group.heading())}</li>" for group in groups[:_MOST_CONTENTS])
    more = f"<p>and {len(groups) - _MOST_CONTENTS} more</p>" if len(groups) > _MOST_CONTENTS else ""
    return f"<ol>{lines}</ol>{more}\n"


def _kills(group: Group) -> str:
    """Return the list of the kills of a group, which ends with the heading of the last one; nothing for one kill."""
    if group.count == 1:
        return ""
    left_out = [f"and {group.left_out} more"] if group.left_out else []
    lines = [*map(listed_text, group.first), *left_out, *map(listed_text, group.latest)]
    return f'<ul class="kills">{"".join(f"<li>{escape(line)}</li>" for line in lines)}</ul><h3>The last of them</h3>'


def _article(number: int, group: Group) -> str:
    explained = group.last
    invocation, judgement = explained.invocation, explained.judgement
    text = escape(" ".join(sentences(explained)))
    found = judgement.findings if judgement is not None else ()
    why = "".join(
        f'<li><span class="{escape(finding.severity.lower())}">{escape(finding.severity)}</span> '
        f"{escape(_printable(finding.message))}.</li>"
        for finding in found
    )
    looks = "".join(f"<li>{escape(hint)}</li>" for hint in hints(explained)) if judgement is not None else ""
    file = f'<p class="when">in {escape(shown(explained.file))}</p>' if explained.file is not None else ""
    log = _printable(explained.spec.log or "", keep="\n\t")
    return (
        f"<article><h2>{number}. {escape(group.heading())}</h2>{_kills(group)}"
        f'<p class="when">{escape(when_and_kernel(explained))}</p>{file}<p>{text}</p>{_make_up(invocation)}{_candidates(invocation)}'
        f"{_list('Why', why, 'findings')}{_advice(judgement)}{_list('What to look at', looks)}"
        f"<details><summary>The kernel's text</summary><pre>{escape(log)}</pre></details></article>"
    )


def _list(title: str, items: str, kind: str = "") -> str:
    of_kind = f' class="{kind}"' if kind else ""
    return f"<h3>{title}</h3><ul{of_kind}>{items}</ul>" if items else ""


def _advice(judgement: Judgement | None) -> str:
    advice = judgement.recommendation if judgement is not None else None
    if advice is None:
        return ""
    basis = "".join(f"<li>{escape(_printable(part))}</li>" for part in advice.basis.split("; "))
    return (
        f'<h3>What to change</h3><div class="advice"><p><strong>{escape(recommended(advice))}</strong></p>'
        f"<ul>{basis}</ul></div>"
    )


def _printable(text: str, keep: str = "") -> str:
    return "".join(c if c.isprintable() or c in keep else "\ufffd" for c in text)


def _make_up(invocation: Invocation) -> str:
    shares = make_up(invocation)
    memory = invocation.memory
    limit = memory.limit_bytes if memory and not invocation.global_oom else None
    whole = max(whole_of(invocation), limit or 0)
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
    # Less than a pixel is rounding.
    if invocation.global_oom and at < _WIDTH - 1:
        legend.append('<li><span class="key rest"></span>what the log does not itemize</li>')
    mark = limit_key = ""
    if limit:
        limit_key = f'<li><span class="key limit"></span>limit {size_text(limit)}</li>'
        x = min(_WIDTH * limit / whole, _WIDTH - 1)
        mark = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="36" stroke="currentColor" stroke-width="2"/>'
    label = escape("memory in use by kind" + (f", limit {size_text(limit)}" if limit else ""))
    return (
        f"<h3>{'What filled the memory of the node' if invocation.global_oom else 'What filled the limit'}</h3>"
        f'<svg viewBox="0 0 {_WIDTH} 36" width="100%" height="36" preserveAspectRatio="none" role="img" aria-label="{label}">'
        f'<rect x="0" y="4" width="{_WIDTH}" height="28" fill="#8884" />{"".join(bars)}{mark}</svg>'
        f'<ul class="legend">{"".join(legend)}{limit_key}</ul>'
    )


def _candidates(invocation: Invocation) -> str:
    if not invocation.tasks:
        return ""
    killed = {victim.pid for victim in invocation.victims}
    top = invocation.tasks[:_TOP]
    highest = max((task.oom_score or 0 for task in top), default=0) or 1
    rows = []
    for task in top:
        score = score_text(task, invocation)
        bar = 120 * (task.oom_score or 0) / highest
        name = escape(shown(task.comm)) + (" killed" if task.pid in killed else "")
        rows.append(
            f'<tr class="{"killed" if task.pid in killed else ""}"><td class="name">{name}</td><td>{score}</td>'
            f'<td><svg width="120" height="10"><rect width="{bar:.0f}" height="10"/></svg></td>'
            f"<td>{size_text(task.rss_bytes or 0)}</td><td>{size_text(task.swap_bytes) if task.swap_bytes else '-'}</td>"
            f"<td>{'' if task.oom_score_adj is None else task.oom_score_adj}</td><td>{task.pid}</td></tr>"
        )
    more = f"<p>and {len(invocation.tasks) - _TOP} more</p>" if len(invocation.tasks) > _TOP else ""
    return (
        '<h3>Candidates</h3><div class="scroll"><table><tr><th class="name">candidate</th><th>score</th><th></th><th>resident</th><th>swap</th><th>adj</th><th>pid</th></tr>'
        f"{''.join(rows)}</table></div>{more}"
    )
