"""Owner labels of workloads, for series and events of hooks.

They are read from the workload when the watch tells of its report, and before a hook is told of it. A workload that
cannot be read has no labels, and is asked for again the next time.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.controller.known.managers import PLURALS
from oomreport.controller.work.keys import ReportKey
from oomreport.errors import ApiError

log = logging.getLogger(__name__)
# Owners change by a rollout of the manifest, and a report is heard of at each kill: an hour late is soon enough.
_KEEP = timedelta(hours=1)
# Those of the reports that are kept at most (--reports).
_MOST = 5000
Workload = tuple[str, str, str]
# API version, plural, workload.
_Place = tuple[str, str, Workload]


class OwnerLabels:
    """Reads the labels called `names`; `on_known` is told of a workload (namespace, kind, name) and its labels."""

    def __init__(
        self,
        api: ApiServer,
        names: Sequence[str],
        *,
        on_known: Callable[[Workload, Mapping[str, str]], None],
        now: Callable[[], datetime],
    ) -> None:
        self._api, self._names, self._on_known, self._now = api, tuple(names), on_known, now
        self._wanted: asyncio.Queue[_Place] = asyncio.Queue()
        self._asked: dict[Workload, datetime] = {}
        self._known: dict[Workload, Mapping[str, str]] = {}

    def want(self, report: Mapping[str, Any]) -> None:
        """Have the labels of a report's workload read, unless that was done of late."""
        try:
            ref, namespace = report["spec"]["workloadRef"], report["metadata"]["namespace"]
            version, workload = str(ref["apiVersion"]), (namespace, str(ref["kind"]), str(ref["name"]))
        except (KeyError, TypeError):
            return
        if place := self._due(version, workload):
            self._wanted.put_nowait(place)

    def of(self, key: ReportKey) -> Mapping[str, str]:
        """Return the labels of a report's workload that are known."""
        return self._known.get((key.namespace, key.kind, key.name), {})

    async def read(self, key: ReportKey) -> None:
        """Read the labels of a report's workload, unless that was done of late."""
        if place := self._due(key.api_version, (key.namespace, key.kind, key.name)):
            await self._read(place)

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            await self._read(await self._wanted.get())

    def _due(self, version: str, workload: Workload) -> _Place | None:
        """Return where a workload is to be read, and count it as asked for; None where there is nothing to do."""
        plural = PLURALS.get((version.rpartition("/")[0], workload[1]))
        asked = self._asked.get(workload)
        if not self._names or plural is None or (asked is not None and self._now() - asked < _KEEP):
            return None
        if len(self._asked) >= _MOST:
            self._asked.clear()
            self._known.clear()
        self._asked[workload] = self._now()
        return version, plural, workload

    async def _read(self, place: _Place) -> None:
        version, plural, workload = place
        namespace, _, name = workload
        try:
            found = await self._api.found(path(version, plural, namespace=namespace, name=name))
        except ApiError as error:
            facts = {"workload": "/".join(workload), "error": str(error)}
            log.info("labels of a workload cannot be read", extra=facts)
            self._asked.pop(workload, None)
            return
        labels: Mapping[str, str] = ((found or {}).get("metadata") or {}).get("labels") or {}
        self._known[workload] = {name: labels[name] for name in self._names if name in labels}
        self._on_known(workload, self._known[workload])
