"""What is old is deleted, what was missed is found.

A watch can miss: Kopf goes on behind the last object of a listing that broke off, and a deletion during a listing is never
told. So records that say of no use are listed again now and then, which is cheap by their selectable field, and pods of
which nothing was heard for long are asked for.
"""

import contextlib
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from oomreport.adapters.cluster.api_server import path
from oomreport.controller.context import Context
from oomreport.controller.known.reports import is_edited, key_of_report
from oomreport.controller.reporting.rollout_pods import Following
from oomreport.controller.work.keys import RecordKey, ReportKey
from oomreport.errors import ApiError
from oomreport.hooks.delivery import deliveries_of
from oomreport.incident.report.notice import ANNOTATIONS
from oomreport.incident.report.rollout_conditions import is_awaited
from oomreport.incident.witness.evidence import record_facts
from oomreport.incident.witness.ledger import ledger_of
from oomreport.names import API_VERSION, OOM_RECORDS, OOM_REPORTS
from oomreport.times import parse_time
from oomreport.workload.pod import pod_facts

log = logging.getLogger(__name__)
_UNUSED = "status.outcome="
# What a policy can ask for at most.
_LONGEST_AGE = timedelta(days=365)


class Housekeeping:
    """Rounds over everything that is kept. Each raises ApiError where the API server does not answer."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._following = Following(context)

    async def begin(self) -> None:
        """Learn how to advise, whom to tell, and what was done before this process started.

        That is: open records, the ledgers that have them, what waits for its quiet window, and what hooks were not told.
        """
        await self._context.policies.load(self._context.api)
        await self._context.hooks.load()
        await self.find_open_records()
        context = self._context
        async for page in context.api.pages(path(API_VERSION, OOM_REPORTS)):
            for report in page:
                with _guarded(report):
                    self._take(report)

    def _take(self, report: Mapping[str, Any]) -> None:
        context, status = self._context, report.get("status") or {}
        key = key_of_report(report)
        self._following.keep(key, status)
        if is_awaited(status):
            context.queue.add(key)
        context.outbox.on_stored(key, deliveries_of(status))
        for entry in ledger_of(status):
            context.pods.watch(entry.container_id)
            if context.records.get(entry.id):
                context.counted_in[entry.id] = key

    async def find_open_records(self) -> None:
        """Have records looked at that were not used yet."""
        context = self._context
        async for page in context.api.pages(path(API_VERSION, OOM_RECORDS), fieldSelector=_UNUSED):
            for record in page:
                facts = record_facts(record)
                if facts and context.records.put(facts, now=context.now()):
                    context.queue.add(RecordKey(name=facts.name))

    async def round(self) -> None:
        """Do all of it once."""
        context = self._context
        await self.find_open_records()
        context.pods.sweep(now=context.now())
        for pod in context.pods.unconfirmed(now=context.now()):
            if context.pods.perhaps_follows(pod):
                self._following.survey_soon(pod.namespace)
                continue
            found = await context.api.found(path("v1", "pods", namespace=pod.namespace, name=pod.name))
            if found and found["metadata"]["uid"] == pod.uid:
                context.pods.put(pod_facts(found, annotations=ANNOTATIONS), now=context.now())
            else:
                context.pods.drop(pod)
        await self._delete_old_records()
        await self._delete_old_reports()

    async def _delete_old_records(self) -> None:
        context, settings = self._context, self._context.settings
        of_node: defaultdict[str, list[tuple[datetime, str]]] = defaultdict(list)
        for name, record in context.records.used.items():
            of_node[record.node].append((record.used, name))
        old = [
            name
            for used in of_node.values()
            for rank, (time, name) in enumerate(sorted(used, reverse=True))
            if rank >= settings.records_per_node or context.now() - time > settings.record_age
        ]
        # Records that cannot be counted are given up after hours (router.py); they must not fill etcd until then.
        open_on: defaultdict[str, list[tuple[datetime, str]]] = defaultdict(list)
        for name, seen in context.records.first_seen.items():
            if still_open := context.records.get(name):
                open_on[still_open.node].append((seen, name))
        for node, seen_names in open_on.items():
            beyond = [name for _, name in sorted(seen_names, reverse=True)[settings.records_per_node :]]
            if beyond:
                log.error(
                    "too many records of a node are open, the oldest go", extra={"node": node, "records": len(beyond)}
                )
            old += beyond
        for name in old:
            await context.api.delete(path(API_VERSION, OOM_RECORDS, name=name))
            context.records.drop(name)
        if old:
            log.info("records deleted", extra={"records": len(old)})

    async def _delete_old_reports(self) -> None:
        context, settings = self._context, self._context.settings
        kept: list[_Place] = []
        deleted = 0
        async for page in context.api.pages(path(API_VERSION, OOM_REPORTS)):
            for report in page:
                with _guarded(report):
                    place = _place(report)
                    if context.now() - place.last > self._age(place.key.namespace):
                        deleted += await self._delete_report(place)
                        continue
                    kept.append(place)
                    # Both are told by watches as well; what those missed is found here.
                    self._following.keep(place.key, report.get("status") or {})
                    awaited = is_awaited(report.get("status") or {})
                    if is_edited(report) or context.policies.outdate(report) or awaited:
                        context.reports.forget(place.key)
                        context.queue.add(place.key)
        kept.sort(key=lambda place: place.last, reverse=True)
        for place in kept[settings.reports :]:
            deleted += await self._delete_report(place)
        if deleted:
            log.info("old reports deleted", extra={"reports": deleted})

    def _age(self, namespace: str) -> timedelta:
        """Return how long reports are kept. What a policy may want to keep is not deleted while none can be read."""
        policies = self._context.policies
        return policies.report_age(namespace, self._context.settings.report_age) if policies.readable else _LONGEST_AGE

    async def _delete_report(self, place: "_Place") -> bool:
        where = path(API_VERSION, OOM_REPORTS, namespace=place.key.namespace, name=place.name)
        self._context.reports.forget(place.key)
        self._following.keep(place.key, {})
        try:
            return await self._context.api.delete(where, uid=place.uid, resource_version=place.resource_version)
        except ApiError as error:
            # It has just changed: there is a new kill, or a review.
            if error.status == 409:
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
class _Place:
    key: ReportKey
    name: str
    uid: str
    resource_version: str
    last: datetime


def _place(report: Mapping[str, Any]) -> _Place:
    metadata = report["metadata"]
    status = report.get("status") or {}
    # What was applied is watched for as long as a kill is remembered.
    told = (status.get("lastKillTime"), (status.get("applied") or {}).get("time"))
    last = max(filter(None, map(parse_time, told)), default=parse_time(metadata["creationTimestamp"]))
    assert last
    return _Place(
        key=key_of_report(report),
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        last=last,
    )
