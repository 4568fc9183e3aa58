"""Rounds that delete old objects and find missed ones.

A watch can miss: Kopf goes on behind the last object of a listing that broke off, and a deletion during a listing is
never told. So records that say of no use are listed again now and then, which is cheap by their selectable field, and
pods of which nothing was heard for long are asked for.
"""

import contextlib
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.controller.known.pods import PodCache
from oomreport.controller.known.policies import Policies
from oomreport.controller.known.records import RecordCache
from oomreport.controller.known.reports import ReportStore, is_edited, key_of_report
from oomreport.controller.reporting.rollout_pods import RolloutPods
from oomreport.controller.work.keys import RecordKey, ReportKey
from oomreport.controller.work.queue import WorkQueue
from oomreport.errors import ApiError
from oomreport.hooks.delivery import Delivery, deliveries_of
from oomreport.incident.report.notice import ANNOTATIONS
from oomreport.incident.report.rollout_conditions import is_awaited
from oomreport.incident.report.status import ReportStatus
from oomreport.incident.witness.evidence import record_facts
from oomreport.incident.witness.ledger import ledger_of
from oomreport.names import API_VERSION, OOM_RECORDS, OOM_REPORTS
from oomreport.times import parse_time
from oomreport.workload.pod import pod_facts

log = logging.getLogger(__name__)
_UNUSED = "status.outcome="
# What a policy can ask for at most.
_LONGEST_AGE = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionLimits:
    """How much is kept: used records by age and number on a node, reports by the age of their last kill and number."""

    record_age: timedelta
    records_per_node: int
    report_age: timedelta
    reports: int


class Housekeeping:
    """Rounds over everything that is kept. Each raises ApiError where the API server does not answer.

    `unknown_after` is how long a record that has had its turn may still wait for other witnesses.
    """

    def __init__(
        self,
        *,
        api: ApiServer,
        queue: WorkQueue,
        pods: PodCache,
        records: RecordCache,
        reports: ReportStore,
        policies: Policies,
        load_hooks: Callable[[], Awaitable[None]],
        rollout_pods: RolloutPods,
        on_deliveries: Callable[[ReportKey, Iterable[Delivery]], None],
        retention: RetentionLimits,
        unknown_after: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._api, self._queue, self._pods, self._records, self._reports = api, queue, pods, records, reports
        self._policies, self._load_hooks, self._rollout_pods = policies, load_hooks, rollout_pods
        self._on_deliveries, self._retention, self._now = on_deliveries, retention, now
        self._unknown_after = unknown_after

    async def begin(self) -> None:
        """Learn how to advise, whom to tell, and what was done before this process started.

        That is: open records, the ledgers that have them, what waits for its quiet window, and what hooks were not
        told.
        """
        await self._policies.load(self._api)
        await self._load_hooks()
        await self.find_open_records()
        async for page in self._api.pages(path(API_VERSION, OOM_REPORTS)):
            for report in page:
                with _guarded(report):
                    self._take(report)

    def _take(self, report: Mapping[str, Any]) -> None:
        status = report.get("status") or {}
        key = key_of_report(report)
        self._rollout_pods.keep(key, status)
        if is_awaited(status):
            self._queue.add(key)
        self._on_deliveries(key, deliveries_of(status))
        for entry in ledger_of(status):
            self._pods.watch(entry.container_id)
            if self._records.get(entry.id):
                self._records.counted_in[entry.id] = key

    async def find_open_records(self) -> None:
        """Have records looked at that were not used yet."""
        async for page in self._api.pages(path(API_VERSION, OOM_RECORDS), fieldSelector=_UNUSED):
            for record in page:
                facts = record_facts(record)
                if facts and self._records.put(facts, now=self._now()):
                    self._queue.add(RecordKey(name=facts.name))

    async def round(self) -> None:
        """Do all of it once."""
        await self.find_open_records()
        self._pods.sweep(now=self._now())
        for pod in self._pods.unconfirmed(now=self._now()):
            if self._pods.perhaps_follows(pod):
                self._rollout_pods.survey_soon(pod.namespace)
                continue
            found = await self._api.found(path("v1", "pods", namespace=pod.namespace, name=pod.name))
            if found and found["metadata"]["uid"] == pod.uid:
                self._pods.put(pod_facts(found, annotations=ANNOTATIONS), now=self._now())
            else:
                self._pods.drop(pod)
        await self._delete_old_records()
        await self._delete_old_reports()

    async def _delete_old_records(self) -> None:
        retention = self._retention
        of_node: defaultdict[str, list[tuple[datetime, str]]] = defaultdict(list)
        for name, record in self._records.used.items():
            of_node[record.node].append((record.used, name))
        old = [
            name
            for used in of_node.values()
            for rank, (time, name) in enumerate(sorted(used, reverse=True))
            if rank >= retention.records_per_node or self._now() - time > retention.record_age
        ]
        # Records that cannot be counted are given up after hours (router.py); they must not fill etcd until then.
        open_on: defaultdict[str, list[tuple[datetime, str]]] = defaultdict(list)
        # In a storm, or behind an absence of the API server, thousands may be open whose turn is still to come: first a
        # record's own, then that of its report.
        had_turn = self._now() - self._unknown_after - timedelta(seconds=2 * self._queue.late_seconds)
        for name, seen in self._records.first_seen.items():
            if seen < had_turn and (still_open := self._records.get(name)):
                open_on[still_open.node].append((seen, name))
        for node, seen_names in open_on.items():
            beyond = [name for _, name in sorted(seen_names, reverse=True)[retention.records_per_node :]]
            if beyond:
                log.error(
                    "too many records of a node are open, the oldest go", extra={"node": node, "records": len(beyond)}
                )
            old += beyond
        for name in old:
            await self._api.delete(path(API_VERSION, OOM_RECORDS, name=name))
            self._records.drop(name)
        if old:
            log.info("records deleted", extra={"records": len(old)})

    async def _delete_old_reports(self) -> None:
        retention = self._retention
        kept: list[_StoredAge] = []
        deleted = 0
        async for page in self._api.pages(path(API_VERSION, OOM_REPORTS)):
            for report in page:
                with _guarded(report):
                    place = _place(report)
                    if self._now() - place.last > self._age(place.key.namespace):
                        deleted += await self._delete_report(place)
                        continue
                    kept.append(place)
                    # Both are told by watches as well; what those missed is found here.
                    self._rollout_pods.keep(place.key, report.get("status") or {})
                    awaited = is_awaited(report.get("status") or {})
                    if is_edited(report) or self._policies.outdate(report) or awaited:
                        self._reports.forget(place.key)
                        self._queue.add(place.key)
        kept.sort(key=lambda place: place.last, reverse=True)
        for place in kept[retention.reports :]:
            deleted += await self._delete_report(place)
        if deleted:
            log.info("old reports deleted", extra={"reports": deleted})

    def _age(self, namespace: str) -> timedelta:
        """Return how long reports are kept. What a policy may want to keep is not deleted while none can be read."""
        known = self._policies.readable
        return self._policies.report_age(namespace, self._retention.report_age) if known else _LONGEST_AGE

    async def _delete_report(self, place: "_StoredAge") -> bool:
        where = path(API_VERSION, OOM_REPORTS, namespace=place.key.namespace, name=place.name)
        self._reports.forget(place.key)
        self._rollout_pods.keep(place.key, {})
        try:
            return await self._api.delete(where, uid=place.uid, resource_version=place.resource_version)
        except ApiError as error:
            # It has just changed: there is a new kill, or a review.
            if error.is_conflict:
                return False
            raise


@contextlib.contextmanager
def _guarded(report: Mapping[str, Any]) -> Iterator[None]:
    """Pass over a report that cannot be read, as one that a newer version wrote: it must not keep others from work."""
    try:
        yield
    except ApiError:
        raise
    except Exception:
        metadata = report.get("metadata") or {}
        name = f"{metadata.get('namespace')}/{metadata.get('name')}"
        log.exception("report cannot be read and is passed over", extra={"report": name})


@dataclass(frozen=True, slots=True, kw_only=True)
class _StoredAge:
    key: ReportKey
    name: str
    uid: str
    resource_version: str
    last: datetime


def _place(report: Mapping[str, Any]) -> _StoredAge:
    metadata = report["metadata"]
    status = ReportStatus.of(report.get("status"))
    # What was applied is watched for as long as a kill is remembered.
    told = (status.last_kill_time, status.applied.time if status.applied else None)
    last = max(filter(None, told), default=parse_time(metadata["creationTimestamp"]))
    assert last
    return _StoredAge(
        key=key_of_report(report),
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        last=last,
    )
