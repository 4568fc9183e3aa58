"""A receiver of webhooks that misbehaves as it is told to, and keeps what came."""

import json
import random
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    body: bytes
    at: float
    accepted: bool
    verified: bool

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


Behaviour = Callable[["Handler"], bool]


class Handler(BaseHTTPRequestHandler):
    """One request; `server.receiver.behave` answers it and says whether it was accepted."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        receiver = self.server.receiver
        accepted = receiver.behave(self)
        request = Request(
            path=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.body,
            at=time.monotonic(),
            accepted=accepted,
            verified=receiver.verifies(self),
        )
        with receiver.lock:
            receiver.requests.append(request)

    def answer(self, status: int, **headers: str) -> bool:
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.close_connection = True
        return 200 <= status < 300

    def log_message(self, *_: Any) -> None:
        return


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    receiver: "Receiver"

    def handle_error(self, *_: Any) -> None:
        # A controller that was killed left its connection.
        return


@dataclass
class Receiver:
    """Listens on an address until it is closed."""

    behave: Behaviour = field(default=lambda handler: handler.answer(204))
    host: str = "0.0.0.0"
    tls: ssl.SSLContext | None = None
    key: str | None = None
    requests: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.server = _Server((self.host, 0), Handler)
        self.server.receiver = self
        if self.tls:
            self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/hooks"

    def accepted(self) -> Counter[str]:
        with self.lock:
            return Counter(one.id for one in self.requests if one.accepted)

    def events(self) -> list[dict[str, Any]]:
        with self.lock:
            return [one.event for one in self.requests if one.accepted]

    def verifies(self, handler: Handler) -> bool:
        """Check a signature by another implementation than ours, when it comes: it is good for some minutes."""
        if self.key is None:
            return False
        try:
            Webhook(self.key).verify(handler.body, {name.lower(): value for name, value in handler.headers.items()})
        except WebhookVerificationError:
            return False
        return True

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def chaos(seed: int, *, hang_seconds: float) -> Behaviour:
    """Answer 500, 429 with Retry-After, hang, close early, redirect, and sometimes accept."""
    drawn = random.Random(seed)

    def behave(handler: Handler) -> bool:
        kind = drawn.choice(("ok", "ok", "ok", "500", "429", "hang", "close", "redirect"))
        if kind == "ok":
            return handler.answer(204)
        if kind == "500":
            return handler.answer(500)
        if kind == "429":
            return handler.answer(429, Retry_After="0")
        if kind == "redirect":
            return handler.answer(307, Location="http://169.254.169.254/latest/meta-data/")
        if kind == "hang":
            time.sleep(hang_seconds)
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)
        return False

    return behave
