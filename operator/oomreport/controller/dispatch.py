"""What is done for each kind of key."""

from collections.abc import Hashable

from oomreport.controller.context import Context
from oomreport.controller.delivery.hook_status import HookNotes
from oomreport.controller.reporting.announcer import Teller
from oomreport.controller.reporting.anonymous import Anonymous
from oomreport.controller.reporting.reporter import Reporter
from oomreport.controller.reporting.rollout_pods import Following
from oomreport.controller.reporting.router import Router
from oomreport.controller.work.keys import (
    EventKey,
    HookKey,
    MarkKey,
    NodeKey,
    PodKey,
    PodNoteKey,
    RecordKey,
    ReportKey,
    SurveyKey,
    report_key,
)
from oomreport.workload.pod import ContainerFacts, PodFacts


class Dispatch:
    """Hands keys to whom they concern."""

    def __init__(self, context: Context, hook_notes: HookNotes) -> None:
        self._context, self._hook_notes = context, hook_notes
        self._teller = Teller(context)
        self._router = Router(context, self._teller)
        self._anonymous = Anonymous(context, self._router)
        self._following = Following(context)
        self._reporter = Reporter(context, self._teller, self._router, self._following)

    async def handle(self, key: Hashable) -> None:
        """Do what a key asks for. Raises ApiError; then it is to be tried again."""
        match key:
            case RecordKey(name=name):
                await self._router.route(name)
            case PodKey(uid=uid):
                await self._look_at_pod(uid)
            case NodeKey(name=node):
                await self._anonymous.settle(node)
            case ReportKey():
                await self._reporter.look_at(key)
            case SurveyKey(namespace=namespace):
                await self._following.survey(namespace)
            case MarkKey():
                await self._teller.write_mark(key)
            case PodNoteKey():
                await self._teller.write_note(key)
            case EventKey():
                await self._teller.send_event(key)
            case HookKey():
                await self._hook_notes.write(key)
            case _:
                raise TypeError(f"no one knows what to do with {key!r}")

    async def _look_at_pod(self, uid: str) -> None:
        """Have the reports looked at that a pod's status can tell something new about."""
        context = self._context
        pod = context.pods.get(uid)
        if pod is None:
            return
        concerned = [
            container
            for container in pod.containers
            if self._ended_lately_by_oom(pod, container) or context.pods.watches(pod, container.name)
        ]
        # Only where it is of use, since the owner may have to be asked for.
        if concerned or context.pods.perhaps_follows(pod):
            workload = await context.owners.workload_of(pod)
            for container in concerned:
                context.queue.add(report_key(pod.namespace, workload, container.name))
            self._following.look_at(pod.namespace, (workload.identity,))
        perhaps = any(end.perhaps_oom_killed for container in pod.containers for end in container.terminations)
        if perhaps and pod.node and self._anonymous.waiting_on(pod.node):
            context.queue.add(NodeKey(name=pod.node))

    def _ended_lately_by_oom(self, pod: PodFacts, container: ContainerFacts) -> bool:
        now = self._context.now()
        age = self._context.policies.report_age(pod.namespace, self._context.settings.report_age)
        return any(end.oom_killed and now - (end.finished or now) <= age for end in container.terminations)
