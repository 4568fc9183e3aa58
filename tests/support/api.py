"""A small HTTP server in the API server's place: answers POSTs as it is told and remembers what it was sent."""

import contextlib
import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Answer = tuple[int, dict[str, Any], dict[str, str]]


def status(code: int, reason: str, message: str = "", **headers: str) -> Answer:
    """Return an answer with a metav1.Status."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": reason,
        "message": message,
        "code": code,
    }
    return code, body, headers


class FakeApi:
    """Creates each name once; `answer` may answer in its place by returning something."""

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.created: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.connections = 0
        self._open: list[socket.socket] = []
        self.answer: Callable[[dict[str, Any]], Answer | None] = lambda _: None
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # As Go's server does: an answer in two writes would wait 40 ms for the client's acknowledgement.
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                api.connections += 1
                api._open.append(self.connection)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                api.requests.append((self.path, dict(self.headers), body))
                code, answer, headers = api.answer(body) or api._create(body)
                data = json.dumps(answer).encode()
                self.send_response(code)
                for key, value in {"Content-Length": str(len(data)), **headers}.items():
                    self.send_header(key.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def _create(self, body: dict[str, Any]) -> Answer:
        name = body["metadata"]["name"]
        if name in self.created:
            return status(409, "AlreadyExists", f'oomrecords.oomreport.dev "{name}" already exists')
        self.created[name] = body
        return 201, body, {}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def serving(port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[FakeApi]:
    """Serve until the end of the block."""
    api = FakeApi(port, tls)
    try:
        yield api
    finally:
        api.close()


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate for 127.0.0.1; return its file and the server's context. Needs openssl."""
    cert, key = folder / "ca.crt", folder / "tls.key"
    subject = ["-subj", "/CN=fake", "-addext", "subjectAltName=IP:127.0.0.1"]
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subprocess.run([*new, *subject, "-keyout", key, "-out", cert], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context
