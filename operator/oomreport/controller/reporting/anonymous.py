"""Records that name no container, matched with terminations that have none.

A match is not taken back, so it waits until the records of the same moment have arrived, and is claimed before it is
counted. What nothing matches within the time for it is reported as unknown.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from oomreport.controller.known.owners import Owners
from oomreport.controller.known.pods import PodCache
from oomreport.controller.known.records import RecordCache
from oomreport.controller.known.reports import ReportStore
from oomreport.controller.reporting.router import Router
from oomreport.controller.work.keys import NodeKey, ReportKey, report_key
from oomreport.controller.work.queue import WorkQueue
from oomreport.incident.witness.evidence import Ending, Patience, RecordFacts
from oomreport.incident.witness.matching import matches, may_belong


class AnonymousMatcher:
    """Finds out whose the anonymous records of a node are."""

    def __init__(
        self,
        *,
        queue: WorkQueue,
        pods: PodCache,
        records: RecordCache,
        reports: ReportStore,
        owners: Owners,
        router: Router,
        patience: Patience,
        now: Callable[[], datetime],
    ) -> None:
        self._queue, self._pods, self._records, self._reports = queue, pods, records, reports
        self._owners, self._router, self._patience, self._now = owners, router, patience, now

    def waiting_on(self, node: str) -> list[RecordFacts]:
        """Return the anonymous records of a node whose report is not found yet."""
        records = self._records
        return [
            record
            for record in records.open_on(node)
            if record.container_id is None
            and record.is_kill
            and not record.on_host
            and records.key_of(record.name) is None
        ]

    async def settle(self, node: str) -> None:
        """Match what can be matched by now, give up what has waited long enough. Raises ApiError."""
        now, patience = self._now(), self._patience
        waiting = self.waiting_on(node)
        due = [record for record in waiting if now >= self._since(record) + patience.match_after]
        found = matches(due, await self._unexplained(node, due))
        for name, ending in found.items():
            await self._take(name, ending)
        left = [record for record in waiting if record.name not in found]
        for record in left:
            if now >= self._since(record) + patience.unknown_after:
                await self._router.settle_unknown(record)
        self._look_again(node, left, now)

    def _look_again(self, node: str, left: Sequence[RecordFacts], now: datetime) -> None:
        patience = self._patience
        times = [
            time
            for record in left
            for time in (self._since(record) + patience.match_after, self._since(record) + patience.unknown_after)
            if time > now
        ]
        if times:
            self._queue.add_later(NodeKey(name=node), max(min(times) - now, timedelta(milliseconds=10)))

    async def _take(self, name: str, ending: Ending) -> None:
        key = await self._key(ending)
        if await self._router.claim(name, key, container_id=ending.container_id):
            self._router.assign(name, key)

    async def _unexplained(self, node: str, records: Sequence[RecordFacts]) -> list[Ending]:
        """Return the terminations that may belong to one of the records, and have none of their own."""
        endings = [
            Ending(pod=pod, container=container, termination=termination)
            for pod in self._pods.on_node(node)
            for container in pod.containers
            for termination in container.terminations
            if not self._records.has_own(termination.container_id)
        ]
        fitting = [ending for ending in endings if any(may_belong(record, ending) for record in records)]
        return [ending for ending in fitting if not await self._is_explained(ending)]

    async def _is_explained(self, ending: Ending) -> bool:
        """Return whether the ledger has a record of this container instance, matched before a restart perhaps."""
        stored = await self._reports.get(await self._key(ending))
        entries = stored.known.counted if stored else ()
        return any(entry.container_id == ending.container_id and not entry.from_status for entry in entries)

    async def _key(self, ending: Ending) -> ReportKey:
        workload = await self._owners.workload_of(ending.pod)
        return report_key(ending.pod.namespace, workload, ending.container.name)

    def _since(self, record: RecordFacts) -> datetime:
        return max(record.time, self._records.first_seen.get(record.name, record.time))
