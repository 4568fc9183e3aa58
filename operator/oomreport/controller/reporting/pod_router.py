"""Reports and nodes that a pod's new status concerns."""

from collections.abc import Callable
from datetime import datetime, timedelta

from oomreport.controller.known.owners import Owners
from oomreport.controller.known.pods import PodCache
from oomreport.controller.known.policies import Policies
from oomreport.controller.reporting.anonymous import AnonymousMatcher
from oomreport.controller.reporting.rollout_pods import RolloutPods
from oomreport.controller.work.keys import NodeKey, report_key
from oomreport.controller.work.queue import WorkQueue
from oomreport.workload.pod import ContainerFacts, PodFacts


class PodRouter:
    """Has the reports looked at that a pod's status can tell something new."""

    def __init__(
        self,
        *,
        queue: WorkQueue,
        pods: PodCache,
        owners: Owners,
        policies: Policies,
        rollout_pods: RolloutPods,
        anonymous: AnonymousMatcher,
        report_age: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._queue, self._pods, self._owners, self._policies = queue, pods, owners, policies
        self._rollout_pods, self._anonymous, self._report_age, self._now = rollout_pods, anonymous, report_age, now

    async def route(self, uid: str) -> None:
        """Add the keys of what a pod concerns. Raises ApiError."""
        pod = self._pods.get(uid)
        if pod is None:
            return
        concerned = [
            container
            for container in pod.containers
            if self._ended_lately_by_oom(pod, container) or self._pods.watches(pod, container.name)
        ]
        # Only where it is of use, since the owner may have to be asked for.
        if concerned or self._pods.perhaps_follows(pod):
            workload = await self._owners.workload_of(pod)
            for container in concerned:
                self._queue.add(report_key(pod.namespace, workload, container.name))
            self._rollout_pods.look_at(pod.namespace, (workload.identity,))
        perhaps = any(end.perhaps_oom_killed for container in pod.containers for end in container.terminations)
        if perhaps and pod.node and self._anonymous.waiting_on(pod.node):
            self._queue.add(NodeKey(name=pod.node))

    def _ended_lately_by_oom(self, pod: PodFacts, container: ContainerFacts) -> bool:
        now = self._now()
        age = self._policies.report_age(pod.namespace, self._report_age)
        return any(end.oom_killed and now - (end.finished or now) <= age for end in container.terminations)
