"""`oomreport apply`: recommendations written into the manifests of a checkout.

It talks neither to Git nor to a workload.
"""

import argparse
import difflib
import sys
from collections.abc import Iterator
from pathlib import Path

from oomreport.cli.documents import documents_in
from oomreport.cli.reports.checkout import Checkout
from oomreport.cli.reports.export import write_text
from oomreport.cli.reports.markdown import applied_body
from oomreport.cli.reports.report_source import advice_for
from oomreport.cli.terminal import printable, say
from oomreport.errors import InputUnreadable, OOMReportError
from oomreport.gitops.advice import Advice
from oomreport.gitops.decision import EditOutcome, EditState
from oomreport.gitops.plan import Plan, manifests_of, plan_of
from oomreport.gitops.values import CONFIGURATION, AnnotationLeave, ValuesMapping, mapping_by_report, mappings_in

REFUSED = 3


def run(arguments: argparse.Namespace) -> int:
    """Edit the files and return the exit status."""
    try:
        checkout = Checkout(arguments.paths)
        advice = advice_for(arguments, mapped=True)
        manifests = manifests_of(
            checkout,
            checkout.about(one.workload for one in advice),
            checkout.folders,
            list(mappings(checkout, advice)),
            arguments.default_namespace,
        )
        plan = plan_of(manifests, advice, accepted_only=arguments.accepted_only)
        _carry_out(checkout, plan, dry_run=arguments.dry_run)
        if arguments.body:
            write_text(arguments.body, applied_body(plan.outcomes))
    except OOMReportError as error:
        say(error)
        return 2
    stream = sys.stderr if arguments.dry_run else sys.stdout
    for line in told(plan, checkout, quiet=arguments.quiet):
        print(printable(line), file=stream)
    if any(outcome.state is EditState.REFUSED for outcome in plan.outcomes):
        return REFUSED
    return 1 if arguments.exit_code and (plan.texts or plan.created) else 0


def mappings(checkout: Checkout, advice: list[Advice]) -> Iterator[ValuesMapping]:
    """Yield what the configuration files and the reports' annotations say of values files. Raises InputUnreadable."""
    leaves: list[AnnotationLeave] = []
    for path in checkout.configurations:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise InputUnreadable(f"{path}: {error}") from error
        for document in documents_in(text, str(path)):
            for entry in mappings_in(document, checkout.shown(str(path)), str(path.parent)):
                if isinstance(entry, AnnotationLeave):
                    leaves.append(entry)
                else:
                    yield entry
    for one in advice:
        try:
            mapped = mapping_by_report(one, checkout.root)
        except InputUnreadable as error:  # of one tenant's making: it must not keep the others' from their change
            say(f"{error}; it is left out of account")
            continue
        if mapped and any(leave.is_for(mapped) for leave in leaves):
            yield mapped
        elif mapped:
            whose = f"{one.target}: its annotation names {mapped.file}"
            say(f"{whose}; no {CONFIGURATION} lets it (annotations), so it is left out of account")


def told(plan: Plan, checkout: Checkout, *, quiet: bool) -> Iterator[str]:
    """Yield what was done, a line for each value, and a line of figures."""
    for note in plan.notes:
        yield f"note       {note}"
    for outcome in plan.outcomes:
        if not (quiet and outcome.state in (EditState.ALREADY, EditState.SKIPPED, EditState.NOT_FOUND)):
            yield _line(outcome)
    for path in plan.created:
        yield f"new file   {checkout.shown(path)}"
    counts = {state: sum(one.state is state for one in plan.outcomes) for state in EditState}
    yield ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "no reports"


def _line(outcome: EditOutcome) -> str:
    whose = f"{outcome.advice.target}{f' {outcome.field.name}' if outcome.field else ''}"
    place = f"{outcome.where}: " if outcome.where else ""
    if outcome.state is EditState.CHANGED:
        why = f" ({outcome.why})" if outcome.why else ""
        return f"{outcome.state:10} {place}{whose} {outcome.old} -> {outcome.new}{why}"
    return f"{outcome.state:10} {place}{whose}: {outcome.why}"


def difference(path: str, old: str, new: str, *, is_new: bool = False) -> str:
    """Return a unified diff, as `git apply` and `patch -p1` take it; line ends are those of the file."""
    lines = difflib.unified_diff(
        _lines(old), _lines(new), "/dev/null" if is_new else f"a/{path}", f"b/{path}", lineterm="\n"
    )
    text = ""
    for line in lines:
        text += line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
    return text


def _lines(text: str) -> list[str]:
    # Only a line feed ends a line here: a lone CR or U+2028 belongs to its line, as for Git.
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _carry_out(checkout: Checkout, plan: Plan, *, dry_run: bool) -> None:
    if dry_run:
        for path, text in plan.texts.items():
            source = checkout.yaml(path)
            assert source is not None
            sys.stdout.write(difference(checkout.shown(path), source.text, text))
        for path, text in plan.created.items():
            sys.stdout.write(difference(checkout.shown(path), "", text, is_new=True))
        return
    # New files first: a kustomization never names one that is not there.
    for path, text in plan.created.items():
        if Path(path).exists():
            raise InputUnreadable(f"{checkout.shown(path)}: is there already")
        checkout.write(path, text)
    for path, text in plan.texts.items():
        checkout.write(path, text)
