"""A thin client of the API server on aiohttp.

JSON goes in and comes out. One exception tells the request and the answer.
"""

import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
from yarl import URL

from oomreport import __version__
from oomreport.adapters.cluster.api_access import ApiAccess
from oomreport.adapters.cluster.nesting import is_deep, without_deep_items
from oomreport.adapters.http.http_session import SessionOwner
from oomreport.errors import ApiError

log = logging.getLogger(__name__)
_TIMEOUT = aiohttp.ClientTimeout(total=15, sock_connect=5)
_PAGE = 200
# etcd holds objects of 1.5 MiB at most (its --max-request-bytes), and a page of 200 pods has some 2 to 5 MiB. JSON
# takes some nine times its size when it is parsed, and the container's limit is 512Mi.
_MOST_ANSWER_BYTES = 24 * 1024 * 1024
_TOO_LARGE = "AnswerTooLarge"
_TOO_DEEP = "AnswerTooDeep"
# The server ends a watch by itself after this long; a connection that is silent for longer is dead.
_WATCH_SECONDS = 240
_WATCH_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=_WATCH_SECONDS + 15)
_MOST_WORDS = 500
_PASSED_OVER = "an object that is nested too deep is passed over"
_MERGE = "application/merge-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"
_APPLY = "application/apply-patch+yaml"
# The answer is a PartialObjectMetadata: who knows what was written need not read it again.
_METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


def path(api_version: str, plural: str, *, namespace: str | None = None, name: str | None = None, sub: str = "") -> str:
    """Return the path of objects (`name` is None), of one object, or of a subresource of it.

    Each part is one segment, whoever wrote it. Raises ApiError (status 400) for what the API server takes for no name
    either: an empty part, a dot or two, a slash or a percent sign (IsValidPathSegmentName in apimachinery).
    """
    group = api_version.split("/")
    parts = ["api" if len(group) == 1 else "apis", *group]
    parts += ["namespaces", namespace] if namespace is not None else []
    parts += [plural] if name is None else [plural, name]
    parts += [sub] if sub else []
    if len(group) > 2:
        raise _no_name(api_version)
    return "/" + "/".join(map(_segment, parts))


@lru_cache(maxsize=1024)
def _segment(part: str) -> str:
    """Return a part of a path, quoted. The same groups, kinds and namespaces come again and again."""
    if part in ("", ".", "..") or "/" in part or "%" in part:
        raise _no_name(part)
    return quote(part, safe="")


def _no_name(part: str) -> ApiError:
    return ApiError(f"{part[:_MOST_WORDS]!r} is no name in a path", status=400, reason="BadRequest")


def session(
    access: ApiAccess, *, agent: str, on_response: Callable[[aiohttp.ClientResponse], None] | None = None
) -> aiohttp.ClientSession:
    """Return a session for the API server; each request carries the credentials of its moment.

    `on_response` gets each response of status 200 before anybody reads it.
    """

    async def authorize(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        if header := access.authorization():
            request.headers["Authorization"] = header
        response = await handler(request)
        if on_response and response.status == 200:
            on_response(response)
        return response

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=access.tls),
        headers={"User-Agent": f"{agent}/{__version__}", "Accept": "application/json"},
        middlewares=(authorize,),
    )


class ApiServer(SessionOwner):
    """The API server. Every method raises ApiError for what a server or a network can do."""

    def __init__(self, access: ApiAccess, *, agent: str) -> None:
        self._server = access.server
        self._session = session(access, agent=agent)
        self._manager = agent
        self._answered_at = time.monotonic()

    @property
    def silent_seconds(self) -> float:
        """Return for how long the API server has answered nothing."""
        return time.monotonic() - self._answered_at

    async def get(self, where: str, **query: str) -> dict[str, Any]:
        """Return an object or a list."""
        return await self._request("GET", where, query=query)

    async def found(self, where: str) -> dict[str, Any] | None:
        """Return an object, None where there is none, or one that is nested too deep to be read."""
        try:
            return await self.get(where)
        except ApiError as error:
            if error.is_not_found or error.reason == _TOO_DEEP:
                return None
            raise

    async def pages(
        self, where: str, through: Callable[[bytes], bytes] | None = None, **query: str
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """Return all objects, page by page. A page's text goes through `through` first, which may shorten it."""
        async for page, _ in self._pages(where, query, through):
            yield page

    async def listed(self, where: str) -> AsyncIterator[tuple[list[dict[str, Any]], str]]:
        """Return all objects page by page, each with the version that a watch goes on from."""
        async for page in self._pages(where, {}):
            yield page

    async def _pages(
        self, where: str, query: Mapping[str, str], through: Callable[[bytes], bytes] | None = None
    ) -> AsyncIterator[tuple[list[dict[str, Any]], str]]:
        more: dict[str, str] = {}
        size = _PAGE
        while True:
            try:
                page = await self._request("GET", where, query={"limit": str(size), **query, **more}, through=through)
            except ApiError as error:
                # Objects may be made so large that a page of them is too much: then smaller pages.
                if error.reason != _TOO_LARGE or size == 1:
                    raise
                size //= 2
                continue
            metadata = page.get("metadata") or {}
            yield page.get("items") or [], str(metadata.get("resourceVersion", ""))
            if not metadata.get("continue"):
                return
            more = {"continue": metadata["continue"]}

    async def watch(self, where: str, version: str) -> AsyncIterator[dict[str, Any]]:
        """Return what changes after a version, until the server ends the watch; bookmarks too.

        Raises ApiError; of status 410 where the version is too old.
        """
        query = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        url = self._server + where
        try:
            async with self._session.get(_exactly(url), params=query, timeout=_WATCH_TIMEOUT) as response:
                if response.status >= 400:
                    raise _refused("GET", url, response.status, await response.read())
                async for line in _lines(response.content):
                    if is_deep(line):
                        log.warning(_PASSED_OVER, extra={"path": where})
                        continue
                    event: dict[str, Any] = orjson.loads(line)
                    if event["type"] == "ERROR":
                        status = event["object"]
                        words = f"GET {url}: {status.get('message')}"
                        raise ApiError(words, status=int(status.get("code") or 0), reason=str(status.get("reason")))
                    yield event
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _unreachable("GET", url, error) from error

    async def create(self, where: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create an object."""
        return await self._request("POST", where, body=body, query={"fieldManager": self._manager})

    async def replace(self, where: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Replace an object; its resourceVersion guards against lost updates."""
        return await self._request("PUT", where, body=body, query={"fieldManager": self._manager})

    async def merge(self, where: str, body: Mapping[str, Any], *, brief: bool = False) -> dict[str, Any]:
        """Change parts of an object (a JSON merge patch). A resourceVersion or uid in it is a precondition.

        `brief`: the answer has the object's metadata only.
        """
        query = {"fieldManager": self._manager}
        return await self._request("PATCH", where, body=body, content_type=_MERGE, query=query, brief=brief)

    async def strategic(self, where: str, body: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Change parts of a built-in object, items of a list by their key (a strategic merge patch).

        A dry run goes through admission and stores nothing.
        """
        query = {"fieldManager": self._manager, **({"dryRun": "All"} if dry_run else {})}
        return await self._request("PATCH", where, body=body, content_type=_STRATEGIC, query=query)

    async def apply(self, where: str, body: Mapping[str, Any], *, brief: bool = False) -> dict[str, Any]:
        """Make an object have these fields (server-side apply); fields of other writers stay as they are.

        `brief`: the answer has the object's metadata only.
        """
        query = {"fieldManager": self._manager, "force": "true"}
        return await self._request("PATCH", where, body=body, content_type=_APPLY, query=query, brief=brief)

    async def delete(self, where: str, *, uid: str | None = None, resource_version: str | None = None) -> bool:
        """Delete an object, if it is still this one; return whether it was there."""
        conditions = {"uid": uid, "resourceVersion": resource_version}
        conditions = {key: value for key, value in conditions.items() if value}
        try:
            await self._request("DELETE", where, body={"preconditions": conditions} if conditions else None)
        except ApiError as error:
            if error.is_not_found:
                return False
            raise
        return True

    async def status_of(self, where: str, **query: str) -> int:
        """Return the HTTP status of a GET without reading the answer, which may be an endless watch."""
        try:
            where_to = _exactly(self._server + where)
            async with self._session.get(where_to, params=query, timeout=_TIMEOUT) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable("GET", self._server + where, error) from error

    async def _request(
        self,
        method: str,
        where: str,
        *,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        query: Mapping[str, str] | None = None,
        brief: bool = False,
        through: Callable[[bytes], bytes] | None = None,
    ) -> dict[str, Any]:
        url = self._server + where
        data = None if body is None else orjson.dumps(body)
        headers = {"Content-Type": content_type} if data else {}
        if brief:
            headers["Accept"] = _METADATA_ONLY
        try:
            async with self._session.request(
                method, _exactly(url), data=data, headers=headers, params=query, timeout=_TIMEOUT
            ) as response:
                self._answered_at = time.monotonic()
                answer = await _bounded(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(method, url, error) from error
        if response.status >= 400:
            raise _refused(method, url, response.status, answer)
        if len(answer) > _MOST_ANSWER_BYTES:
            words = f"{method} {url}: the answer is larger than {_MOST_ANSWER_BYTES >> 20} MiB"
            raise ApiError(words, status=response.status, reason=_TOO_LARGE)
        if method == "GET" and is_deep(answer):
            shallow = without_deep_items(answer)
            if is_deep(shallow):
                words = f"GET {url}: the object is nested too deep"
                raise ApiError(words, status=response.status, reason=_TOO_DEEP)
            answer = shallow
            log.warning(_PASSED_OVER, extra={"path": where})
        try:
            result = orjson.loads(through(answer) if through else answer)
        except ValueError as error:
            raise ApiError(f"{method} {url}: the answer is no JSON: {error}", status=response.status) from error
        if not isinstance(result, dict):
            raise ApiError(f"{method} {url}: the answer is no object", status=response.status)
        return result


def words_of(error: ApiError) -> str:
    """Return what the server said, without the request and its address."""
    _, mark, words = str(error).partition(f"HTTP {error.status}: ")
    return words if mark else str(error)


def _exactly(url: str) -> URL:
    """Return a URL that is sent as it stands: yarl would resolve dots and change what is quoted."""
    return URL(url, encoded=True)


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """Return the answer, or the beginning of one that is too large."""
    answer = bytearray()
    async for chunk in response.content.iter_any():
        answer += chunk
        if len(answer) > _MOST_ANSWER_BYTES:
            response.close()
            break
    return bytes(answer)


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Return lines of any length: aiohttp's own reader refuses those that are longer than its buffer."""
    rest, searched = bytearray(), 0
    async for chunk in content.iter_any():
        rest += chunk
        while (end := rest.find(b"\n", searched)) >= 0:
            line, searched = bytes(rest[:end]), 0
            del rest[: end + 1]
            if line:
                yield line
        searched = len(rest)


def _unreachable(method: str, url: str, error: BaseException) -> ApiError:
    words = str(error) or type(error).__name__
    return ApiError(f"{method} {url}: no answer: {words}", reason="Unreachable")


def _refused(method: str, url: str, status: int, answer: bytes) -> ApiError:
    try:
        body = orjson.loads(answer)
        reason, message = str(body.get("reason") or ""), str(body.get("message") or "")
    except (ValueError, AttributeError):
        reason, message = "", answer[:_MOST_WORDS].decode("utf-8", "replace")
    return ApiError(f"{method} {url}: HTTP {status}: {message[:_MOST_WORDS]}", status=status, reason=reason)
