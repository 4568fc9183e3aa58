"""The body of a pull request, with the evidence of each number.

A process chooses its own name, and the name comes back in messages: what others wrote is escaped, mentions nobody and
links nowhere.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from oomreport.cli.logs.story import recommended
from oomreport.cli.logs.words import size_text
from oomreport.cli.reports.owner_text import owner_sentences
from oomreport.cli.terminal import printable
from oomreport.gitops.advice import Advice
from oomreport.gitops.decision import EditOutcome, EditState
from oomreport.gitops.manifest import LIMIT, REQUEST
from oomreport.incident.kill import Kill, RecentKill
from oomreport.times import rfc3339

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|~$&-])")
# A mention or a reference is one also where it is escaped, but not in code.
# GitHub links any of its schemes in any case; GitLab reads !45, $6, &7, %8, ~label, ^issue and *iteration too, and may
# not mind the backslash before them.
_LINKED = re.compile(
    r"(@|(?:GH\\?-|\\?[#!$&%^*])(?=\d)|\\?~(?=\w)|[A-Za-z][A-Za-z0-9+.]{1,20}://|(?:mailto|xmpp):|www\.)", re.IGNORECASE
)
_MOST_KILLS = 10
# GitHub and GitLab take bodies of 65536 and more characters; one that is cut off in the middle says nothing.
_MOST = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """A recommendation as a row of the overview.

    `places` are the lines of files that have it by now; `left` says what of it has to be done by hand.
    """

    advice: Advice
    limit: str
    request: str
    places: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def recommended_body(advice: Sequence[Advice]) -> str:
    """Return the body that tells what is recommended, whatever a manifest says."""
    changes = [one for one in advice if one.changes and one.decision != "Rejected"]
    rows = [
        _Change(
            advice=one,
            limit=_cell(one.previous_limit, one.limit),
            request=_cell(one.previous_request or "", one.request),
        )
        for one in changes
    ]
    others = [f"{_whose(one)}: {_why_not(one)}" for one in advice if one not in changes]
    lead = f"{_containers(len(rows))} OOM-killed, and this is recommended:"
    return _body(rows, others, lead=lead, others_title="Not changed by a manifest")


def applied_body(outcomes: Sequence[EditOutcome]) -> str:
    """Return the body that tells what was changed in the manifests, and of each other report why it was not."""
    of_each: dict[int, list[EditOutcome]] = {}
    for one in outcomes:
        of_each.setdefault(id(one.advice), []).append(one)
    rows: list[_Change] = []
    others: list[str] = []
    for some in of_each.values():
        changed = {one.field: one for one in some if one.state is EditState.CHANGED}
        advice = some[0].advice
        if not changed:
            others.append(f"{_whose(advice)}: {some[0].state}: {escaped(some[0].why)}.")
            continue
        limit, request = changed.get(LIMIT), changed.get(REQUEST)
        rows.append(
            _Change(
                advice=advice,
                limit=_cell(limit.old, limit.new) if limit else _cell(None, None),
                request=_cell(request.old, request.new) if request else _cell(None, None),
                places=tuple(dict.fromkeys(one.where for one in changed.values() if one.where)),
                left=tuple(one.why for one in some if one.state is EditState.SKIPPED),
            )
        )
    lead = f"{_containers(len(rows))} OOM-killed, and this changes their memory:"
    return _body(rows, others, lead=lead, others_title="Not changed here")


def _containers(count: int) -> str:
    return "1 container was" if count == 1 else f"{count} containers were"


def _cell(old: str | None, new: str | None) -> str:
    """Return a change; `old` is None where nothing was set, empty where that is not known."""
    return f"{escaped('none' if old is None else old)} → **{escaped(new)}**".lstrip() if new else "as it is"


def _body(rows: Sequence[_Change], others: Sequence[str], *, lead: str, others_title: str) -> str:
    parts = ["\n".join(_overview(rows, lead)), *("\n".join(_evidence(one)) for one in rows)]
    if others:
        parts.insert(1, "\n".join([f"## {others_title}", "", *(f"- {one}" for one in others)]))
    text = parts[0]
    for number, part in enumerate(parts[1:], 1):
        if len(text) + len(part) > _MOST:
            text += f"\n\n{len(parts) - number} more are left out here: `oomreport recommend -o wide` shows them.\n"
            break
        text += f"\n\n{part}"
    return text.rstrip("\n") + "\n"


def escaped(text: str) -> str:
    """Return a text of others as plain text in Markdown, on one line."""
    safe = _SPECIAL.sub(r"\\\1", printable(" ".join(text.split())))
    return _LINKED.sub(lambda match: f"`{match[1].replace(chr(92), '')}`", safe)


def code(text: str) -> str:
    """Return a text of others as code, whatever backticks it has."""
    text = printable(" ".join(text.split())).replace("|", "¦")
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text.startswith("`") or text.endswith("`") or not text else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _overview(rows: Sequence[_Change], lead: str) -> Iterator[str]:
    if not rows:
        yield "No memory limit or request is to be changed."
        return
    yield lead
    yield ""
    yield "| namespace | workload | container | limit | request | confidence | kills | review |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in rows:
        one = row.advice
        names = (one.namespace, f"{one.kind}/{one.workload}", one.container if one.target.container else "(the pod)")
        state = "Applied" if one.is_applied else _review(one)
        cells = (*map(code, names), row.limit, row.request, escaped(one.confidence or ""), str(one.kills), state)
        yield f"| {' | '.join(cells)} |"


def _evidence(row: _Change) -> Iterator[str]:
    one = row.advice
    status = one.status
    yield f"## {escaped(recommended(status.advice))}: {_whose(one)}"
    yield ""
    if row.places:
        yield f"- **Changed:** {', '.join(map(code, row.places))}"
    for why in row.left:
        yield f"- **By hand:** {escaped(why)}."
    yield f"- **Basis:** {escaped(one.basis.rstrip('.'))}."
    yield f"- **Kills:** {one.kills}, the last at {escaped(rfc3339(status.last_kill_time)) if status.last_kill_time else 'an unknown time'}."
    yield f"- **Last kill:** {_last(status.last_kill or Kill())}"
    for finding in status.findings:
        yield f"- **{escaped(finding.severity)}** ({code(finding.rule)}): {escaped(finding.message)}."
    for sentence in owner_sentences(status.managed_by):
        yield f"- {escaped(sentence)}"
    if one.decision != "Pending":
        yield f"- **Review:** {_review(one)}{f': {escaped(one.note)}' if one.note else ''}"
    yield f"- **Report:** {code(f'kubectl get oomreport -n {one.namespace} {one.name} -o yaml')}"
    recent = status.recent_kills[:_MOST_KILLS]
    if len(recent) > 1:
        yield ""
        yield f"<details><summary>The last {len(recent)} kills</summary>"
        yield ""
        yield "| time | pod | node | victim | limit | cause | verdict |"
        yield "|---|---|---|---|---|---|---|"
        for kill in recent:
            yield f"| {' | '.join(_kill_cells(kill))} |"
        yield ""
        yield "</details>"


def _kill_cells(kill: RecentKill) -> Iterator[str]:
    yield code(rfc3339(kill.time))
    for name in (kill.pod, kill.node, kill.victim):
        yield code(name) if name else ""
    yield size_text(kill.limit_bytes) if kill.limit_bytes is not None else ""
    yield kill.cause
    yield kill.verdict or ""


def _last(last: Kill) -> str:
    parts = [f"cause {last.cause}, verdict {last.verdict or 'unknown'}"]
    if last.victim and last.victim.comm is not None:
        size = last.victim.anon_rss_bytes
        holds = f", holding {size_text(size)}" if size is not None else ""
        parts.append(f"process {code(last.victim.comm)}{holds}")
    if last.limit is not None:
        parts.append(f"limit {size_text(last.limit)}")
    if last.pod:
        parts.append(f"pod {code(last.pod)}" + (f" on {code(last.node)}" if last.node else ""))
    return "; ".join(parts) + "."


def _whose(one: Advice) -> str:
    container = f", container {code(one.container)}" if one.target.container else ""
    return f"{code(one.namespace)} {code(f'{one.kind}/{one.workload}')}{container}"


def _why_not(one: Advice) -> str:
    if one.decision == "Rejected":
        return _review(one) + (f": {escaped(one.note)}" if one.note else "")
    return f"{escaped(recommended(one.status.advice))}. {escaped(one.basis.rstrip('.'))}."


def _review(one: Advice) -> str:
    return escaped(one.decision) + (
        f" by {escaped(one.reviewer)}" if one.reviewer and one.decision != "Pending" else ""
    )
