"""Every test gets a namespace of its own; what it saw is printed when it fails."""

import os
import shutil
import zlib
from collections.abc import Iterator

import pytest

from e2e import nodes
from e2e.kube import AGENT_NAMESPACE, CONTROLLER_NAMESPACE, eventually, items, kubectl
from e2e.nodes import Gate, Node


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A module whose scenarios need certain kinds of nodes names them in NODES; on others they are not collected."""
    left_out = [test for test in items if not _is_for_its_node(test)]
    for test in items:
        test.add_marker(pytest.mark.e2e)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [test for test in items if test not in left_out]


def _is_for_its_node(test: pytest.Item) -> bool:
    wanted = getattr(getattr(test, "module", None), "NODES", nodes.KINDS)
    parameters = getattr(getattr(test, "callspec", None), "params", {})
    return parameters.get("node") in (None, *wanted)


@pytest.fixture(scope="session", autouse=True, params=nodes.kinds())
def node(request: pytest.FixtureRequest) -> Iterator[Node]:
    """The node under test."""
    if not os.environ.get("KUBECONFIG") or not shutil.which("kubectl"):
        pytest.skip("no cluster: tests/cluster/cluster up && ... deploy && ... exec -- .venv/bin/pytest tests/e2e")
    yield nodes.choose(request.param)
    nodes.end_machine_container()


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own, deleted afterwards without waiting.

    Its name is short: the kubelet names a folder by namespace, pod and UID, and no file name may pass 255 bytes.
    """
    name = f"e2e-{zlib.crc32(request.node.nodeid.encode()):08x}"
    failed_before = request.session.testsfailed
    kubectl("delete", "namespace", name, "--ignore-not-found", "--wait=true")
    kubectl("create", "namespace", name)
    # The service account comes a moment after the namespace; a bare pod made before is refused.
    eventually("the default service account", lambda: items("serviceaccounts", name), seconds=20)
    yield name
    if request.session.testsfailed > failed_before:
        print(kubectl("get", "pods,oomreports,events.events.k8s.io", "-n", name, "-o", "wide", check=False))
        print(
            kubectl(
                "logs", "-n", CONTROLLER_NAMESPACE, "deploy/oomreport-controller", "--tail=30", "--prefix", check=False
            )
        )
        print(kubectl("logs", "-n", AGENT_NAMESPACE, "ds/oomreport-agent", "--tail=30", "--prefix", check=False))
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def gate(node: Node) -> Iterator[Gate]:
    """A gate that is closed."""
    folder = node.sh("mktemp --directory /run/gate-XXXXXX").strip()
    node.sh(f"chmod 755 {folder}")
    yield Gate(node, folder)
    node.sh(f"rm -rf {folder}")
