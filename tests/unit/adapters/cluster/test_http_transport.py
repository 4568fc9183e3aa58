"""Requests by the standard library, to a server with TLS and a service account's token."""

import socket
import time
from pathlib import Path

import pytest

from oomreport.adapters.cluster.api_access import api_access
from oomreport.adapters.cluster.http_transport import HttpTransport, UnixConnection, by_access
from oomreport.errors import ApiError
from support.api import certificate, serving


@pytest.fixture
def account(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("secret-token\n")
    (tmp_path / "namespace").write_text("shop")
    return tmp_path


def transport(account: Path, port: int) -> HttpTransport:
    environment = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(port)}
    return by_access(api_access(environment, service_account=account))


def test_no_answer_is_an_error_without_a_status(account: Path, tmp_path: Path) -> None:
    (account / "ca.crt").write_text(certificate(tmp_path)[0].read_text())
    with pytest.raises(ApiError, match="cannot be reached") as caught:
        transport(account, 1).send("GET", "/version")
    assert caught.value.is_unreachable
    with pytest.raises(ApiError, match="cannot be reached"):
        HttpTransport(lambda: UnixConnection(tmp_path / "none")).send("GET", "/version")


def test_a_service_account_is_shown_to_its_own_server_only(account: Path, tmp_path: Path) -> None:
    folders = [tmp_path / "own", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
    (own_ca, own), (_, other) = (certificate(folder) for folder in folders)
    (account / "ca.crt").write_text(own_ca.read_text())
    with serving(tls=own) as api:
        answer = transport(account, api.port).send("POST", "/apis/x", body={"metadata": {"name": "one"}})
        assert answer.object_or_raise("one")["metadata"]["name"] == "one"
        ((path, headers, body),) = api.requests
        assert (path, body) == ("/apis/x", {"metadata": {"name": "one"}})
        assert headers["Authorization"] == "Bearer secret-token"
        assert headers["Content-Type"] == "application/json"
        refused = transport(account, api.port).send("POST", "/apis/x", body={"metadata": {"name": "one"}})
        assert refused.status == 409
    with serving(tls=other) as api:
        with pytest.raises(ApiError, match=r"cannot be reached: .*certificate"):
            transport(account, api.port).send("POST", "/apis/x", body={"metadata": {"name": "one"}})
        assert not api.requests


def test_a_server_that_does_not_answer_is_given_up_after_the_seconds_that_are_given(tmp_path: Path) -> None:
    silent = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(silent))
        listener.listen()
        began = time.monotonic()
        with pytest.raises(ApiError, match="timed out") as caught:
            HttpTransport(lambda: UnixConnection(silent)).send("GET", "/version", seconds=0.2)
    assert caught.value.is_unreachable
    assert time.monotonic() - began < 5
