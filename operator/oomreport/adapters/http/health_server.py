"""The health server of the agent.

It is a few lines of HTTP instead of a server framework, in a thread that sleeps nearly always. It answers the kubelet's
probes and Prometheus.

    /livez     200 while the agent's loop turns; for the liveness probe
    /healthz   200 while kills are really seen and kept, else 503 with the reasons; for the readiness probe
    /status    the same words, always 200: `kubectl get --raw` shows no body of a 503
    /metrics   for Prometheus

An agent that lacks a right must stay up and be visible, and a liveness probe would restart it for ever.
"""

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_MOST_REQUEST_BYTES = 4096
_REQUEST_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The state of a process. `problems` is empty where all is well; `figures` are shown as they are."""

    alive: bool
    problems: tuple[str, ...] = ()
    figures: dict[str, Any] = field(default_factory=dict)


class HealthServer:
    """Serves `health()` at an address such as `:8081` or `[::1]:8081`. Raises OSError where it is taken."""

    def __init__(self, address: str, health: Callable[[], Health], metrics: Callable[[Health], str]) -> None:
        host, _, port = address.rpartition(":")
        self._health, self._metrics = health, metrics
        self._socket = _listening(host.strip("[]"), int(port))
        self.port: int = self._socket.getsockname()[1]

    def start(self) -> None:
        """Serve until the process ends."""
        threading.Thread(target=self._serve, name="health", daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.settimeout(_REQUEST_SECONDS)
                    connection.sendall(self._answer(_request_path(connection)))
                except OSError:
                    continue

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


def _request_path(connection: socket.socket) -> str:
    data = b""
    while b"\r\n\r\n" not in data and len(data) < _MOST_REQUEST_BYTES:
        part = connection.recv(_MOST_REQUEST_BYTES)
        if not part:
            break
        data += part
    words = data.split(b"\r\n", 1)[0].split(b" ")
    return words[1].split(b"?", 1)[0].decode("ascii", "replace") if len(words) >= 2 else ""


def _response(status: str, body: dict[str, Any]) -> bytes:
    return _answer(status, "application/json", json.dumps(body).encode() + b"\n")


def _answer(status: str, kind: str, data: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n"
    return head.encode() + data
