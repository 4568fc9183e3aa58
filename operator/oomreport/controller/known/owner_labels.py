"""Owner labels of workloads, for the series of reports.

They are read from the workload when the watch tells of its report. Nothing waits for them. A workload that cannot be
read has no labels, and is asked for again at the next news of its report.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.controller.known.managers import PLURALS
from oomreport.errors import ApiError

log = logging.getLogger(__name__)
# Owners change by a rollout of the manifest, and a report is heard of at each kill: an hour late is soon enough.
_KEEP = timedelta(hours=1)
# Those of the reports that are kept at most (--reports).
_MOST = 5000
Workload = tuple[str, str, str]


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
        self._wanted: asyncio.Queue[tuple[str, str, Workload]] = asyncio.Queue()
        self._asked: dict[Workload, datetime] = {}

    def want(self, report: Mapping[str, Any]) -> None:
        """Have the labels of a report's workload read, unless that was done of late."""
        try:
            ref, namespace = report["spec"]["workloadRef"], report["metadata"]["namespace"]
            version, workload = str(ref["apiVersion"]), (namespace, str(ref["kind"]), str(ref["name"]))
        except (KeyError, TypeError):
            return
        plural = PLURALS.get((version.rpartition("/")[0], workload[1]))
        asked = self._asked.get(workload)
        if not self._names or plural is None or (asked is not None and self._now() - asked < _KEEP):
            return
        if len(self._asked) >= _MOST:
            self._asked.clear()
        self._asked[workload] = self._now()
        self._wanted.put_nowait((version, plural, workload))

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            version, plural, workload = await self._wanted.get()
            namespace, _, name = workload
            try:
                found = await self._api.found(path(version, plural, namespace=namespace, name=name))
            except ApiError as error:
                log.info(
                    "labels of a workload cannot be read", extra={"workload": "/".join(workload), "error": str(error)}
                )
                self._asked.pop(workload, None)
                continue
            labels: Mapping[str, str] = ((found or {}).get("metadata") or {}).get("labels") or {}
            self._on_known(workload, {name: labels[name] for name in self._names if name in labels})
