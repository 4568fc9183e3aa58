"""The HTTP server of probes and metrics.

It runs in the event loop itself, so a loop that hangs answers nothing.

/healthz   200 while the process is worth keeping: not when the API server has answered nothing for ten minutes
/readyz    200 while it does its work: as the leader with all lists read, or waiting while another one leads
/metrics   for Prometheus, see metrics.py
"""

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST


class ProbeServer:
    """Serves the probes. `state` returns whether the process is ready and its figures, `alive` whether to keep it."""

    def __init__(
        self,
        address: tuple[str, int],
        state: Callable[[], tuple[bool, Mapping[str, Any]]],
        metrics: Callable[[], bytes] = bytes,
        alive: Callable[[], bool] = lambda: True,
    ) -> None:
        self._address, self._state, self._figures, self._alive = address, state, metrics, alive
        application = web.Application()
        application.add_routes(
            [web.get("/healthz", self._healthz), web.get("/readyz", self._readyz), web.get("/metrics", self._metrics)]
        )
        self._runner = web.AppRunner(application, access_log=None, keepalive_timeout=1)

    async def start(self) -> None:
        """Listen. Raises OSError where the address is taken."""
        host, port = self._address
        await self._runner.setup()
        await web.TCPSite(self._runner, host or None, port).start()

    @property
    def port(self) -> int:
        """Return the port that is listened on."""
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        alive, figures = self._alive(), self._state()[1]
        return web.json_response({"healthy": alive, **figures}, status=200 if alive else 503)

    async def _readyz(self, _: web.Request) -> web.Response:
        ready, figures = self._state()
        return web.json_response({"ready": ready, **figures}, status=200 if ready else 503)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._figures(), headers={"Content-Type": CONTENT_TYPE_LATEST})
