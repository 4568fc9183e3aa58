"""What bounds the advice at a real API server: node, LimitRange, quota, replicas.

And what happens without the rights.
"""

import time
from collections.abc import Callable

import pytest

from integration.api_server import CONTROLLER, CONTROLLER_NAMESPACE, RefusedError, holder_of, token
from integration.api_server import eventually as soon
from integration.controller.client import V1, Object
from integration.controller.conftest import Start
from integration.controller.process import Controller
from integration.controller.shop import Shop, container, record
from integration.controller.test_policies import advised
from integration.controller.test_reports import send
from oomreport.adapters.cluster.api_server import path
from oomreport.workload.quantity import MI, parse_quantity

RIGHTS = "rbac.authorization.k8s.io/v1"


def make_node(shop: Shop, memory: str) -> None:
    """Register the shop's node as its kubelet does; the kill is on it."""
    shop.client.create("nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": shop.node}})
    where = path("v1", "nodes", name=shop.node)
    shop.created.append(where)
    status = {"capacity": {"memory": "8Gi"}, "allocatable": {"memory": memory}}
    shop.client.merge(f"{where}/status", {"status": status})


def make_range(shop: Shop, *limits: Object) -> str:
    name = shop.name("range")
    shop.put("v1", "limitranges", "LimitRange", name, spec={"limits": list(limits)})
    return path("v1", "limitranges", namespace=shop.namespace, name=name)


def make_quota(shop: Shop, hard: Object, used: Object, **spec: object) -> str:
    """Make a quota as the quota controller has counted it, which no API server alone does; return where it is."""
    name = shop.name("quota")
    shop.put("v1", "resourcequotas", "ResourceQuota", name, spec={"hard": hard, **spec})
    where = path("v1", "resourcequotas", namespace=shop.namespace, name=name)
    shop.client.merge(f"{where}/status", {"status": {"hard": hard, "used": used}})
    return where


def advice_on_a_kill(shop: Shop, *bounds: Callable[[str], object], **pod: object) -> Object:
    """Kill a container at its limit of 256Mi, for which 384Mi are recommended where nothing bounds it.

    `bounds` are made after its pod, for the Deployment of a name: it is admission that enforces them.
    """
    web = shop.name("web")
    one = shop.deployment(web, **pod)
    for make in bounds:
        make(web)
    send(shop.client, record(one, node=shop.node))
    return advised(shop, report_of(web), bool)


def report_of(web: str) -> str:
    return f"deployment-{web}-api"


def the_report(shop: Shop) -> str:
    """Return the name of the one report that there is."""
    (report,) = shop.client.items(path(V1, "oomreports", namespace=shop.namespace))
    name: str = report["metadata"]["name"]
    return name


@pytest.fixture
def running(shop: Shop, start: Start) -> Controller:
    """A controller, and a node with room for everything."""
    make_node(shop, "4Gi")
    return start()


def test_where_everything_answers_and_nothing_bounds_nothing_is_unknown(shop: Shop, running: Controller):
    advice = advice_on_a_kill(shop)
    assert (advice["action"], advice["memoryLimit"]) == ("RaiseLimit", "384Mi")
    assert not advice.keys() & {"unknown", "boundsHash"}
    assert "not known" not in advice["basis"]


def test_the_allocatable_memory_of_the_node_of_the_kill_bounds_the_number(shop: Shop, start: Start):
    make_node(shop, "300Mi")
    start()
    advice = advice_on_a_kill(shop)
    assert advice["memoryLimit"] == "300Mi"
    assert "cut to the node's allocatable memory (300Mi)" in advice["basis"]


def test_a_limit_range_bounds_the_number(shop: Shop, running: Controller):
    limits = {"type": "Container", "max": {"memory": "320Mi"}}, {"type": "Pod", "max": {"memory": "2Gi"}}
    advice = advice_on_a_kill(shop, lambda _: make_range(shop, *limits))
    assert advice["memoryLimit"] == "320Mi"
    assert "the namespace's LimitRange (320Mi)" in advice["basis"]


def test_a_limit_range_of_pods_bounds_a_container_by_what_its_neighbours_leave(shop: Shop, running: Controller):
    advice = advice_on_a_kill(
        shop,
        lambda _: make_range(shop, {"type": "Pod", "max": {"memory": "416Mi"}}),
        containers={"api": "256Mi", "proxy": "128Mi"},
    )
    assert advice["memoryLimit"] == "288Mi"
    assert "the namespace's LimitRange for pods, less 128Mi of the other containers (288Mi)" in advice["basis"]


def test_an_exhausted_quota_leaves_no_advice_and_the_reason(shop: Shop, running: Controller):
    full = {"limits.memory": "1Gi"}
    advice = advice_on_a_kill(shop, lambda _: make_quota(shop, full, full))
    assert advice["action"] == "None"
    assert "what the namespace's quota leaves (256Mi) allows no more than the limit already has" in advice["basis"]


def test_a_quota_is_shared_by_the_replicas_of_the_workload(shop: Shop, running: Controller):
    def scale(web: str) -> None:
        where = path("apps/v1", "deployments", namespace=shop.namespace, name=web)
        shop.client.merge(where, {"spec": {"replicas": 3}})

    hard = {"limits.memory": "2Gi", "requests.memory": "2Gi"}
    used = {"limits.memory": "1760Mi", "requests.memory": "1952Mi"}
    advice = advice_on_a_kill(shop, scale, lambda _: make_quota(shop, hard, used))
    # 288Mi are left of limits and 96Mi of requests, a third of each for each pod.
    assert (advice["memoryLimit"], advice["memoryRequest"]) == ("352Mi", "288Mi")
    assert "The request is cut to what the namespace's quota of requests leaves (288Mi)" in advice["basis"]
    assert "unknown" not in advice


def test_a_quota_that_is_raised_makes_the_advice_anew_and_pods_that_come_and_go_do_not(shop: Shop, running: Controller):
    full, quotas = {"limits.memory": "1Gi"}, []
    blocked = advice_on_a_kill(shop, lambda _: quotas.append(make_quota(shop, full, full)))
    name = the_report(shop)
    assert blocked["action"] == "None"

    def compared() -> int:
        rounds = (
            line for line in running.messages("info") if line["message"] == "reports re-queued after a rule change"
        )
        return sum(line["namespaces"] == [shop.namespace] for line in rounds)

    # By now the quota was noted, be it in a round of its own or in the first one.
    time.sleep(2)
    before = compared()
    for used in ("900Mi", "800Mi", "1Gi"):
        shop.client.merge(f"{quotas[0]}/status", {"status": {"used": {"limits.memory": used}}})
    time.sleep(2)
    assert compared() == before

    wide = {"limits.memory": "4Gi"}
    shop.client.merge(quotas[0], {"spec": {"hard": wide}})
    shop.client.merge(f"{quotas[0]}/status", {"status": {"hard": wide}})
    advice = advised(shop, name, lambda one: one.get("memoryLimit") == "384Mi")
    assert advice["boundsHash"] != blocked["boundsHash"]
    assert compared() > before


def test_a_limit_range_that_comes_and_goes_makes_the_advice_anew(shop: Shop, running: Controller):
    assert advice_on_a_kill(shop)["memoryLimit"] == "384Mi"
    name = the_report(shop)
    where = make_range(shop, {"type": "Container", "max": {"memory": "320Mi"}})
    advised(shop, name, lambda one: one.get("memoryLimit") == "320Mi")
    shop.client.delete(where)
    assert "boundsHash" not in advised(shop, name, lambda one: one.get("memoryLimit") == "384Mi")


def test_what_changed_while_no_controller_ran_acts_at_its_start(shop: Shop, start: Start):
    make_node(shop, "4Gi")
    first = start()
    assert advice_on_a_kill(shop)["memoryLimit"] == "384Mi"
    name = the_report(shop)
    first.stop()
    make_range(shop, {"type": "Container", "max": {"memory": "320Mi"}})
    start()
    advised(shop, name, lambda one: one.get("memoryLimit") == "320Mi")


def test_replicas_of_each_kind_are_read_with_the_controllers_rights(shop: Shop, running: Controller):
    """StatefulSet, ReplicaSet and DaemonSet each have a right of their own; a kind of others does not tell."""
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [container("api", "256Mi")]}}
    spec: Object = {"selector": {"matchLabels": {"app": "x"}}, "template": template}
    kinds = {
        "StatefulSet": ("apps/v1", "statefulsets", {**spec, "serviceName": "x", "replicas": 4}),
        "ReplicaSet": ("apps/v1", "replicasets", {**spec, "replicas": 2}),
        "DaemonSet": ("apps/v1", "daemonsets", spec),
    }
    names: dict[str, str] = {}
    pods = []
    for kind, (version, plural, body) in kinds.items():
        name = shop.name(kind.lower())
        owner = shop.put(version, plural, kind, name, spec=body)
        if kind == "DaemonSet":
            where = path(version, plural, namespace=shop.namespace, name=name, sub="status")
            counts = {
                "currentNumberScheduled": 8,
                "numberMisscheduled": 0,
                "desiredNumberScheduled": 8,
                "numberReady": 8,
            }
            shop.client.merge(where, {"status": counts})
        pods.append(shop.pod(f"{name}-x2x4z", owner=owner))
        names[kind] = f"{kind.lower()}-{name}-api"
    other = shop.name("rollout")
    owner = {"apiVersion": "example.dev/v1", "kind": "Rollout", "metadata": {"name": other, "uid": "1-2-3"}}
    pods.append(shop.pod(f"{other}-x2x4z", owner=owner))
    names["Rollout"] = f"rollout-{other}-api"
    make_quota(shop, {"limits.memory": "1Gi"}, {"limits.memory": "896Mi"})
    for pod in pods:
        send(shop.client, record(pod, node=shop.node))
    found = {kind: advised(shop, name, bool) for kind, name in names.items()}
    limits = {kind: advice["memoryLimit"] for kind, advice in found.items()}
    # 128Mi are left: 32Mi for each of 4, 64Mi for each of 2, 16Mi for each of 8.
    assert limits == {"StatefulSet": "288Mi", "ReplicaSet": "320Mi", "DaemonSet": "272Mi", "Rollout": "384Mi"}
    assert [kind for kind, advice in found.items() if "Replicas" in advice.get("unknown", ())] == ["Rollout"]
    assert running.messages("warning", "error") == []


def test_a_quota_for_some_pods_only_is_not_guessed_at(shop: Shop, running: Controller):
    full = {"limits.memory": "1Gi"}
    selector = {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]}
    advice = advice_on_a_kill(shop, lambda _: make_quota(shop, full, full, scopeSelector=selector))
    assert (advice["memoryLimit"], advice["unknown"]) == ("384Mi", ["ResourceQuotas"])


@pytest.mark.parametrize("right", ["nodes", "limitranges", "resourcequotas", "deployments/scale"])
def test_without_a_right_advice_is_given_and_says_what_was_not_known(
    right: str, shop: Shop, start: Start, tmp_path, rights: Callable[[str], None]
):
    make_node(shop, "4Gi")
    rights(right)
    start()
    advice = advice_on_a_kill(shop, lambda _: make_quota(shop, {"limits.memory": "1Gi"}, {"limits.memory": "896Mi"}))
    word = {"nodes": "NodeAllocatable", "limitranges": "LimitRanges", "resourcequotas": "ResourceQuotas"}
    assert advice["action"] == "RaiseLimit"
    assert (parse_quantity(advice["memoryLimit"]) or 0) > 256 * MI
    assert advice["unknown"] == [word.get(right, "Replicas")]
    assert "Not known: " in advice["basis"]


@pytest.fixture
def rights(shop: Shop, tmp_path, request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Take a right from the controller until the end of the test."""
    where = path(RIGHTS, "clusterroles", name=CONTROLLER)
    rules = shop.client.call("GET", where)["rules"]
    probe = holder_of(token(CONTROLLER, CONTROLLER_NAMESPACE), tmp_path)

    def without(right: str) -> None:
        left = [{**rule, "resources": [one for one in rule["resources"] if one != right]} for rule in rules]
        request.addfinalizer(lambda: shop.client.merge(where, {"rules": rules}))
        shop.client.merge(where, {"rules": [rule for rule in left if rule["resources"]]})
        resource, _, sub = right.partition("/")
        verb = "get" if right in ("nodes", "deployments/scale") else "list"

        def is_gone() -> bool:
            options = [f"--subresource={sub}"] if sub else []
            try:
                probe.kubectl("auth", "can-i", verb, resource, "-n", shop.namespace, *options)
            except RefusedError:
                return True
            return False

        soon(f"the right to {right} is taken", is_gone)

    return without
