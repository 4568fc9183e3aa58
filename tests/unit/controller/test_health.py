"""The liveness probe fails when only a new process may help."""

import asyncio

import aiohttp

from oomreport.controller.health import ProbeServer


def test_who_gets_no_answer_from_the_api_server_for_long_is_not_worth_keeping() -> None:
    async def statuses(*, alive: bool) -> tuple[int, int]:
        server = ProbeServer(("127.0.0.1", 0), lambda: (True, {}), alive=lambda: alive)
        await server.start()
        try:
            async with (
                aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session,
                session.get("/healthz") as health,
                session.get("/readyz") as ready,
            ):
                return health.status, ready.status
        finally:
            await server.stop()

    assert asyncio.run(statuses(alive=True)) == (200, 200)
    assert asyncio.run(statuses(alive=False)) == (503, 200)
