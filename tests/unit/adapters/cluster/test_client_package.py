"""A kubeconfig as the package `kubernetes` reads it."""

import json
import socket
from copy import deepcopy
from pathlib import Path

import pytest

from oomreport.adapters.cluster.client_package import by_kubeconfig
from oomreport.errors import ApiError

KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "dev",
    "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
    "users": [{"name": "ada", "user": {}}],
    "contexts": [
        {"name": "dev", "context": {"cluster": "c", "user": "ada", "namespace": "shop"}},
        {"name": "prod", "context": {"cluster": "c", "user": "ada"}},
    ],
}


@pytest.fixture
def kubeconfig(tmp_path: Path) -> str:
    file = tmp_path / "config"
    file.write_text(json.dumps(KUBECONFIG))
    return str(file)


def test_namespace_and_user_are_those_of_the_context(kubeconfig: str) -> None:
    assert by_kubeconfig(None, kubeconfig)[1:] == ("shop", "ada")
    assert by_kubeconfig("prod", kubeconfig)[1:] == ("default", "ada")


def test_what_cannot_be_used_is_named(kubeconfig: str, tmp_path: Path) -> None:
    with pytest.raises(ApiError, match=r"kubeconfig: .*nowhere"):
        by_kubeconfig("nowhere", kubeconfig)
    with pytest.raises(ApiError, match="kubeconfig: "):
        by_kubeconfig(None, str(tmp_path / "none"))
    with pytest.raises(ApiError, match="the API server cannot be reached") as caught:
        by_kubeconfig(None, kubeconfig)[0].send("GET", "/version")
    assert caught.value.is_unreachable


def test_a_server_that_does_not_answer_is_asked_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = deepcopy(KUBECONFIG)
        config["clusters"] = [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{silent.getsockname()[1]}"}}]
        file = tmp_path / "config"
        file.write_text(json.dumps(config))
        with pytest.raises(ApiError, match="timed out"):
            by_kubeconfig(None, str(file))[0].send("GET", "/version", seconds=0.2)
        silent.settimeout(0.5)
        silent.accept()
        with pytest.raises(TimeoutError):
            silent.accept()
