"""An explained kill as text for a terminal.

It has a heading, sentences, a bar of what the memory consisted of, the candidates, and what to look at.

Colour only on a terminal, and not where NO_COLOR is set (no-color.org) or TERM is dumb.
"""

import os
import shutil
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TextIO

from oomreport.cli.logs.choice import score_text
from oomreport.cli.logs.explained import Explained
from oomreport.cli.logs.filling import make_up, whole_of
from oomreport.cli.logs.groups import Group, listed_text, when_and_kernel
from oomreport.cli.logs.story import heading, hints, recommended, sentences
from oomreport.cli.logs.words import shown, size_text
from oomreport.cli.terminal import printable
from oomreport.kernel.record import Invocation

_BAR = 50
_TOP = 5
_MARKS = ("#", "=", "-", ".", "+", "o", "~", ":", "*", "x")
_COLOURS = ("31", "35", "34", "33", "36", "32", "91", "95", "94", "93")


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """Whether to use colour, and the width of the text."""

    colour: bool = False
    width: int = 100

    def painted(self, text: str, code: str) -> str:
        """Return text in a colour, or as it is."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text


def _wrapped(text: str, width: int, *, initial_indent: str = "   ", subsequent_indent: str = "   ") -> list[str]:
    """Return lines of a text; a name with hyphens stays whole, so that it can be copied."""
    return textwrap.wrap(
        text, width, initial_indent=initial_indent, subsequent_indent=subsequent_indent, break_on_hyphens=False
    )


def style_for(stream: TextIO, colour: str) -> Style:
    """Return the style for a stream; `colour` is auto, always or never."""
    if colour == "auto":
        wanted = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    else:
        wanted = colour == "always"
    return Style(colour=wanted, width=min(max(shutil.get_terminal_size((100, 24)).columns, 60), 120))


def told(explained: Explained, *, number: int, style: Style) -> str:
    """Return the whole story of a kill."""
    lines = [*_heading(f"{number}. {heading(explained)}", style), *_body(explained, style)]
    return "\n".join(lines) + "\n"


def group_told(group: Group, *, number: int, style: Style) -> str:
    """Return the story of kills of one process for one reason; of one kill as `told` does."""
    if group.count == 1:
        return told(group.last, number=number, style=style)
    left_out = [f"and {group.left_out} more"] if group.left_out else []
    kills = [*map(listed_text, group.first), *left_out, *map(listed_text, group.latest)]
    rows = [f"   {kill}" for kill in kills]
    last = ["", style.painted("   The last of them:", "1"), *_body(group.last, style)]
    return "\n".join([*_heading(f"{number}. {group.heading()}", style), *rows, *last]) + "\n"


def _heading(text: str, style: Style) -> list[str]:
    return [style.painted(line, "1") for line in _wrapped(text, style.width, initial_indent="")]


def _body(explained: Explained, style: Style) -> list[str]:
    invocation, judgement = explained.invocation, explained.judgement
    lines = [f"   {when}"] if (when := when_and_kernel(explained)) else []
    lines += [f"   in {shown(explained.file)}"] if explained.file is not None else []
    for sentence in sentences(explained):
        lines += _wrapped(sentence, style.width - 3, initial_indent="   ", subsequent_indent="   ")
    lines += _bar(invocation, style)
    lines += _candidates(invocation, style)
    if judgement is not None:
        found = [f"{finding.severity}: {finding.message}." for finding in judgement.findings]
        lines += _list("Why", found, style)
        if judgement.recommendation is not None:
            advice = judgement.recommendation
            lines += _list("What to change", [f"{recommended(advice)}. Basis: {advice.basis.rstrip('.')}."], style)
        lines += _list("What to look at", hints(explained), style)
    return lines


def _list(title: str, points: Iterable[str], style: Style) -> list[str]:
    lines = [
        line
        for point in points
        for line in _wrapped(
            printable(point),
            style.width - 2,
            initial_indent="   - ",
            subsequent_indent="     ",
        )
    ]
    return ["", style.painted(f"   {title}", "1"), *lines] if lines else []


def _bar(invocation: Invocation, style: Style) -> list[str]:
    shares = make_up(invocation)
    whole = whole_of(invocation)
    if not shares or not whole:
        return []
    drawn, legend = "", []
    for share, mark, code in zip(shares, _MARKS, _COLOURS, strict=False):
        cells = round(_BAR * share.size / whole)
        drawn += style.painted(mark * cells, code)
        percent = 100 * share.size / whole
        legend.append(f"   {style.painted(mark, code)} {share.name:<22} {size_text(share.size):>9} {percent:5.1f} %")
    used = sum(round(_BAR * share.size / whole) for share in shares)
    return ["", f"   [{drawn}{' ' * max(_BAR - used, 0)}] {size_text(whole)}", *legend]


def _candidates(invocation: Invocation, style: Style) -> list[str]:
    if not invocation.tasks:
        return []
    killed = {victim.pid for victim in invocation.victims}
    lines = ["", style.painted(f"   {'score':>7} {'resident':>9} {'swap':>9} {'adj':>5} {'pid':>8}  candidate", "2")]
    for task in invocation.tasks[:_TOP]:
        score = score_text(task, invocation)
        resident = "-" if task.rss_bytes is None else size_text(task.rss_bytes)
        swap = "-" if not task.swap_bytes else size_text(task.swap_bytes)
        adj = "-" if task.oom_score_adj is None else str(task.oom_score_adj)
        mark = " (killed)" if task.pid in killed else ""
        row = f"   {score:>7} {resident:>9} {swap:>9} {adj:>5} {task.pid:>8}  {shown(task.comm)}{mark}"
        lines.append(style.painted(row, "31") if mark else row)
    more = len(invocation.tasks) - _TOP
    if more > 0:
        lines.append(f"   and {more} more")
    return lines
