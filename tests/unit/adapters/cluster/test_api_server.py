"""One request goes to one path, whoever wrote the names in it.

An answer is bounded and JSON, or an error that says so.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from oomreport.adapters.cluster import api_server
from oomreport.adapters.cluster.api_access import ApiAccess
from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.errors import ApiError

HOSTILE = (
    "../../shop/secrets/oomreport-chat",
    "../../../../../../api/v1/pods",
    "../../../../../../api/v1/pods?watch=true#",
    "../../../../../../metrics",
    "..",
    ".",
    "",
    "a/b",
    "%2e%2e",
    "%2e%2e%2fsecrets",
    "a%2fb",
    "a%00b",
)
ODD = (
    "a?watch=true",
    "a#fragment",
    "a b",
    "a;b",
    "a\\b",
    "a&b=c",
    "\u2025",
    "\uff0e\uff0e",
    "a:b",
    "\x1b]0;pwned\x07",
    "a\tb",
)


@asynccontextmanager
async def serving(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[tuple[ApiServer, list[str]]]:
    """Serve, and remember each request's target as it stood in its first line."""
    seen: list[str] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        seen.append(request.raw_path)
        return await answer(request)

    application = web.Application()
    application.router.add_route("*", "/{any:.*}", handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    access = ApiAccess(server=f"http://127.0.0.1:{runner.addresses[0][1]}", tls=False, authorization=lambda: None)
    try:
        async with ApiServer(access, agent="test") as api:
            yield api, seen
    finally:
        await runner.cleanup()


async def _empty(_: web.Request) -> web.Response:
    return web.json_response({})


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("part", ["name", "namespace", "plural", "sub", "api_version"])
def test_what_is_no_name_is_refused_before_any_request(name: str, part: str) -> None:
    if (part, name) in {("sub", ""), ("api_version", "a/b")}:
        return  # no subresource; a group and a version
    parts: dict[str, Any] = {"api_version": "v1", "plural": "secrets", "namespace": "evil", "name": "key", part: name}
    with pytest.raises(ApiError) as refused:
        path(parts.pop("api_version"), parts.pop("plural"), **parts)
    assert refused.value.status == 400


@pytest.mark.parametrize("name", ODD)
def test_an_odd_name_stays_one_segment_on_its_way(name: str) -> None:
    async def run() -> list[str]:
        async with serving(_empty) as (api, seen):
            await api.found(path("v1", "secrets", namespace="evil", name=name))
            await api.get(path("v1", "pods", namespace=name), limit="1")
            return seen

    one, listed = asyncio.run(run())
    before, after = "/api/v1/namespaces/evil/secrets/", "/pods?limit=1"
    assert one.startswith(before)
    assert listed.startswith("/api/v1/namespaces/")
    assert listed.endswith(after)
    for segment in (one.removeprefix(before), listed.removeprefix("/api/v1/namespaces/").removesuffix(after)):
        assert not set(segment) & set("/?#&; ")
        assert segment not in ("", ".", "..")


def test_an_answer_that_is_no_json_is_an_error_of_the_api() -> None:
    async def run(text: str) -> None:
        async def answer(_: web.Request) -> web.Response:
            return web.Response(text=text)

        async with serving(answer) as (api, _):
            await api.get("/metrics")

    for text in ("# HELP go_gc", "[]", "[" * 100_000):
        with pytest.raises(ApiError):
            asyncio.run(run(text))


def test_a_page_that_is_too_large_comes_in_smaller_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_server, "_MOST_ANSWER_BYTES", 100_000)
    pods = [{"metadata": {"name": f"p{number}"}, "text": "x" * 3000} for number in range(120)]

    async def answer(request: web.Request) -> web.Response:
        start, limit = int(request.query.get("continue", 0)), int(request.query["limit"])
        more = {"continue": str(start + limit)} if start + limit < len(pods) else {}
        return web.json_response({"metadata": more, "items": pods[start : start + limit]})

    async def run() -> tuple[list[str], int]:
        async with serving(answer) as (api, seen):
            found = [item["metadata"]["name"] async for page in api.pages("/api/v1/pods") for item in page]
            return found, len(seen)

    found, requests = asyncio.run(run())
    assert found == [pod["metadata"]["name"] for pod in pods]
    assert requests < 12


def test_an_answer_that_never_ends_is_cut_off() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        block = json.dumps({"metadata": {}}).encode() * 50_000
        for _ in range(40):
            await response.write(block)
        return response

    async def run() -> ApiError:
        async with serving(answer) as (api, _):
            with pytest.raises(ApiError) as error:
                await api.get("/api/v1/pods")
            return error.value

    assert "larger than" in str(asyncio.run(run()))
