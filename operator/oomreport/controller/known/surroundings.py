"""The bounds of the advice on a container, and its peak: `Evidence.surroundings`.

Nothing of it is needed to count a kill. Each part is read once in a while for its node, namespace or workload, all of
them at once; what does not answer is named as not known, and the report is written without it.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Any

from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.adapters.cluster.prometheus import Prometheus, peak_query
from oomreport.controller.known.policies import Policies
from oomreport.controller.known.ttl_cache import Cached, CacheTimes, TtlCache
from oomreport.controller.work.keys import ReportKey
from oomreport.errors import ApiError
from oomreport.incident.witness.evidence import HOST_CONTAINER, UNKNOWN_CONTAINER
from oomreport.incident.witness.surroundings import Surroundings, Unknown
from oomreport.workload.bounds import (
    MemoryRange,
    QuotaLeft,
    allocatable_memory,
    bounds_hash,
    memory_range,
    quota_left,
)
from oomreport.workload.pod_names import pod_names
from oomreport.workload.replicas import wanted_replicas

_OF_NODES = CacheTimes(keep=600.0)
_OF_NAMESPACES = CacheTimes(keep=30.0)
_OF_WORKLOADS = CacheTimes(keep=60.0)
_OF_METRICS = CacheTimes(keep=300.0, keep_failure=30.0, wait=0.5)
# Where a workload's number of pods is told. The subresource holds that number, and nothing of the pod's template.
_SCALES = {
    ("apps", "Deployment"): ("deployments", "scale"),
    ("apps", "StatefulSet"): ("statefulsets", "scale"),
    ("apps", "ReplicaSet"): ("replicasets", "scale"),
    ("apps", "DaemonSet"): ("daemonsets", ""),
    ("batch", "Job"): ("jobs", ""),
}
_Peak = tuple[str, str, str]


class SurroundingsReader:
    """Gathers surroundings. `prometheus` is None where no metrics source is configured."""

    def __init__(
        self, api: ApiServer, policies: Policies, *, prometheus: Prometheus | None = None, window_seconds: int = 0
    ) -> None:
        self._api, self._policies = api, policies
        self._prometheus, self._window = prometheus, window_seconds
        self._nodes = TtlCache("node", self._node, _OF_NODES)
        self._ranges = TtlCache("LimitRanges", self._range, _OF_NAMESPACES)
        self._quotas = TtlCache("ResourceQuotas", self._quota, _OF_NAMESPACES)
        self._replicas = TtlCache("replicas", self._replicas_of, _OF_WORKLOADS)
        self._peaks = TtlCache("metrics", self._peak, _OF_METRICS)

    async def of(
        self, key: ReportKey, *, node: str | None, pod: str | None, on_late: Callable[[], None]
    ) -> Surroundings:
        """Return what is known by now; `on_late` is called when more of it is. Nothing is raised."""
        policy = self._policies.policy_of(key)
        unknown = set() if self._policies.readable else {Unknown.POLICIES}
        if key.container in (HOST_CONTAINER, UNKNOWN_CONTAINER):
            return Surroundings(policy=policy, unknown=frozenset(unknown))
        allocatable, ranges, quotas, peak = await asyncio.gather(
            self._nodes.get(node, on_late) if node else _nothing(),
            self._ranges.get(key.namespace, on_late),
            self._quotas.get(key.namespace, on_late),
            self._peak_of(key, pod, on_late),
        )
        range_ = ranges.value if ranges else MemoryRange()
        quota = quotas.value if quotas else QuotaLeft()
        replicas: Cached[int | None] | None = Cached(value=1)
        if quota.limits is not None or quota.requests is not None:
            replicas = await self._replicas.get(key, on_late)
        found = {
            Unknown.NODE: allocatable is not None and allocatable.value is not None,
            Unknown.LIMIT_RANGES: ranges is not None,
            Unknown.QUOTAS: quotas is not None and not quota.partial,
            Unknown.REPLICAS: replicas is not None and replicas.value is not None,
            Unknown.METRICS: peak is not None,
        }
        return Surroundings(
            policy=policy,
            node_allocatable=allocatable.value if allocatable else None,
            limit_range_max=range_.container_max,
            limit_range_min=range_.container_min,
            limit_range_pod=range_.pod_max,
            quota_left=quota.limits,
            quota_requests=quota.requests,
            replicas=(replicas.value if replicas else None) or 1,
            peak=peak.value if peak else None,
            peak_source=f"metrics of the last {_days(self._window)}",
            bounds=bounds_hash((*range_.told, *quota.told)) if ranges and quotas else None,
            unknown=frozenset(unknown | {one for one, is_known in found.items() if not is_known}),
        )

    def forget(self, namespace: str) -> None:
        """Read the LimitRanges and quotas of a namespace anew the next time: they have changed."""
        self._ranges.forget(namespace)
        self._quotas.forget(namespace)

    async def close(self) -> None:
        """End what is being read."""
        for reads in (self._nodes, self._ranges, self._quotas, self._replicas, self._peaks):
            await reads.close()

    async def _peak_of(self, key: ReportKey, pod: str | None, on_late: Callable[[], None]) -> Cached[int | None] | None:
        pods = pod_names(key.workload, pod) if self._prometheus else None
        if pods is None:
            return Cached(value=None)
        return await self._peaks.get((key.namespace, pods, key.container), on_late)

    async def _node(self, name: str) -> int | None:
        return allocatable_memory(await self._api.found(path("v1", "nodes", name=name)) or {})

    async def _range(self, namespace: str) -> MemoryRange:
        return memory_range(await self._all(path("v1", "limitranges", namespace=namespace)))

    async def _quota(self, namespace: str) -> QuotaLeft:
        return quota_left(await self._all(path("v1", "resourcequotas", namespace=namespace)))

    async def _all(self, where: str) -> list[dict[str, Any]]:
        return [item async for page in self._api.pages(where) for item in page]

    async def _replicas_of(self, key: ReportKey) -> int | None:
        """Return how many pods a workload is to have, None where its kind does not tell."""
        if (key.group, key.kind) == ("", "Pod"):
            return 1
        where = _SCALES.get((key.group, key.kind))
        if where is None:
            return None
        plural, sub = where
        try:
            found = await self._api.get(path(key.api_version, plural, namespace=key.namespace, name=key.name, sub=sub))
        except ApiError as error:
            if error.is_not_found:
                return None
            raise
        return wanted_replicas(key.kind, found)

    async def _peak(self, what: _Peak) -> int | None:
        assert self._prometheus
        namespace, pods, container = what
        query = peak_query(namespace=namespace, pods=pods, container=container, window_seconds=self._window)
        peak = await self._prometheus.value(query)
        return math.ceil(peak) if peak is not None and peak > 0 else None


async def _nothing() -> None:
    return None


def _days(seconds: int) -> str:
    for unit, name in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= unit and seconds % unit == 0:
            return f"{seconds // unit}{name}"
    return f"{seconds}s"
