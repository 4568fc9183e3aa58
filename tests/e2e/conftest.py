"""Every test gets a namespace of its own; what it saw is printed when it fails."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.kube import AGENT_NAMESPACE, CONTROLLER_NAMESPACE, eventually, items, kubectl


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for test in items:
        test.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session", autouse=True)
def _node() -> None:
    if not os.environ.get("KUBECONFIG") or not shutil.which("kubectl"):
        pytest.skip("no cluster: tests/cluster/cluster up && ... deploy && ... exec -- .venv/bin/pytest tests/e2e")


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace named by the test, deleted afterwards without waiting."""
    plain = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    name = f"e2e-{plain[:40].strip('-')}"
    kubectl("delete", "namespace", name, "--ignore-not-found", "--wait=true")
    kubectl("create", "namespace", name)
    # The service account comes a moment after the namespace; a bare pod made before is refused.
    eventually("the default service account", lambda: items("serviceaccounts", name), seconds=20)
    yield name
    if request.session.testsfailed:
        print(kubectl("get", "pods,oomreports,events.events.k8s.io", "-n", name, "-o", "wide", check=False))
        print(kubectl("get", "oomrecords", check=False)[-4000:])
        print(kubectl("logs", "-n", CONTROLLER_NAMESPACE, "deploy/oomreport-controller", "--tail=60", check=False))
        print(kubectl("logs", "-n", AGENT_NAMESPACE, "ds/oomreport-agent", "--tail=40", check=False))
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def gate() -> Iterator[Path]:
    """A file on the node that does not exist yet: `hog after` waits for it in a hostPath."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "open"
