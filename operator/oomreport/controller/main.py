"""The process `oomreport-controller`: signals, Lease, start and stop.

Exit status: 0 after SIGTERM or SIGINT, 1 when the Lease was lost or something broke that a restart may mend, 2 when the
configuration is wrong.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from oomreport.adapters.cluster.api_access import ApiAccess, api_access
from oomreport.adapters.cluster.api_server import ApiServer
from oomreport.adapters.cluster.lease import Lease, LeaseTerms
from oomreport.adapters.cluster.prometheus import Prometheus
from oomreport.adapters.http.webhook import WebhookClient
from oomreport.controller.health import ProbeServer
from oomreport.controller.log import configure_logging
from oomreport.controller.metrics import Metrics
from oomreport.controller.reporting.housekeeping import Housekeeping
from oomreport.controller.settings import ControllerSettings, settings_of
from oomreport.controller.watch_keeper import keep_watching
from oomreport.controller.wiring import Parts, parts_of
from oomreport.controller.work.backoff import Backoff
from oomreport.errors import ApiError, ConfigurationError

log = logging.getLogger("oomreport.controller")
_DRAIN_SECONDS = 3.0
# Threads are started when they are needed only.
_LOOKUPS = 64
# An API server that restarts is away for a minute or two. After ten, only a new process may mend what is wrong here.
_MOST_SILENT_SECONDS = 600.0


def main() -> None:
    """Run the controller until it is told to end."""
    configure_logging("info")
    try:
        access, settings = _configured(sys.argv[1:], os.environ)
        configure_logging(settings.log_level)
        sys.exit(asyncio.run(Controller(settings, access).run()))
    except ConfigurationError as error:
        for problem in error.problems:
            log.error("configuration is wrong", extra={"problem": problem})  # noqa: TRY400 - the words say it all
        sys.exit(2)


def _configured(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[ApiAccess, ControllerSettings]:
    """Return access and options; raises ConfigurationError with the problems of both."""
    problems: list[str] = []
    access, settings = None, None
    try:
        # First, since --help must work without a cluster.
        settings = settings_of(arguments, environment)
    except ConfigurationError as error:
        problems += error.problems
    try:
        access = api_access(environment)
        if access.namespace and not problems:
            settings = settings_of(arguments, environment, pod_namespace=access.namespace)
    except ConfigurationError as error:
        problems += error.problems
    if problems or access is None or settings is None:
        raise ConfigurationError(problems)
    return access, settings


class Controller:
    """One process: first in wait, then at work."""

    def __init__(self, settings: ControllerSettings, access: ApiAccess) -> None:
        self._settings, self._access = settings, access
        self._stop = asyncio.Event()
        self._parts: Parts | None = None
        self._api: ApiServer | None = None
        # Not ready before the Lease was asked for: nobody works who could be waited for.
        self._role = "starting"
        self._figures = Metrics(_now, most_reports=settings.metrics_reports)

    async def run(self) -> int:
        """Work until told to end; return the exit status."""
        self._take_signals()
        # Names of webhooks are resolved in it; a slow name server holds a thread for up to half a minute, and must not
        # hold up everybody's. By default there are five or six.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="lookup"))
        address = self._settings.health_address
        health = ProbeServer(address, self._state, self._figures.text, self._is_alive) if address else None
        try:
            if health:
                await health.start()
            async with ApiServer(self._access, agent="oomreport-controller") as api:
                self._api = api
                return await self._turns(api)
        except OSError as error:
            log.error("health address cannot be used", extra={"error": str(error)})  # noqa: TRY400
            return 1
        finally:
            if health:
                await health.stop()

    async def _turns(self, api: ApiServer) -> int:
        if self._settings.lease_name is None:
            return await self._work(api, None)
        terms = LeaseTerms(
            namespace=self._settings.namespace, name=self._settings.lease_name, holder=self._settings.identity
        )
        lease = Lease(api, terms, monotonic=time.monotonic, now=_now)
        log.info("waiting for the lease", extra={"lease": terms.name, "holder": terms.holder})
        if not await self._obtained(lease, terms.look_every):
            return 0
        log.info("lease is held", extra={"lease": terms.name, "holder": terms.holder})
        try:
            return await self._work(api, lease)
        finally:
            with contextlib.suppress(ApiError):
                await lease.give_back()

    async def _obtained(self, lease: Lease, pause: float) -> bool:
        """Return whether the Lease is ours, once it is; False when told to end before."""
        while not self._stop.is_set():
            try:
                if await lease.hold():
                    return True
                self._role = "standby"
            except ApiError as error:
                log.warning("cannot read lease, will retry", extra={"error": str(error)})
            await self._pause(pause)
        return False

    async def _work(self, api: ApiServer, lease: Lease | None) -> int:
        self._role = "leader"
        self._figures.lead()
        async with self._metrics() as prometheus, WebhookClient(self._settings.hook_reach.refusal) as webhooks:
            return await self._work_with(api, lease, prometheus, webhooks)

    async def _work_with(
        self, api: ApiServer, lease: Lease | None, prometheus: Prometheus | None, webhooks: WebhookClient
    ) -> int:
        parts = parts_of(
            self._settings,
            self._access,
            api=api,
            prometheus=prometheus,
            webhooks=webhooks,
            figures=self._figures,
            now=_now,
        )
        self._parts = parts
        keep = asyncio.create_task(self._keep(lease), name="lease") if lease else None
        ends = {asyncio.create_task(self._stop.wait(), name="stop"), *({keep} if keep else ())}
        begin = asyncio.create_task(self._begun(parts.housekeeping), name="begin")
        await asyncio.wait({begin, *ends}, return_when=asyncio.FIRST_COMPLETED)
        if begin.done():
            parts.deliverer.start()
        workers = {
            asyncio.create_task(parts.queue.work(parts.handle), name=f"worker {number}")
            for number in range(self._settings.workers)
        }
        follow = asyncio.create_task(
            keep_watching(lambda: parts.watch.follow(self._take_signals), parts.watches, lambda: api.silent_seconds),
            name="watch",
        )
        others = {
            begin,
            follow,
            asyncio.create_task(_for_ever(parts.readiness.run), name="readiness"),
            asyncio.create_task(self._rounds(parts.housekeeping), name="housekeeping"),
            *(asyncio.create_task(_for_ever(one.run), name=name) for name, one in parts.list_watches.items()),
            asyncio.create_task(_for_ever(parts.requeuer.run), name="rule changes"),
            asyncio.create_task(_for_ever(parts.owner_labels.run), name="owner labels"),
            asyncio.create_task(_for_ever(parts.running_memory.run), name="running memory"),
        }
        for task in (*workers, *(others - {begin})):
            parts.readiness.expect(task.get_name(), _is_running(task))
        try:
            # The watch ends by itself only where it hangs: then a new process has to watch.
            await asyncio.wait({*ends, follow}, return_when=asyncio.FIRST_COMPLETED)
            hangs = follow.done() and not self._stop.is_set()
        finally:
            await _cancelled(others)
            await parts.deliverer.close()
            parts.queue.stop()
            await asyncio.wait(workers, timeout=_DRAIN_SECONDS)
            await _cancelled({*workers, *ends})
            for close in parts.closing:
                await close()
        if hangs:
            log.error("watch hangs, a new process has to begin")
            return 1
        if keep and not self._stop.is_set():
            log.error("lease was lost")
            return 1
        log.info("controller stopped")
        return 0

    @contextlib.asynccontextmanager
    async def _metrics(self) -> AsyncIterator[Prometheus | None]:
        source = self._settings.metrics_source
        if source is None:
            yield None
            return
        async with Prometheus(source.url, token_file=source.token_file, ca_file=source.ca_file) as prometheus:
            yield prometheus

    async def _keep(self, lease: Lease) -> None:
        """Renew the Lease until another process has it.

        While the API server does not answer nobody can take it, and what is written twice is counted once anyway: what
        is remembered of deleted pods is worth more than a restart.
        """
        while True:
            await asyncio.sleep(lease.terms.renew_every)
            try:
                if not await lease.hold():
                    return
            except ApiError as error:
                log.warning("cannot renew lease, will retry", extra={"error": str(error)})

    async def _begun(self, housekeeping: Housekeeping) -> None:
        for pause in Backoff():
            try:
                await housekeeping.begin()
            except ApiError as error:
                log.warning("start failed, will retry", extra={"error": str(error)})
            except Exception as error:
                log.exception("start failed, will retry", extra={"error": str(error)})
            else:
                return
            await asyncio.sleep(pause)

    async def _rounds(self, housekeeping: Housekeeping) -> None:
        while True:
            await asyncio.sleep(self._settings.housekeeping.total_seconds())
            try:
                await housekeeping.round()
            except ApiError as error:
                log.warning("housekeeping failed, will retry", extra={"error": str(error)})
            except Exception as error:
                log.exception("housekeeping failed, will retry", extra={"error": str(error)})

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)

    def _state(self) -> tuple[bool, Mapping[str, Any]]:
        if self._role != "leader":
            return self._role == "standby", {"role": self._role}
        if self._parts is None:
            return False, {"role": "leader"}
        ready, figures = self._parts.readiness.state()
        return ready, {"role": "leader", **figures}

    def _is_alive(self) -> bool:
        return self._api is None or self._api.silent_seconds < _MOST_SILENT_SECONDS

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)


async def _for_ever(run: Callable[[], Awaitable[None]]) -> None:
    """Run what must not end, and run it again when a mistake of ours ended it."""
    for pause in Backoff():
        try:
            await run()
        except Exception as error:
            log.exception("task has ended, will begin anew", extra={"error": str(error)})
        await asyncio.sleep(pause)


def _is_running(task: asyncio.Task[Any]) -> Callable[[], bool]:
    return lambda: not task.done()


async def _cancelled(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    main()
