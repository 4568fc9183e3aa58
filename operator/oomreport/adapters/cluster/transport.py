"""Requests to the API server, as the command line sends them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

from oomreport.errors import ApiError

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
# A person waits for the answer. The API server gives up after 60 s (--request-timeout).
SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAnswer:
    """An answer of the API server; `date` is its header Date, empty where there is none."""

    status: int
    reason: str
    body: bytes
    date: str = ""

    def object_or_none(self) -> dict[str, Any] | None:
        """Return the object of the body, whatever the status; None where it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    def object_or_raise(self, what: str) -> dict[str, Any]:
        """Return the object of the body. Raises ApiError, with the server's words, where it is a refusal."""
        found = self.object_or_none()
        said = found or {}
        if self.status >= 400:
            words = said.get("message") or f"{self.status} {self.reason}"
            raise ApiError(f"{what}: {words}", status=self.status, reason=str(said.get("reason") or self.reason))
        if found is None:
            raise ApiError(f"{what}: the answer is no JSON object, so it is not the API server's")
        return found


class ApiTransport(Protocol):
    """A way to one API server, with the caller's credentials."""

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        content_type: str = JSON,
        seconds: float = SECONDS,
    ) -> ApiAnswer:
        """Send a request; `path` has its query. Raises ApiError, with status 0, where no answer comes in `seconds`."""
        ...


def items_of(transport: ApiTransport, path: str, *, what: str, page: int, **query: str) -> Iterator[dict[str, Any]]:
    """Yield the items of a list, which is asked for in pages. Raises ApiError."""
    options = {"limit": str(page), **query}
    while True:
        found = transport.send("GET", f"{path}?{urlencode(options)}").object_or_raise(what)
        yield from found.get("items") or ()
        following = (found.get("metadata") or {}).get("continue")
        if not following:
            return
        options["continue"] = following


def unreachable(error: object) -> ApiError:
    """Return the error of a request without an answer."""
    return ApiError(f"the API server cannot be reached: {error}")
