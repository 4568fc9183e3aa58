"""The pods by which to see whether a recommendation is applied, healthy ones included.

Of other pods nothing is kept until they show a kill. A workload with a recommendation that its pods can tell of is
followed: from then on the watch hands its pods on, and a listing of the namespace brings those that had told nothing new.
A watch that lists anew never tells what was deleted before, so it is listed here after that as well.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from oomreport.adapters.cluster.api_server import path
from oomreport.controller.context import Context
from oomreport.controller.work.keys import ReportKey, SurveyKey, report_key
from oomreport.incident.report.notice import ANNOTATIONS
from oomreport.incident.report.rollout_conditions import is_followed
from oomreport.workload.pod import pod_facts

log = logging.getLogger(__name__)
# Reports come in bursts, and listings of a watch in pieces: one listing of a namespace is for all of them.
_SETTLE = timedelta(seconds=2)


class Following:
    """Follows workloads, and lists their pods."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def keep(self, key: ReportKey, status: Mapping[str, Any]) -> None:
        """Follow the workload of a report while its pods can tell something."""
        pods = self._context.pods
        if not is_followed(status):
            pods.unfollow(key.namespace, key.workload, key.container)
        elif pods.follow(key.namespace, key.workload, key.container):
            self.survey_soon(key.namespace)

    def survey_soon(self, namespace: str) -> None:
        """Have the pods of a namespace listed, once for all that ask for it within a while."""
        self._context.queue.add_later(SurveyKey(namespace=namespace), _SETTLE)

    async def survey(self, namespace: str) -> None:
        """Learn of all pods of the namespace's followed workloads, and of which are gone. Raises ApiError."""
        context, began = self._context, self._context.now()
        workloads = context.pods.followed_in(namespace)
        if not workloads:
            return
        shown: set[str] = set()
        # Who is new, or whose pods are not as they were known: of a thousand reports few.
        news = {one.identity for one in workloads if not context.pods.is_listed(namespace, one.identity)}
        async for page in context.api.pages(path("v1", "pods", namespace=namespace)):
            for item in page:
                if not context.pods.follows(item) or not item.get("spec", {}).get("nodeName"):
                    continue
                pod = pod_facts(item, annotations=ANNOTATIONS)
                is_news = context.pods.put(pod, now=context.now())
                workload = await context.owners.workload_of(pod)
                shown.add(pod.uid)
                if is_news:
                    news.add(workload.identity)
        for pod in context.pods.unheard_of_since(namespace, began):
            if pod.uid not in shown:
                news.add((await context.owners.workload_of(pod)).identity)
                context.pods.put(replace(pod, deleted=True), now=context.now())
        for workload in workloads:
            context.pods.set_listed(namespace, workload.identity)
        log.debug("pods were listed", extra={"namespace": namespace, "workloads": len(workloads), "pods": len(shown)})
        self.look_at(namespace, news)

    def look_at(self, namespace: str, identities: Iterable[tuple[str, str, str]]) -> None:
        """Have the reports of followed workloads looked at."""
        for identity in identities:
            for workload, container in self._context.pods.followed(namespace, identity):
                self._context.queue.add(report_key(namespace, workload, container))
