"""Workloads that use memory in a known way: manifests around the `hog` test image."""

from typing import Any

from e2e.kube import Object
from e2e.nodes import Gate, here

IMAGE = "docker.io/oomreport/hog:dev"
MIB = 1024 * 1024


def container(
    *arguments: str, name: str = "api", limit: str | None = "64Mi", request: str | None = "32Mi", **more: Any
) -> Object:
    resources: Object = {}
    if limit:
        resources["limits"] = {"memory": limit}
    if request:
        resources["requests"] = {"memory": request}
    return {
        "name": name,
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "args": list(arguments),
        "resources": resources,
        "terminationMessagePolicy": "File",
        **more,
    }


def behind(gate: Gate, *arguments: str, **more: Any) -> Object:
    """A container that does this once the gate opens; its pod has `gate_volume`."""
    mount = {"name": "gate", "mountPath": "/gate", "readOnly": True}
    return container("after", f"/gate/{gate.name}", *arguments, volumeMounts=[mount], **more)


def gate_volume(gate: Gate) -> Object:
    return {"name": "gate", "hostPath": {"path": gate.parent}}


def twice(megabytes: int = 80) -> list[str]:
    """Return the arguments of a load that is killed, and comes once more when its limit has long been raised.

    Where a container dies with its child it is started again: there the load comes late, else it would be killed anew
    before anybody could raise anything.
    """
    if (node := here()) and node.groups:
        return ["hold-then-child", "1", str(megabytes), "90", "5"]
    return ["child", str(megabytes), "2", "30", "5"]


def pod_spec(*containers: Object, restart: str = "Always", **more: Any) -> Object:
    """A pod for the node under test, if there is one."""
    node = here()
    return {
        **({"nodeSelector": {"kubernetes.io/hostname": node.name}} if node else {}),
        "containers": list(containers),
        "restartPolicy": restart,
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "dnsPolicy": "Default",
        **more,
    }


def pod(name: str, namespace: str, spec: Object) -> Object:
    return _object("v1", "Pod", name, namespace, spec)


def deployment(name: str, namespace: str, template: Object, replicas: int = 1) -> Object:
    return _object("apps/v1", "Deployment", name, namespace, {"replicas": replicas, **_templated(name, template)})


def stateful_set(name: str, namespace: str, template: Object, replicas: int) -> Object:
    spec = {"replicas": replicas, "serviceName": name, "podManagementPolicy": "Parallel", **_templated(name, template)}
    return _object("apps/v1", "StatefulSet", name, namespace, spec)


def daemon_set(name: str, namespace: str, template: Object) -> Object:
    return _object("apps/v1", "DaemonSet", name, namespace, _templated(name, template))


def job(name: str, namespace: str, template: Object) -> Object:
    return _object("batch/v1", "Job", name, namespace, _job_spec(template))


def cron_job(name: str, namespace: str, template: Object) -> Object:
    spec = {"schedule": "* * * * *", "concurrencyPolicy": "Forbid", "jobTemplate": {"spec": _job_spec(template)}}
    return _object("batch/v1", "CronJob", name, namespace, spec)


def _job_spec(template: Object) -> Object:
    return {"backoffLimit": 0, "template": {"spec": template}}


def _templated(name: str, template: Object) -> Object:
    labels = {"app": name}
    return {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": template}}


def _object(version: str, kind: str, name: str, namespace: str, spec: Object) -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}
