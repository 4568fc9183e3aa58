"""The pods that show whether a recommendation is applied.

Of other pods nothing is kept until they show a kill. A workload with a recommendation that its pods can tell of is
followed: from then on the watch hands its pods on, and a listing of the namespace brings those that had told nothing
new. A watch that lists anew never tells what was deleted before, so it is listed here after that as well.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.adapters.cluster.watch_filter import EventFilter
from oomreport.controller.known.owners import Owners
from oomreport.controller.known.pods import PodCache
from oomreport.controller.work.keys import ReportKey, SurveyKey, report_key
from oomreport.controller.work.queue import WorkQueue
from oomreport.incident.report.notice import ANNOTATIONS
from oomreport.incident.report.rollout_conditions import is_followed
from oomreport.workload.pod import node_name, pod_facts

log = logging.getLogger(__name__)
# Reports come in bursts, and listings of a watch in pieces: one listing of a namespace is for all of them. It is some
# 11 MB for a thousand pods, so it waits for the end of a burst, but not for ever.
_SETTLE, _LONGEST_WAIT = 2.0, 30.0
# Listings of a namespace take a twentieth of the time at most: the next waits so many times as long as the last took.
_REST = 20.0
# A kill settles fifteen seconds after it at the latest (`Patience.grace`): what a listing shows is part of that look.
_LOOK_WITHIN = timedelta(seconds=5)


class RolloutPods:
    """Follows workloads, and lists their pods."""

    def __init__(
        self, *, api: ApiServer, queue: WorkQueue, pods: PodCache, owners: Owners, now: Callable[[], datetime]
    ) -> None:
        self._api, self._queue, self._pods, self._owners, self._now = api, queue, pods, owners, now
        # By namespace: when a listing was first and last asked for, on the monotonic clock.
        self._asked: dict[str, tuple[float, float]] = {}
        # By namespace: until when a listing is not repeated, on the same clock.
        self._rests: dict[str, float] = {}

    def keep(self, key: ReportKey, status: Mapping[str, Any]) -> None:
        """Follow the workload of a report while its pods can tell something."""
        if not is_followed(status):
            self._pods.unfollow(key.namespace, key.workload, key.container)
        elif self._pods.follow(key.namespace, key.workload, key.container):
            self.survey_soon(key.namespace)

    def report_deleted(self, key: ReportKey) -> None:
        """Follow the workload no more; the next report of it tells no end again that this one had told."""
        self.keep(key, {})
        self._pods.set_told(key.namespace, key.workload.identity, key.container, now=self._now())

    def survey_soon(self, namespace: str) -> None:
        """Have the pods of a namespace listed, once for all that ask for it within a while."""
        now = time.monotonic()
        self._asked[namespace] = self._asked.get(namespace, (now, now))[0], now
        self._queue.add_later(SurveyKey(namespace=namespace), _SETTLE)

    async def survey_when_settled(self, namespace: str) -> None:
        """List a namespace's pods, unless more has been asked for just now: then a little later. Raises ApiError."""
        if namespace in self._asked:
            first, last = self._asked[namespace]
            pause = max(min(last + _SETTLE, first + _LONGEST_WAIT), self._rests.get(namespace, 0.0)) - time.monotonic()
            if pause > 0:
                self._queue.add_later(SurveyKey(namespace=namespace), pause)
                return
            del self._asked[namespace]
        await self.survey(namespace)

    async def survey(self, namespace: str) -> None:
        """Learn of all pods of the namespace's followed workloads, and of which are gone. Raises ApiError."""
        began, started = self._now(), time.monotonic()
        workloads = self._pods.followed_in(namespace)
        if not workloads:
            self._rests.pop(namespace, None)
            return
        shown: set[str] = set()
        # Who is new, or whose pods are not as they were known: of a thousand reports few.
        news = {one.identity for one in workloads if not self._pods.is_listed(namespace, one.identity)}
        followed = EventFilter.of_pods(self._pods.follows).shallow_page
        async for page in self._api.pages(path("v1", "pods", namespace=namespace), followed):
            for item in page:
                if node_name(item) is None:
                    continue
                pod = pod_facts(item, annotations=ANNOTATIONS)
                is_news = self._pods.put(pod, now=self._now())
                workload = await self._owners.workload_of(pod)
                shown.add(pod.uid)
                if is_news:
                    news.add(workload.identity)
        for pod in self._pods.unheard_of_since(namespace, began):
            if pod.uid not in shown:
                news.add((await self._owners.workload_of(pod)).identity)
                self._pods.put(replace(pod, deleted=True), now=self._now())
        for workload in workloads:
            self._pods.set_listed(namespace, workload.identity)
        self._rests[namespace] = time.monotonic() + _REST * (time.monotonic() - started)
        log.debug("pods were listed", extra={"namespace": namespace, "workloads": len(workloads), "pods": len(shown)})
        for key in self._reports_of(namespace, news):
            self._queue.add_later(key, _LOOK_WITHIN)

    def look_at(self, namespace: str, identities: Iterable[tuple[str, str, str]]) -> None:
        """Have the reports of followed workloads looked at."""
        for key in self._reports_of(namespace, identities):
            self._queue.add(key)

    def _reports_of(self, namespace: str, identities: Iterable[tuple[str, str, str]]) -> Iterator[ReportKey]:
        for identity in identities:
            for workload, container in self._pods.followed(namespace, identity):
                yield report_key(namespace, workload, container)
