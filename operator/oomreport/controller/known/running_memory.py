"""Memory of followed workloads' running containers, from metrics.k8s.io.

It is read once a minute.

One call for each namespace that has a followed workload, whatever their number. Where the API is not served, or may not
be read, nothing is known and the reports say so. A workload whose pods have different limits is in a rollout: it is not
looked at before that is over.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.controller.known.pods import PodCache
from oomreport.controller.work.keys import ReportKey, report_key
from oomreport.controller.work.queue import WorkQueue
from oomreport.errors import ApiError
from oomreport.incident.memory.forecast import forecast_of
from oomreport.incident.memory.usage_since import MemoryReading, UsageSince, looked
from oomreport.incident.report.status import ReportStatus
from oomreport.times import parse_time
from oomreport.workload.pod import ContainerFacts
from oomreport.workload.quantity import parse_quantity

log = logging.getLogger(__name__)
SOURCE = "metrics.k8s.io"
LOOK_EVERY = timedelta(minutes=1)
# A report is written with what was seen this often: a write for each look would be one a minute and report.
_WRITE_EVERY = timedelta(minutes=30)
# metrics-server reads the kubelets every 15 s; a sample this old is none of now.
_LATE = timedelta(minutes=5)
_NEAR = timedelta(days=1)


class RunningMemory:
    """What running containers hold, by report."""

    def __init__(self, api: ApiServer, pods: PodCache, queue: WorkQueue, now: Callable[[], datetime]) -> None:
        self._api, self._pods, self._queue, self._now = api, pods, queue, now
        self._usage: dict[ReportKey, UsageSince] = {}
        self._written: dict[ReportKey, datetime] = {}
        self._near: set[ReportKey] = set()
        self._refused: set[str] = set()

    def of(self, key: ReportKey) -> UsageSince | None:
        """Return what is known for a report; None where nobody looked."""
        return self._usage.get(key)

    def seed(self, key: ReportKey, status: Mapping[str, Any]) -> None:
        """Go on from what a report holds, where this process has not looked yet."""
        if key not in self._usage and (stored := ReportStatus.part(status, "usage_since")):
            self._usage[key] = stored

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY.total_seconds())
            await self.look()

    async def look(self) -> None:
        """Look once at every followed workload."""
        followed = list(self._pods.followed_containers())
        keys = {report_key(namespace, workload, container) for namespace, workload, container in followed}
        for known in (self._usage, self._written):
            for key in known.keys() - keys:
                del known[key]
        self._near &= keys
        by_namespace: defaultdict[str, list[ReportKey]] = defaultdict(list)
        for key in keys:
            by_namespace[key.namespace].append(key)
        for namespace, found in by_namespace.items():
            await self._look_at(namespace, found)

    async def _look_at(self, namespace: str, keys: Iterable[ReportKey]) -> None:
        try:
            listed = await self._api.get(path("metrics.k8s.io/v1beta1", "pods", namespace=namespace))
        except ApiError as error:
            if namespace not in self._refused:
                self._refused.add(namespace)
                log.info("running memory is unknown", extra={"namespace": namespace, "error": str(error)})
            return
        self._refused.discard(namespace)
        now = self._now()
        sizes = dict(_sizes(listed, now))
        for key in keys:
            self._take(key, sizes, now)

    def _take(self, key: ReportKey, sizes: Mapping[tuple[str, str], int], now: datetime) -> None:
        running = [
            (container, sizes.get((pod.name, key.container)))
            for pod in self._pods.of_workload(key.namespace, key.workload.identity)
            if not (pod.deleted or pod.terminating or pod.finished)
            and (container := pod.container(key.container)) is not None
            and container.running_id
        ]
        readings = [_reading(container, size) for container, size in running if size is not None]
        limits = {container.memory_limit for container, _ in running}
        if not readings or len(limits) != 1:
            return
        usage = looked(
            self._usage.get(key),
            readings,
            now=now.replace(microsecond=0),
            limit=running[0][0].memory_limit,
            request=running[0][0].memory_request,
            source=SOURCE,
        )
        if usage is None:
            return
        self._usage[key] = usage
        forecast = forecast_of(usage)
        near = forecast is not None and forecast.earliest - now <= _NEAR
        if near != (key in self._near) or now - self._written.setdefault(key, now) >= _WRITE_EVERY:
            self._near = self._near | {key} if near else self._near - {key}
            self._written[key] = now
            self._queue.add(key)


def _reading(container: ContainerFacts, size: int) -> MemoryReading:
    return MemoryReading(size=size, started=container.running_since)


def _sizes(listed: Mapping[str, Any], now: datetime) -> Iterable[tuple[tuple[str, str], int]]:
    """Return the working sets by pod and container; what is malformed or late is left out."""
    for item in listed.get("items") or ():
        time = parse_time(item.get("timestamp"))
        if time is None or abs(now - time) > _LATE:
            continue
        for container in item.get("containers") or ():
            size = parse_quantity((container.get("usage") or {}).get("memory"))
            if size is not None:
                yield (str(item.get("metadata", {}).get("name")), str(container.get("name"))), size
