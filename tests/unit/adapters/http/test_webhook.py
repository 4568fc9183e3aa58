"""POSTs to receivers that may not be reached, that misbehave, or that show another certificate."""

import asyncio
import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from oomreport.adapters.http.webhook import Response, WebhookClient, WebhookError
from oomreport.hooks.address import Reach, network

LOCAL = Reach(allowed=[network("127.0.0.0/8")])
TOKEN = "T0PSECRET"


@contextlib.contextmanager
def serving(behave: Callable[[socket.socket, bytes], None], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Accept connections one after the other; `behave` gets each with its request."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                    connection = tls.wrap_socket(connection, server_side=True) if tls else connection
                except ssl.SSLError:
                    continue
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    behave(connection, connection.recv(65536))

        threading.Thread(target=run, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def answering(text: str, more: bytes = b"") -> Callable[[socket.socket, bytes], None]:
    return lambda connection, _: connection.sendall(text.replace("\n", "\r\n").encode() + more)


def post(url: str, *, reach: Reach = LOCAL, tls: ssl.SSLContext | None = None, seconds: float = 2) -> Response:
    async def run() -> Response:
        async with WebhookClient(reach.refusal) as client:
            context = tls or ssl.create_default_context()
            return await client.post(url, body=b"{}", headers={"x-a": "b"}, tls=context, timeout_seconds=seconds)

    return asyncio.run(run())


def error_of(url: str, **more: Any) -> WebhookError:
    with pytest.raises(WebhookError) as caught:
        post(url, **more)
    assert TOKEN not in str(caught.value)
    assert TOKEN not in repr(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


def test_the_head_of_an_answer_is_all_that_is_read():
    with serving(answering("HTTP/1.1 503 Busy\nRetry-After: 7\nContent-Length: 999999999\n\n", b"x" * 10)) as port:
        assert post(f"http://127.0.0.1:{port}/{TOKEN}") == Response(status=503, retry_after="7")


def test_a_redirect_is_not_followed():
    answer = "HTTP/1.1 307 There\nLocation: http://169.254.169.254/\nContent-Length: 0\n\n"
    with serving(answering(answer)) as port:
        assert post(f"http://127.0.0.1:{port}/").status == 307


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (["169.254.169.254"], "link-local"),
        (["fe80::1"], "link-local"),
        (["::ffff:169.254.169.254"], "link-local"),
        (["fd00:ec2::254"], "metadata"),
        (["0.0.0.0"], "unspecified"),
    ],
)
def test_a_name_that_resolves_to_a_refused_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, found: list[str], why: str
):
    asked: list[str] = []

    def resolve(host: str, port: int, *_: object, **__: object) -> list[Any]:
        asked.append(host)
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (one, port, 0, 0))
            if ":" in one
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
            for one in found
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    error = error_of("http://innocent.example/" + TOKEN)
    assert (error.refused, why in str(error)) == (True, True)
    assert asked == ["innocent.example"]


def test_a_name_is_resolved_once_and_what_was_checked_is_connected_to(monkeypatch: pytest.MonkeyPatch):
    with serving(answering("HTTP/1.1 204 Fine\n\n")) as port:
        asked: list[str] = []

        def resolve(host: str, at: int, *_: object, **__: object) -> list[Any]:
            asked.append(host)
            # Whoever asked again would be led elsewhere.
            address = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, at))]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        assert post(f"http://rebinding.example:{port}/").status == 204
        assert asked == ["rebinding.example"]


@pytest.mark.parametrize("name", ["http_proxy", "HTTPS_PROXY", "all_proxy"])
def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving(answering("HTTP/1.1 204 Fine\n\n")) as port:
        assert post(f"http://127.0.0.1:{port}/").status == 204


@pytest.mark.parametrize(
    ("behave", "words"),
    [
        (lambda _connection, _request: None, "the receiver closed the connection without an answer"),
        (answering("I speak no HTTP\n\n"), "the answer is not HTTP"),
        (answering("HTTP/1.1 200 OK\nX: " + "a" * 20_000 + "\n\n"), "the answer is not HTTP"),
        (lambda _connection, _request: threading.Event().wait(1.5), "no answer within 0.5 s"),
    ],
)
def test_what_went_wrong_is_said_without_the_url(behave: Callable[[socket.socket, bytes], None], words: str):
    with serving(behave) as port:
        error = error_of(f"http://127.0.0.1:{port}/{TOKEN}", seconds=0.5)
        assert (str(error), error.refused) == (words, False)


def test_nobody_listens_and_nobody_knows_the_name(monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert "refused" in str(error_of(f"http://127.0.0.1:{port}/{TOKEN}"))

    def unknown(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, f"{TOKEN} is not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert str(error_of(f"http://{TOKEN}.example/")) == "name cannot be resolved"


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ssl.SSLContext]:
    """A certificate for hooks.example that signs itself, and the server's context."""
    folder = tmp_path_factory.mktemp("tls")
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=hooks", "-addext", "subjectAltName=DNS:hooks.example"]
    subprocess.run([*new, *names, "-keyout", folder / "key", "-out", folder / "crt"], check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "crt", folder / "key")
    return Path(folder / "crt").read_text(), server


def test_tls_verifies_the_name_and_the_authority(signed: tuple[str, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch):
    pem, server = signed
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda _host, port, *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))],
    )
    own = ssl.create_default_context(cadata=pem)
    with serving(answering("HTTP/1.1 204 Fine\n\n"), server) as port:
        assert post(f"https://hooks.example:{port}/", tls=own).status == 204
        error = error_of(f"https://{TOKEN}.example:{port}/", tls=own)
        assert str(error) == "TLS: certificate is not accepted: it is for another name"
        error = error_of(f"https://hooks.example:{port}/{TOKEN}")
        assert str(error).startswith("TLS: certificate is not accepted: self")
