"""Agents that cannot read the kernel log for a while: what was killed meanwhile is counted once, under its own name.

The truth is the kernel's: the raw ring by cgroup, and the machine's own count (oom_kill in /proc/vmstat).

OOMREPORT_GAPS is how many gaps are made of each source, 1 without it; OOMREPORT_GAP_SEED repeats their lengths.
"""

import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from e2e.kube import AGENT_NAMESPACE, Object, apply, eventually, items, kubectl
from e2e.nodes import Node
from e2e.reports import counted_ids
from e2e.test_kmsg_source import use_overlay
from e2e.witness import RingKill, pods, ring_kills
from e2e.workloads import container, deployment, pod_spec
from soak.account import twice

# On kind it was not tried.
NODES = ("native", "v2")
GAPS = int(os.environ.get("OOMREPORT_GAPS", "1"))
SEED = int(os.environ.get("OOMREPORT_GAP_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
# A crash loop of one pod, two pods of one container, a crash loop beside a container that runs on, and children whose
# PID 1 lives on, where the node kills no container as a group.
KILLED_SOON = container("self", "80", "2", "5")
KILLED_CHILDREN = container("child", "80", "1000", "8", "5")
WORKLOADS = {
    "web": (1, [KILLED_SOON]),
    "twin": (2, [KILLED_SOON]),
    "pair": (1, [KILLED_SOON, container("hold", "8", name="side")]),
    "worker": (1, [KILLED_CHILDREN]),
}


def patch_agent(security: Object) -> None:
    """Give the agent's container a security context, and wait until it runs with it, ready or not."""
    containers = [{"name": "agent", "securityContext": security}]
    change = {"spec": {"template": {"spec": {"containers": containers}}}}
    kubectl("patch", "ds/oomreport-agent", "-n", AGENT_NAMESPACE, "--type=strategic", "-p", json.dumps(change))


def without_syslog() -> None:
    patch_agent({"capabilities": {"add": None, "drop": ["ALL"]}})


def without_kmsg() -> None:
    """Of a container that is not privileged the runtime's device cgroup keeps /dev/kmsg away."""
    patch_agent({"privileged": False, "allowPrivilegeEscalation": False})


SOURCES: dict[str, Callable[[], None]] = {"syslog": without_syslog, "kmsg": without_kmsg}


def blind_agents(node: Node) -> list[str]:
    """Return the agents of the node that run and are not ready."""
    return [
        one["metadata"]["name"]
        for one in items("pods", AGENT_NAMESPACE)
        if one["spec"].get("nodeName") == node.name
        and "deletionTimestamp" not in one["metadata"]
        and any(state.get("state", {}).get("running") for state in one["status"].get("containerStatuses", ()))
        and any(c["type"] == "Ready" and c["status"] == "False" for c in one["status"].get("conditions", ()))
    ]


def kills_of_machine(node: Node) -> int:
    text = node.sh("grep '^oom_kill ' /proc/vmstat")
    return int(text.split()[1])


class Truth:
    """Every kill in the cgroups of pods that a namespace ever had, by the ring, which is read before it wraps."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._lock = threading.Lock()
        self._workload_of: dict[str, str] = {}
        self._kills: dict[tuple[int, int], tuple[str, RingKill]] = {}

    def look(self) -> None:
        with self._lock:
            for pod in pods(self._namespace):
                self._workload_of[pod["metadata"]["uid"]] = pod["metadata"]["labels"]["app"]
            for kill in ring_kills():
                for uid, workload in self._workload_of.items():
                    if uid in kill.memcg or uid.replace("-", "_") in kill.memcg:
                        self._kills[kill.stamp_us, kill.pid] = (workload, kill)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look again and again, also while agents are replaced: a guest's ring wraps within a minute."""
        done = threading.Event()

        def look_on() -> None:
            while not done.wait(2):
                self.look()

        with ThreadPoolExecutor(1) as pool:
            looking = pool.submit(look_on)
            try:
                yield
            finally:
                done.set()
        looking.result()

    def by_workload(self) -> dict[str, int]:
        self.look()
        return dict(Counter(workload for workload, _ in self._kills.values()))

    def stamps(self, workload: str) -> list[int]:
        """Return the kernel's stamps of a workload's kills, as records are named by them."""
        return sorted(kill.stamp_us for whose, kill in self._kills.values() if whose == workload)


def ledger(namespace: str, workload: str) -> list[str]:
    return [
        f"{entry['id']} {entry['time']}"
        for report in items("oomreports", namespace)
        if report["spec"]["workloadRef"]["name"] == workload
        for entry in report.get("status", {}).get("counted", ())
    ]


def told(namespace: str) -> dict[str, int]:
    """Return the kills that reports count, by workload and, where it is not api, container."""
    found: Counter[str] = Counter()
    for report in items("oomreports", namespace):
        spec = report["spec"]
        name = spec["workloadRef"]["name"] + ("" if spec["container"] == "api" else f"/{spec['container']}")
        found[name] += report.get("status", {}).get("kills", 0)
    return {name: kills for name, kills in found.items() if kills}


def in_two_places(namespace: str) -> list[str]:
    """Return the kills that two entries of ledgers tell: the same record, or the same end of one instance."""
    return twice(counted_ids(namespace))


def unknown_reports(namespace: str, node: Node) -> dict[str, int]:
    """Return the reports for containers that nobody could name, with their kills: the namespace's and the node's."""
    return {
        f"{one['metadata']['namespace']}/{one['metadata']['name']}": one.get("status", {}).get("kills", 0)
        for one in items("oomreports")
        if one["spec"]["container"] == "unknown"
        and (one["metadata"]["namespace"] == namespace or one["spec"]["workloadRef"]["name"] == node.name)
    }


@pytest.mark.parametrize("source", SOURCES)
def test_kills_while_the_log_cannot_be_read_are_counted_once_under_their_names(
    namespace: str, node: Node, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = random.Random(f"{SEED} {source}")
    use_overlay(source)
    unknown_before, machine_before = unknown_reports(namespace, node), kills_of_machine(node)
    for name, (replicas, containers) in WORKLOADS.items():
        apply(deployment(name, namespace, pod_spec(*containers), replicas=replicas))
    truth = Truth(namespace)
    eventually("a kill of each", lambda: truth.by_workload().keys() == WORKLOADS.keys() or None, seconds=90)
    rows: list[str] = []
    with truth.looking():
        try:
            for number in range(1, GAPS + 1):
                length = drawn.uniform(3, 45)
                before = truth.by_workload()
                # New pods begin their crash loop anew, so that a gap has more than one kill.
                kubectl("delete", "pods", "-n", namespace, "-l", "app in (web, twin)", "--wait=false")
                SOURCES[source]()
                eventually("the agent is blind", lambda: blind_agents(node), seconds=60)
                began = time.monotonic()
                while time.monotonic() - began < length:
                    truth.look()
                    time.sleep(0.5)
                meanwhile = {name: count - before[name] for name, count in truth.by_workload().items()}
                use_overlay(source)
                rows.append(f"gap {number:2} of {source}: {length:4.1f} s, kills meanwhile {meanwhile}")
        finally:
            use_overlay("syslog")
        for name in WORKLOADS:
            kubectl("scale", f"deployment/{name}", "-n", namespace, "--replicas=0")
        eventually("no pod is left", lambda: not pods(namespace), seconds=60)
    try:
        # A slow runtime ends containers after their pods are gone.
        eventually("each kill is told", lambda: told(namespace) == truth.by_workload() or None, seconds=90)
    finally:
        by_kernel = truth.by_workload()
        machine = kills_of_machine(node) - machine_before
        with capsys.disabled():
            print(f"\nseed {SEED}")
            print("\n".join(rows))
            print(f"by the kernel's ring {by_kernel}, of the machine {machine}; told {told(namespace)}")
            print(f"in two places: {in_two_places(namespace)}, unknown: {unknown_reports(namespace, node)}")
            for name in WORKLOADS:
                if told(namespace).get(name) != by_kernel.get(name):
                    print(f"{name} by the ring: {truth.stamps(name)}\n  by its ledger: {ledger(namespace, name)}")
    # What a replay or a later look might still add comes within the controller's grace.
    time.sleep(15)
    assert told(namespace) == truth.by_workload()
    assert in_two_places(namespace) == []
    assert unknown_reports(namespace, node) == unknown_before
    assert machine >= sum(by_kernel.values())
