"""Which way to a cluster is taken."""

import sys
from pathlib import Path

import pytest

from oomreport.adapters.cluster import connection
from oomreport.adapters.cluster.api_access import ApiAccess
from oomreport.adapters.cluster.connection import connection_of
from oomreport.adapters.cluster.http_transport import HttpTransport
from oomreport.adapters.cluster.kubectl_proxy import KubectlProxy
from oomreport.errors import ApiError


@pytest.fixture
def without_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without the package, kubeconfig and kubectl; its only folder of programs."""
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_without_any_way_the_words_name_what_is_missing(without_package: Path) -> None:
    with pytest.raises(ApiError, match=r"there is no file ~/\.kube/config"):
        connection_of(context=None, kubeconfig=None)


def test_kubectl_is_taken_where_the_package_is_not_installed(without_package: Path) -> None:
    file = without_package / "kubectl"
    file.write_text("""#!/bin/sh\necho '{"contexts": [{"context": {"namespace": "shop"}}]}'\n""")
    file.chmod(0o755)
    found = connection_of(context=None, kubeconfig=None)
    assert isinstance(found.transport, KubectlProxy)
    assert found.namespace == "shop"


def test_a_pod_uses_its_service_account_unless_a_context_is_named(
    without_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = ApiAccess(server="https://10.0.0.1:443", tls=True, authorization=lambda: "Bearer t", namespace="shop")
    monkeypatch.setattr(connection, "api_access", lambda _: access)
    found = connection_of(context=None, kubeconfig=None)
    assert isinstance(found.transport, HttpTransport)
    assert found.namespace == "shop"
    with pytest.raises(ApiError, match="there is no file"):
        connection_of(context="dev", kubeconfig=None)
    (without_package / ".kube").mkdir()
    (without_package / ".kube/config").touch()
    with pytest.raises(ApiError, match="holds no kubeconfig"):
        connection_of(context=None, kubeconfig=None)
