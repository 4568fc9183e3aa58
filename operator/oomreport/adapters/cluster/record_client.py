"""Creation of OOMRecords at the API server.

It uses HTTP over one connection that is kept open. A record's name says what happened, so "already exists" is success,
and a request whose answer was lost is sent again. The token of a service account is replaced every hour or so: its file
is read for each request.
"""

import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from oomreport.adapters.http.http_post import HttpResponse, PostConnection
from oomreport.names import API_VERSION, OOM_RECORDS

RECORDS_PATH: Final = f"/apis/{API_VERSION}/{OOM_RECORDS}?fieldManager=oomreport-agent"
_MOST_ANSWER_BYTES: Final = 64 * 1024
_MOST_RETRY_AFTER_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The record is at the API server. `existed` where it was there already."""

    existed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The API server will not take this record: it is invalid, or this agent may not create it."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """The record may be taken later. `after` is the server's own wish in seconds."""

    reason: str
    after: float | None = None


Outcome = Delivered | Refused | Retry


class RecordClient:
    """A client for one API server (`https://host:port`). Not for use by several threads."""

    def __init__(
        self,
        server: str,
        *,
        token_file: Path | None,
        ca_file: Path | None,
        timeout: float = 10.0,
        agent: str = "oomreport-agent",
    ) -> None:
        self._server: SplitResult = urlsplit(server)
        self._token_file, self._ca_file = token_file, ca_file
        self._timeout = timeout
        self._agent = agent
        self._connection: PostConnection | None = None

    def create(self, body: bytes) -> Outcome:
        """Create the record that `body` is (JSON). Never raises for what a network or a server can do."""
        try:
            answer = self._posted(body)
        except (OSError, ValueError) as error:
            self.close()
            return Retry(reason=f"{type(error).__name__}: {error}")
        return outcome_of(answer.status, answer.headers.get("retry-after"), answer.body)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _posted(self, body: bytes) -> HttpResponse:
        reused = self._connection is not None
        try:
            return self._posted_once(body)
        except OSError as error:
            # A kept connection may have been closed by the other side meanwhile: that is no failure yet.
            self.close()
            if not reused or isinstance(error, TimeoutError):
                raise
            return self._posted_once(body)

    def _posted_once(self, body: bytes) -> HttpResponse:
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": self._agent}
        if self._token_file is not None:
            headers["Authorization"] = f"Bearer {self._token_file.read_text('ascii').strip()}"
        if self._connection is None:
            self._connection = self._connected()
        path = self._server.path.rstrip("/") + RECORDS_PATH
        answer = self._connection.post(path, headers, body, most_bytes=_MOST_ANSWER_BYTES)
        if not self._connection.reusable:
            self.close()
        return answer

    def _connected(self) -> PostConnection:
        host = self._server.hostname or ""
        if self._server.scheme == "http":
            return PostConnection(host, self._server.port or 80, timeout=self._timeout, context=None)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self._ca_file is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(self._ca_file)
        return PostConnection(host, self._server.port or 443, timeout=self._timeout, context=context)


def outcome_of(status: int, retry_after: str | None, answer: bytes) -> Outcome:
    """Return what an answer of the API server means for a record."""
    reason, message = _status_of(answer)
    words = f"HTTP {status}" + (f": {message}" if message else "")
    if status in (200, 201):
        return Delivered()
    if status == 409 and reason in ("AlreadyExists", ""):
        return Delivered(existed=True)
    if status == 404:
        return Retry(reason=f"{words} (is the CustomResourceDefinition oomrecords.oomreport.dev there?)")
    if status == 403 and "admission" not in message.lower():
        # RBAC: a state of the cluster that somebody may be mending, not of the record. A policy's denial is about the
        # record ("ValidatingAdmissionPolicy '...' denied request").
        return Retry(reason=f"{words} (is the ClusterRoleBinding oomreport-agent there?)", after=_seconds(retry_after))
    if status in (400, 403, 405, 406, 413, 415, 422):
        return Refused(status=status, reason=words)
    return Retry(reason=words, after=_seconds(retry_after))


def _seconds(retry_after: str | None) -> float | None:
    """Return the header as seconds; the API server never sends its other form, a date."""
    if retry_after is None or not retry_after.strip().isdigit():
        return None
    return min(float(retry_after), _MOST_RETRY_AFTER_SECONDS)


def _status_of(answer: bytes) -> tuple[str, str]:
    """Return reason and message of a metav1.Status, or what little there is."""
    try:
        status = json.loads(answer)
        return str(status.get("reason") or ""), str(status.get("message") or "")[:1000]
    except (ValueError, AttributeError):
        return "", answer[:200].decode("utf-8", "replace").strip()
