"""List and watch over real HTTP: a server that lists and watches as the API server does, and ends both as it does."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from aiohttp import web

from oomreport.adapters.cluster.api_access import ApiAccess
from oomreport.adapters.cluster.api_server import ApiServer
from oomreport.controller.known import list_watch
from oomreport.controller.known.list_watch import ListWatch

Object = dict[str, Any]
WHERE = "/apis/oomreport.dev/v1alpha1/oompolicies"


def thing(name: str, version: int, **rest: Any) -> Object:
    return {"metadata": {"namespace": "shop", "name": name, "resourceVersion": str(version)}, **rest}


class Server:
    """Answers lists with `items`; each watch gets the next of `watches`, then waits."""

    def __init__(self) -> None:
        self.items: list[Object] = []
        self.watches: list[list[Object] | web.Response] = []
        self.refuse = 0
        self.requests: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        query = dict(request.query)
        self.requests.append(query)
        if self.refuse:
            return web.json_response({"message": "forbidden", "reason": "Forbidden"}, status=self.refuse)
        if "watch" not in query:
            return self._page(query)
        response = web.StreamResponse()
        await response.prepare(request)
        if not self.watches:
            await asyncio.sleep(60)
        for event in self.watches.pop(0):
            await response.write(json.dumps(event).encode() + b"\n")
        return response

    def _page(self, query: Mapping[str, str]) -> web.Response:
        first = int(query.get("continue", 0))
        metadata = {"resourceVersion": "7"}
        if first + 1 < len(self.items):
            metadata["continue"] = str(first + 1)
        return web.json_response({"metadata": metadata, "items": self.items[first : first + 1]})

    def watched_from(self) -> list[str]:
        return [query["resourceVersion"] for query in self.requests if "watch" in query]


Look = Callable[[Server, "Told"], Awaitable[None]]


class Told:
    def __init__(self) -> None:
        self.events: list[tuple[str | None, str]] = []
        self.listed: list[set[str]] = []
        self.lost = 0

    def take(self, kind: str | None, item: Mapping[str, Any]) -> None:
        self.events.append((kind, item["metadata"]["name"]))

    def lose(self) -> None:
        self.lost += 1


def play(server: Server, look: Look) -> Told:
    async def story() -> Told:
        application = web.Application()
        application.add_routes([web.get(WHERE, server.answer)])
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        told = Told()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with ApiServer(ApiAccess(server=url, tls=False, authorization=lambda: None), agent="test") as api:
            one = ListWatch(
                api,
                WHERE,
                told.take,
                on_listed=lambda names: told.listed.append({name for _, name in names}),
                on_lost=told.lose,
            )
            task = asyncio.create_task(one.run())
            try:
                async with asyncio.timeout(10):
                    await look(server, told)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                await runner.cleanup()
        return told

    return asyncio.run(story())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def test_all_pages_are_listed_and_the_watch_goes_on_from_there():
    server = Server()
    server.items = [thing("a", 3), thing("b", 4)]
    server.watches = [
        [
            {"type": "ADDED", "object": thing("c", 8)},
            {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "20"}}},
        ],
        [{"type": "DELETED", "object": thing("a", 21)}],
    ]
    told = play(server, lambda server, _: until(lambda: len(server.watched_from()) == 3))
    assert told.events == [(None, "a"), (None, "b"), ("ADDED", "c"), ("DELETED", "a")]
    assert told.listed == [{"a", "b"}]
    assert server.watched_from() == ["7", "20", "21"]


def test_an_object_longer_than_a_buffer_is_read_whole():
    server = Server()
    server.watches = [[{"type": "ADDED", "object": thing("long", 8, text="x" * 1_000_000)}]]
    told = play(server, lambda _, told: until(lambda: bool(told.events)))
    assert told.events == [("ADDED", "long")]


def test_a_version_that_is_too_old_is_listed_anew():
    server = Server()
    gone = {"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old resource version"}}
    server.watches = [[gone]]
    told = play(server, lambda server, _: until(lambda: len(server.watched_from()) == 2))
    assert told.listed == [set(), set()]
    assert told.lost == 0


def test_a_refusal_is_said_once_and_what_is_allowed_again_is_listed_anew(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(list_watch, "_PAUSE_REFUSED_SECONDS", 0.02)
    server = Server()
    server.refuse = 403

    async def look(server: Server, told: Told) -> None:
        await until(lambda: told.lost >= 3)
        server.refuse = 0
        server.items = [thing("a", 3)]
        await until(lambda: bool(told.listed))

    told = play(server, look)
    assert told.events == [(None, "a")]
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == ["watch is refused"]


def test_a_server_that_is_out_of_order_is_tried_again_without_a_new_list():
    server = Server()

    async def look(server: Server, told: Told) -> None:
        server.watches = [[{"type": "ADDED", "object": thing("a", 9)}]]
        await until(lambda: bool(told.events))
        server.refuse = 503
        await until(lambda: len(server.requests) >= 4)
        server.refuse = 0
        server.watches = [[{"type": "ADDED", "object": thing("b", 10)}]]
        await until(lambda: len(told.events) == 2)

    told = play(server, look)
    assert told.events == [("ADDED", "a"), ("ADDED", "b")]
    assert len(told.listed) == 1
    assert told.lost == 0
