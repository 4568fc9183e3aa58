"""A filter for events between the API server's stream and Kopf.

A cluster of 10 000 pods sends hundreds of events a second, and nearly none matters. To handle one, Kopf parses all of
it and copies it twice. The filter decodes the few fields that decide (msgspec skips the others without making objects),
and hands on wanted lines byte for byte, so that Kopf sees a shorter stream and nothing else.

What passes in any case: bookmarks, errors, deletions, and lines that cannot be decoded (Kopf then says what is wrong).
What is nested too deep to be decoded never does (nesting.py).
Kopf continues a watch from the last version that it saw, a bookmark's at most a minute old: the filter drops again what
the API server then repeats.

Of records a day's worth is there, and the controller marks each as used: the mark comes back as an event.

API servers that cannot stream lists (before Kubernetes 1.34, by default) send them in pages; a page is filtered whole.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any, TypedDict, cast

import aiohttp
import msgspec

from oomreport.adapters.cluster.nesting import is_deep, without_deep_items

# An object has at most 1.5 MiB in etcd, and a line somewhat more; what is longer than this is no watch of pods.
_MOST_LINE_BYTES = 16 * 1024 * 1024


class _Terminated(TypedDict, total=False):
    reason: str
    exitCode: int
    containerID: str


class _ContainerState(TypedDict, total=False):
    terminated: _Terminated


class _ContainerStatus(TypedDict, total=False):
    containerID: str
    state: _ContainerState
    lastState: _ContainerState


class _Status(TypedDict, total=False):
    containerStatuses: list[_ContainerStatus] | None
    initContainerStatuses: list[_ContainerStatus] | None
    ephemeralContainerStatuses: list[_ContainerStatus] | None


class _OwnerReference(TypedDict, total=False):
    apiVersion: str
    kind: str
    name: str
    uid: str
    controller: bool | None


class _Metadata(TypedDict, total=False):
    uid: str
    name: str
    namespace: str
    labels: dict[str, str] | None
    ownerReferences: list[_OwnerReference] | None


class _Pod(TypedDict, total=False):
    """The fields of a pod that decide whether it is wanted, with the API's names and shapes."""

    metadata: _Metadata
    status: _Status


class _Subject(TypedDict, total=False):
    containerID: str


class _RecordSpec(TypedDict, total=False):
    nodeName: str
    subject: _Subject | None


class _RecordStatus(TypedDict, total=False):
    usedTime: str | None
    containerID: str | None


class _RecordMetadata(TypedDict, total=False):
    name: str
    resourceVersion: str


class _Record(TypedDict, total=False):
    """The fields of an OOMRecord of which one that was used is remembered."""

    metadata: _RecordMetadata
    spec: _RecordSpec
    status: _RecordStatus | None


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _ListPage(msgspec.Struct):
    kind: str
    apiVersion: str  # noqa: N815 - the API's name
    metadata: msgspec.Raw
    items: list[msgspec.Raw] | None


_event = msgspec.json.Decoder(_Event)
_page = msgspec.json.Decoder(_ListPage)
_PODS, _RECORDS = msgspec.json.Decoder(_Pod), msgspec.json.Decoder(_Record)


class EventFilter:
    """Decides which events and which items of a page go on.

    `is_wanted` gets an object with the fields above only. `on_dropped` is called for each that does not go on, with
    True while the API server still lists what exists.
    """

    def __init__(
        self,
        decoder: msgspec.json.Decoder[Any],
        is_wanted: Callable[[dict[str, Any]], bool],
        on_dropped: Callable[[bool], None],
    ) -> None:
        self._decoder, self._is_wanted, self._on_dropped = decoder, is_wanted, on_dropped
        self._lists = False

    @classmethod
    def of_pods(
        cls, is_wanted: Callable[[dict[str, Any]], bool], on_dropped: Callable[[bool], None] = lambda _: None
    ) -> "EventFilter":
        """Return a filter of pods."""
        return cls(_PODS, is_wanted, on_dropped)

    @classmethod
    def of_records(
        cls, is_wanted: Callable[[dict[str, Any]], bool], on_dropped: Callable[[bool], None] = lambda _: None
    ) -> "EventFilter":
        """Return a filter of records."""
        return cls(_RECORDS, is_wanted, on_dropped)

    def attach(self, response: aiohttp.ClientResponse, on_heard: Callable[[], None] = lambda: None) -> None:
        """Filter what a response to a list or a watch will be read as; `on_heard` is told of each piece of a watch."""
        query, content = response.url.query, response.content
        if query.get("watch") == "true":
            self._lists = query.get("sendInitialEvents") == "true"
            response.content = cast("aiohttp.StreamReader", FilteredWatch(content, self.passes, on_heard))
        elif "limit" in query:
            response.content = cast("aiohttp.StreamReader", FilteredPage(content, self.page))

    def passes(self, line: bytes) -> bool:
        """Return whether a line of a watch goes on."""
        return self._is_wanted_line(line) and not is_deep(line)

    def _is_wanted_line(self, line: bytes) -> bool:
        try:
            event = _event.decode(line)
            if event.type not in ("ADDED", "MODIFIED"):
                self._lists = self._lists and event.type != "BOOKMARK"
                return True
            return self._passes(event.object, lists=self._lists)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return True
        except RecursionError:
            return False

    def page(self, body: bytes) -> bytes:
        """Return a page as the API server sends it with only the items that go on; unchanged where it is no list."""
        return self.shallow_page(without_deep_items(body))

    def shallow_page(self, body: bytes) -> bytes:
        """Return the same of a page in which nothing is nested too deep."""
        try:
            page = _page.decode(body)
            page.items = [item for item in page.items or () if self._passes(item, lists=True)]
        except (msgspec.DecodeError, UnicodeDecodeError):
            return body
        return msgspec.json.encode(page)

    def _passes(self, item: msgspec.Raw, *, lists: bool) -> bool:
        # The shapes are the API's own, and `is_wanted` reads a mapping as the API server sends it.
        if self._is_wanted(self._decoder.decode(item)):
            return True
        self._on_dropped(lists)
        return False


class FilteredWatch:
    """The lines of a watch that pass, in the place of a response's content."""

    def __init__(
        self,
        content: aiohttp.StreamReader,
        passes: Callable[[bytes], bool],
        on_heard: Callable[[], None] = lambda: None,
    ) -> None:
        self._content, self._passes, self._on_heard = content, passes, on_heard

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - all else is the stream's own
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Return what passes of each chunk that arrives. Raises ClientPayloadError for a line without an end."""
        begun = bytearray()
        async for chunk in self._content.iter_chunked(size):
            self._on_heard()
            whole, newline, rest = chunk.rpartition(b"\n")
            if newline:
                lines = [*bytes(begun + whole).split(b"\n")]
                begun = bytearray(rest)
                if kept := [line for line in lines if line and self._passes(line)]:
                    yield b"\n".join(kept) + b"\n"
            else:
                begun += chunk
            if len(begun) > _MOST_LINE_BYTES:
                raise aiohttp.ClientPayloadError(f"a line of a watch is longer than {_MOST_LINE_BYTES} bytes")
        if begun:
            yield bytes(begun)


class FilteredPage:
    """The page of a list with the items that pass, in the place of a response's content."""

    def __init__(self, content: aiohttp.StreamReader, page: Callable[[bytes], bytes]) -> None:
        self._content, self._page = content, page

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - all else is the stream's own
        return getattr(self._content, name)

    async def read(self, n: int = -1) -> bytes:
        """Return the whole page, filtered, or a part of it as it came."""
        body = await self._content.read(n)
        return self._page(body) if n < 0 else body
