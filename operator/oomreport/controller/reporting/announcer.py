"""Record marks, pod annotations and Events after a report's write.

None of it is needed for counting. Each is a key of the queue of its own, so that a failure is tried again without
holding up the report; what nobody can be told any more (the pod is gone) is dropped.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.controller.known.pods import PodCache
from oomreport.controller.known.records import RecordCache
from oomreport.controller.known.reports import StoredReport
from oomreport.controller.work.keys import EventKey, MarkKey, PodNoteKey
from oomreport.controller.work.queue import WorkQueue
from oomreport.errors import ApiError
from oomreport.hooks.event import EventType
from oomreport.hooks.report_event import report_event
from oomreport.incident.kill import Kill
from oomreport.incident.report.decision import RecordOutcome
from oomreport.incident.report.notice import ReportObject, annotations, event, event_series
from oomreport.names import ANNOTATION_KILLS, ANNOTATION_LAST_KILL, API_VERSION, OOM_RECORDS
from oomreport.times import rfc3339
from oomreport.workload.pod import PodFacts

log = logging.getLogger(__name__)
_EVENTS = "events.k8s.io/v1"
# The kills of so long are told of their report together: in a storm each would cost three requests.
_GATHER = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """What became of a record, and the namespace and name of the report that it was used for."""

    outcome: RecordOutcome
    report: tuple[str, str] | None

    def as_json(self) -> dict[str, Any]:
        """Return it as part of the record's status."""
        reference = {"reportRef": {"namespace": self.report[0], "name": self.report[1]}} if self.report else {}
        return {"outcome": self.outcome, **reference}


@dataclass(frozen=True, slots=True, kw_only=True)
class _PodNote:
    namespace: str
    name: str
    annotations: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class _PendingEvent:
    body: Mapping[str, Any]
    times: int = 0


class Announcer:
    """Holds what is still to be told and tells it."""

    def __init__(
        self,
        *,
        api: ApiServer,
        queue: WorkQueue,
        pods: PodCache,
        records: RecordCache,
        identity: str,
        now: Callable[[], datetime],
    ) -> None:
        self._api, self._queue, self._pods, self._records = api, queue, pods, records
        self._identity, self._now = identity, now
        self._marks: dict[str, _Mark] = {}
        self._notes: dict[str, _PodNote] = {}
        self._events: dict[EventKey, _PendingEvent] = {}

    def mark(self, record: str, outcome: RecordOutcome, report: tuple[str, str] | None) -> None:
        """Have a record say what became of it."""
        if record in self._records.used:
            # A look that began before the mark was written finds the record open, and no longer how it was counted.
            return
        pending = self._marks.get(record)
        # A look between the count and its mark finds the record in the ledger already, and no longer how it came there.
        if pending is None or pending.report != report:
            self._marks[record] = _Mark(outcome=outcome, report=report)
        self._queue.add(MarkKey(name=record))

    def annotate(self, kill: Kill, report: StoredReport, *, container: str, kills: int) -> None:
        """Have a kill's pod annotated."""
        pod = self._pods.get(kill.pod_uid or "")
        if pod is None or pod.deleted:
            return
        found = annotations(kill, report=_reference(report, container), kills=kills)
        if dict(pod.annotations) != found:
            self._notes[pod.uid] = _PodNote(namespace=pod.namespace, name=pod.name, annotations=found)
            self._queue.add(PodNoteKey(uid=pod.uid))

    def is_told(self, pod: PodFacts, kill: Kill, *, kills: int) -> bool:
        """Return whether a pod's annotations tell of a kill of this container, or of a later one."""
        if pod.uid in self._notes:
            return True
        told = dict(pod.annotations)
        last = told.get(ANNOTATION_LAST_KILL, "")
        time = rfc3339(kill.time) if kill.time else ""
        return last > time or (last == time and told.get(ANNOTATION_KILLS) == str(kills))

    def announce(self, kill: Kill, report: StoredReport, *, container: str, silent: bool) -> None:
        """Have an Event sent about a kill in a pod."""
        if not kill.pod or not kill.pod_uid:
            return
        body = event(
            kill,
            report=_reference(report, container),
            silent=silent,
            now=self._now(),
            instance=self._identity,
        )
        self._queue.add(self._put(body))

    def announce_report(self, happened: Iterable[EventType], report: StoredReport, *, container: str) -> None:
        """Have Events sent about what happened to a report."""
        status = report.known
        for type_ in happened:
            body = report_event(
                type_,
                status,
                report=_reference(report, container),
                now=self._now(),
                instance=self._identity,
            )
            self._queue.add_later(self._put(body), _GATHER if type_ is EventType.OOM_KILLED else 0)

    def _put(self, body: Mapping[str, Any]) -> EventKey:
        key = EventKey(namespace=body["metadata"]["namespace"], name=body["metadata"]["name"])
        self._events.setdefault(key, _PendingEvent(body=body)).times += 1
        return key

    async def write_mark(self, key: MarkKey) -> None:
        """Mark a record. Raises ApiError."""
        mark = self._marks.get(key.name)
        if mark is None:
            return
        now = self._now()
        try:
            await self._api.merge(
                path(API_VERSION, OOM_RECORDS, name=key.name, sub="status"),
                {"status": {"usedTime": rfc3339(now), **mark.as_json()}},
                brief=True,
            )
        except ApiError as error:
            if not error.is_not_found:
                raise
            self._records.drop(key.name)
        self._records.mark_used(key.name, now)
        self._marks.pop(key.name, None)

    async def write_note(self, key: PodNoteKey) -> None:
        """Annotate a pod, if it is still this one. Raises ApiError."""
        note = self._notes.pop(key.uid, None)
        if note is None:
            return
        where = path("v1", "pods", namespace=note.namespace, name=note.name)
        try:
            await self._api.merge(where, {"metadata": {"uid": key.uid, "annotations": note.annotations}}, brief=True)
        except ApiError as error:
            if not error.is_final:
                self._notes.setdefault(key.uid, note)
                raise
            # 404 and 409: the pod is gone, or another one has its name by now.
            if not error.is_outdated:
                log.warning(
                    "pod cannot be annotated", extra={"pod": f"{note.namespace}/{note.name}", "error": str(error)}
                )

    async def send_event(self, key: EventKey) -> None:
        """Send an Event, or continue the series that it belongs to. Raises ApiError."""
        pending = self._events.pop(key, None)
        if pending is None:
            return
        try:
            await self._send(key, pending)
        except ApiError as error:
            if not error.is_final:
                kept = self._events.setdefault(key, _PendingEvent(body=pending.body))
                kept.times += pending.times
                raise
            log.warning("Event was refused", extra={"event": f"{key.namespace}/{key.name}", "error": str(error)})

    async def _send(self, key: EventKey, pending: _PendingEvent) -> None:
        api, now = self._api, self._now()
        more = pending.times
        try:
            created = await api.create(path(_EVENTS, "events", namespace=key.namespace), pending.body)
        except ApiError as error:
            if not error.is_conflict:
                raise
            # A patch that changes nothing returns the object: one right less than to read Events.
            created = await api.merge(path(_EVENTS, "events", namespace=key.namespace, name=key.name), {})
        else:
            more -= 1
        if more:
            where = path(_EVENTS, "events", namespace=key.namespace, name=key.name)
            await api.merge(where, event_series(created, more=more, now=now))


def _reference(report: StoredReport, container: str) -> ReportObject:
    return ReportObject(namespace=report.namespace, name=report.name, uid=report.uid, container=container)
