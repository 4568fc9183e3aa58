"""The resize target at the API server; what a kubelet would answer is written by the test, as the kubelet writes it."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integration.api_server import ADMIN, CONTROLLER, CONTROLLER_NAMESPACE, Object, eventually, holder_of, node, token
from integration.api_server import pod as restricted_pod
from integration.test_hook_rights import NAMESPACE, RESIZE, can_i, delete, hook, sample_objects
from oomreport.adapters.cluster.api_access import api_access
from oomreport.adapters.cluster.api_server import ApiServer
from oomreport.api.oom_hook import OOMHook
from oomreport.controller.delivery.hook_target import Due
from oomreport.controller.delivery.resize_target import ResizeHookTarget, ResizeTimeouts
from oomreport.controller.known.policies import Policies
from oomreport.hooks.answer import Answer, Outcome
from oomreport.workload.quantity import MI
from support.reports import INSTANCE, event, status

NODE = "resizes"


@pytest.fixture(scope="module")
def kubeconfig(product: list[Object], tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(holder_of(token(CONTROLLER, CONTROLLER_NAMESPACE), tmp_path_factory.mktemp("token")).kubeconfig)


@pytest.fixture(scope="module", autouse=True)
def granted(product: list[Object]) -> Iterator[None]:
    objects = sample_objects("resize")
    ADMIN.apply(node(NODE), *objects)
    ADMIN.merge("node", NODE, {"status": {"allocatable": {"memory": "1Gi", "pods": "9"}}}, "--subresource=status")
    eventually("the right is in force", lambda: can_i("patch", "pods/resize") == "yes")
    yield
    delete(objects)
    ADMIN.kubectl("delete", "node", NODE)


@pytest.fixture
def uid(namespace: str) -> str:
    """The UID of a pod web, whose container api runs with 64Mi."""
    one = restricted_pod("web", namespace, nodeName=NODE)
    one["spec"]["containers"][0]["resources"] = {"limits": {"memory": "64Mi"}, "requests": {"memory": "32Mi"}}
    ADMIN.create(one)
    kubelet_says("64Mi")
    return str(ADMIN.get("pod", "web", "-n", namespace)["metadata"]["uid"])


def kubelet_says(limit: str, *conditions: Object, running: bool = True) -> None:
    """Write the status that a kubelet writes."""
    state = (
        {"running": {"startedAt": "2026-11-21T07:00:00Z"}} if running else {"waiting": {"reason": "CrashLoopBackOff"}}
    )
    container = {
        "name": "api",
        "image": "none",
        "imageID": "",
        "ready": True,
        "restartCount": 0,
        "containerID": f"containerd://{INSTANCE}",
        "state": state,
        "resources": {"limits": {"memory": limit}, "requests": {"memory": "32Mi"}},
    }
    generation = ADMIN.get("pod", "web", "-n", NAMESPACE)["metadata"]["generation"]
    seen = [{"status": "True", "observedGeneration": generation, **one} for one in conditions]
    body = {"phase": "Running", "observedGeneration": generation, "conditions": seen, "containerStatuses": [container]}
    ADMIN.merge("pod", "web", {"status": body}, "-n", NAMESPACE, "--subresource=status")


def deliver(kubeconfig: str, uid: str, *, wait: float = 1, age: timedelta = timedelta(), **spec: Any) -> Answer:
    made = hook("resize", {"resize": {**RESIZE["resize"], **spec}})
    one = OOMHook.model_validate({**made, "metadata": {**made["metadata"], "uid": "5e0c"}})
    what = event(namespace=NAMESPACE, status_=status(kill={"pod": "web", "podUID": uid}))
    now = datetime.now(UTC)

    async def delivered() -> Answer:
        async with ApiServer(api_access({"KUBECONFIG": kubeconfig}), agent=CONTROLLER) as api:
            patience = ResizeTimeouts(look=0.1, wait=wait, total=timedelta(minutes=10))
            policies = Policies(CONTROLLER_NAMESPACE)
            await policies.load(api)
            target = ResizeHookTarget(
                api, policies, now=lambda: datetime.now(UTC), namespace=CONTROLLER_NAMESPACE, timeouts=patience
            )
            return await target.deliver(Due(hook=one, event=what, attempt=1, first_attempt=now - age))

    return asyncio.run(delivered())


def resources() -> Object:
    found: Object = ADMIN.get("pod", "web", "-n", NAMESPACE)["spec"]["containers"][0]["resources"]
    return found


def once_asked(then: Callable[[], None]) -> threading.Thread:
    """Do something once the pod's limit was changed, as a kubelet would."""

    def watch() -> None:
        eventually("a resize is asked for", lambda: resources()["limits"]["memory"] != "64Mi")
        then()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_what_the_kubelet_puts_in_force_is_delivered_with_the_change(kubeconfig: str, uid: str) -> None:
    kubelet = once_asked(lambda: kubelet_says("128Mi"))
    answer = deliver(kubeconfig, uid, wait=20)
    kubelet.join()

    assert answer.outcome is Outcome.DELIVERED, answer.message
    assert answer.change
    assert (answer.change.before, answer.change.after) == (64 * MI, 128 * MI)
    assert answer.change.what == "memory limit of container api in pod web"
    assert resources() == {"limits": {"memory": "128Mi"}, "requests": {"memory": "64Mi"}}


def test_a_kubelet_that_does_not_answer_is_waited_for_and_then_no_more(kubeconfig: str, uid: str) -> None:
    first = deliver(kubeconfig, uid)
    assert first.outcome is Outcome.RETRY
    assert "not raised the limit yet, Unseen" in first.message
    assert resources()["limits"] == {"memory": "128Mi"}

    kubelet_says("64Mi", {"type": "PodResizeInProgress", "reason": "Error", "message": "the runtime said no"})
    assert "InProgress: the runtime said no" in deliver(kubeconfig, uid).message
    late = deliver(kubeconfig, uid, age=timedelta(minutes=11))
    assert late.outcome is Outcome.SKIPPED
    assert "128Mi was asked for, rolled back to 64Mi: InProgress: the runtime said no" in late.message
    assert resources() == {"limits": {"memory": "64Mi"}, "requests": {"memory": "32Mi"}}


def test_an_infeasible_resize_is_rolled_back_also_where_the_first_attempt_was_cut_off(
    kubeconfig: str, uid: str
) -> None:
    deliver(kubeconfig, uid, wait=0)
    assert resources()["limits"] == {"memory": "128Mi"}
    kubelet_says("64Mi", {"type": "PodResizePending", "reason": "Infeasible", "message": "never"})

    answer = deliver(kubeconfig, uid)
    assert (answer.outcome, answer.message) == (
        Outcome.SKIPPED,
        "128Mi was asked for, rolled back to 64Mi: Infeasible: never",
    )
    assert resources() == {"limits": {"memory": "64Mi"}, "requests": {"memory": "32Mi"}}
    kubelet_says("64Mi")
    assert "cooldownSeconds is 3600" in deliver(kubeconfig, uid).message


def test_a_container_that_is_being_started_is_waited_for(kubeconfig: str, uid: str) -> None:
    kubelet_says("64Mi", running=False)
    answer = deliver(kubeconfig, uid)
    assert answer.outcome is Outcome.RETRY
    assert "does not run: CrashLoopBackOff" in answer.message
    assert deliver(kubeconfig, uid, age=timedelta(minutes=11)).outcome is Outcome.SKIPPED

    def start() -> None:
        kubelet_says("64Mi")

    later = threading.Timer(1, start)
    later.start()
    kubelet = once_asked(lambda: kubelet_says("128Mi"))
    assert deliver(kubeconfig, uid, wait=20).outcome is Outcome.DELIVERED
    kubelet.join()


def test_a_node_that_has_promised_its_memory_to_others_has_no_room(kubeconfig: str, uid: str) -> None:
    crowd = restricted_pod("crowd", NAMESPACE, nodeName=NODE)
    crowd["spec"]["containers"][0]["resources"] = {"requests": {"memory": "900Mi"}}
    ADMIN.create(crowd)

    answer = deliver(kubeconfig, uid)
    assert answer.outcome is Outcome.SKIPPED
    assert answer.message == (
        "node resizes has no room for 128Mi: 124Mi of its allocatable 1Gi are not promised to others"
    )
    assert resources()["limits"] == {"memory": "64Mi"}


@pytest.mark.parametrize("where", ["hook", "policy"])
def test_no_more_than_the_maximum_is_asked_for(kubeconfig: str, uid: str, where: str) -> None:
    policy = {
        "apiVersion": "oomreport.dev/v1alpha1",
        "kind": "OOMPolicy",
        "metadata": {"name": "small", "namespace": NAMESPACE},
        "spec": {"recommendation": {"maxMemory": "96Mi"}},
    }
    if where == "policy":
        ADMIN.apply(policy)
    kubelet = once_asked(lambda: kubelet_says("96Mi"))
    answer = deliver(kubeconfig, uid, wait=20, maxMemory="96Mi" if where == "hook" else "1Gi")
    kubelet.join()
    delete([policy])

    assert answer.outcome is Outcome.DELIVERED
    assert "less than the 128Mi recommended: the maximum" in answer.message
    assert resources() == {"limits": {"memory": "96Mi"}, "requests": {"memory": "64Mi"}}


def test_a_pod_that_is_gone_is_said_so(kubeconfig: str, uid: str) -> None:
    ADMIN.kubectl("delete", "pod", "web", "-n", NAMESPACE, "--grace-period=0", "--force")

    assert deliver(kubeconfig, uid).message == "pod web is gone"
