"""What RBAC cannot say: an agent writes records of its own node, the controller nothing of a pod but its
annotations.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.api_server import (
    ADMIN,
    AGENT,
    AGENT_NAMESPACE,
    CONTROLLER,
    CONTROLLER_NAMESPACE,
    Caller,
    Object,
    RefusedError,
    eventually,
    holder_of,
    pod,
    record,
    token,
)
from oomreport.incident.oom_record import counter_record_name, record_name

AgentOn = Callable[[str], Caller]
Records = Callable[[], set[str]]

EKS = "ip-10-0-12-34.eu-west-1.compute.internal"
# A label of 63 and a name of 253 characters: both ways in which a record's name is cut and hashed.
LONG_LABEL = "gke-production-europe-west1-highmem-pool-2026-0a1b2c3d-x4zk-abc"
LONG_NAME = ".".join(["a-rather-long-name-of-a-rack"] * 8) + ".example.internal"
CUT_AT_A_DOT = "n" * 51 + ".example.internal"
NODES = ["worker-3", "n", EKS, LONG_LABEL, LONG_NAME, CUT_AT_A_DOT]


@pytest.mark.parametrize("node_name", NODES)
def test_an_agent_creates_records_of_its_own_node_however_that_is_called(
    agent_on: AgentOn, records: Records, node_name: str
) -> None:
    one = record(node_name)
    name = counter_record_name(node_name=node_name, boot_id="9f1c2b7a-1111", container_id="7a" * 32, count=3)

    agent_on(node_name).create(one, record(node_name, name=name, source="CgroupCounter"))
    assert records() == {one["metadata"]["name"], name}


@pytest.mark.parametrize("node_name", NODES)
def test_an_agent_creates_no_record_of_another_node(agent_on: AgentOn, records: Records, node_name: str) -> None:
    agent = agent_on("elsewhere")

    with pytest.raises(RefusedError, match=f"spec.nodeName is {node_name}, the agent runs on elsewhere"):
        agent.create(record(node_name))
    assert records() == set()


@pytest.mark.parametrize(
    ("own", "other"),
    [
        ("worker-3", "worker-30"),
        ("worker-3", "worker"),
        ("worker", "worker-3"),
        ("n", "n-9f1c2b7a"),
        ("ip-10-0-12-34", EKS),
        ("gke-production-europe-west1", LONG_LABEL),
        ("worker-3", EKS),
        (EKS, EKS.replace("34", "35")),
        (LONG_LABEL, LONG_LABEL.replace("europe", "americas")),
        (CUT_AT_A_DOT, "n" * 50 + "m.example.internal"),
    ],
)
def test_an_agent_takes_no_name_that_another_nodes_record_will_have(
    agent_on: AgentOn, records: Records, own: str, other: str
) -> None:
    stolen = record_name(node_name=other, boot_id="9f1c2b7a-1111", stamp_us=35_435_120)

    with pytest.raises(RefusedError, match=f"the name of a record of node {own} begins with"):
        agent_on(own).create(record(own, name=stolen))
    assert records() == set()


def test_an_agent_can_neither_read_nor_change_nor_delete_a_record(agent_on: AgentOn, records: Records) -> None:
    agent, one = agent_on("worker-3"), record("worker-3")
    agent.create(one)
    name = one["metadata"]["name"]

    attempts: list[Callable[[], object]] = [
        lambda: agent.get("oomrecord", name),
        lambda: agent.names("oomrecords"),
        lambda: agent.merge("oomrecord", name, {"metadata": {"labels": {"a": "b"}}}),
        lambda: agent.merge("oomrecord", name, {"status": {"outcome": "NoKill"}}, "--subresource=status"),
        lambda: agent.kubectl("delete", "oomrecord", name),
        lambda: agent.kubectl("delete", "oomrecords", "--all"),
        lambda: agent.names("pods", "-A"),
        lambda: agent.names("oomreports", "-A"),
        lambda: agent.names("secrets", "-n", AGENT_NAMESPACE),
    ]
    for attempt in attempts:
        with pytest.raises(RefusedError, match=r"cannot (get|list|patch|delete|deletecollection) resource"):
            attempt()
    assert records() == {name}


@pytest.mark.parametrize("bad", [{"finalizers": ["oomreport.dev/keep"]}, {"ownerReferences": [{"uid": "u"}]}])
def test_an_agent_makes_no_record_that_outlives_its_day(agent_on: AgentOn, records: Records, bad: Object) -> None:
    one = record("worker-3")
    owner = {"apiVersion": "v1", "kind": "Node", "name": "worker-3", "uid": "u"}
    one["metadata"] |= {"ownerReferences": [owner]} if "ownerReferences" in bad else bad

    with pytest.raises(RefusedError, match="a record has no finalizers and no owners"):
        agent_on("worker-3").create(one)


def test_a_token_that_is_bound_to_no_pod_creates_nothing(agent_on: AgentOn, records: Records, tmp_path: Path) -> None:
    unbound = holder_of(token(AGENT, AGENT_NAMESPACE), tmp_path)

    with pytest.raises(RefusedError, match="the token does not say on which node the agent runs") as refusal:
        unbound.create(record("worker-3"))
    assert "spec.nodeName is" not in str(refusal.value)
    with pytest.raises(RefusedError, match="the token does not say"):
        unbound.create(record(""))


def test_who_impersonates_the_agent_creates_nothing(agent_on: AgentOn, records: Records) -> None:
    with pytest.raises(RefusedError, match="the token does not say on which node the agent runs"):
        ADMIN.kubectl(
            "create",
            "-f",
            "-",
            f"--as=system:serviceaccount:{AGENT_NAMESPACE}:{AGENT}",
            stdin=json.dumps(record("worker-3")),
        )


def test_the_policy_does_not_bind_others(agent_on: AgentOn, records: Records) -> None:
    agent_on("worker-3")
    ADMIN.create(record("worker-3", name="by-hand"))

    assert records() == {"by-hand"}


def test_the_controller_annotates_a_pod_and_changes_nothing_else_of_it(namespace: str, tmp_path: Path) -> None:
    controller = holder_of(token(CONTROLLER, CONTROLLER_NAMESPACE), tmp_path)
    one = pod("web", namespace, nodeName="nowhere")
    one["metadata"] |= {"labels": {"app": "web"}, "annotations": {"team": "shop", "oomreport.dev/kills": "1"}}
    ADMIN.create(one)

    def change(metadata: Object) -> None:
        controller.merge("pod", "web", {"metadata": metadata}, "-n", namespace)

    def change_spec(operation: str, path: str, value: object) -> None:
        patch = json.dumps([{"op": operation, "path": path, "value": value}])
        controller.kubectl("patch", "pod", "web", "-n", namespace, "--type=json", "-p", patch)

    change({"annotations": {"oomreport.dev/kills": "2", "oomreport.dev/victim": "node"}})
    change({"annotations": {"oomreport.dev/victim": None}})
    attempts: list[Callable[[], None]] = [
        lambda: change({"annotations": {"team": "mine"}}),
        lambda: change({"annotations": {"team": None}}),
        lambda: change({"annotations": {"other.dev/kills": "2"}}),
        lambda: change({"labels": {"app": "mine"}}),
        lambda: change({"labels": None}),
        lambda: change({"finalizers": ["oomreport.dev/keep"]}),
        lambda: change_spec("replace", "/spec/containers/0/image", "evil"),
        lambda: change_spec("add", "/spec/tolerations/-", {"operator": "Exists"}),
    ]
    for attempt in attempts:
        with pytest.raises(RefusedError, match=r"the controller may change a pod's annotations of oomreport\.dev only"):
            attempt()
    stored = ADMIN.get("pod", "web", "-n", namespace)
    assert stored["metadata"]["annotations"] == {"team": "shop", "oomreport.dev/kills": "2"}
    assert stored["spec"]["containers"][0]["image"] == "none"
    ADMIN.merge("pod", "web", {"metadata": {"labels": {"app": "by-hand"}}}, "-n", namespace)


def test_the_controllers_namespace_refuses_a_pod_that_is_not_restricted(product: list[Object]) -> None:
    loose = pod("loose", CONTROLLER_NAMESPACE, serviceAccountName=CONTROLLER, hostPID=True)

    def refusal() -> str:
        try:
            ADMIN.create(loose, dry_run=True)
        except RefusedError as error:
            return str(error)
        return ""

    eventually("Pod Security is in force", lambda: 'violates PodSecurity "restricted' in refusal())
