"""The keeper of the watch of pods and records.

It begins the watch anew whenever that has ended or is blind. Blind is a watch that is not open although the event loop
is on time and the API server answers others: a slow server and a machine without processor time are waited for, since
a new watch has to list everything once more, and a new process as well.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from oomreport.controller.known.watch_state import WatchState
from oomreport.controller.watch import WatchHangsError
from oomreport.controller.work.backoff import Backoff
from oomreport.controller.work.loop_time import LOOK_SECONDS, ended, looked
from oomreport.errors import ApiError

log = logging.getLogger(__name__)
# Kopf tries a refused or broken connection again within five seconds; after three times that it is stuck.
_MOST_BLIND_SECONDS = 15.0
# An API server that makes its cache anew may answer small requests and begin no watch for minutes. Each try gets twice
# the time of the one before, up to this: as long as a watch lasts (watch.py).
_MOST_PATIENCE_SECONDS = 120.0
# The API server is asked for a sign of life every five seconds (readiness.py).
_ANSWERS_WITHIN_SECONDS = 6.0


async def keep_watching(
    follow: Callable[[], Coroutine[Any, Any, None]],
    watches: WatchState,
    silent_seconds: Callable[[], float],
    *,
    most_blind_seconds: float = _MOST_BLIND_SECONDS,
    look_seconds: float = LOOK_SECONDS,
) -> None:
    """Watch until cancelled; `follow` is one watch, `silent_seconds` tells for how long the API server answers nobody.

    Raises WatchHangsError where a watch cannot be ended.
    """
    blind_at = most_blind_seconds
    for pause in Backoff():
        watching = asyncio.create_task(follow(), name="kopf")
        try:
            if await _has_seen(watching, watches, silent_seconds, blind_at, look_seconds):
                blind_at = most_blind_seconds
            else:
                blind_at = min(blind_at * 2, max(most_blind_seconds, _MOST_PATIENCE_SECONDS))
            await _end(watching, most_blind_seconds, look_seconds)
            if not watching.cancelled():
                watching.result()
        except ApiError as error:
            log.warning("watch cannot begin, will retry", extra={"error": str(error)})
        except WatchHangsError:
            raise
        except asyncio.CancelledError:
            await _end(watching, most_blind_seconds, look_seconds)
            raise
        except Exception as error:  # noqa: BLE001 - whatever ended it, the next one is begun
            facts = {"error": str(error) or repr(error)}
            log.error("watch of pods and records has ended, will begin anew", extra=facts)  # noqa: TRY400
        await asyncio.sleep(pause)


async def _has_seen(
    watching: asyncio.Task[None],
    watches: WatchState,
    silent_seconds: Callable[[], float],
    blind_at: float,
    look_seconds: float,
) -> bool:
    """Return when a watch has ended, or was blind for so long: whether it was open at any time."""
    blind, seen = 0.0, False
    while not watching.done() and blind < blind_at:
        counts = await looked({watching}, look_seconds)
        if watches.is_open:
            blind, seen = 0.0, True
        elif silent_seconds() < _ANSWERS_WITHIN_SECONDS:
            blind += counts
    if not watching.done():
        log.warning("watch is blind, will begin anew", extra={"seconds": round(blind)})
    return seen


async def _end(watching: asyncio.Task[None], seconds: float, look_seconds: float) -> None:
    if await ended({watching}, seconds, look_seconds):
        raise WatchHangsError("the watch does not end")
