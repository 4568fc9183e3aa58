"""Events of kills, and the pods they happened in, as the API server sends both."""

from datetime import UTC, datetime
from typing import Any

from oomreport.hooks.event import Event, EventType
from oomreport.incident.report.status import ReportStatus
from oomreport.workload.owner import Workload
from oomreport.workload.quantity import MI

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
KILL = "worker-3-9f1c2b7a-35435120"
INSTANCE = "7a" * 32
POD, UID = "web-7d9c-x2x4z", "9b02072e-3bc7-46e9-a439-c8eaf034527b"
OURS = "oomreport-controller"
RESIZED: dict[str, Any] = {"f:limits": {"f:memory": {}}, "f:requests": {"f:memory": {}}}


def status(*, kill: dict[str, Any] | None = None, advice: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A report's status after a kill at 64Mi, with 128Mi recommended."""
    last = {
        "id": KILL,
        "time": "2026-11-21T07:59:58.433434Z",
        "pod": POD,
        "podUID": UID,
        "node": "worker-3",
        "containerID": INSTANCE,
        "verdict": "KernelOnly",
        "cause": "ContainerLimit",
        "victim": {"pid": 212, "comm": "node"},
        "memory": {"usageBytes": 64 * MI, "limitBytes": 64 * MI},
        **(kill or {}),
    }
    recommended = {"action": "RaiseLimit", "memoryLimit": "128Mi", "memoryRequest": "64Mi", "previousLimit": "64Mi"}
    return {
        "kills": 12,
        "lastKill": last,
        "recentKills": [{key: last[key] for key in ("id", "time", "pod", "verdict", "cause") if key in last}],
        "counted": [{"id": KILL, "containerID": INSTANCE, "time": last["time"], "verdict": last["verdict"]}],
        "recommendation": {**recommended, **(advice or {})},
        **more,
    }


def event(
    type_: EventType = EventType.OOM_KILLED,
    *,
    occasion: str = KILL,
    status_: dict[str, Any] | None = None,
    **more: Any,
) -> Event:
    values: dict[str, Any] = {
        "type": type_,
        "occasion": occasion,
        "time": NOW,
        "namespace": "shop",
        "report": "deployment-web-api",
        "report_uid": "5e0c",
        "workload": Workload(api_version="apps/v1", kind="Deployment", name="web"),
        "container": "api",
        "status": ReportStatus.of(status() if status_ is None else status_),
        **more,
    }
    return Event(**values)


def pod(
    *,
    limit: str = "64Mi",
    request: str = "32Mi",
    in_force: str | None = None,
    metadata: dict[str, Any] | None = None,
    container: dict[str, Any] | None = None,
    state: dict[str, Any] | None = None,
    status_: dict[str, Any] | None = None,
    owner: tuple[str, str, str] | None = ("apps/v1", "ReplicaSet", "web-7d9c"),
) -> dict[str, Any]:
    """The pod of the kill, its container running."""
    references = [{"apiVersion": owner[0], "kind": owner[1], "name": owner[2], "controller": True}] if owner else []
    resources = {"limits": {"memory": limit}, "requests": {"memory": request}}
    return {
        "metadata": {
            "name": POD,
            "namespace": "shop",
            "uid": UID,
            "resourceVersion": "77",
            "generation": 1,
            "creationTimestamp": "2026-11-21T06:00:00Z",
            "ownerReferences": references,
            **(metadata or {}),
        },
        "spec": {"nodeName": "worker-3", "containers": [{"name": "api", "resources": resources, **(container or {})}]},
        "status": {
            "phase": "Running",
            "qosClass": "Burstable",
            "containerStatuses": [
                {
                    "name": "api",
                    "containerID": f"containerd://{INSTANCE}",
                    "state": {"running": {}} if state is None else state,
                    "resources": {"limits": {"memory": in_force or limit}, "requests": {"memory": request}},
                }
            ],
            **(status_ or {}),
        },
    }


def resized_by(
    manager: str, time: str = "2026-11-21T07:59:59Z", *, container: str = "api", place: str = "f:containers"
) -> dict[str, Any]:
    """An entry of managedFields."""
    fields = {"f:spec": {place: {f'k:{{"name":"{container}"}}': {"f:resources": RESIZED}}}}
    return {"manager": manager, "operation": "Update", "subresource": "resize", "time": time, "fieldsV1": fields}
