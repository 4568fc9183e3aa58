"""Judge the advice by a simulation: kills until quiet, memory reserved above true demand, and wrong raises.

    tests/bench/bench_advice.py [--seeds 100] [--first-seed 1] [--workloads MODULE]... [--only CLASS]... [--markdown]

Workloads of known true demand run under our advice, VPA's rule and KRR's. A plug-in module (dotted name or file) adds
its own; see advice/workload.py. The last line is a JSON object.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from advice import workloads as built_in
from advice.score import ADVISERS, NAMED_WITHIN, Sum, Table, complaints, makers_of, plug_in, table_of

_HEAD = ("class", "runs", *(f"{what} {who}" for what in ("kills", "GiB", "wrong") for who in ADVISERS), "leaks named")


def rows(table: Table) -> list[tuple[str, ...]]:
    """Return the table's lines: a class each, and all."""

    def row(kind: str, sums: dict[str, Sum]) -> tuple[str, ...]:
        ours = sums["ours"]
        return (
            kind,
            str(ours.runs),
            *(str(sums[who].kills) for who in ADVISERS),
            *(f"{sums[who].waste_gib:.2f}" for who in ADVISERS),
            *(str(sums[who].wrong_raises) for who in ADVISERS),
            f"{ours.named}/{ours.leaks}" if ours.leaks else "",
        )

    lines = [row(kind, {who: table.of(kind, who) for who in ADVISERS}) for kind in table.kinds]
    return [*lines, row("all", {who: table.total(who) for who in ADVISERS})]


def shown(lines: list[tuple[str, ...]], *, markdown: bool) -> str:
    widths = [max(len(line[column]) for line in (_HEAD, *lines)) for column in range(len(_HEAD))]

    def line_of(cells: tuple[str, ...]) -> str:
        padded = [
            cell.ljust(width) if not number else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |" if markdown else "  ".join(padded).rstrip()

    rule = [f"|{'|'.join('-' * (width + 2) for width in widths)}|"] if markdown else []
    return "\n".join([line_of(_HEAD), *rule, *(line_of(line) for line in lines)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100, help="how often each workload is drawn (default: 100)")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--workloads", action="append", default=[], metavar="MODULE", help="add a plug-in's workloads")
    parser.add_argument("--only", action="append", default=[], metavar="CLASS", help="run these functions only")
    parser.add_argument("--markdown", action="store_true", help="print the table for the documentation")
    options = parser.parse_args()
    makers = makers_of(built_in) + [maker for name in options.workloads for maker in makers_of(plug_in(name))]
    makers = [maker for maker in makers if not options.only or maker.__name__ in options.only]
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    if sys.stderr.isatty():
        print(f"{len(makers)} workloads x {options.seeds} seeds x {len(ADVISERS)} advisers ...", file=sys.stderr)
    table = table_of(makers, seeds)
    print(shown(rows(table), markdown=options.markdown))
    missed = complaints(table)
    print("\n" + ("\n".join(f"missed: {one}" for one in missed) if missed else "all goals met"))
    print(f"false leaks: {table.total('ours').false_leaks}; never quiet: {table.total('ours').unquiet}")
    totals = {
        who: {"kills": one.kills, "waste_gib": one.waste_gib, "wrong_raises": one.wrong_raises}
        for who in ADVISERS
        if (one := table.total(who))
    }
    ours = table.total("ours")
    print(json.dumps({**totals, "leaks": ours.leaks, f"leaks_named_within_{NAMED_WITHIN}_kills": ours.named}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
