"""Judge the advice by two simulated weeks: kills, GiB-days reserved above the true demand, and leaks named.

    tests/bench/bench_advice.py [--seeds 12] [--first-seed 1] [--jobs N] [--workloads MODULE]... [--only CLASS]...
        [--markdown]

Workloads of known true demand run under our advice, VPA's rule and KRR's, each active all the time. Demands are real
series by their source, and plain kinds. A plug-in module (dotted name or file) adds its own; see advice/workload.py.
Every class figure is shown as a share of the better rule's too, with the interval that 95 % of redrawn samples lie in.
The last line is a JSON object; `worst_class_ratio` is the largest of these shares.
"""

import argparse
import json
import math
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from advice import kinds, replayed, workloads
from advice.score import ADVISERS, NAMED_WITHIN, Ratio, Sum, Table, complaints, makers_of, plug_in, ratios, table_of
from tables import shown

_FIGURES = ("kills", "GiB-days", "changes")
_HEAD = (
    "class",
    "runs",
    *(f"{what} {who}" for what in _FIGURES for who in ADVISERS),
    "false",
    "for good",
    "stuck",
    "named",
)
_SHARES_HEAD = ("class", "kills / better rule", "95 %", "GiB-days / better rule", "95 %")


def rows(table: Table) -> list[tuple[str, ...]]:
    """Return the table's lines: a class each, and the sums."""

    def row(kind: str, sums: dict[str, Sum]) -> tuple[str, ...]:
        ours = sums["ours"]
        return (
            kind,
            str(ours.runs),
            *(str(sums[who].kills) for who in ADVISERS),
            *(f"{sums[who].gib_days:.1f}" for who in ADVISERS),
            *(str(sums[who].changes) for who in ADVISERS),
            str(ours.false_leaks),
            str(ours.called_leak),
            str(ours.stuck),
            f"{ours.named}/{ours.leaks}" if ours.leaks else "",
        )

    lines = [row(kind, {who: table.of(kind, who) for who in ADVISERS}) for kind in table.kinds]
    bounded = row("all without leaks", {who: table.total(who, leaks=False) for who in ADVISERS})
    return [*lines, bounded, row("all", {who: table.total(who) for who in ADVISERS})]


def confidence_rows(table: Table) -> list[tuple[str, ...]]:
    """Return how many raises of each confidence ended the kills, of what does not leak."""
    found: dict[str, list[bool]] = {}
    for (_, who), results in table.results.items():
        for result in results if who == "ours" else ():
            for confidence, ended in () if result.leaks else result.ended:
                found.setdefault(confidence, []).append(ended)
    return [(one, str(len(ended)), f"{100 * sum(ended) / len(ended):.0f} %") for one, ended in sorted(found.items())]


def share_rows(against: list[Ratio]) -> list[tuple[str, ...]]:
    """Return what ours is of the better rule, a line for each class."""
    kinds = dict.fromkeys(one.kind for one in against)
    cells = {kind: [f for one in against if one.kind == kind for f in _share(one)] for kind in kinds}
    return [(kind, *cells[kind]) for kind in kinds]


def _share(one: Ratio) -> tuple[str, str]:
    return f"{one.value:.2f}", f"{one.low:.2f} to {one.high:.2f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=12, help="how often each workload is drawn (default: 12)")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one for each core)")
    parser.add_argument("--workloads", action="append", default=[], metavar="MODULE", help="add a plug-in's workloads")
    parser.add_argument("--only", action="append", default=[], metavar="CLASS", help="run these functions only")
    parser.add_argument("--markdown", action="store_true", help="print the table for the documentation")
    options = parser.parse_args()
    makers = [maker for module in (replayed, workloads, kinds) for maker in makers_of(module)]
    makers += [maker for name in options.workloads for maker in makers_of(plug_in(name))]
    makers = [maker for maker in makers if not options.only or maker.__name__ in options.only]
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    if sys.stderr.isatty():
        print(f"{len(makers)} workloads x {options.seeds} seeds x {len(ADVISERS)} advisers ...", file=sys.stderr)
    table = table_of(makers, seeds, options.jobs)
    against = ratios(table)
    print(shown(_HEAD, rows(table), markdown=options.markdown))
    print("\n" + shown(_SHARES_HEAD, share_rows(against), markdown=options.markdown))
    print("\n" + shown(("confidence", "raises", "ended the kills"), confidence_rows(table), markdown=options.markdown))
    missed = complaints(table, against)
    print("\n" + ("\n".join(f"missed: {one}" for one in missed) if missed else "all goals met"))
    totals = {
        who: {"kills": one.kills, "gib_days": one.gib_days, "wrong_raises": one.wrong_raises}
        for who in ADVISERS
        if (one := table.total(who))
    }
    ours = table.total("ours")
    worst = max(one.value for one in against)
    last = {
        **totals,
        "leaks": ours.leaks,
        "called_leak_for_good": ours.called_leak,
        "stuck": ours.stuck,
        f"leaks_named_within_{NAMED_WITHIN}_kills": ours.named,
        "worst_class_ratio": round(worst, 3) if math.isfinite(worst) else None,
    }
    print(json.dumps(last))
    return 0


if __name__ == "__main__":
    sys.exit(main())
