"""Judge the advice by real programs: killed by the real kernel, advised by the deployed product, applied, until quiet.

    tests/bench/bench_programs.py [--only NAME]... [--at-once 6] [--minutes 14] [--prometheus] [--markdown]

Brings the cluster up, deploys and loads the image of the programs where that is not done (OOMREPORT_CLUSTER names it).
The need of each program is the most that its cgroup held without a limit, page cache aside; of one that sizes itself
by its limit, the least limit at which it lived. Then it gets 0.6 of that. What the report recommends is written into
its manifest by `oomreport apply` and deployed, until no kill comes for 100 s, which is twice what it takes to fill.

The last line is a JSON object; `missed` lists the goals that were not met.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from bench.programs import image, table  # noqa: E402
from bench.programs.catalogue import PROGRAMS, Program  # noqa: E402
from bench.programs.memory import Memory  # noqa: E402
from bench.programs.metrics import prometheus  # noqa: E402
from bench.programs.trial import Phase, Trial  # noqa: E402
from bench.programs.world import World  # noqa: E402
from bench.tables import shown  # noqa: E402
from e2e import nodes  # noqa: E402
from e2e.kube import eventually, items, kubectl  # noqa: E402

CLUSTER = [sys.executable, str(ROOT / "tests/cluster/cluster")]
COMMAND = ROOT / ".venv/bin/oomreport"
EVERY = 2.0


def run(programs: Sequence[Program], namespace: str, *, at_once: int, minutes: float, forecasting: bool) -> list[Trial]:
    """Run every program to its end, so many at a time; leaks, which need little, run beside them."""
    kubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=true")
    kubectl("create", "namespace", namespace)
    eventually("the default service account", lambda: items("serviceaccounts", namespace))
    memory, world, end = Memory(), World(namespace), time.monotonic() + 60 * minutes
    memory.start()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "need").mkdir()
        trials = [Trial(one, folder, namespace, memory, forecasting) for one in programs]
        waiting = list(trials)
        while time.monotonic() < end and any(one.phase is not Phase.DONE for one in trials):
            world.look()
            to_apply = [one for one in trials if one not in waiting and one.look(world)]
            if to_apply:
                applied(folder, namespace)
            for one in to_apply:
                one.applied()
            busy = sum(one.phase is not Phase.DONE for one in trials if one not in waiting and not one.program.leaks)
            for one in list(waiting):
                if one.program.leaks or busy < at_once:
                    waiting.remove(one)
                    busy += not one.program.leaks
                    one.start()
            time.sleep(EVERY)
        for one in trials:
            if one.phase is not Phase.DONE:
                one.end("not finished")
    memory.stop()
    kubectl("delete", "namespace", namespace, "--wait=false")
    return trials


def applied(folder: Path, namespace: str) -> None:
    """Have the product's command write all recommendations into the manifests, as in a checkout."""
    command = [str(COMMAND), "apply", *map(str, folder.glob("*.json")), "-n", namespace, "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"oomreport apply: {done.stdout}{done.stderr}", flush=True)


def deployed() -> int:
    """Bring the cluster up with the product and the programs' image, and run this file inside it."""
    verbs = (["up"], ["deploy"], ["load", str(image.archive())])
    for verb in verbs:
        if status := subprocess.run([*CLUSTER, *verb], check=False).returncode:
            return status
    return subprocess.run([*CLUSTER, "exec", "--", sys.executable, *sys.argv], check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="run these programs (default: all)")
    parser.add_argument(
        "--namespace", default="bench-programs", help="make this namespace anew (default: bench-programs)"
    )
    parser.add_argument("--at-once", type=int, default=6, help="programs beside the leaks at a time (default: 6)")
    parser.add_argument(
        "--minutes", type=float, default=14.0, help="what is not at its end then is ended (default: 14)"
    )
    parser.add_argument(
        "--prometheus", action="store_true", help="have running memory read, and forecasts of leaks judged"
    )
    parser.add_argument("--markdown", action="store_true", help="print the table for the documentation")
    options = parser.parse_args()
    if not os.environ.get("KUBECONFIG"):
        return deployed()
    nodes.choose(nodes.kinds()[0])
    programs = [one for one in PROGRAMS if not options.only or one.name in options.only]
    with prometheus() if options.prometheus else nullcontext():
        trials = run(
            programs,
            options.namespace,
            at_once=options.at_once,
            minutes=options.minutes,
            forecasting=options.prometheus,
        )
    print(shown(table.HEAD, [table.row(one) for one in trials], markdown=options.markdown))
    print(json.dumps(table.figures(trials)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
