"""Changes of rules, and the reports to look at again.

Rules are edited in bursts (kubectl apply of a folder), and one of them may concern every report there is. So changes
are gathered for a moment, the reports concerned are read in pages, and only those are looked at whose advice was made
by other rules, a few at a time.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.controller.known.reports import key_of_report
from oomreport.controller.work.backoff import Backoff
from oomreport.controller.work.queue import WorkQueue
from oomreport.errors import ApiError
from oomreport.names import API_VERSION, OOM_REPORTS

log = logging.getLogger(__name__)
# What comes within this time is one change.
_SETTLE_SECONDS = 0.3
# Reports of new kills go first: more reports are handed on only while so few wait.
_MOST_WAITING = 32
_PACE_SECONDS = 0.05


class RuleChanges:
    """The namespaces in which rules have changed. For one event loop."""

    def __init__(self) -> None:
        self._namespaces: set[str] = set()
        self._everywhere = False
        self._wake = asyncio.Event()

    def note(self, namespace: str | None) -> None:
        """Take note of a change in a namespace; None stands for all."""
        if namespace is None:
            self._everywhere = True
        else:
            self._namespaces.add(namespace)
        self._wake.set()

    async def namespaces(self) -> list[str | None]:
        """Return the namespaces whose reports a change concerns, once there is one; None stands for all."""
        await self._wake.wait()
        await asyncio.sleep(_SETTLE_SECONDS)
        self._wake.clear()
        found, self._namespaces = self._namespaces, set()
        everywhere, self._everywhere = self._everywhere, False
        return [None] if everywhere else [*sorted(found)]


class ReportRequeuer:
    """Has the reports looked at that a change concerns: those for which `is_outdated` holds."""

    def __init__(
        self, changes: RuleChanges, is_outdated: Callable[[Mapping[str, Any]], bool], api: ApiServer, queue: WorkQueue
    ) -> None:
        self._changes, self._is_outdated, self._api, self._queue = changes, is_outdated, api, queue

    async def run(self) -> None:
        """Wait for changes until cancelled."""
        while True:
            namespaces = await self._changes.namespaces()
            for pause in Backoff():
                try:
                    await self._round(namespaces)
                except ApiError as error:
                    log.warning("reports of changed rules cannot be read, will retry", extra={"error": str(error)})
                    await asyncio.sleep(pause)
                else:
                    break

    async def _round(self, namespaces: list[str | None]) -> None:
        concerned = 0
        for namespace in namespaces:
            async for page in self._api.pages(path(API_VERSION, OOM_REPORTS, namespace=namespace)):
                for report in page:
                    if self._is_outdated(report):
                        concerned += 1
                        await self._room()
                        self._queue.add(key_of_report(report))
        where = "all" if None in namespaces else namespaces
        level = logging.INFO if concerned else logging.DEBUG
        log.log(level, "reports re-queued after a rule change", extra={"namespaces": where, "reports": concerned})

    async def _room(self) -> None:
        while len(self._queue) >= _MOST_WAITING:
            await asyncio.sleep(_PACE_SECONDS)
