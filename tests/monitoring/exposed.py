"""The names that controller and agent really expose."""

from datetime import UTC, datetime
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from oomreport.adapters.http.health_server import Health
from oomreport.agent.metrics import metrics_text
from oomreport.controller.metrics import Metrics
from oomreport.times import rfc3339

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
KILL = {"id": "k", "time": rfc3339(NOW), "verdict": "Confirmed", "cause": "NodeOutOfMemory"}
REPORT: dict[str, Any] = {
    "metadata": {"namespace": "shop", "name": "deployment-web-api"},
    "spec": {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "container": "api"},
    "status": {
        "kills": 3,
        "lastKillTime": rfc3339(NOW),
        "lastSilentKillTime": rfc3339(NOW),
        "lastKill": {**KILL, "scope": "Node", "node": "worker-3", "memory": {"limitBytes": 64 << 20}},
        "recentKills": [KILL],
        "counted": [KILL],
        "recommendation": {"action": "RaiseLimit", "memoryLimit": "144Mi", "confidence": "High"},
        "managedBy": {"tool": "Helm"},
        "conditions": [
            {"type": name, "status": "True"} for name in ("Recommended", "Applied", "Resolved", "Regressed")
        ],
    },
}


def controller_text() -> str:
    """Return /metrics of a controller that has all kinds of things to tell."""
    metrics = Metrics(lambda: NOW)
    metrics.lead()
    metrics.heard("pods", kept=True)
    metrics.heard("oomrecords", kept=True)
    metrics.count("shop/chat", "Delivered")
    metrics.set_pending(lambda: {"shop/chat": (1, NOW)})
    metrics.set_agents(lambda: (3, 2))
    metrics.written({}, REPORT["status"])
    metrics.reports.take("ADDED", REPORT)
    return metrics.text().decode()


def agent_text() -> str:
    """Return /metrics of an agent."""
    return metrics_text(Health(alive=True, figures={"node": "worker-3"}))


def samples(text: str) -> dict[str, set[str]]:
    """Return the names of samples, each with its labels."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def exposed() -> dict[str, set[str]]:
    """Return all names of both."""
    return samples(controller_text()) | samples(agent_text())
