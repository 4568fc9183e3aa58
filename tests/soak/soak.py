"""KILLS real kills on the real node while everything that may fail does: each is counted once.

    make soak                          10 000 kills, the API server is away for ten minutes once (about 35 minutes)
    KILLS=500 AWAY=30 make soak        a short one
    SEED=7 make soak                   what is drawn, once more

Children die in random bursts of up to a hundred a second, first processes in crash loops and once. Meanwhile, at
times drawn from SEED, the agent and both controllers are killed with -9, the leader loses its Lease, the API server is
killed or stands still, and the kernel's ring is overrun. The truth is what each workload wrote down of its own dead.

It needs root, a native cluster of its own (brought up where there is none) and the machine's kernel log for itself.
The last line is a JSON object: kills, counted, lost, doubled, unknowable, elsewhere (counted under another
container's name, or none), and each fault with how often it struck. Exit status 1: something was lost or counted twice.
"""

import argparse
import json
import os
import random
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from e2e import nodes  # noqa: E402
from e2e.kube import eventually, items, kubectl  # noqa: E402
from soak.plan import drawn  # noqa: E402
from soak.run import soak  # noqa: E402

CLUSTER = [sys.executable, str(ROOT / "tests/cluster/cluster")]
NAMESPACE = "soak"


def main() -> int:
    """Bring the cluster up where that is not done, and run one soak in it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=int(os.environ.get("KILLS", "10000")))
    parser.add_argument("--away", type=float, default=float(os.environ.get("AWAY", "600")), help="seconds")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")), help="0: a new one")
    options = parser.parse_args()
    if not os.environ.get("KUBECONFIG"):
        for verb in (("up", "--provider", "native"), ("deploy",)):
            if status := subprocess.run([*CLUSTER, *verb], check=False).returncode:
                return status
        again = [sys.executable, str(Path(__file__).resolve()), *sys.argv[1:]]
        return subprocess.run([*CLUSTER, "exec", "--", *again], check=False).returncode
    nodes.choose("native")
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=true")
    kubectl("create", "namespace", NAMESPACE)
    eventually("the default service account", lambda: items("serviceaccounts", NAMESPACE), seconds=20)
    seed = options.seed or random.SystemRandom().randrange(1, 1_000_000)
    plan = drawn(seed=seed, kills=options.kills, away=options.away)
    print(
        f"seed {seed}: {plan.children} children and the crash loops, {plan.seconds:.0f} s and what follows", flush=True
    )
    found = soak(NAMESPACE, plan, lambda text: print(text, flush=True))
    kubectl("delete", "namespace", NAMESPACE, "--wait=false")
    print(json.dumps(found.as_json()))
    return 1 if found.account.lost or found.account.doubled or found.twice else 0


if __name__ == "__main__":
    sys.exit(main())
