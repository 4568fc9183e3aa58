"""List and watch of one kind of object.

Kopf ends all its watches when one is refused, and every report would wait for a right that only the advice needs. What
the controller can do without is followed here instead: refused or out of reach, it is tried again, and nothing else
stops.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from oomreport.adapters.cluster.api_server import ApiServer
from oomreport.adapters.cluster.objects import resource_version
from oomreport.controller.known.watch_state import NOT_BEGUN
from oomreport.controller.work.backoff import Backoff
from oomreport.errors import ApiError

log = logging.getLogger(__name__)
# CRDs and rights that come back are noticed after this; one request in five seconds costs an API server nothing.
_PAUSE_REFUSED_SECONDS = 5.0

Take = Callable[[str | None, Mapping[str, Any]], None]
"""Takes what is told of an object: None for one of a listing, ADDED, MODIFIED or DELETED."""


class ListWatch:
    """Follows the objects at a path. `listed` is called after each listing, with the names that it held."""

    def __init__(
        self,
        api: ApiServer,
        where: str,
        take: Take,
        *,
        on_listed: Callable[[frozenset[tuple[str, str]]], None] = lambda _: None,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._api, self._where, self._take = api, where, take
        self._on_listed, self._on_lost = on_listed, on_lost
        self._version = ""
        self._refused = False
        self.problem: str | None = NOT_BEGUN

    async def run(self) -> None:
        """Follow until cancelled."""
        pauses = iter(Backoff())
        while True:
            try:
                if not self._version:
                    self._version = await self._list()
                    self._refused = False
                self.problem = None
                await self._watch()
            except ApiError as error:
                self._note(error)
                await asyncio.sleep(self._pause(error, next(pauses)))
            else:
                pauses = iter(Backoff())
                # An API server that ends watches at once is not asked in a tight loop.
                await asyncio.sleep(0.1)

    async def _list(self) -> str:
        names: set[tuple[str, str]] = set()
        version = ""
        async for page, version in self._api.listed(self._where):  # noqa: B007 - the last one counts
            for item in page:
                names.add(_name(item))
                self._take(None, item)
        self._on_listed(frozenset(names))
        return version

    async def _watch(self) -> None:
        async for event in self._api.watch(self._where, self._version):
            item = event["object"]
            if event["type"] != "BOOKMARK":
                self._take(event["type"], item)
            self._version = resource_version(item) or self._version

    def _note(self, error: ApiError) -> None:
        # A version that is too old is no problem: what is there is listed anew.
        if not error.is_gone:
            self.problem = str(error)

    def _pause(self, error: ApiError, pause: float) -> float:
        if error.is_gone:
            self._version = ""
            return pause
        if error.is_unreadable:
            # What is forbidden now may have changed when it is allowed again.
            self._version = ""
            self._on_lost()
            if not self._refused:
                log.warning("watch is refused", extra={"path": self._where, "error": str(error)})
            self._refused = True
            return _PAUSE_REFUSED_SECONDS
        log.info("watch has ended, will begin anew", extra={"path": self._where, "error": str(error)})
        return pause


def _name(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]
