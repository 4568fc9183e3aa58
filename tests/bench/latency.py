"""How long from the kernel's stamp of a kill to the report that shows it: 100 real kills on the real node.

The clock starts at the stamp that the kernel gave the "Killed process" line and stops when a watch on OOMReports
delivers the write that counts the kill: what a person or a hook would see. Half of the kills are PID 1's (a crash loop
over several pods), half are silent. The split by stage comes from the objects: agent = stamp to the record's arrival at
the API server (by a watch on OOMRecords), controller = from there to the report.

    tests/bench/latency.py [--kills 100]     brings the cluster up and deploys where that is not done

The last line is a JSON object: p50_ms, p99_ms, and the same for both stages.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from e2e.kube import CONTROLLER_NAMESPACE, apply, controller_lease, eventually, items, kubectl  # noqa: E402
from e2e.workloads import container, pod, pod_spec  # noqa: E402

CLUSTER = [sys.executable, str(ROOT / "tests/cluster/cluster")]
NAMESPACE = "bench-latency"
CHILDREN = 5


class Watch(threading.Thread):
    """Follows `kubectl get -w` and keeps when each object version arrived (on the ring's clock) with the object."""

    def __init__(self, kind: str, *where: str) -> None:
        super().__init__(daemon=True)
        self.seen: list[tuple[float, dict]] = []
        self._process = subprocess.Popen(
            ["kubectl", "get", kind, *where, "--watch-only", "-o", "json", "--output-watch-events"],
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self) -> None:
        text = ""
        assert self._process.stdout
        for line in self._process.stdout:
            text += line
            try:
                event = json.loads(text)
            except json.JSONDecodeError:
                continue
            text = ""
            self.seen.append((time.clock_gettime(time.CLOCK_MONOTONIC) * 1000, event["object"]))

    def stop(self) -> None:
        self._process.terminate()


def one_leads() -> bool:
    """Whether a controller of this deployment holds the Lease; one that was replaced may hold it for 15 s more."""
    pods = [one["metadata"] for one in items("pods", CONTROLLER_NAMESPACE)]
    staying = [one["name"] for one in pods if "deletionTimestamp" not in one]
    return controller_lease().get("holderIdentity") in staying


def measured(kills: int) -> dict[str, float]:
    """Have `kills` processes killed and return the figures."""
    eventually("a controller leads", one_leads, seconds=60)
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=true")
    kubectl("create", "namespace", NAMESPACE)
    time.sleep(2)
    reports, records = Watch("oomreports", "-n", NAMESPACE), Watch("oomrecords")
    reports.start()
    records.start()
    time.sleep(2)
    silent = kills // 2
    apply(pod("silent", NAMESPACE, pod_spec(container("child", "96", str(silent), "1.5", "1"))))
    started = 0
    while started < kills - silent:
        names = [f"dies-{started + n}" for n in range(min(CHILDREN, kills - silent - started))]
        apply(*(pod(name, NAMESPACE, pod_spec(container("self", "96", "1", "1"), restart="Never")) for name in names))
        started += len(names)
        time.sleep(8)
    end = time.monotonic() + 120
    while (
        time.monotonic() < end
        and sum(r.get("status", {}).get("kills", 0) for r in items("oomreports", NAMESPACE)) < kills
    ):
        time.sleep(1)
    reports.stop()
    records.stop()
    return figures(reports, records)


def figures(reports: Watch, records: Watch) -> dict[str, float]:
    """Join by record name: the kernel's stamp, the record's arrival, the first report version that counts it."""
    stamp, arrived, reported = {}, {}, {}
    for at, record in records.seen:
        name = record["metadata"]["name"]
        arrived.setdefault(name, at)
        stamp[name] = int(name.rsplit("-", 1)[1]) / 1000
    for at, report in reports.seen:
        for one in report.get("status", {}).get("recentKills", []):
            reported.setdefault(one["id"], at)
    joined = [name for name in reported if name in stamp]
    whole = sorted(reported[name] - stamp[name] for name in joined)
    agent = sorted(arrived[name] - stamp[name] for name in joined)
    controller = sorted(reported[name] - arrived[name] for name in joined)
    return {"kills": len(joined), **spread("", whole), **spread("agent_", agent), **spread("controller_", controller)}


def spread(prefix: str, values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {f"{prefix}p50_ms": round(cuts[49], 1), f"{prefix}p99_ms": round(cuts[98], 1)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    options = parser.parse_args()
    if not os.environ.get("KUBECONFIG"):
        for verb in ("up", "deploy"):
            status = subprocess.run([*CLUSTER, verb], check=False).returncode
            if status:
                return status
        command = [*CLUSTER, "exec", "--", sys.executable, str(Path(__file__).resolve()), "--kills", str(options.kills)]
        return subprocess.run(command, check=False).returncode
    print(f"{options.kills} kills, usually {options.kills * 0.9 + 30:.0f} s ...", flush=True)
    print(json.dumps(measured(options.kills)))
    kubectl("delete", "namespace", NAMESPACE, "--wait=false")
    return 0


if __name__ == "__main__":
    sys.exit(main())
