"""How many pods a workload is to have, as its object says."""

from collections.abc import Mapping
from typing import Any


def wanted_replicas(kind: str, item: Mapping[str, Any]) -> int | None:
    """Return the number by a DaemonSet, a Job, or the scale of another kind; None where it is no number."""
    spec, status = item.get("spec") or {}, item.get("status") or {}
    told = {"DaemonSet": status.get("desiredNumberScheduled"), "Job": spec.get("parallelism", 1)}
    # A scale of 0 is written without its replicas.
    replicas = told.get(kind, spec.get("replicas", 0))
    return replicas if isinstance(replicas, int) else None
