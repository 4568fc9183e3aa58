"""The handler of each kind of key in the work queue."""

from collections.abc import Hashable

from oomreport.controller.delivery.hook_status import HookStatusWriter
from oomreport.controller.reporting.announcer import Announcer
from oomreport.controller.reporting.anonymous import AnonymousMatcher
from oomreport.controller.reporting.pod_router import PodRouter
from oomreport.controller.reporting.reconciler import ReportReconciler
from oomreport.controller.reporting.rollout_pods import RolloutPods
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
)


class Dispatch:
    """Hands each key to its handler."""

    def __init__(
        self,
        *,
        router: Router,
        pod_router: PodRouter,
        anonymous: AnonymousMatcher,
        reconciler: ReportReconciler,
        rollout_pods: RolloutPods,
        announcer: Announcer,
        hook_status: HookStatusWriter,
    ) -> None:
        self._router, self._pod_router, self._anonymous = router, pod_router, anonymous
        self._reconciler, self._rollout_pods = reconciler, rollout_pods
        self._announcer, self._hook_status = announcer, hook_status

    async def handle(self, key: Hashable) -> None:
        """Do what a key asks for. Raises ApiError; then the queue tries again."""
        match key:
            case RecordKey(name=name):
                await self._router.route(name)
            case PodKey(uid=uid):
                await self._pod_router.route(uid)
            case NodeKey(name=node):
                await self._anonymous.settle(node)
            case ReportKey():
                await self._reconciler.look_at(key)
            case SurveyKey(namespace=namespace):
                await self._rollout_pods.survey_when_settled(namespace)
            case MarkKey():
                await self._announcer.write_mark(key)
            case PodNoteKey():
                await self._announcer.write_note(key)
            case EventKey():
                await self._announcer.send_event(key)
            case HookKey():
                await self._hook_status.write(key)
            case _:
                raise TypeError(f"no one knows what to do with {key!r}")
