"""Sources of what running containers hold.

Prometheus where one is configured, else metrics.k8s.io.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.adapters.cluster.prometheus import Prometheus, working_sets_query
from oomreport.times import parse_time
from oomreport.workload.quantity import parse_quantity

# metrics-server reads the kubelets every 15 s; a sample this old is none of now.
_LATE = timedelta(minutes=5)


class WorkingSet(NamedTuple):
    """What a container holds, in bytes. `cgroup` is the path of its cgroup, None where the source does not tell."""

    pod: str
    container: str
    size: int
    cgroup: str | None = None


class MemorySource(Protocol):
    """A source of working sets. `name` is how reports call it."""

    name: str

    async def working_sets(self, namespace: str, containers: Collection[str]) -> Iterable[WorkingSet]:
        """Return what the source knows of the containers of these names; raises ApiError or MetricsError."""


class MetricsApi:
    """The metrics API of the cluster, which metrics-server or an adapter serves: one list for a namespace."""

    name = "metrics.k8s.io"

    def __init__(self, api: ApiServer, now: Callable[[], datetime]) -> None:
        self._api, self._now = api, now

    async def working_sets(self, namespace: str, containers: Collection[str]) -> Iterable[WorkingSet]:
        """Return the working sets of a namespace; what is malformed or late is left out."""
        listed = await self._api.get(path("metrics.k8s.io/v1beta1", "pods", namespace=namespace))
        return [one for one in _listed(listed, self._now()) if one.container in containers]


class PrometheusMemory:
    """A Prometheus, or what speaks its query API: one query for a namespace."""

    name = "Prometheus"

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus

    async def working_sets(self, namespace: str, containers: Collection[str]) -> Iterable[WorkingSet]:
        """Return the highest working set of the last minutes of each container, dead ones too."""
        query = working_sets_query(namespace=namespace, containers=sorted(containers))
        return [
            WorkingSet(labels["pod"], labels["container"], math.ceil(size), labels.get("id") or None)
            for labels, size in await self._prometheus.vector(query)
            if "pod" in labels and "container" in labels
        ]


def _listed(listed: Mapping[str, Any], now: datetime) -> Iterable[WorkingSet]:
    for item in listed.get("items") or ():
        time = parse_time(item.get("timestamp"))
        if time is None or abs(now - time) > _LATE:
            continue
        for container in item.get("containers") or ():
            size = parse_quantity((container.get("usage") or {}).get("memory"))
            if size is not None:
                yield WorkingSet(str(item.get("metadata", {}).get("name")), str(container.get("name")), size)
