"""The limit of a running container is raised in place after a real kill, and what is not safe is left alone.

A kill of a child leaves the container running where the kernel kills processes one by one; where it kills the group,
the container is started again first. Either way the load that was killed fits after the resize.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cluster.lab.state import State
from e2e import nodes
from e2e.hooks import CONTROLLER, due, grant, with_api
from e2e.kube import CONTROLLER_NAMESPACE, Object, apply, eventually, item, items, kubectl
from e2e.nodes import Node
from e2e.reports import assert_victim, child_verdict, report_of, settled_report
from e2e.witness import kills_of_pod, running_id, statuses
from e2e.workloads import MIB, container, deployment, pod, pod_spec, twice
from integration.api_server import MANIFESTS, holder_of, token
from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.controller.delivery.resize_target import ResizeHookTarget, ResizeTimeouts
from oomreport.controller.known.policies import Policies
from oomreport.hooks.answer import Answer, Outcome
from oomreport.workload.quantity import parse_quantity

ROLE = "oomreport-hook-resize"


@pytest.fixture(scope="module")
def kubeconfig(node: Node, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Who the controller is: its service account and nothing more."""
    caller = holder_of(token(CONTROLLER, CONTROLLER_NAMESPACE), tmp_path_factory.mktemp("token"))
    return str(caller.kubeconfig)


@pytest.fixture
def granted(namespace: str) -> None:
    """What the sample grants the controller in one namespace."""
    grant(namespace, ROLE, "patch", "pods", "--subresource=resize")


@pytest.fixture
def memory_manager(node: Node) -> Iterator[None]:
    """A kubelet with a static memory manager: it finds every resize of a Guaranteed pod's memory infeasible."""
    known = nodes.cluster_state()
    if node.kind != "native" or known is None:
        pytest.skip("the kubelet of this node is not ours to configure")
    before = configure_kubelet(known, memoryManagerPolicy="Static", reservedMemory=[RESERVED])
    yield
    configure_kubelet(known, **before)


# As much as the kubelet keeps from pods, which is evictionHard here: it insists.
RESERVED = {"numaNode": 0, "limits": {"memory": "100Mi"}}


def configure_kubelet(known: State, **changes: Any) -> Object:
    """Have the kubelet run with other settings, None for its defaults; return the values before."""
    file = known.folder / "kubelet.json"
    settings: Object = json.loads(file.read_text())
    before = {key: settings.get(key) for key in changes}
    nodes.cluster("stop", "kubelet")
    (known.folder / "kubelet" / "memory_manager_state").unlink(missing_ok=True)
    merged = {key: value for key, value in (settings | changes).items() if value is not None}
    file.write_text(json.dumps(merged, indent=1))
    nodes.cluster("start")
    return before


def deliver(kubeconfig: str, report: Object, *, attempt: int = 1, age: timedelta = timedelta(), **spec: Any) -> Answer:
    """Have the target act on the last kill of a report, as the controller would."""
    metadata = {"name": "resize", "namespace": report["metadata"]["namespace"], "uid": "5e0c"}
    hook = {"metadata": metadata, "spec": {"events": ["OOMKilled"], "resize": spec}}

    async def delivered(api: ApiServer) -> Answer:
        policies = Policies(CONTROLLER_NAMESPACE)
        await policies.load(api)
        patience = ResizeTimeouts(look=0.2, wait=30, total=timedelta(minutes=10))
        target = ResizeHookTarget(
            api, policies, now=lambda: datetime.now(UTC), namespace=CONTROLLER_NAMESPACE, timeouts=patience
        )
        return await target.deliver(due(hook, report, attempt=attempt, age=age))

    return with_api(kubeconfig, delivered)


def delivered_once_it_runs(kubeconfig: str, report: Object, **spec: Any) -> Answer:
    """A container that is being started again is waited for, as the deliverer does."""

    def look() -> Answer | None:
        answer = deliver(kubeconfig, report, **spec)
        return None if answer.outcome is Outcome.RETRY and "does not run" in answer.message else answer

    return eventually("the container runs", look)


def limits_on(node: Node, container_id: str) -> tuple[int, int]:
    """Return what the kernel holds: the memory limits of a running container's cgroup and of its pod's, in bytes."""
    numbers = _with_limits(node, container_id, "cat $d/$f && cat $d/../$f").split()
    return int(numbers[0]), int(numbers[1])


def lower_pods_limit(node: Node, container_id: str, size: int) -> None:
    """Give the pod of a running container another limit, past the kubelet."""
    _with_limits(node, container_id, f"echo {size} > $d/../$f")


def _with_limits(node: Node, container_id: str, command: str) -> str:
    """Run a command where a container's limit is: file $f in folder $d."""
    found = f"find /sys/fs/cgroup -type d -name '*{container_id}*' -path '*pod*' -not -path '*{container_id}*/*'"
    one = f"for f in memory.max memory.limit_in_bytes; do [ -e $d/$f ] && {command}; done"
    return node.sh(f"for d in $({found}); do {one}; done; true")


def only_pod(namespace: str, app: str) -> Object:
    return eventually(f"a pod of {app}", lambda: items("pods", namespace, f"app={app}"))[0]


def killed_deployment(namespace: str, name: str = "web", **more: Any) -> tuple[Object, Object]:
    """A Deployment whose container's child was killed once: its report, and its pod, running."""
    apply(deployment(name, namespace, pod_spec(container(*twice(), **more))))
    # Confirmed by the end of the instance that was killed: the one that runs after it is another.
    settled_report(namespace, "Deployment", name, verdict=child_verdict(), seconds=90)
    eventually("running", lambda: running_id(only_pod(namespace, name), "api"))

    def advised() -> Object | None:
        report = report_of(namespace, "Deployment", name)
        return report if report and report["status"]["recommendation"]["action"] == "RaiseLimit" else None

    return eventually("the recommendation", advised), only_pod(namespace, name)


def allocatable_on(node: Node) -> int:
    """Return how much of a node's memory pods may ask for, in bytes."""
    (this,) = [one for one in items("nodes") if one["metadata"]["name"] == node.name]
    found = parse_quantity(this["status"]["allocatable"]["memory"])
    assert found
    return found


def room_on(node: Node) -> int:
    """Return what the requests of a node's pods leave of its memory, in bytes."""
    there = [one for one in items("pods") if one["spec"].get("nodeName") == node.name]
    requests = [
        each.get("resources", {}).get("requests", {}).get("memory", "0")
        for one in there
        if one["status"]["phase"] not in ("Succeeded", "Failed") and "deletionTimestamp" not in one["metadata"]
        for each in one["spec"]["containers"]
    ]
    return allocatable_on(node) - sum(parse_quantity(each) or 0 for each in requests)


def resources_of(namespace: str, name: str) -> Object:
    found = item("pod", name, namespace)
    assert found
    resources: Object = found["spec"]["containers"][0]["resources"]
    return resources


def test_a_running_container_gets_the_recommended_limit_without_a_restart_and_is_killed_no_more(
    namespace: str, node: Node, granted: None, kubeconfig: str
) -> None:
    report, found = killed_deployment(namespace)
    name, uid = found["metadata"]["name"], found["metadata"]["uid"]
    wanted = parse_quantity(report["status"]["recommendation"]["memoryLimit"])
    assert wanted is not None
    before = statuses(found)[0]
    instance = running_id(found, "api")
    assert instance
    assert limits_on(node, instance) == (64 * MIB, 64 * MIB)

    answer = delivered_once_it_runs(kubeconfig, report)
    assert answer.outcome is Outcome.DELIVERED, answer.message
    assert answer.change is not None
    assert (answer.change.before, answer.change.after) == (64 * MIB, wanted)
    # The pod's own cgroup has the sum of its containers: it must follow.
    assert limits_on(node, instance) == (wanted, wanted)
    kills = len(kills_of_pod(uid))
    print(f"memory limit in the cgroup: {64 * MIB} -> {limits_on(node, instance)[0]} bytes")

    # A delivery that was cut off after its work is made again.
    again = deliver(kubeconfig, report, attempt=2)
    assert again.outcome is Outcome.DELIVERED
    assert again.change
    assert again.change.time == answer.change.time
    noted = {"time": answer.change.time.isoformat(), "what": answer.change.what}
    report["status"]["changes"] = [noted]
    assert deliver(kubeconfig, report, attempt=3).change is None

    # The same load comes once more: it is there, whole, in the same container.
    def second_child() -> str | None:
        out = kubectl("logs", name, "-n", namespace)
        lines = [line for line in out.splitlines() if "allocated" in line and "mib=80" in line]
        return lines[-1] if lines else None

    assert eventually("the load that was killed has its memory", second_child, seconds=90)
    after = item("pod", name, namespace)
    assert after
    assert running_id(after, "api") == instance
    assert statuses(after)[0]["restartCount"] == before["restartCount"]
    assert len(kills_of_pod(uid)) == kills
    assert limits_on(node, instance) == (wanted, wanted)
    assert after["status"]["qosClass"] == "Burstable"


def test_of_a_guaranteed_pod_limit_and_request_go_up_together(
    namespace: str, node: Node, granted: None, kubeconfig: str
) -> None:
    both = {"cpu": "50m", "memory": "64Mi"}
    report, found = killed_deployment(namespace, resources={"limits": both, "requests": both})
    name = found["metadata"]["name"]
    assert found["status"]["qosClass"] == "Guaranteed"

    answer = delivered_once_it_runs(kubeconfig, report)
    assert answer.outcome is Outcome.DELIVERED, answer.message
    resources = resources_of(namespace, name)
    assert resources["limits"] == resources["requests"]
    assert resources["limits"]["memory"] == report["status"]["recommendation"]["memoryLimit"]
    instance = running_id(only_pod(namespace, "web"), "api")
    assert instance
    assert limits_on(node, instance)[0] == parse_quantity(resources["limits"]["memory"])


def test_what_the_kubelet_finds_infeasible_is_rolled_back(
    namespace: str, node: Node, granted: None, kubeconfig: str, memory_manager: None
) -> None:
    both = {"cpu": "50m", "memory": "64Mi"}
    report, found = killed_deployment(namespace, resources={"limits": both, "requests": both})
    name, instance = found["metadata"]["name"], running_id(found, "api")
    assert instance

    answer = delivered_once_it_runs(kubeconfig, report)
    print(answer.message)
    assert answer.outcome is Outcome.SKIPPED
    assert "rolled back to 64Mi: Infeasible: " in answer.message
    assert "Memory Manager" in answer.message
    assert answer.change
    assert (answer.change.before, answer.change.after) == (64 * MIB, 64 * MIB)
    assert resources_of(namespace, name) == {"limits": both, "requests": both}
    assert limits_on(node, instance)[0] == 64 * MIB

    def settled() -> bool:
        pod_now = item("pod", name, namespace) or {}
        return all("Resize" not in condition["type"] for condition in pod_now["status"]["conditions"])

    assert eventually("no resize is pending", settled)
    # Tried again it waits for the cooldown: a kubelet that cannot is not asked at every kill.
    assert "cooldownSeconds is 3600" in deliver(kubeconfig, report, attempt=2).message


def test_a_resize_that_finds_no_room_waits_and_is_rolled_back_when_it_took_too_long(
    namespace: str, node: Node, granted: None, kubeconfig: str
) -> None:
    """As after a crash between the request and the answer, on a node that filled up meanwhile."""
    report, found = killed_deployment(namespace)
    name = found["metadata"]["name"]
    asked = {"memory": f"{allocatable_on(node) // MIB - 64}Mi"}

    async def crashed(api: ApiServer) -> Answer:
        change = {"spec": {"containers": [{"name": "api", "resources": {"limits": asked, "requests": asked}}]}}
        await api.strategic(path("v1", "pods", namespace=namespace, name=name, sub="resize"), change)
        return Answer(outcome=Outcome.RETRY)

    apply(pod("crowd", namespace, pod_spec(container("hold", "1", limit=None, request="256Mi"))))
    eventually("the crowd runs", lambda: running_id(item("pod", "crowd", namespace) or {}, "api"))
    with_api(kubeconfig, crashed)

    waits = eventually("the kubelet's answer", lambda: deliver(kubeconfig, report, attempt=2))
    assert waits.outcome is Outcome.RETRY, waits.message
    assert "the kubelet has not raised the limit yet, Deferred: Node didn't have enough resource" in waits.message
    assert resources_of(namespace, name)["limits"] == asked

    late = deliver(kubeconfig, report, attempt=9, age=timedelta(minutes=11))
    assert late.outcome is Outcome.SKIPPED
    assert "rolled back to 64Mi: Deferred: " in late.message
    assert resources_of(namespace, name) == {"limits": {"memory": "64Mi"}, "requests": {"memory": "32Mi"}}


def test_what_is_not_safe_is_left_alone_with_its_reason(
    namespace: str, node: Node, granted: None, kubeconfig: str
) -> None:
    restart = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
    flux = {"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    kept = pod("kept", namespace, pod_spec(container(*twice())))
    kept["metadata"]["labels"] = flux
    apply(deployment("restarts", namespace, pod_spec(container(*twice(), resizePolicy=restart))), kept)
    plain, found = killed_deployment(namespace, "plain")
    name = found["metadata"]["name"]
    reports = {
        "restarts": settled_report(namespace, "Deployment", "restarts", verdict=None, seconds=90),
        "kept": settled_report(namespace, "Pod", "kept", verdict=None, seconds=90),
    }
    reasons = {key: delivered_once_it_runs(kubeconfig, one).message for key, one in reports.items()}
    reasons["maximum"] = delivered_once_it_runs(kubeconfig, plain, maxMemory="64Mi").message

    limits = {"type": "Container", "max": {"memory": "80Mi"}}
    apply(of_namespace("LimitRange", "small", namespace, {"limits": [limits]}))
    reasons["limit range"] = delivered_once_it_runs(kubeconfig, plain).message
    kubectl("delete", "limitrange", "small", "-n", namespace)
    apply(of_namespace("ResourceQuota", "full", namespace, {"hard": {"limits.memory": "200Mi"}}))
    eventually("the quota is counted", lambda: (item("resourcequota", "full", namespace) or {})["status"].get("used"))
    reasons["quota"] = delivered_once_it_runs(kubeconfig, plain).message
    kubectl("delete", "resourcequota", "full", "-n", namespace)

    # The limit is to rise by more than what is left.
    room = f"{room_on(node) // MIB - 60}Mi"
    apply(pod("crowd", namespace, pod_spec(container("hold", "1", limit=None, request=room))))
    eventually("the crowd runs", lambda: running_id(item("pod", "crowd", namespace) or {}, "api"))
    reasons["node"] = delivered_once_it_runs(kubeconfig, plain).message

    for what, reason in reasons.items():
        print(f"{what}: {reason}")
    assert "its resizePolicy for memory is RestartContainer" in reasons["restarts"]
    assert "kept by Flux (Kustomization shop)" in reasons["kept"]
    assert "no higher one is allowed or wanted (maximum 64Mi)" in reasons["maximum"]
    assert "maximum memory usage per Container is 80Mi" in reasons["limit range"]
    assert "exceeded quota: full" in reasons["quota"]
    assert "has no room for" in reasons["node"]
    assert resources_of(namespace, name)["limits"] == {"memory": "64Mi"}


def test_without_the_right_the_answer_says_whom_to_ask(namespace: str, node: Node, kubeconfig: str) -> None:
    report, found = killed_deployment(namespace)

    answer = delivered_once_it_runs(kubeconfig, report)
    assert answer.outcome is Outcome.RETRY
    words = f"the controller may not resize pods in namespace {namespace}: grant it (docs/remediation.md)"
    assert answer.message == words
    assert resources_of(namespace, found["metadata"]["name"])["limits"] == {"memory": "64Mi"}


def test_the_sample_binds_the_role_that_these_tests_grant() -> None:
    text = (Path(MANIFESTS) / "samples" / "resize.yaml").read_text()

    assert f"name: {ROLE}" in text
    assert f"namespace: {CONTROLLER_NAMESPACE}" in text


def of_namespace(kind: str, name: str, namespace: str, spec: Object) -> Object:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def test_a_pod_whose_cgroup_is_behind_its_container_is_told_and_asked_no_limit_for(namespace: str, node: Node) -> None:
    """As a kubelet leaves it that resizes at the moment in which the container dies: there, each start is killed
    by it.
    """
    load = container("hold-then-child", "1", "100", "15", "5", limit="144Mi")
    apply(pod("behind", namespace, pod_spec(load, restart="Never")))
    instance = eventually("it runs", lambda: running_id(item("pod", "behind", namespace) or {}, "api"))
    lower_pods_limit(node, instance, 64 * MIB)
    assert limits_on(node, instance) == (144 * MIB, 64 * MIB)

    def told() -> Object | None:
        report = report_of(namespace, "Pod", "behind")
        found = (report or {}).get("status", {}).get("findings", ())
        return report if any(one["rule"] == "PodLimitLeftBehind" for one in found) else None

    report = eventually("it is told", told, seconds=90)
    (kill,) = kills_of_pod(report["status"]["lastKill"]["podUID"])
    assert_victim(report["status"]["lastKill"], kill)
    assert report["status"]["lastKill"]["cause"] == "PodLimit"
    assert report["status"]["recommendation"]["action"] == "None"
    assert "delete the pod" in report["status"]["recommendation"]["basis"]
