"""The report of a record.

Usually the record's pod is there: its owner is the workload. A pod that was deleted in the meantime is remembered for a
while. Where neither helps, the record's own names make a report of kind Pod, and where it has none, the node's.

Whatever the pod itself decides comes out the same each time. Where it does not, the record is claimed first: its status
names the report before the report counts it, and of two controllers that claim at once one is refused.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.controller.known.owners import Owners
from oomreport.controller.known.pods import PodCache
from oomreport.controller.known.records import RecordCache
from oomreport.controller.known.reports import NamespaceGoneError, ReportStore
from oomreport.controller.reporting.announcer import Announcer
from oomreport.controller.work.keys import NodeKey, RecordKey, ReportKey, node_report_key, report_key
from oomreport.controller.work.queue import WorkQueue
from oomreport.errors import ApiError
from oomreport.incident.report.decision import RecordOutcome
from oomreport.incident.report.notice import ANNOTATIONS
from oomreport.incident.witness.evidence import UNKNOWN_CONTAINER, Patience, RecordFacts, record_facts
from oomreport.names import API_VERSION, OOM_RECORDS, is_label, is_name
from oomreport.workload.owner import Workload
from oomreport.workload.pod import PodFacts, pod_facts

log = logging.getLogger(__name__)
# A record that could not be counted for so long never will be, and its node's report is to tell it.
_GIVE_UP_AFTER = timedelta(hours=6)
# A pod that is gone at the API server may be on its way to us as "deleted", with its last state.
_DELETION_ARRIVES = timedelta(seconds=2)
# How often a pod that is known, and followed, is looked at again for the instance that a record speaks of.
_STATUS_ARRIVES = timedelta(seconds=2)


class Router:
    """Finds the report of a record. `namespace` is the controller's own, which has the reports of nodes."""

    def __init__(
        self,
        *,
        api: ApiServer,
        queue: WorkQueue,
        pods: PodCache,
        records: RecordCache,
        reports: ReportStore,
        owners: Owners,
        announcer: Announcer,
        patience: Patience,
        namespace: str,
        now: Callable[[], datetime],
    ) -> None:
        self._patience = patience
        self._api, self._queue, self._pods, self._records, self._reports = api, queue, pods, records, reports
        self._owners, self._announcer, self._namespace, self._now = owners, announcer, namespace, now

    async def route(self, name: str) -> None:
        """Find the report of an open record and have it looked at. Raises ApiError."""
        record = self._records.get(name)
        if record is None:
            return
        if not record.is_kill:
            self._announcer.mark(name, RecordOutcome.NO_KILL, None)
            return
        if await self._is_given_up(record):
            return
        key = self._records.key_of(name) or self._records.counted_in.get(name) or await self._claimed_by(record)
        if self._records.get(name) is not record:
            # It was claimed meanwhile, or a match was taken back: then it names neither this report nor a container.
            self._queue.add(RecordKey(name=name))
            return
        if key is None and record.on_host:
            key = node_report_key(self._namespace, record.node, host=True)
        if key is None and record.container_id is None:
            self._queue.add(NodeKey(name=record.node))
            return
        key = key or await self._key_by_pod(record)
        if key:
            self.assign(name, key)

    def assign(self, name: str, key: ReportKey) -> None:
        """Have a report count a record."""
        if record := self._records.get(name):
            self._records.route(name, key)
            self._pods.watch(record.container_id)
            self._queue.add(key)

    async def claim(self, name: str, key: ReportKey, *, container_id: str | None = None) -> bool:
        """Make a record name the report that will count it, and the container that an anonymous one was matched with.

        False where another controller was faster; then it is decided anew. Raises ApiError.
        """
        record = self._records.get(name)
        if record is None:
            return False
        try:
            report = await self._reports.ensure(key)
        except NamespaceGoneError:
            return await self.claim(name, node_report_key(self._namespace, record.node, host=False))
        body = {
            "metadata": {"resourceVersion": record.resource_version},
            "status": {
                "reportRef": {"namespace": report.namespace, "name": report.name},
                **({"containerID": container_id} if container_id else {}),
            },
        }
        try:
            stored = await self._api.merge(path(API_VERSION, OOM_RECORDS, name=name, sub="status"), body)
        except ApiError as error:
            if not error.is_outdated:
                raise
            await self._reread(name)
            return False
        self._remember(stored)
        return True

    async def release(self, name: str) -> None:
        """Take the claim of an anonymous record back, so that it is matched anew. Raises ApiError."""
        record = self._records.get(name)
        if record is None:
            return
        self._records.unroute(name)
        body = {
            "metadata": {"resourceVersion": record.resource_version},
            "status": {"reportRef": None, "containerID": None},
        }
        try:
            self._remember(await self._api.merge(path(API_VERSION, OOM_RECORDS, name=name, sub="status"), body))
        except ApiError as error:
            if not error.is_outdated:
                raise
            await self._reread(name)
            return
        self._queue.add(NodeKey(name=record.node))

    async def settle_unknown(self, record: RecordFacts) -> None:
        """Give a kill of no known container to the workload of its candidates or its pod, else to the node.

        Raises ApiError.
        """
        pod = await self._find_pod(record) if record.pod_uid else None
        if pod and self._is_elsewhere(record, pod):
            pod = None
        key = await self._key_by_candidates(record)
        if key is None and pod:
            only = pod.only_container(record.time) or pod.container_left(record.time, record.container_id)
            workload = await self._owners.workload_of(pod)
            key = report_key(pod.namespace, workload, only.name if only else UNKNOWN_CONTAINER)
        key = key or node_report_key(self._namespace, record.node, host=False)
        if await self.claim(record.name, key):
            self.assign(record.name, await self._claimed_by(self._records.get(record.name)) or key)

    async def _claimed_by(self, record: RecordFacts | None) -> ReportKey | None:
        return await self._reports.key_at(*record.report) if record and record.report else None

    async def _key_by_pod(self, record: RecordFacts) -> ReportKey | None:
        pod = await self._find_pod(record)
        subject = record.subject
        named = subject.container if subject and is_label(subject.container or "") else None
        if pod and self._is_elsewhere(record, pod):
            return await self._claimed_for_node(record)
        if pod:
            found = pod.container_with(record.container_id or "") if pod.is_named_by(record.pod_uid or "") else None
            found = found or (None if named else pod.only_container(record.time))
            workload = await self._owners.workload_of(pod)
            if found or named:
                return report_key(pod.namespace, workload, found.name if found else named or UNKNOWN_CONTAINER)
            left = pod.container_left(record.time, record.container_id)
            # What ledgers hold may be more by the next look, and the pod does not decide it: so it is claimed.
            found_by_others = await self._counting(pod.namespace, record) or (
                report_key(pod.namespace, workload, left.name) if left else None
            )
            if found_by_others is None and self._may_still_be_named(record, pod):
                self._queue.add_later(RecordKey(name=record.name), _STATUS_ARRIVES)
                return None
            unknown = report_key(pod.namespace, workload, UNKNOWN_CONTAINER)
            return await self._claimed_as(record, found_by_others or unknown)
        seen = self._records.first_seen.get(record.name)
        if seen and self._now() - seen < _DELETION_ARRIVES:
            self._queue.add_later(RecordKey(name=record.name), _DELETION_ARRIVES / 4)
            return None
        return await self._key_by_names(record)

    async def _key_by_candidates(self, record: RecordFacts) -> ReportKey | None:
        """Return the report on which all containers in question agree: replicas of one workload, usually."""
        if not record.candidates:
            return None
        query = {"fieldSelector": f"spec.nodeName={record.node}"}
        listed = (await self._api.get(path("v1", "pods"), **query)).get("items") or ()
        pods = [*(pod_facts(item) for item in listed), *self._pods.on_node(record.node)]
        keys: set[ReportKey | None] = set()
        for candidate in record.candidates:
            pod = next((pod for pod in pods if pod.container_with(candidate)), None)
            container = pod.container_with(candidate) if pod else None
            if pod is None or container is None:
                return None
            keys.add(report_key(pod.namespace, await self._owners.workload_of(pod), container.name))
        return keys.pop() if len(keys) == 1 else None

    async def _key_by_names(self, record: RecordFacts) -> ReportKey | None:
        subject = record.subject
        key = node_report_key(self._namespace, record.node, host=False)
        if subject and is_label(subject.namespace or "") and is_name(subject.pod or ""):
            assert subject.namespace
            assert subject.pod
            # It may have been counted for the pod's workload already, by a controller that had still seen the pod.
            if counted := await self._reports.key_counting(subject.namespace, record.name):
                return counted
            # So may another kill of the same instance, or the end of it that pod status told.
            if counted := await self._counting(subject.namespace, record):
                return await self._claimed_as(record, counted)
            pod = Workload(api_version="v1", kind="Pod", name=subject.pod)
            named = subject.container if is_label(subject.container or "") else None
            key = report_key(subject.namespace, pod, named or UNKNOWN_CONTAINER)
        log.warning(
            "pod for record not found, using names from the record", extra={"record": record.name, "report": str(key)}
        )
        return await self._claimed_as(record, key)

    async def _counting(self, namespace: str, record: RecordFacts) -> ReportKey | None:
        """Return the report that has counted a kill of the record's container instance."""
        return await self._reports.key_of_instance(namespace, record.container_id) if record.container_id else None

    def _may_still_be_named(self, record: RecordFacts, pod: PodFacts) -> bool:
        """Return whether pod status may still tell whose instance it was: a kubelet can be slower than the kernel."""
        seen = self._records.first_seen.get(record.name)
        return not pod.deleted and seen is not None and self._now() - seen < self._patience.unknown_after

    async def _claimed_as(self, record: RecordFacts, key: ReportKey) -> ReportKey | None:
        if not await self.claim(record.name, key):
            return None
        return await self._claimed_by(self._records.get(record.name))

    async def _find_pod(self, record: RecordFacts) -> PodFacts | None:
        """Return the record's pod, remembered or asked for. Raises ApiError."""
        uid, subject = record.pod_uid or "", record.subject
        if known := self._pods.get(uid):
            return known
        if subject and is_label(subject.namespace or "") and is_name(subject.pod or ""):
            found = await self._api.found(path("v1", "pods", namespace=subject.namespace, name=subject.pod))
            pod = self._learned(found) if found else None
            if pod is None or pod.is_named_by(uid):
                return pod
            # A StatefulSet makes its pods again under the same name: another pod, but the same workload.
            return pod if pod.owner and pod.owner.kind == "StatefulSet" else None
        pods = await self._api.get(path("v1", "pods"), fieldSelector=f"spec.nodeName={record.node}")
        for item in pods.get("items") or ():
            if pod_facts(item).is_named_by(uid):
                return self._learned(item)
        return None

    def _is_elsewhere(self, record: RecordFacts, pod: PodFacts) -> bool:
        """Return whether a pod is another node's: its own node alone can tell of its kills."""
        if pod.node is None or pod.node == record.node:
            return False
        facts = {"record": record.name, "node": record.node, "pod": f"{pod.namespace}/{pod.name}", "pod_node": pod.node}
        log.warning("record of a pod that is on another node; it is counted for the record's node", extra=facts)
        return True

    async def _is_given_up(self, record: RecordFacts) -> bool:
        """Have a record's node tell it where nothing else could for hours; return whether that was done."""
        seen = self._records.first_seen.get(record.name)
        if seen is None or self._now() - seen < _GIVE_UP_AFTER:
            return False
        key = self._records.key_of(record.name) or self._records.counted_in.get(record.name)
        stored = await self._reports.get(key) if key else None
        if stored and any(entry["id"] == record.name for entry in stored.status.get("counted", ())):
            return False
        log.error("record could not be counted for hours and is given up", extra={"record": record.name})
        if key is not None and key.kind == "Node":
            self._announcer.mark(record.name, RecordOutcome.CONTAINER_UNKNOWN, None)
            return True
        self._records.unroute(record.name)
        if node := await self._claimed_for_node(record):
            self.assign(record.name, node)
        return True

    async def _claimed_for_node(self, record: RecordFacts) -> ReportKey | None:
        node = node_report_key(self._namespace, record.node, host=False)
        return node if await self.claim(record.name, node) else None

    def _learned(self, pod: dict[str, Any]) -> PodFacts:
        facts = pod_facts(pod, annotations=ANNOTATIONS)
        self._pods.put(facts, now=self._now())
        return facts

    async def _reread(self, name: str) -> None:
        stored = await self._api.found(path(API_VERSION, OOM_RECORDS, name=name))
        if stored is None:
            self._records.drop(name)
            return
        self._remember(stored)
        self._queue.add(RecordKey(name=name))

    def _remember(self, stored: dict[str, Any]) -> None:
        facts = record_facts(stored)
        if facts:
            self._records.put(facts, now=self._now())
