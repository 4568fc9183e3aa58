"""A metrics source over real HTTP that speaks the documented JSON of Prometheus' query API, and fails as one is told
to.
"""

import contextlib
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, dict[str, str], bytes]


def vector(*values: str) -> Answer:
    """Return the answer with these samples, as https://prometheus.io/docs/prometheus/latest/querying/api/ has it."""
    result = [{"metric": {}, "value": [1435781451.781, value]} for value in values]
    return success({"resultType": "vector", "result": result})


def samples(*found: tuple[dict[str, str], int]) -> Answer:
    """Return the answer with samples of these labels and sizes."""
    result = [{"metric": labels, "value": [1435781451.781, str(size)]} for labels, size in found]
    return success({"resultType": "vector", "result": result})


def success(data: Any) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps({"status": "success", "data": data}).encode()


def refusal(status: int, kind: str, words: str) -> Answer:
    body = {"status": "error", "errorType": kind, "error": words}
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


class MetricsSource:
    """Answers queries; `answer` is given the query, `pause` is how long it takes."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answer: Callable[[str], Answer] = lambda _: vector()
        self.takes_posts = True
        self.pause = 0.0
        self.queries: list[str] = []
        self.requests: list[tuple[str, str, dict[str, str], dict[str, list[str]]]] = []
        source = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                if source.takes_posts:
                    self._answer(parse_qs(body))
                else:
                    self._send((405, {}, b"method not allowed"))

            def do_GET(self) -> None:
                self._answer(parse_qs(urlsplit(self.path).query))

            def _answer(self, form: dict[str, list[str]]) -> None:
                source.requests.append((self.command, urlsplit(self.path).path, dict(self.headers), form))
                (query,) = form["query"]
                source.queries.append(query)
                time.sleep(source.pause)
                self._send(source.answer(query))

            def _send(self, answer: Answer) -> None:
                status, headers, body = answer
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    for name, value in {"Content-Length": str(len(body)), **headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[MetricsSource]:
    """Serve until the end of the block."""
    source = MetricsSource(tls)
    try:
        yield source
    finally:
        source.close()
