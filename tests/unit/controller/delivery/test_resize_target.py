"""A limit is raised in place where it is safe, and taken back where the kubelet cannot do it."""

from datetime import timedelta
from typing import Any

from oomreport.api.oom_hook import OOMHook
from oomreport.controller.delivery.hook_target import Due
from oomreport.controller.delivery.resize_target import ResizeHookTarget, ResizeTimeouts
from oomreport.controller.known.policies import Policies
from oomreport.hooks.answer import Answer, Outcome
from support.api_server import MemoryApi
from support.controller import NAMESPACE, run
from support.reports import NOW, POD, event, pod
from unit.controller.known.test_hooks import hook

NODE = {"metadata": {"name": "worker-3"}, "status": {"allocatable": {"memory": "8Gi"}}}


class Kubelet(MemoryApi):
    """An API server whose kubelet makes each resize at once, or says that it cannot."""

    def __init__(self, *, feasible: bool = True, node: dict[str, Any] = NODE, limit: str = "64Mi") -> None:
        super().__init__()
        self.put("v1", "nodes", node)
        self.put("v1", "pods", pod(limit=limit))
        self.feasible = feasible

    async def strategic(self, where: str, body: Any, *, dry_run: bool = False) -> dict[str, Any]:
        done = await super().strategic(where, body, dry_run=dry_run)
        if dry_run:
            return done
        (container,) = done["spec"]["containers"]
        stored = self._objects["v1/pods", "shop", POD]
        if self.feasible:
            stored["status"]["containerStatuses"][0]["resources"] = container["resources"]
        else:
            infeasible = {"type": "PodResizePending", "status": "True", "reason": "Infeasible", "message": "too much"}
            stored["status"]["conditions"] = [infeasible]
        return done

    @property
    def limit(self) -> str:
        found = self.at("v1", "pods", POD, "shop")
        assert found
        return str(found["spec"]["containers"][0]["resources"]["limits"]["memory"])


def target(api: MemoryApi) -> ResizeHookTarget:
    timeouts = ResizeTimeouts(look=0.0, wait=0.0, total=timedelta(minutes=10))
    return ResizeHookTarget(api, Policies(NAMESPACE), now=lambda: NOW, namespace=NAMESPACE, timeouts=timeouts)


def resize_hook(**resize: Any) -> OOMHook:
    return OOMHook.model_validate(hook(webhook=None, resize={"maxMemory": "1Gi", **resize}))


def delivered(api: MemoryApi, **resize: Any) -> Answer:
    due = Due(hook=resize_hook(**resize), event=event(), attempt=1, first_attempt=NOW)
    answer = run(target(api).deliver(due))
    assert isinstance(answer, Answer)
    return answer


def test_a_limit_is_raised_and_the_change_is_told():
    api = Kubelet()
    answer = delivered(api)
    assert answer.outcome is Outcome.DELIVERED, answer.message
    assert api.limit == "128Mi"
    assert answer.change is not None


def test_what_the_kubelet_cannot_do_is_taken_back():
    api = Kubelet(feasible=False)
    answer = delivered(api)
    assert answer.outcome is Outcome.SKIPPED
    assert "rolled back" in answer.message
    assert api.limit == "64Mi"


def test_a_node_without_room_is_not_asked():
    api = Kubelet(node={"metadata": {"name": "worker-3"}, "status": {"allocatable": {"memory": "100Mi"}}})
    answer = delivered(api)
    assert answer.outcome is Outcome.SKIPPED
    assert "no room" in answer.message
    assert api.limit == "64Mi"


def test_a_pod_that_is_gone_is_no_mistake():
    assert delivered(MemoryApi()).outcome in (Outcome.SKIPPED, Outcome.RETRY)


def test_a_right_that_is_missing_is_retried_and_known_beforehand():
    api = Kubelet()
    api.refuse(403, "PATCH", "/resize", words='cannot patch resource "pods/resize"')
    answer = delivered(api)
    assert answer.outcome is Outcome.RETRY
    assert "grant it" in answer.message
    api.denied.add("patch pods")
    assert run(target(api).problem(resize_hook()))[0] == "NotGranted"
