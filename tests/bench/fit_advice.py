"""Choose the step and the headroom of the advice by the real series, each source left out once.

    tests/bench/fit_advice.py [--seeds 4] [--jobs N]

For every pair of values the sources of tests/bench/advice/replayed.py run as bench_advice.py runs them. The cost of a
source is its kills as a share of the rule with the fewest, and its GiB-days as a share of the rule with the least. The
pair that costs least over all sources but one is shown with its cost on that one. Plain kinds take no part.
"""

import argparse
import os
import sys
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from advice import replayed
from advice.score import Table, makers_of, table_of

from oomreport.incident.advice import raising, recommendation, sizing, trim

_STEPS = (1.25, 1.5, 2.0)
_HEADROOMS = (1.05, 1.1, 1.15)
Pair = tuple[float, float]


def cost_of(table: Table, source: str) -> tuple[float, float]:
    """Return a source's kills and GiB-days as shares of the better rule's."""
    ours, vpa, krr = (table.of(source, who) for who in ("ours", "vpa", "krr"))
    kills, waste = max(min(vpa.kills, krr.kills), 1), max(min(vpa.waste, krr.waste), 1.0)
    return ours.kills / kills, ours.waste / waste


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4, help="how often each source is drawn (default: 4)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one for each core)")
    options = parser.parse_args()
    makers = makers_of(replayed)
    costs: dict[Pair, dict[str, tuple[float, float]]] = {}
    for step, headroom in product(_STEPS, _HEADROOMS):
        sizing.STEP = step
        trim.HEADROOM = raising.HEADROOM = recommendation.HEADROOM = headroom
        table = table_of(makers, range(1, options.seeds + 1), options.jobs)
        costs[step, headroom] = {kind: cost_of(table, kind) for kind in table.kinds}
        whole = [sum(figures) / len(table.kinds) for figures in zip(*costs[step, headroom].values(), strict=True)]
        print(
            f"step {step:g} headroom {headroom:g}: kills {whole[0]:.2f}, GiB-days {whole[1]:.2f} of the better rule's"
        )
    sources = list(next(iter(costs.values())))
    for left_out in sources:
        best = min(costs, key=lambda pair: sum(sum(costs[pair][one]) for one in sources if one != left_out))
        kills, waste = costs[best][left_out]
        print(
            f"without {left_out}: step {best[0]:g} headroom {best[1]:g}; on it kills {kills:.2f}, GiB-days {waste:.2f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
