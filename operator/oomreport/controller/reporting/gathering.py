"""The evidence of a report, from caches and the API server.

Everything that a decision needs is read here, at one moment. What bounds the advice may be late: then the report is
looked at again when the answer comes.
"""

import asyncio
from collections import ChainMap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.controller.known.managers import Managers
from oomreport.controller.known.pods import PodCache
from oomreport.controller.known.records import RecordCache
from oomreport.controller.known.reports import StoredReport
from oomreport.controller.known.running_memory import RunningMemory
from oomreport.controller.known.surroundings import SurroundingsReader
from oomreport.controller.known.watch_state import WatchState
from oomreport.controller.work.keys import ReportKey
from oomreport.controller.work.queue import WorkQueue
from oomreport.incident.kill import Kill
from oomreport.incident.witness.evidence import Evidence, RecordFacts, is_used
from oomreport.incident.witness.ledger import LedgerEntry
from oomreport.incident.witness.surroundings import Surroundings
from oomreport.names import API_VERSION, OOM_RECORDS
from oomreport.workload.pod import PodFacts

# Another controller may see a record's mark, or a pod's end, that much later than this one.
_FORGET_AFTER = timedelta(minutes=5)
# Up to here the ledger is written shorter only together with something else.
_LONG_LEDGER = 256


class EvidenceGatherer:
    """Gathers the evidence of one report at a time."""

    def __init__(
        self,
        *,
        api: ApiServer,
        queue: WorkQueue,
        pods: PodCache,
        records: RecordCache,
        surroundings: SurroundingsReader,
        managers: Managers,
        watches: WatchState,
        running_memory: RunningMemory,
        now: Callable[[], datetime],
    ) -> None:
        self._api, self._queue, self._pods, self._records = api, queue, pods, records
        self._surroundings, self._managers, self._watches, self._now = surroundings, managers, watches, now
        self._running_memory = running_memory
        self._forgettable_since: dict[tuple[ReportKey, str], datetime] = {}

    async def gather(self, key: ReportKey, stored: StoredReport | None, unsettled: Iterable[str]) -> Evidence:
        """Return a report's evidence. `unsettled` are the kills whose verdict may still change. Raises ApiError."""
        ledger = stored.known.ledger if stored else ()
        now = self._now()
        for entry in ledger:
            self._pods.watch(entry.container_id)
        pods = self._pods.of_report(key.namespace, key.workload.identity, key.container)
        open_records = self._records.of_report(key)
        forgettable = await self._forgettable(key, ledger, pods)
        is_due = bool(open_records) or len(ledger) > _LONG_LEDGER
        surroundings, managed_by = await asyncio.gather(
            self._surroundings_of(key, stored, open_records, pods),
            self._managers.manager_of(key, lambda: self._queue.add(key)),
        )
        return Evidence(
            now=now,
            workload=key.workload,
            container=key.container,
            status=stored.status if stored else {},
            generation=stored.generation if stored else 1,
            review=stored.review if stored else "Pending",
            records=open_records,
            pods=pods,
            pods_listed=self._pods.is_listed(key.namespace, key.workload.identity),
            recorded=frozenset(
                termination.container_id
                for pod in pods
                if (container := pod.container(key.container))
                for termination in container.terminations
                if self._records.has_own(termination.container_id)
            ),
            healthy_since=self._watches.heard_since(OOM_RECORDS, self._pods.healthy_since()),
            first_seen=ChainMap(self._records.first_seen, self._pods.first_seen),
            unmarked=frozenset(
                entry.id for entry in ledger if not entry.from_status and entry.id not in self._records.used
            ),
            forgettable=forgettable if is_due else frozenset(),
            unsettled=frozenset(unsettled),
            surroundings=replace(surroundings, usage=self._running_memory.of(key)),
            managed_by=managed_by,
        )

    def forget(self, key: ReportKey, before: Iterable[LedgerEntry], after: Iterable[LedgerEntry]) -> None:
        """Stop to watch the containers that have left the ledger."""
        watched = {entry.container_id for entry in after}
        for entry in before:
            self._forgettable_since.pop((key, entry.id), None)
            if entry.container_id and entry.container_id not in watched:
                self._pods.unwatch(entry.container_id)

    async def _surroundings_of(
        self, key: ReportKey, stored: StoredReport | None, records: Sequence[RecordFacts], pods: Sequence[PodFacts]
    ) -> Surroundings:
        """Return what bounds the advice on the last kill, as far as it is known by now."""
        last = (stored.known.last_kill if stored else None) or Kill()
        newest = max(records, key=lambda record: record.time, default=None)
        ended = next((pod for pod in reversed(pods) if _has_ended(pod, key.container)), None)
        node = newest.node if newest else last.node or (ended.node if ended else None)
        named = newest.subject.pod if newest and newest.subject else None
        pod = named or last.pod or (ended.name if ended else None)
        return await self._surroundings.of(key, node=node, pod=pod, on_late=lambda: self._queue.add(key))

    async def _forgettable(
        self, key: ReportKey, ledger: tuple[LedgerEntry, ...], pods: tuple[PodFacts, ...]
    ) -> frozenset[str]:
        """Return the entries that no witness has been able to bring up for a while."""
        now = self._now()
        last = {entry.container_id: entry.id for entry in ledger if entry.container_id}
        shown = {instance for pod in pods for container in pod.containers for instance in container.container_ids}
        found: set[str] = set()
        for entry in ledger:
            place = (key, entry.id)
            is_last = entry.container_id is not None and last[entry.container_id] == entry.id
            if (is_last and entry.container_id in shown) or self._records.get(entry.id):
                self._forgettable_since.pop(place, None)
            elif now - self._forgettable_since.setdefault(place, now) >= _FORGET_AFTER and await self._is_used(entry):
                found.add(entry.id)
        return frozenset(found)

    async def _is_used(self, entry: LedgerEntry) -> bool:
        """Return whether the entry's record will not come up again: it was used, or is deleted."""
        if entry.from_status or entry.id in self._records.used:
            return True
        stored = await self._api.found(path(API_VERSION, OOM_RECORDS, name=entry.id))
        return stored is None or is_used(stored)


def _has_ended(pod: PodFacts, name: str) -> bool:
    container = pod.container(name)
    return container is not None and bool(container.terminations)
