"""A cache with a time to live and a bounded wait.

Advice is better with what is read here, and no report waits for it: an answer that takes too long is kept for the next
look, and who asked is told when it is there. A failure is remembered as well, or each of a hundred kills would wait for
it.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from oomreport.errors import OOMReportError

log = logging.getLogger(__name__)
_MOST = 2_000
Key = TypeVar("Key", bound=Hashable)
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cached(Generic[Found]):
    """An answer; its value may be None, for nothing there."""

    value: Found


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheTimes:
    """Seconds: how long an answer is kept, how long a failure, and how long is waited for either."""

    keep: float = 60.0
    keep_failure: float = 60.0
    wait: float = 1.0


class TtlCache(Generic[Key, Found]):
    """Reads by key, each key once at a time. `what` names it in the log. For one event loop."""

    def __init__(self, what: str, read: Callable[[Key], Awaitable[Found]], terms: CacheTimes) -> None:
        self._what, self._read, self._terms = what, read, terms
        self._kept: OrderedDict[Key, tuple[float, Cached[Found] | None]] = OrderedDict()
        self._running: dict[Key, asyncio.Task[Cached[Found] | None]] = {}
        self._late: dict[Key, list[Callable[[], None]]] = {}
        self._failing = False

    async def get(self, key: Key, on_late: Callable[[], None] = lambda: None) -> Cached[Found] | None:
        """Return what is known, None where that is nothing; `on_late` is called if an answer comes after that."""
        until, known = self._kept.get(key, (0.0, None))
        if asyncio.get_running_loop().time() < until:
            return known
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._asked(key), name=f"read {self._what}")
        done, _ = await asyncio.wait({task}, timeout=self._terms.wait)
        if done:
            return task.result()
        self._late.setdefault(key, []).append(on_late)
        return None

    def forget(self, key: Key) -> None:
        """Read a key anew the next time; what is being read of it now may be older, and is not kept."""
        self._kept.pop(key, None)
        self._running.pop(key, None)

    async def close(self) -> None:
        """End what is being read."""
        tasks = [*self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _asked(self, key: Key) -> Cached[Found] | None:
        known: Cached[Found] | None = None
        try:
            known = Cached(value=await self._read(key))
            self._failing = False
        except OOMReportError as error:
            self._note_failure(key, error)
        except Exception as error:
            log.exception("reading failed", extra={"what": self._what, "key": str(key), "error": str(error)})
        finally:
            is_latest = self._running.get(key) is asyncio.current_task()
            if is_latest:
                del self._running[key]
            late = self._late.pop(key, [])
        if is_latest:
            self._keep(key, known)
        if known is not None:
            for tell in late:
                tell()
        return known

    def _keep(self, key: Key, known: Cached[Found] | None) -> None:
        pause = self._terms.keep if known is not None else self._terms.keep_failure
        self._kept[key] = (asyncio.get_running_loop().time() + pause, known)
        self._kept.move_to_end(key)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)

    def _note_failure(self, key: Key, error: OOMReportError) -> None:
        # A right that is missing is missing for every namespace: one word until it works again.
        level = logging.DEBUG if self._failing else logging.WARNING
        log.log(
            level, "what bounds advice cannot be read", extra={"what": self._what, "key": str(key), "error": str(error)}
        )
        self._failing = True
