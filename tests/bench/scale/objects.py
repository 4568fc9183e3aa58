"""Pods as large as those of real clusters, their owners, and the two witnesses of a kill."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from oomreport.incident.oom_record import record_name
from oomreport.names import API_VERSION
from oomreport.times import rfc3339, rfc3339_seconds

Object = dict[str, Any]
NODES = 200
PODS_IN_A_NAMESPACE = 1000
# A container's environment makes up most of a pod of 11 KB.
_VARIABLES, _VALUE = 80, "v" * 60
_MI = 1 << 20
BOOT = "9f1c2b7a-1111-2222-3333-444455556666"


def namespace_of(number: int) -> str:
    """Return the namespace of a pod by its number."""
    return f"scale-{number // PODS_IN_A_NAMESPACE}"


def deployment(workload: int, namespace: str) -> Object:
    """Return a Deployment with no pods of its own: nobody acts on it here."""
    return _owner("Deployment", f"web-{workload}", namespace)


def replica_set(workload: int, namespace: str, above: Object) -> Object:
    """Return the ReplicaSet between a Deployment and its pods."""
    return _owner("ReplicaSet", f"web-{workload}-7d9c", namespace, above)


def pod(number: int, above: Object) -> Object:
    """Return a pod on a node, as it is created."""
    variables = [{"name": f"VARIABLE_{one}", "value": _VALUE} for one in range(_VARIABLES)]
    limits = {"limits": {"memory": "256Mi"}, "requests": {"memory": "256Mi"}}
    container = {"name": "api", "image": "none", "resources": limits, "env": variables}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{above['metadata']['name']}-{number}",
            "namespace": above["metadata"]["namespace"],
            "labels": {"app": "web", "pod-template-hash": "7d9c"},
            "ownerReferences": [_reference(above)],
        },
        "spec": {
            "nodeName": f"node-{number % NODES}",
            "containers": [container],
            "automountServiceAccountToken": False,
        },
    }


def running(container_id: str, *, restarts: int = 0, last: Object | None = None) -> Object:
    """Return the status of a pod whose container runs; `last` is how the instance before it ended."""
    status = {
        "name": "api",
        "image": "none",
        "imageID": "",
        "ready": True,
        "restartCount": restarts,
        "containerID": f"containerd://{container_id}",
        "state": {"running": {"startedAt": rfc3339_seconds(datetime.now(UTC))}},
        "lastState": last or {},
    }
    return {"status": {"phase": "Running", "containerStatuses": [status]}}


def killed(container_id: str) -> Object:
    """Return the end of an instance by an OOM kill, as the kubelet writes it."""
    now = datetime.now(UTC)
    return {
        "terminated": {
            "containerID": f"containerd://{container_id}",
            "reason": "OOMKilled",
            "exitCode": 137,
            "startedAt": rfc3339_seconds(now - timedelta(minutes=5)),
            "finishedAt": rfc3339_seconds(now),
        }
    }


def record(pod_object: Object, container_id: str, stamp_us: int) -> Object:
    """Return the record of a kill in a pod's container, as the node agent writes it."""
    metadata, node = pod_object["metadata"], pod_object["spec"]["nodeName"]
    group = f"/kubepods/burstable/pod{metadata['uid']}/{container_id}"
    names = {"namespace": metadata["namespace"], "pod": metadata["name"], "container": "api"}
    victim = {"pid": 212, "comm": "node", "uid": 0, "anonRSSBytes": 240 * _MI, "oomScoreAdj": 939, "oomScore": 1873}
    return {
        "apiVersion": API_VERSION,
        "kind": "OOMRecord",
        "metadata": {"name": record_name(node_name=node, boot_id=BOOT, stamp_us=stamp_us)},
        "spec": {
            "nodeName": node,
            "bootID": BOOT,
            "time": rfc3339(datetime.now(UTC)),
            "kernelTimeMicroseconds": stamp_us,
            "source": "Syslog",
            "constraint": "CONSTRAINT_MEMCG",
            "scope": "Container",
            "oomMemcg": group,
            "taskMemcg": group,
            "groupKill": False,
            "noVictim": False,
            "victims": [{**victim, "reaped": False}],
            "memory": {
                "usageBytes": 256 * _MI,
                "limitBytes": 256 * _MI,
                "failureCount": 24,
                "stat": {"anon": 250 * _MI},
            },
            "tasks": [{"pid": 212, "tgid": 212, "uid": 0, "comm": "node", "rssBytes": 245 * _MI, "oomScoreAdj": 939}],
            "taskCount": 1,
            "subject": {
                "podUID": metadata["uid"],
                "containerID": container_id,
                "runtime": "containerd",
                "qosClass": "Burstable",
                **names,
            },
            "missing": [],
            "lostBefore": 0,
        },
    }


def new_container_id() -> str:
    """Return an instance's ID: 64 hexadecimal digits."""
    return uuid.uuid4().hex * 2


def _owner(kind: str, name: str, namespace: str, above: Object | None = None) -> Object:
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "api", "image": "none", "resources": {"limits": {"memory": "256Mi"}}}]},
    }
    metadata: Object = {"name": name, "namespace": namespace}
    if above:
        metadata["ownerReferences"] = [_reference(above)]
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


def _reference(above: Object) -> Object:
    return {
        "apiVersion": above["apiVersion"],
        "kind": above["kind"],
        "name": above["metadata"]["name"],
        "uid": above["metadata"]["uid"],
        "controller": True,
    }
