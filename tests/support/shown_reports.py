"""A report as the API server sends it, for what shows reports to people."""

from datetime import UTC, datetime, timedelta
from typing import Any

from oomreport.times import rfc3339
from oomreport.workload.quantity import MI

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
USAGE = {"startTime": rfc3339(NOW), "intervalSeconds": 5, "bytes": [number * MI for number in range(4, 65, 4)]}


def report_of(
    name: str = "web", *, kills: int = 3, ago: timedelta = timedelta(hours=1), **status: Any
) -> dict[str, Any]:
    times = [rfc3339(NOW - ago - timedelta(days=number)) for number in range(min(kills, 10))]
    kill = {
        "cause": "ContainerLimit",
        "verdict": "Confirmed",
        "victim": {"pid": 7, "comm": "node"},
        "memory": {"limitBytes": 64 * MI},
        "usage": USAGE,
    }
    return {
        "apiVersion": "oomreport.dev/v1alpha1",
        "kind": "OOMReport",
        "metadata": {"namespace": "shop", "name": f"deployment-{name}-api"},
        "spec": {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}, "container": "api"},
        "status": {
            "kills": kills,
            "lastKillTime": times[0],
            "lastKill": {**kill, "time": times[0]},
            "recentKills": [{"id": str(number), "time": time} for number, time in enumerate(times)],
            "findings": [{"rule": "NearLimit", "severity": "Warning", "message": "It will be killed again"}],
            "recommendation": {"action": "RaiseLimit", "memoryLimit": "144Mi", "basis": "64Mi x 2 = 128Mi"},
            "conditions": [{"type": "Recommended", "status": "True"}],
            **status,
        },
    }
