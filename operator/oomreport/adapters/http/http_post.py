"""POST over one kept connection, for the agent.

http.client and the mail parser that it needs would be a twelfth of the agent's memory. This is the part of HTTP/1.1
(RFC 9112) for a client that sends one request at a time and reads the whole answer.
"""

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from oomreport.errors import OOMReportError

_MOST_LINE_BYTES = 16 * 1024
_MOST_HEADERS = 200


class HttpError(OOMReportError, OSError):
    """The answer is no HTTP, or it ended early. An OSError, since like those it asks for a new connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """An HTTP response. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class PostConnection:
    """A connection to one server, over TLS where there is a context.

    Raises OSError where it cannot be opened.
    """

    def __init__(self, host: str, port: int, *, timeout: float, context: ssl.SSLContext | None) -> None:
        plain = socket.create_connection((host, port), timeout=timeout)
        try:
            # Head and body leave in one write, and nothing waits for more.
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = plain if context is None else context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
        self._reader: BinaryIO = self._socket.makefile("rb")
        self._host = f"[{host}]" if ":" in host else host
        self._port = port
        self.reusable = True

    def post(self, path: str, headers: Mapping[str, str], body: bytes, *, most_bytes: int) -> HttpResponse:
        """Send a request and return the answer, of whose body at most `most_bytes` are kept. Raises OSError."""
        lines = [f"POST {path} HTTP/1.1", f"Host: {self._host}:{self._port}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if any("\r" in line or "\n" in line for line in lines):
            message = "a header holds a line break"
            raise ValueError(message)
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        status = self._status()
        while 100 <= status < 200:
            self._headers()
            status = self._status()
        answered = self._headers()
        content = self._body(status, answered)
        if answered.get("connection", "").lower() == "close":
            self.reusable = False
        return HttpResponse(status=status, headers=answered, body=content[:most_bytes])

    def close(self) -> None:
        """Close the connection."""
        self._reader.close()
        self._socket.close()

    def _status(self) -> int:
        version, _, rest = self._line().partition(" ")
        if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
            message = f"not an HTTP answer: {version[:40]!r}"
            raise HttpError(message)
        self.reusable = version != "HTTP/1.0"
        return int(rest[:3])

    def _headers(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for _ in range(_MOST_HEADERS):
            line = self._line()
            if not line:
                return found
            name, _, value = line.partition(":")
            found[name.strip().lower()] = value.strip()
        message = "too many headers"
        raise HttpError(message)

    def _body(self, status: int, headers: Mapping[str, str]) -> bytes:
        if status in (204, 304):
            return b""
        if headers.get("transfer-encoding", "").lower().endswith("chunked"):
            return b"".join(self._chunks())
        length = headers.get("content-length")
        if length is None:
            self.reusable = False
            return self._reader.read()
        if not length.isdigit():
            message = f"Content-Length is {length[:20]!r}"
            raise HttpError(message)
        return self._exactly(int(length))

    def _chunks(self) -> list[bytes]:
        chunks: list[bytes] = []
        while True:
            size = self._line().partition(";")[0].strip()
            try:
                count = int(size, 16)
            except ValueError:
                message = f"not the size of a chunk: {size[:20]!r}"
                raise HttpError(message) from None
            if not count:
                self._headers()
                return chunks
            chunks.append(self._exactly(count))
            self._line()

    def _exactly(self, count: int) -> bytes:
        data = self._reader.read(count)
        if len(data) < count:
            message = "the answer ended early"
            raise HttpError(message)
        return data

    def _line(self) -> str:
        line = self._reader.readline(_MOST_LINE_BYTES)
        if not line.endswith(b"\n"):
            message = "the connection was closed" if len(line) < _MOST_LINE_BYTES else "a line is too long"
            raise HttpError(message)
        return line.rstrip(b"\r\n").decode("latin-1")
