"""Requests to the API server by the standard library's HTTP client.

Every request opens a connection of its own: a command sends few.
"""

import http.client
import json
import socket
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from oomreport.adapters.cluster.api_access import ApiAccess
from oomreport.adapters.cluster.transport import JSON, SECONDS, ApiAnswer, unreachable


class HttpTransport:
    """An API server by the connections that `connect` makes. `authorization` returns the header's value, or None.

    `above` is what stands before each path, as where one server serves several clusters.
    """

    def __init__(
        self,
        connect: Callable[[], http.client.HTTPConnection],
        authorization: Callable[[], str | None] = lambda: None,
        above: str = "",
    ) -> None:
        self._connect = connect
        self._above = above
        self._authorization = authorization

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        content_type: str = JSON,
        seconds: float = SECONDS,
    ) -> ApiAnswer:
        """Send a request. Raises ApiError, with status 0, where no answer comes in `seconds`."""
        headers = {"Accept": JSON}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = content_type
        try:
            if (own := self._authorization()) is not None:
                headers["Authorization"] = own
            connection = self._connect()
            connection.timeout = seconds
            try:
                connection.request(method, self._above + path, body=data, headers=headers)
                answer = connection.getresponse()
                return ApiAnswer(
                    status=answer.status, reason=answer.reason, body=answer.read(), date=answer.getheader("Date", "")
                )
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            raise unreachable(str(error) or type(error).__name__) from error


class UnixConnection(http.client.HTTPConnection):
    """A connection to a Unix socket; its host is `localhost`, the one that `kubectl proxy` accepts."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def by_access(access: ApiAccess) -> HttpTransport:
    """Return the transport to a server over TLS, such as that of a pod's service account, or over plain HTTP."""
    address = urlsplit(access.server)
    tls = access.tls if isinstance(access.tls, ssl.SSLContext) else None

    def connect() -> http.client.HTTPConnection:
        if address.scheme == "http":
            return http.client.HTTPConnection(address.hostname or "", address.port)
        return http.client.HTTPSConnection(address.hostname or "", address.port, context=tls)

    return HttpTransport(connect, access.authorization, above=address.path.rstrip("/"))
