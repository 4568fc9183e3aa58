"""A container without any right that forges kills of another container in the kernel log, read by both sources.

OOMREPORT_FORGING_SECONDS is for how long it forges; the default is shorter than a minute.
"""

import json
import os
from collections.abc import Iterator

import pytest

from e2e.kube import AGENT_NAMESPACE, Object, apply, eventually, item, items, kubectl
from e2e.nodes import Node
from e2e.reports import report_of, settled_report, victim_pids
from e2e.test_kmsg_source import use_overlay
from e2e.witness import kills_of_pod, ring, running_id
from e2e.workloads import container, pod, pod_spec
from node.forger import PID, texts

# Where a container is killed as a group, one that really loses three processes would be killed with the first.
NODES = ("native",)
SECONDS = int(os.environ.get("OOMREPORT_FORGING_SECONDS", "20"))
KILLS = 3
NOBODY = {
    "runAsUser": 65534,
    "runAsGroup": 65534,
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


@pytest.fixture(params=["syslog", "kmsg"])
def source(request: pytest.FixtureRequest) -> Iterator[str]:
    """The source that the agents read; afterwards they read the default one."""
    if request.param != "syslog":
        use_overlay(request.param)
    yield request.param
    if request.param != "syslog":
        use_overlay("syslog")


def agent_of(node: Node) -> str:
    (found,) = (one for one in items("pods", AGENT_NAMESPACE) if one["spec"].get("nodeName") == node.name)
    return str(found["metadata"]["name"])


def refused(agent: str) -> int:
    """Return how many lines the agent refused, as it tells at /livez with the figures of /healthz."""
    path = f"/api/v1/namespaces/{AGENT_NAMESPACE}/pods/{agent}:8081/proxy/livez"
    return sum(json.loads(kubectl("get", "--raw", path))["refused"].values())


def cgroup_of(node: Node, container_id: str) -> str:
    """Return the path that the kernel would print as task_memcg."""
    script = f"grep -hs {container_id} /proc/[0-9]*/cgroup | grep -E '^([0-9]+:memory|0:):' | head -n 1"
    return node.sh_on_kernel(script).stdout.decode().strip().split(":", 2)[2]


def forged_records(since: set[str]) -> list[Object]:
    """Return the new records of what nobody lost."""
    new = [one for one in items("oomrecords") if one["metadata"]["name"] not in since]
    return [
        one
        for one in new
        if any(victim["pid"] >= PID for victim in one["spec"].get("victims", []))
        or (not one["spec"].get("victims") and one["spec"]["source"] != "CgroupCounter")
    ]


@pytest.mark.timeout(SECONDS * 3 + 240)
def test_what_a_container_without_rights_forges_is_refused_while_three_real_kills_are_told(
    namespace: str, node: Node, source: str
) -> None:
    records = {one["metadata"]["name"] for one in items("oomrecords")}
    reports = {one["metadata"]["uid"] for one in items("oomreports")}
    agent = agent_of(node)
    refused_before = refused(agent)
    pause = str(max(SECONDS // (KILLS + 1), 2))
    apply(pod("payments", namespace, pod_spec(container("child", "128", str(KILLS), pause))))
    instance = eventually("payments runs", lambda: running_id(item("pod", "payments", namespace) or {}, "api"))
    victim = item("pod", "payments", namespace)
    assert victim is not None
    lines = texts([cgroup_of(node, instance)], victim["metadata"]["uid"], instance)
    forger = container("forge", str(SECONDS), *lines, limit=None, request=None, securityContext=NOBODY)
    apply(pod("forger", namespace, pod_spec(forger)))

    eventually(
        "the forger's end",
        lambda: "hog forged n=" in kubectl("logs", "-n", namespace, "forger", check=False),
        seconds=SECONDS + 60,
    )
    printed = [text for _, _, _, text in ring() if " in memfd:x" in text and "segfault" in text]
    real = sorted(kill.pid for kill in kills_of_pod(victim["metadata"]["uid"]) if kill.pid < PID)
    report = settled_report(namespace, "Pod", "payments", verdict=None, kills=KILLS)
    # Behind the agent's wait for a counter, so that what it would believe by then has become a record.
    eventually("an agent without records to send", lambda: not waiting(agent), seconds=60)

    assert len(printed) > SECONDS
    assert len(real) == KILLS
    assert sorted(victim_pids(report)) == real
    assert forged_records(records) == []
    new = [one for one in items("oomreports") if one["metadata"]["uid"] not in reports]
    assert [one["metadata"]["uid"] for one in new] == [report["metadata"]["uid"]], [
        one["metadata"]["name"] for one in new
    ]
    after = report_of(namespace, "Pod", "payments")
    assert after is not None
    assert after["status"]["kills"] == KILLS
    counted = refused(agent) - refused_before
    said = "lines of the kernel log were refused" in kubectl("logs", "-n", AGENT_NAMESPACE, agent)
    print(f"{source}: {len(printed)} forged records in the ring, {counted} lines refused, {len(real)} real kills")
    if source == "syslog":
        # One read of /dev/kmsg is one record: what stands inside it begins nothing, so there is nothing to refuse.
        assert counted > SECONDS
        assert said


def waiting(agent: str) -> int:
    path = f"/api/v1/namespaces/{AGENT_NAMESPACE}/pods/{agent}:8081/proxy/livez"
    return int(json.loads(kubectl("get", "--raw", path))["spool"]["records"])
