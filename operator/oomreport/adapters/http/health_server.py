"""The health server of the agent.

It is a few lines of HTTP instead of a server framework, in a thread that sleeps nearly always. It answers the kubelet's
probes and Prometheus.

Every pod that reaches the agent may connect, so a slow client must not keep the kubelet's probes waiting.

    /livez     200 while the agent's loop turns; for the liveness probe
    /healthz   200 while kills are really seen and kept, else 503 with the reasons; for the readiness probe
    /status    the same words, always 200: `kubectl get --raw` shows no body of a 503
    /metrics   for Prometheus

An agent that lacks a right must stay up and be visible, and a liveness probe would restart it for ever.
"""

import json
import selectors
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

_MOST_REQUEST_BYTES = 4096
# A kubelet on the same node sends its request at once, and by default waits a second for the answer.
_REQUEST_SECONDS = 0.5
# A kubelet and a Prometheus have one or two connections each; what an idle one costs is a descriptor.
_MOST_CLIENTS = 64
# So long it may sleep before it sees that it was closed.
_TURN_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The state of a process. `problems` is empty where all is well; `figures` are shown as they are."""

    alive: bool
    problems: tuple[str, ...] = ()
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False)
class _Client:
    connection: socket.socket
    deadline: float
    request: bytes = b""
    answered: bool = False
    done: bool = False


class HealthServer:
    """Serves `health()` at an address such as `:8081` or `[::1]:8081`. Raises OSError where it is taken."""

    def __init__(self, address: str, health: Callable[[], Health], metrics: Callable[[Health], str]) -> None:
        host, _, port = address.rpartition(":")
        self._health, self._metrics = health, metrics
        self._socket = _listening(host.strip("[]"), int(port))
        self._closing = False
        self.port: int = self._socket.getsockname()[1]

    def start(self) -> None:
        """Serve until the process ends."""
        self._socket.settimeout(0)
        threading.Thread(target=self._serve, name="health", daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._closing = True
        self._socket.close()

    def _serve(self) -> None:
        """Serve all clients at once: one that is slow has half a second, and the oldest goes where there are many."""
        selector = selectors.DefaultSelector()
        try:
            selector.register(self._socket, selectors.EVENT_READ)
        except ValueError:  # closed already
            return
        clients: dict[socket.socket, _Client] = {}
        while not self._closing:
            soonest = min((client.deadline for client in clients.values()), default=None)
            most = _TURN_SECONDS if soonest is None else min(_TURN_SECONDS, max(0.0, soonest - time.monotonic()))
            for key, _ in selector.select(most):
                if key.fileobj is self._socket:
                    self._accept(selector, clients)
                elif (connection := cast("socket.socket", key.fileobj)) in clients:
                    self._go_on(clients[connection])
            now = time.monotonic()
            for client in [one for one in clients.values() if one.done or one.deadline <= now]:
                _end(client, selector, clients)
        selector.close()

    def _accept(self, selector: selectors.BaseSelector, clients: dict[socket.socket, _Client]) -> None:
        try:
            connection, _ = self._socket.accept()
        except OSError:
            return
        if len(clients) >= _MOST_CLIENTS:
            _end(next(iter(clients.values())), selector, clients)
        connection.settimeout(0)
        selector.register(connection, selectors.EVENT_READ)
        client = clients[connection] = _Client(connection=connection, deadline=time.monotonic() + _REQUEST_SECONDS)
        self._go_on(client)

    def _go_on(self, client: _Client) -> None:
        """Read what there is; answer once the request's first line is there, and wait for the client to close."""
        try:
            part = client.connection.recv(_MOST_REQUEST_BYTES)
            if client.answered or not part:
                client.done = not part
                return
            client.request += part
            if b"\n" in client.request or len(client.request) >= _MOST_REQUEST_BYTES:
                client.answered = True
                # A few KB, which the socket's buffer takes whole.
                client.connection.send(self._answer(_request_path(client.request)))
                client.connection.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            return
        except OSError:
            client.done = True

    def _answer(self, path: str) -> bytes:
        if path not in ("/livez", "/healthz", "/readyz", "/status", "/metrics"):
            return _response("404 Not Found", {"error": "try /healthz, /livez, /status or /metrics"})
        health = self._health()
        if path == "/metrics":
            return _answer("200 OK", "text/plain; version=0.0.4; charset=utf-8", self._metrics(health).encode())
        well = health.alive if path == "/livez" else health.alive and not health.problems
        body = {"healthy": well, "problems": list(health.problems), **health.figures}
        return _response("200 OK" if well or path == "/status" else "503 Service Unavailable", body)


def _listening(host: str, port: int) -> socket.socket:
    """Listen on IPv6 and IPv4 alike where no host is named, since a pod may have either."""
    if not host and socket.has_dualstack_ipv6():
        return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)


def _end(client: _Client, selector: selectors.BaseSelector, clients: dict[socket.socket, _Client]) -> None:
    del clients[client.connection]
    selector.unregister(client.connection)
    client.connection.close()


def _request_path(request: bytes) -> str:
    words = request.split(b"\n", 1)[0].rstrip(b"\r").split(b" ")
    return words[1].split(b"?", 1)[0].decode("ascii", "replace") if len(words) >= 2 else ""


def _response(status: str, body: dict[str, Any]) -> bytes:
    return _answer(status, "application/json", json.dumps(body).encode() + b"\n")


def _answer(status: str, kind: str, data: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n"
    return head.encode() + data
