"""The watch of pods and records by Kopf (list_watch.py watches the rest).

`on.event` only: it writes nothing to the objects, where Kopf's other handlers annotate every pod or add finalizers. An
event handler is never tried again, so it does nothing but put a key into our own queue. Events of type None are a
listing (also after the watch was too old); a deletion that falls into one is never told.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import aiohttp
import kopf

from oomreport.adapters.cluster.api_access import ApiAccess
from oomreport.adapters.cluster.api_server import ApiServer, path, session
from oomreport.adapters.cluster.watch_filter import EventFilter
from oomreport.controller.known.pods import PodCache
from oomreport.controller.known.records import RecordCache
from oomreport.controller.known.watch_state import WatchState
from oomreport.controller.metrics import Metrics
from oomreport.controller.reporting.rollout_pods import RolloutPods
from oomreport.controller.work.backoff import Backoff
from oomreport.controller.work.keys import PodKey, RecordKey
from oomreport.controller.work.loop_time import ended
from oomreport.controller.work.queue import WorkQueue
from oomreport.errors import ApiError, OOMReportError
from oomreport.incident.report.notice import ANNOTATIONS
from oomreport.incident.witness.evidence import record_facts, used_record
from oomreport.names import API_VERSION, GROUP, OOM_RECORDS, OOM_REPORTS, VERSION
from oomreport.workload.pod import pod_facts

log = logging.getLogger(__name__)
_CHUNK = 500
_WATCH_SECONDS = 120
# A listing is over when nothing came of it for this long.
_QUIET_SECONDS = 1.0
# A task of Kopf's that does not end within this time hangs.
_END_SECONDS = 10.0
_IDENTITY = cast("Any", "oomreport-controller")
_PODS = path("v1", "pods")
_RECORDS = path(API_VERSION, OOM_RECORDS)


class WatchHangsError(OOMReportError):
    """The watch has ended and cannot be begun again in this process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSelector:
    """What tells the agents' pods from others."""

    namespace: str
    labels: Mapping[str, str]

    def matches(self, pod: Mapping[str, Any]) -> bool:
        """Return whether a pod, as the API server sends it, is an agent's."""
        metadata = pod["metadata"]
        if metadata.get("namespace") != self.namespace:
            return False
        labels: dict[str, str] = metadata.get("labels") or {}
        return self.labels.items() <= labels.items()


class _NoDiffs(kopf.DiffBaseStorage):
    """No memory of what an object was: Kopf copies each object twice to tell its changes, which no handler asks for."""

    def build(self, *, body: kopf.Body, extra_fields: Iterable[Any] | None = None) -> kopf.BodyEssence:  # noqa: ARG002
        return cast("kopf.BodyEssence", {})

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:  # noqa: ARG002
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Store nothing."""


class PodAndRecordWatch:
    """Follows pods and records and feeds the queue."""

    def __init__(
        self,
        *,
        api: ApiServer,
        access: ApiAccess,
        queue: WorkQueue,
        pods: PodCache,
        records: RecordCache,
        rollout_pods: RolloutPods,
        agents: AgentSelector,
        metrics: Metrics,
        watches: WatchState,
        now: Callable[[], datetime],
    ) -> None:
        self._api, self._access, self._queue, self._now = api, access, queue, now
        self._pods, self._records, self._rollout_pods, self._agents = pods, records, rollout_pods, agents
        self._metrics, self._watches = metrics, watches
        self._pod_filter = EventFilter.of_pods(self._wants, self._pod_dropped)
        self._record_filter = EventFilter.of_records(self._is_open, self._record_dropped)
        self._heard = 0.0

    @property
    def is_listed(self) -> bool:
        """Return whether what existed at the start has been seen: both watches have begun, and no listing goes on."""
        quiet = asyncio.get_running_loop().time() - self._heard
        return not self._watches.problems() and quiet > _QUIET_SECONDS

    async def follow(self, on_started: Callable[[], None]) -> None:
        """Watch until cancelled. Raises whatever ends Kopf, and ApiError where the resources are not served."""
        await self._check_resources()
        registry, settings = kopf.OperatorRegistry(), await self._kopf_settings()
        self._register(registry)
        # Named, since Kopf otherwise asks for a user name, and a numeric user of a container has none.
        tasks = await kopf.spawn_tasks(
            registry=registry, settings=settings, standalone=True, clusterwide=True, identity=_IDENTITY
        )
        # Kopf has taken the signals; here they end more than Kopf.
        on_started()
        # Not kopf.run_tasks: it waits without an end for tasks that hang, and ends all that are younger than itself.
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _end(tasks)
        for task in done:
            task.result()

    def _register(self, registry: kopf.OperatorRegistry) -> None:
        @kopf.on.login(registry=registry)
        async def login(**_: object) -> kopf.AiohttpSession:
            # Kopf closes the session after a refusal and asks for another.
            own = session(self._access, agent="oomreport-controller", on_response=self._response_begins)
            return kopf.AiohttpSession(server=self._access.server, aiohttp_session=own)

        @kopf.on.event("", "v1", "pods", registry=registry)
        async def pod(event: kopf.RawEvent, **_: object) -> None:
            self._saw_pod(event["type"], cast("dict[str, Any]", event["object"]))

        @kopf.on.event(GROUP, VERSION, OOM_RECORDS, registry=registry)
        async def record(event: kopf.RawEvent, **_: object) -> None:
            self._saw_record(event["type"], cast("dict[str, Any]", event["object"]))

    def _saw_pod(self, kind: str | None, pod: dict[str, Any]) -> None:
        self._note_listing(kind)
        if kind is None and self._pods.follows(pod):
            self._rollout_pods.survey_soon(pod["metadata"]["namespace"])
        deleted = kind == "DELETED"
        is_agent = self._agents.matches(pod)
        # The filter has asked before. Meanwhile a pod may have turned out to matter no longer.
        kept = deleted or self._wants(pod)
        self._metrics.heard("pods", kept=kept)
        if not kept:
            return
        facts = pod_facts(pod, annotations=ANNOTATIONS, deleted=deleted)
        if is_agent:
            self._pods.set_agent(facts)
        if self._pods.put(facts, now=self._now()):
            self._queue.add(PodKey(uid=facts.uid))

    def _saw_record(self, kind: str | None, record: dict[str, Any]) -> None:
        self._note_listing(kind)
        if kind == "DELETED":
            self._records.drop(record["metadata"]["name"])
            return
        facts = record_facts(record)
        self._metrics.heard(OOM_RECORDS, kept=facts is not None)
        if facts is None:
            self._metrics.refused("Incomplete")
            log.warning("record lacks name, node or time", extra={"record": record["metadata"].get("name")})
        elif self._records.put(facts, now=self._now()):
            self._queue.add(RecordKey(name=facts.name))

    def _wants(self, pod: dict[str, Any]) -> bool:
        return self._agents.matches(pod) or self._pods.wants(pod)

    def _is_open(self, record: dict[str, Any]) -> bool:
        """Return whether a record is still to be used; take note of one that was."""
        facts = used_record(record)
        if facts:
            self._records.put(facts, now=self._now())
        return facts is None

    def _pod_dropped(self, lists: bool) -> None:  # noqa: FBT001 - the one argument of a callback
        self._metrics.heard("pods", kept=False)
        self._note_listing(None if lists else "MODIFIED")

    def _record_dropped(self, lists: bool) -> None:  # noqa: FBT001 - the one argument of a callback
        self._metrics.heard(OOM_RECORDS, kept=False)
        self._note_listing(None if lists else "MODIFIED")

    def _response_begins(self, response: aiohttp.ClientResponse) -> None:
        where = response.url.path
        if response.url.query.get("watch") == "true":
            self._watch_begins(where, response)
        if where.endswith(_PODS):
            self._pod_filter.attach(response, lambda: self._watches.hear("pods"))
        elif where.endswith(_RECORDS):
            self._record_filter.attach(response, lambda: self._watches.hear(OOM_RECORDS))

    def _watch_begins(self, where: str, response: aiohttp.ClientResponse) -> None:
        # The server's URL may have a path of its own before ours.
        for known, resource in ((_PODS, "pods"), (_RECORDS, OOM_RECORDS)):
            if where.endswith(known):
                self._metrics.heard(resource)
                self._watches.begin(resource, lambda: not response.closed)
        self._heard = asyncio.get_running_loop().time()

    def _note_listing(self, kind: str | None) -> None:
        if kind is None:
            self._heard = asyncio.get_running_loop().time()

    async def _check_resources(self) -> None:
        """Raise ApiError where a CRD is missing: Kopf would start and silently watch nothing."""
        served = await self._api.get(f"/apis/{API_VERSION}")
        missing = {OOM_RECORDS, OOM_REPORTS} - {resource["name"] for resource in served.get("resources", ())}
        if missing:
            raise ApiError(f"{API_VERSION} lacks {', '.join(sorted(missing))}: are the CRDs installed?", status=404)

    async def _kopf_settings(self) -> kopf.OperatorSettings:
        settings = kopf.OperatorSettings()
        settings.posting.enabled = False
        settings.scanning.disabled = True
        settings.process.ultimate_exiting_timeout = None
        settings.queueing.idle_timeout = 0.5
        settings.queueing.exit_timeout = 0.5
        settings.networking.connect_timeout = 5
        settings.persistence.diffbase_storage = _NoDiffs()
        settings.networking.error_backoffs = Backoff()
        # A watch that begins anew shows that it is alive. The alert WatchStale waits two and a half times this long.
        settings.watching.server_timeout = _WATCH_SECONDS
        settings.watching.initial_streaming = await self._streams_lists()
        if not settings.watching.initial_streaming:
            settings.watching.chunk_size = _CHUNK
        # Pods without a node have no containers.
        settings.watching.field_selectors["", "v1", "pods"] = "spec.nodeName!="
        return settings

    async def _streams_lists(self) -> bool:
        """Return whether a watch can begin with all objects that exist; older API servers refuse to (422)."""
        query = {"watch": "true", "sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        options = {"allowWatchBookmarks": "true", "timeoutSeconds": "1"}
        return await self._api.status_of(_RECORDS, **query, **options) == 200


async def _end(tasks: Collection[asyncio.Task[None]]) -> None:
    """End tasks. Raises WatchHangsError where they do not end: two of them must not watch at once."""
    if left := await ended(tasks, _END_SECONDS):
        names = ", ".join(sorted(task.get_name() for task in left))
        raise WatchHangsError(f"tasks of the watch do not end: {names}")
