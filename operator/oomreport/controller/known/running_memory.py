"""Memory of followed workloads' running containers.

It is read once a minute: one question for each namespace that has a followed workload, whatever their number. Where the
source does not answer, nothing is known and the reports say so. A workload whose pods have different limits is in a
rollout: it is not looked at before that is over.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from oomreport.controller.known.memory_sources import MemorySource, WorkingSet
from oomreport.controller.known.pods import PodCache
from oomreport.controller.work.keys import ReportKey, report_key
from oomreport.controller.work.queue import WorkQueue
from oomreport.errors import ApiError, MetricsError
from oomreport.incident.memory.forecast import forecast_of
from oomreport.incident.memory.usage_since import MemoryReading, UsageSince, looked
from oomreport.incident.report.status import ReportStatus
from oomreport.workload.pod import ContainerFacts

log = logging.getLogger(__name__)
LOOK_EVERY = timedelta(minutes=1)
# A report is written with what was seen this often: a write for each look would be one a minute and report.
_WRITE_EVERY = timedelta(minutes=30)
_NEAR = timedelta(days=1)


class RunningMemory:
    """What running containers hold, by report."""

    def __init__(self, source: MemorySource, pods: PodCache, queue: WorkQueue, now: Callable[[], datetime]) -> None:
        self._source, self._pods, self._queue, self._now = source, pods, queue, now
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

    async def _look_at(self, namespace: str, keys: Collection[ReportKey]) -> None:
        try:
            found = await self._source.working_sets(namespace, {key.container for key in keys})
        except (ApiError, MetricsError) as error:
            if namespace not in self._refused:
                self._refused.add(namespace)
                log.info("running memory is unknown", extra={"namespace": namespace, "error": str(error)})
            return
        self._refused.discard(namespace)
        sizes: defaultdict[tuple[str, str], list[WorkingSet]] = defaultdict(list)
        for one in found:
            sizes[one.pod, one.container].append(one)
        now = self._now()
        for key in keys:
            self._take(key, sizes, now)

    def _take(self, key: ReportKey, sizes: Mapping[tuple[str, str], Sequence[WorkingSet]], now: datetime) -> None:
        running = [
            (container, _size_of(container, sizes.get((pod.name, key.container), ())))
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
            source=self._source.name,
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


def _size_of(container: ContainerFacts, found: Sequence[WorkingSet]) -> int | None:
    """Return what the running container holds. A source may still know the one before it, by another cgroup."""
    own = [one.size for one in found if one.cgroup is None or (container.running_id or "") in one.cgroup]
    return max(own, default=None)
