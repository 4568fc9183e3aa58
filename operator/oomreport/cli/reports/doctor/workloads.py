"""The pods of a component, and why there are none."""

from collections.abc import Mapping
from typing import Any

from oomreport.cli.reports.doctor.pod_words import PodReader, last_event
from oomreport.errors import ApiError

_LABELS = "app.kubernetes.io/name=oomreport,app.kubernetes.io/component="
_WORKLOADS = {"controller": ("deployments", "Deployment"), "agent": ("daemonsets", "DaemonSet")}


def pods_of(ask: PodReader, namespace: str, component: str) -> list[dict[str, Any]]:
    """Return the pods of a component that are not on their way out. Raises ApiError."""
    found = ask.get(f"/api/v1/namespaces/{namespace}/pods", labelSelector=_LABELS + component)
    return [pod for pod in found.get("items") or () if not pod["metadata"].get("deletionTimestamp")]


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Return whether a pod is ready, as Kubernetes says."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def why_no_pods(ask: PodReader, namespace: str, component: str) -> str:
    """Return why a namespace has no pod of a component: its workload, its last warning, another namespace."""
    plural, kind = _WORKLOADS[component]
    path = f"/apis/apps/v1/namespaces/{namespace}/{plural}"
    try:
        found = ask.get(path, labelSelector=_LABELS + component).get("items") or []
    except ApiError:
        return last_event(ask, namespace)
    if not found:
        return f"; there is no {kind}" + _elsewhere(ask, plural, component)
    spec, status = found[0].get("spec") or {}, found[0].get("status") or {}
    if spec.get("replicas") == 0:
        return f"; the {kind} has 0 replicas"
    if kind == "DaemonSet" and status.get("desiredNumberScheduled") == 0:
        pod = (spec.get("template") or {}).get("spec") or {}
        asked = ",".join(f"{key}={value}" for key, value in (pod.get("nodeSelector") or {}).items())
        return f"; the {kind} wants a pod on no node: its node selector ({asked}), affinity or tolerations fit none"
    return last_event(ask, namespace)


def _elsewhere(ask: PodReader, plural: str, component: str) -> str:
    try:
        found = ask.get(f"/apis/apps/v1/{plural}", labelSelector=_LABELS + component).get("items") or []
    except ApiError:
        return ""
    others = sorted({one["metadata"]["namespace"] for one in found})
    return f" there, but there is one in {', '.join(others)}" if others else ""
