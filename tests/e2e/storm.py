"""Ten containers of the node that are killed one after another, and what the node's kernel wrote of it, cut or not."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from e2e import nodes
from e2e.kube import AGENT_NAMESPACE, apply, items, kubectl
from e2e.nodes import Gate, Node
from e2e.test_kills import running_instance
from e2e.workloads import behind, gate_volume, pod, pod_spec

CONTAINERS = [f"c{number}" for number in range(10)]
_ON_CONSOLE = re.compile(
    r"\[ *(?P<stamp>\d+\.\d+)\] oom-kill:.*task_memcg=\S*cri-containerd-(?P<container>[0-9a-f]{64})\.scope,task="
)


def ten_waiting(namespace: str, gate: Gate, *, apart: float) -> dict[str, str]:
    """Run a pod of ten containers that are killed one after another, so many seconds apart, once the gate opens. Return
    ID and name of each.
    """
    each = [
        behind(gate, "self", "48", str(number * apart), "0", name=name, limit="24Mi", request="8Mi")
        for number, name in enumerate(CONTAINERS)
    ]
    apply(pod("ten", namespace, pod_spec(*each, restart="Never", volumes=[gate_volume(gate)])))
    # Ten starts take an emulated processor half a minute, and minutes on a busy machine.
    return {running_instance(namespace, "ten", name, seconds=120): name for name in CONTAINERS}


def console_kills(of: dict[str, str]) -> dict[str, float]:
    """Return which of these containers the guest's kernel wrote to its console as killed: names by IDs in, stamps by
    names out, in seconds since boot.
    """
    known = nodes.cluster_state()
    assert known
    text = (known.folder / "v2" / "console.log").read_text(errors="replace")
    found = {match["container"]: float(match["stamp"]) for match in _ON_CONSOLE.finditer(text)}
    return {of[one]: stamp for one, stamp in found.items() if one in of}


@contextmanager
def refused_agents() -> Iterator[None]:
    """Take the agents' right to create records away for a while: they spool."""
    binding = json.loads(kubectl("get", "clusterrolebinding", "oomreport-agent", "-o", "json"))
    kubectl("delete", "clusterrolebinding", "oomreport-agent")
    try:
        yield
    finally:
        binding["metadata"] = {"name": "oomreport-agent", "labels": binding["metadata"].get("labels", {})}
        apply(binding)


def kills_told(namespace: str) -> dict[str, int]:
    """Return by container how many kills its report counts."""
    told = {r["spec"]["container"]: r.get("status", {}).get("kills", 0) for r in items("oomreports", namespace)}
    return {name: kills for name, kills in told.items() if kills}


def records_made(node: Node) -> int:
    """Return how many records the node's agent has made since it started, as it tells at /livez: /healthz answers with
    an error, of which kubectl does not show the body, where records wait.
    """
    agents = [one for one in items("pods", AGENT_NAMESPACE) if one["spec"].get("nodeName") == node.name]
    assert len(agents) == 1, f"{len(agents)} agents on {node.name}"
    path = f"/api/v1/namespaces/{AGENT_NAMESPACE}/pods/{agents[0]['metadata']['name']}:8081/proxy/livez"
    return int(json.loads(kubectl("get", "--raw", path))["records"])
