"""The OOMReports at the API server.

They are found by their labels, and created and written by server-side apply.
A report's name is made of kind, name and container. Two workloads can make the same one ("web" with container "api-x",
"web-api" with container "x"); then the second gets a name with a hash. Nobody reads anything from a name.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.controller.work.keys import ReportKey, report_key
from oomreport.errors import ApiError
from oomreport.hooks.delivery import deliveries_of
from oomreport.hooks.outbox import is_to_redeliver
from oomreport.incident.report.status import ReportStatus
from oomreport.incident.witness.evidence import UNKNOWN_CONTAINER
from oomreport.incident.witness.ledger import stored_ledger
from oomreport.names import (
    ANNOTATION_REDELIVER,
    API_VERSION,
    LABEL_CONTAINER,
    LABEL_WORKLOAD,
    LABEL_WORKLOAD_KIND,
    OOM_REPORT,
    OOM_REPORTS,
    label_name,
)
from oomreport.workload.owner import Workload

_MOST_CACHED = 500
# Together, in the ledgers of what is cached: an entry takes about a kilobyte, and a full ledger has 512.
_MOST_CACHED_ENTRIES = 40_000
_MOST_LABEL = 63


class StaleReportError(ApiError):
    """The report has changed, or is gone, since it was read."""


class NamespaceGoneError(ApiError):
    """The namespace is deleted or being deleted: nothing can be created in it."""


@dataclass(frozen=True, kw_only=True)
class StoredReport:
    """A report as it was last read or written."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int | None = None
    review: str = "Pending"
    redeliver: str = ""
    status: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def known(self) -> ReportStatus:
        """Return the status as a value; with a full ledger that takes milliseconds, so it is made once."""
        return ReportStatus.of(self.status)


def key_of_report(report: Mapping[str, Any]) -> ReportKey:
    """Return the key of a report as the API server sends it."""
    spec = report["spec"]
    ref = spec["workloadRef"]
    workload = Workload(api_version=ref["apiVersion"], kind=ref["kind"], name=ref["name"])
    return report_key(report["metadata"]["namespace"], workload, spec["container"])


def labels_of(key: ReportKey) -> dict[str, str]:
    """Return the labels by which a report is found."""
    name = key.name if len(key.name) <= _MOST_LABEL else label_name(key.name)
    return {LABEL_WORKLOAD_KIND: key.kind, LABEL_WORKLOAD: name, LABEL_CONTAINER: key.container}


def report_name(key: ReportKey, *, taken: bool = False) -> str:
    """Return the report's name; `taken` where another workload's report has it already."""
    name = label_name(key.kind.lower(), key.name, key.container)
    if not taken:
        return name
    digest = hashlib.sha256("\0".join((key.group, key.kind, key.name, key.container)).encode()).hexdigest()[:10]
    return f"{name[: 62 - len(digest)].rstrip('-')}-{digest}"


def is_edited(report: Mapping[str, Any]) -> bool:
    """Return whether the status does not know the spec yet: a person has reviewed the report, or wants redelivery."""
    status, metadata = report.get("status") or {}, report["metadata"]
    asked = (metadata.get("annotations") or {}).get(ANNOTATION_REDELIVER, "")
    if not status or ReportStatus.part(status, "observed_generation") != metadata.get("generation"):
        return bool(status)
    return bool(asked) and is_to_redeliver(asked, deliveries_of(status))


class ReportStore:
    """Reads and writes reports; the last ones are kept, since each write says which version it builds on.

    `on_written` is told of each status before and after.
    """

    def __init__(
        self,
        api: ApiServer,
        on_written: Callable[[Mapping[str, Any], Mapping[str, Any]], None] = lambda _before, _after: None,
    ) -> None:
        self._api, self._on_written = api, on_written
        self._cache: OrderedDict[ReportKey, StoredReport] = OrderedDict()
        self._cached_entries = 0
        # Of all reports that are there, as the watch tells: the hash of each key, which is enough to say "none".
        self._there: set[int] = set()
        self._is_followed: Callable[[], bool] = lambda: False

    def trust(self, is_followed: Callable[[], bool]) -> None:
        """Take a report for absent that the watch has not told of, while `is_followed` says that it works."""
        self._is_followed = is_followed

    async def get(self, key: ReportKey) -> StoredReport | None:
        """Return a report, None where there is none. Raises ApiError."""
        if cached := self._cache.get(key):
            self._cache.move_to_end(key)
            return cached
        # A report that another process has made just now is found when it is to be created.
        if self._is_followed() and hash(key) not in self._there:
            return None
        selector = ",".join(f"{label}={value}" for label, value in labels_of(key).items())
        where = path(API_VERSION, OOM_REPORTS, namespace=key.namespace)
        for report in (await self._api.get(where, labelSelector=selector)).get("items") or ():
            if key_of_report(report) == key:
                return self._keep(key, report)
        return None

    async def ensure(self, key: ReportKey) -> StoredReport:
        """Return a report, created where there was none. Raises NamespaceGoneError, ApiError."""
        return await self.get(key) or await self._create(key)

    async def write_status(
        self, key: ReportKey, stored: StoredReport | None, status: Mapping[str, Any]
    ) -> StoredReport:
        """Write the status of a report, if it is as it was read or not there yet. Raises StaleReportError, ApiError."""
        base = stored or await self._create(key)
        if stored is None and base.status:
            raise StaleReportError(f"report {key} was created meanwhile", status=409)
        body = {
            "apiVersion": API_VERSION,
            "kind": OOM_REPORT,
            "metadata": {"namespace": base.namespace, "name": base.name, "resourceVersion": base.resource_version},
            "status": status,
        }
        where = path(API_VERSION, OOM_REPORTS, namespace=base.namespace, name=base.name, sub="status")
        try:
            written = await self._api.apply(where, body, brief=True)
        except ApiError as error:
            self.forget(key)
            if error.is_outdated:
                raise StaleReportError(str(error), status=error.status, reason=error.reason) from error
            raise
        # The version is the one that was read, so what is not in the status is as it was.
        metadata = written["metadata"]
        kept = replace(
            base, resource_version=metadata["resourceVersion"], generation=metadata.get("generation"), status=status
        )
        self._remember(key, kept)
        self._on_written(base.status, kept.status)
        return kept

    async def key_at(self, namespace: str, name: str) -> ReportKey | None:
        """Return the key of the report of this name. Raises ApiError."""
        found = await self._api.found(path(API_VERSION, OOM_REPORTS, namespace=namespace, name=name))
        return key_of_report(found) if found else None

    async def key_counting(self, namespace: str, record: str) -> ReportKey | None:
        """Return the key of the namespace's report that has counted a record. Raises ApiError."""
        async for page in self._api.pages(path(API_VERSION, OOM_REPORTS, namespace=namespace)):
            for report in page:
                if any(entry["id"] == record for entry in report.get("status", {}).get("counted", ())):
                    return key_of_report(report)
        return None

    async def key_of_instance(self, namespace: str, container_id: str) -> ReportKey | None:
        """Return the key of the namespace's report that has counted a kill of a container instance. Raises ApiError."""
        async for page in self._api.pages(path(API_VERSION, OOM_REPORTS, namespace=namespace)):
            for report in page:
                counted = stored_ledger(report.get("status") or {}).counted
                is_named = report["spec"]["container"] != UNKNOWN_CONTAINER
                if is_named and any(entry.container_id == container_id for entry in counted):
                    return key_of_report(report)
        return None

    def take(self, kind: str | None, report: Mapping[str, Any]) -> ReportKey | None:
        """Take note of a report as a watch tells of it; return its key where people have changed it since.

        The controller's own writes come back too: they say of which generation they are.
        """
        key = key_of_report(report)
        cached = self._cache.get(key)
        if kind == "DELETED":
            self._there.discard(hash(key))
            self.forget(key)
            return None
        self._there.add(hash(key))
        is_older = cached is not None and _number(report["metadata"]["resourceVersion"]) <= _number(
            cached.resource_version
        )
        if is_older or not is_edited(report):
            return None
        self._keep(key, report)
        return key

    def forget(self, key: ReportKey) -> None:
        """Read a report anew the next time."""
        if gone := self._cache.pop(key, None):
            self._cached_entries -= _entries(gone)

    async def _create(self, key: ReportKey) -> StoredReport:
        try:
            return await self._applied(key, report_name(key))
        except ApiError as error:
            # Its workloadRef and container are immutable: the name is another workload's.
            if not error.is_invalid:
                raise
        return await self._applied(key, report_name(key, taken=True))

    async def _applied(self, key: ReportKey, name: str) -> StoredReport:
        body = {
            "apiVersion": API_VERSION,
            "kind": OOM_REPORT,
            "metadata": {"namespace": key.namespace, "name": name, "labels": labels_of(key)},
            "spec": {
                "workloadRef": {"apiVersion": key.api_version, "kind": key.kind, "name": key.name},
                "container": key.container,
            },
        }
        try:
            created = await self._api.apply(path(API_VERSION, OOM_REPORTS, namespace=key.namespace, name=name), body)
        except ApiError as error:
            # Where the CRD is gone the answer is 404 too, and says nothing of a namespace.
            is_missing = error.is_not_found and 'namespaces "' in str(error)
            if is_missing or (error.is_forbidden and "being terminated" in str(error)):
                raise NamespaceGoneError(str(error), status=error.status, reason=error.reason) from error
            raise
        return self._keep(key, created)

    def _keep(self, key: ReportKey, report: Mapping[str, Any]) -> StoredReport:
        metadata = report["metadata"]
        stored = StoredReport(
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
            resource_version=metadata["resourceVersion"],
            generation=metadata.get("generation"),
            review=(report["spec"].get("review") or {}).get("decision", "Pending"),
            redeliver=(metadata.get("annotations") or {}).get(ANNOTATION_REDELIVER, ""),
            status=report.get("status") or {},
        )
        self._remember(key, stored)
        return stored

    def _remember(self, key: ReportKey, stored: StoredReport) -> None:
        self._there.add(hash(key))
        self.forget(key)
        self._cache[key] = stored
        self._cached_entries += _entries(stored)
        while len(self._cache) > _MOST_CACHED or self._cached_entries > _MOST_CACHED_ENTRIES:
            _, gone = self._cache.popitem(last=False)
            self._cached_entries -= _entries(gone)


def _entries(report: StoredReport) -> int:
    return len(report.status.get("counted") or ())


def _number(version: str) -> int:
    """Resource versions of one kind of object are comparable numbers; where one is not, nothing is older."""
    return int(version) if version.isdigit() else 0
