"""The keeper of the watch of pods and records.

It begins the watch anew whenever that has ended or is blind.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

from oomreport.controller.known.watch_state import WatchState
from oomreport.controller.watch import WatchHangsError
from oomreport.controller.work.backoff import Backoff
from oomreport.errors import ApiError

log = logging.getLogger(__name__)
# Kopf tries a refused or broken connection again within five seconds; after three times that it is stuck.
_MOST_BLIND_SECONDS = 15.0
_LOOK_SECONDS = 1.0


async def keep_watching(
    follow: Callable[[], Coroutine[Any, Any, None]],
    watches: WatchState,
    *,
    most_blind_seconds: float = _MOST_BLIND_SECONDS,
    look_seconds: float = _LOOK_SECONDS,
) -> None:
    """Watch until cancelled; `follow` is one watch. Raises WatchHangsError where a watch cannot be ended."""
    for pause in Backoff():
        watching = asyncio.create_task(follow(), name="kopf")
        try:
            await _until_blind(watching, watches, most_blind_seconds, look_seconds)
            await _end(watching, most_blind_seconds)
            if not watching.cancelled():
                watching.result()
        except ApiError as error:
            log.warning("watch cannot begin, will retry", extra={"error": str(error)})
        except WatchHangsError:
            raise
        except asyncio.CancelledError:
            await _end(watching, most_blind_seconds)
            raise
        except Exception as error:  # noqa: BLE001 - whatever ended it, the next one is begun
            facts = {"error": str(error) or repr(error)}
            log.error("watch of pods and records has ended, will begin anew", extra=facts)  # noqa: TRY400
        await asyncio.sleep(pause)


async def _until_blind(watching: asyncio.Task[None], watches: WatchState, most: float, look: float) -> None:
    """Return when a watch has ended, or when it has seen nothing for too long."""
    began = time.monotonic()
    while not watching.done():
        await asyncio.wait({watching}, timeout=look)
        blind = min(watches.blind_for().total_seconds(), time.monotonic() - began)
        if blind > most and not watching.done():
            log.warning("watch is blind, will begin anew", extra={"seconds": round(blind)})
            return


async def _end(watching: asyncio.Task[None], seconds: float) -> None:
    watching.cancel()
    await asyncio.wait({watching}, timeout=seconds)
    if not watching.done():
        raise WatchHangsError("the watch does not end")
