"""One API server for all tests: CRDs, rights and policies are applied once, the product's workloads are not.

Objects are left as they are found; those of a test are deleted by it, or named so that the next run replaces them.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration.api_server import (
    ADMIN,
    AGENT,
    AGENT_NAMESPACE,
    Caller,
    Object,
    RefusedError,
    eventually,
    holder_of,
    install,
    manifests,
    node,
    pod,
    record,
    token,
)

HOW = "run tests/cluster/cluster --name api up --api-only, then tests/cluster/cluster --name api exec -- .venv/bin/pytest tests/integration"
NAMESPACE = "oomreport-test"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for test in items:
        if Path(__file__).parent in test.path.parents:
            test.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session", autouse=True)
def api_server(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The API server that `cluster exec` names. A user's own kubeconfig is never touched."""
    if not os.environ.get("OOMREPORT_CLUSTER") or not os.environ.get("KUBECONFIG"):
        pytest.skip(f"no API server to test on: OOMREPORT_CLUSTER and KUBECONFIG are not both set; {HOW}")
    if not shutil.which("kubectl"):
        pytest.skip(f"no kubectl on PATH; {HOW}")
    # kubectl keeps what a server serves by its address; another one had this port before.
    os.environ["KUBECACHEDIR"] = str(tmp_path_factory.mktemp("kubectl-cache"))
    try:
        ADMIN.kubectl("get", "--raw", "/readyz")
    except RefusedError as error:
        pytest.skip(f"the API server of cluster {os.environ['OOMREPORT_CLUSTER']} does not answer ({error}); {HOW}")


@pytest.fixture(scope="session")
def product(api_server: None) -> list[Object]:
    """Everything of the default overlay but the workloads, applied and in force."""
    objects = manifests("syslog")
    install(objects)
    ADMIN.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    # An API server alone has no controller that makes it.
    ADMIN.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": NAMESPACE}})
    eventually("the new kinds are served", lambda: _served("oomrecords") and _served("oomreports"))
    return objects


@pytest.fixture
def namespace(product: list[Object]) -> Iterator[str]:
    """A namespace whose reports and pods are gone after the test; without controllers a deleted one would stay."""
    yield NAMESPACE
    ADMIN.kubectl("delete", "oomreports,pods", "--all", "-n", NAMESPACE, "--grace-period=0", "--force")


@pytest.fixture
def records(product: list[Object]) -> Iterator[Callable[[], set[str]]]:
    """The names of the records of this test's nodes; they are gone after the test."""
    before = ADMIN.names("oomrecords")
    yield lambda: ADMIN.names("oomrecords") - before
    if fresh := ADMIN.names("oomrecords") - before:
        ADMIN.kubectl("delete", "oomrecords", *sorted(fresh))


@pytest.fixture(scope="session")
def agent_on(product: list[Object], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Caller]]:
    """Make the agent of a node: a pod of the agent's service account on it, and the token that is bound to the pod."""
    folder, made = tmp_path_factory.mktemp("agents"), dict[str, Caller]()

    def agent_of(node_name: str) -> Caller:
        if node_name in made:
            return made[node_name]
        name = f"agent-{len(made)}"
        ADMIN.apply(node(node_name))
        ADMIN.kubectl("delete", "pod", name, "-n", AGENT_NAMESPACE, "--ignore-not-found", "--grace-period=0", "--force")
        ADMIN.create(pod(name, AGENT_NAMESPACE, serviceAccountName=AGENT, nodeName=node_name))
        made[node_name] = holder_of(token(AGENT, AGENT_NAMESPACE, bound_to=name), folder)
        return made[node_name]

    _policy_in_force(agent_of("warm-up"))
    yield agent_of
    for number, node_name in enumerate(made):
        ADMIN.kubectl("delete", "pod", f"agent-{number}", "-n", AGENT_NAMESPACE, "--grace-period=0", "--force")
        ADMIN.kubectl("delete", "node", node_name)


def _served(plural: str) -> bool:
    try:
        ADMIN.kubectl("get", plural, "-A")
    except RefusedError:
        return False
    return True


def _policy_in_force(agent: Caller) -> None:
    """Wait until an agent may create what is its own, and may not create what is another's."""

    def refused(of: str) -> str:
        try:
            agent.create(record(of), dry_run=True)
        except RefusedError as error:
            return str(error)
        return ""

    eventually("an agent may create records of its node", lambda: not refused("warm-up"))
    eventually("the policy is in force", lambda: "oomreport-agent-own-node" in refused("somewhere-else"))
    time.sleep(0.2)
