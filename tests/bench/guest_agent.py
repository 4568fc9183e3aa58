"""What the agent costs a node with cgroup v2 and systemd: start, memory and processor time, on the guest.

Where there is no KVM the guest's processor is emulated, about ten times slower than the machine's: its seconds are
worth comparing among themselves. The start is measured in the guest's own clock, from the start of the container's
process to the line of its log that says that the kernel's is read. Processor time is that of all threads, without a
kill and with one a second of a system service.

    tests/bench/guest_agent.py [--starts 3] [--seconds 60]     brings up what is not up yet

The last line is a JSON object.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from e2e import nodes  # noqa: E402
from e2e.kube import AGENT_NAMESPACE, Object, eventually, items, kubectl  # noqa: E402
from e2e.nodes import Node  # noqa: E402

CLUSTER = [sys.executable, str(ROOT / "tests/cluster/cluster")]
READING = "reading the kernel log"
SETTLED_SECONDS = 20
_KILL = "systemd-run --quiet --wait --collect -p MemoryMax=16M -p Restart=no tail /dev/zero || true"


def agent_pod(node: Node) -> Object | None:
    """Return the agent's pod on the node once it is ready."""
    for one in items("pods", AGENT_NAMESPACE):
        statuses = one.get("status", {}).get("containerStatuses", [])
        if one["spec"].get("nodeName") == node.name and "deletionTimestamp" not in one["metadata"]:
            return one if statuses and statuses[0]["ready"] else None
    return None


def pid_of(node: Node, pod: Object) -> int:
    """Return the pid of the agent's process on the node."""
    instance = pod["status"]["containerStatuses"][0]["containerID"].split("://")[1]
    script = f"grep -ls {instance} /proc/[0-9]*/cgroup | head -n 1"
    return int(node.sh(script).split("/")[2])


def told(pod: Object) -> dict[str, float]:
    """Return when the agent last wrote each message of its log, in seconds since 1970."""
    text = kubectl("logs", pod["metadata"]["name"], "-n", AGENT_NAMESPACE)
    lines = [json.loads(line) for line in text.splitlines()]
    return {line["message"]: datetime.fromisoformat(line["time"]).timestamp() for line in lines}


def start(node: Node) -> float:
    """Replace the agent; return the seconds from the start of its process until it reads the kernel's log."""
    old = eventually("an agent", lambda: agent_pod(node))["metadata"]["name"]
    kubectl("delete", "pod", old, "-n", AGENT_NAMESPACE, "--wait=true")
    fresh = eventually("another agent", lambda: agent_pod(node), seconds=120)
    at = told(fresh)[READING]
    ticks = int(node.sh(f"cat /proc/{pid_of(node, fresh)}/stat").rsplit(")", 1)[1].split()[19])
    uptime, now, hertz = node.sh("cut -d' ' -f1 /proc/uptime; date +%s.%N; getconf CLK_TCK").split()
    began = float(now) - float(uptime) + ticks / int(hertz)
    return at - began


def processor_seconds(node: Node, pid: int) -> float:
    """Return the time that all threads of a process have run."""
    return sum(int(line.split()[0]) for line in node.sh(f"cat /proc/{pid}/task/*/schedstat").splitlines()) / 1e9


def millicores(node: Node, pid: int, seconds: float, *, killing: bool) -> float:
    """Return what the agent uses of a processor in that time, in thousandths."""
    before, since = processor_seconds(node, pid), time.monotonic()
    if killing:
        node.sh(
            f"end=$(($(date +%s) + {seconds:.0f})); while [ $(date +%s) -lt $end ]; do {_KILL}; sleep 1; done 2>/dev/null"
        )
    else:
        time.sleep(seconds)
    return (processor_seconds(node, pid) - before) / (time.monotonic() - since) * 1000


def measured(starts: int, seconds: float) -> dict[str, object]:
    """Return the figures of the guest's agent."""
    node = nodes.choose("v2")
    began = [start(node) for _ in range(starts)]
    pid = pid_of(node, eventually("an agent", lambda: agent_pod(node)))
    time.sleep(SETTLED_SECONDS)
    idle = millicores(node, pid, seconds, killing=False)
    busy = millicores(node, pid, seconds, killing=True)
    status = dict(line.split(":", 1) for line in node.sh(f"cat /proc/{pid}/status").splitlines())
    return {
        "kernel": node.sh("uname -r").strip(),
        "starts": starts,
        "start_to_reading_seconds": round(statistics.median(began), 1),
        "rss_mib": round(int(status["VmRSS"].split()[0]) / 1024, 1),
        "anonymous_mib": round(int(status["RssAnon"].split()[0]) / 1024, 1),
        "idle_millicores": round(idle, 1),
        "killing_millicores": round(busy, 1),
        "seconds": seconds,
    }


def main() -> int:
    """Measure and print; brings up what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each measurement of processor time")
    options = parser.parse_args()
    if not os.environ.get("KUBECONFIG"):
        for verb in (("up", "--v2-worker"), ("deploy",)):
            status = subprocess.run([*CLUSTER, *verb], check=False).returncode
            if status:
                return status
        numbers = ["--starts", str(options.starts), "--seconds", str(options.seconds)]
        command = [*CLUSTER, "exec", "--", sys.executable, str(Path(__file__).resolve()), *numbers]
        return subprocess.run(command, check=False).returncode
    print(f"usually {options.starts * 25 + options.seconds * 2 + SETTLED_SECONDS:.0f} s ...", flush=True)
    print(json.dumps(measured(options.starts, options.seconds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
