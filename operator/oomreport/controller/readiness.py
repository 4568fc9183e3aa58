"""The controller's readiness, and the problems that keep it from work.

Everything that must not end has a heartbeat here. A process that is blind says so at /readyz, tries again, and ends
where it cannot: what its memory holds is worth less than a watch that works.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from oomreport.adapters.cluster.api_server import ApiServer
from oomreport.controller.known.access_review import is_granted
from oomreport.controller.known.list_watch import ListWatch
from oomreport.controller.known.watch_state import NOT_BEGUN, WatchState
from oomreport.controller.work.queue import WorkQueue
from oomreport.errors import ApiError
from oomreport.names import API_VERSION, GROUP, OOM_RECORDS, OOM_REPORTS

log = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0
# The API server is asked for a sign of life so often; what it serves and grants is asked for less often.
_PROBE_SECONDS, _RIGHTS_SECONDS = 5.0, 15.0
# Three probes without an answer.
_SILENT_SECONDS = 15.0
# One request is given up after 15 seconds, and a report takes a few: a worker that is busy for longer hangs.
_BUSY_SECONDS = 120.0
# A kill is counted within a second or two; whoever waits for one is told when it takes longer.
_LATE_SECONDS = 10.0
_NEEDED = (("watch", "", "pods", ""), ("watch", GROUP, OOM_RECORDS, ""), ("patch", GROUP, OOM_REPORTS, "status"))
_REQUIRED_LIST_WATCHES = ("reports",)


class Readiness:
    """Looks at the heartbeats. `is_listed` tells whether what existed at the start has been seen."""

    def __init__(
        self,
        *,
        api: ApiServer,
        queue: WorkQueue,
        watches: WatchState,
        list_watches: Mapping[str, ListWatch],
        is_listed: Callable[[], bool],
    ) -> None:
        self._api, self._queue, self._watches = api, queue, watches
        self._list_watches, self._is_listed = list_watches, is_listed
        self._refused: dict[str, str] = {}
        self._tasks: dict[str, Callable[[], bool]] = {}

    def expect(self, name: str, is_running: Callable[[], bool]) -> None:
        """Expect that a task runs."""
        self._tasks[name] = is_running

    def problems(self) -> dict[str, str]:
        """Return what keeps the controller from its work."""
        found = {**self._watches.problems(), **self._refused}
        if self._api.silent_seconds > _SILENT_SECONDS:
            found["API server"] = f"it has not answered for {self._api.silent_seconds:.0f} s"
        for name in _REQUIRED_LIST_WATCHES:
            if problem := self._list_watches[name].problem:
                found[f"watch of {name}"] = problem
        found.update({f"task {name}": "it has ended" for name, runs in self._tasks.items() if not runs()})
        if (busy := self._queue.longest_seconds) > _BUSY_SECONDS:
            found["workers"] = f"one has been busy for {busy:.0f} s"
        return found

    def limits(self) -> dict[str, str]:
        """Return what the controller does without, and whether it is late: no kill is lost by either."""
        found = {
            f"watch of {name}": one.problem
            for name, one in self._list_watches.items()
            if one.problem and name not in _REQUIRED_LIST_WATCHES
        }
        if (late := self._queue.late_seconds) > _LATE_SECONDS:
            keys = self._queue.lines["count"]
            found["queue"] = f"kills are counted {late:.0f} s late, {keys} keys wait; none is lost"
        return found

    def state(self) -> tuple[bool, dict[str, Any]]:
        """Return whether the controller is ready, and the figures to show."""
        problems, limits, listed = self.problems(), self.limits(), self._is_listed()
        figures: dict[str, Any] = {"listed": listed, "queue": len(self._queue)}
        figures.update({name: value for name, value in (("problems", problems), ("limits", limits)) if value})
        return listed and not problems, figures

    async def run(self) -> None:
        """Look at the API server and at what it grants, until cancelled; log what begins and ends to be wrong."""
        clock = asyncio.get_running_loop().time
        probe_at = rights_at = clock()
        began, told = clock(), set[str]()
        while True:
            if clock() >= probe_at:
                probe_at = clock() + _PROBE_SECONDS
                await self._probe(with_rights=clock() >= rights_at)
                rights_at = clock() + _RIGHTS_SECONDS if clock() >= rights_at else rights_at
            problems = self.problems()
            starting = clock() - began < _SILENT_SECONDS
            found = {name for name, words in problems.items() if not (starting and words == NOT_BEGUN)}
            for name in found - told:
                log.warning("controller cannot do its work", extra={"part": name, "problem": problems[name]})
            for name in told - problems.keys():
                log.info("controller can do its work again", extra={"part": name})
            told = found
            await asyncio.sleep(_LOOK_SECONDS)

    async def _probe(self, *, with_rights: bool) -> None:
        try:
            served = await self._api.get(f"/apis/{API_VERSION}")
            names = {one["name"] for one in served.get("resources", ())}
            found = {
                f"CRD {plural}.{GROUP}": "the API server does not serve it: is it installed?"
                for plural in (OOM_RECORDS, OOM_REPORTS)
                if plural not in names
            }
            if with_rights:
                found.update(await self._missing_rights())
            else:
                found.update({name: why for name, why in self._refused.items() if name.startswith("right")})
            self._refused = found
        except ApiError as error:
            # Without an answer the silence tells; a refusal tells at once.
            if error.is_not_found:
                self._refused = {f"CRDs of {GROUP}": "the API server does not serve them: are they installed?"}
            elif error.is_refusal:
                self._refused = {"credentials": str(error)}

    async def _missing_rights(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for verb, group, plural, sub in _NEEDED:
            if not await is_granted(self._api, verb, group, plural, sub=sub, namespace=""):
                what = f"{plural}/{sub}" if sub else plural
                found[f"right to {verb} {what}"] = "it is not granted: is the ClusterRoleBinding there?"
        return found
