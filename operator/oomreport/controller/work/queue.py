"""A work queue with retries, each key once at a time.

Whatever happens to a report only adds its key: thirty records of one moment are one look at the report, or two. A key
that fails comes back later and later; it is never dropped, so an API server that is away loses nothing.

Kills are counted first and told later: keys that only tell stand in a line of their own. What is late is told late.
Before both stand those that find a report, mostly without a request: the more records have theirs, the more one look
counts.
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from datetime import timedelta
from enum import IntEnum

from oomreport.errors import ApiError

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 30.0
# Of so many keys one is of a later line where one waits there, and of so many workers one has such a key: a full ledger
# waits for the marks of its records, and what tells takes requests from what counts.
_LATER_ONE_IN = 4
log = logging.getLogger(__name__)


class QueueLine(IntEnum):
    """Where a key stands: it finds a report, counts in one, or tells of what was counted."""

    FIND = 0
    COUNT = 1
    TELL = 2


class WorkQueue:
    """Keys that have to be looked at. `line_of` says where a key stands. For one event loop."""

    def __init__(self, line_of: Callable[[Hashable], QueueLine] = lambda _: QueueLine.COUNT) -> None:
        self._line_of = line_of
        self._lines: dict[QueueLine, deque[Hashable]] = {line: deque() for line in QueueLine}
        # By line: how many keys of the lines before it were taken since its last one.
        self._passed_over = dict.fromkeys(QueueLine, 0)
        self._busy = dict.fromkeys(QueueLine, 0)
        self._workers = 0
        # With the loop's time at which each was added.
        self._waiting: dict[Hashable, float] = {}
        # With the loop's time at which each was begun.
        self._working: dict[Hashable, float] = {}
        self._timers: dict[Hashable, asyncio.TimerHandle] = {}
        self._failures: dict[Hashable, int] = {}
        self._wakers: deque[asyncio.Future[None]] = deque()
        self._stopped = False

    def __len__(self) -> int:
        return len(self._waiting) + len(self._working)

    @property
    def lines(self) -> dict[str, int]:
        """Return how many keys stand in each line: those that count, and those that tell of what is counted."""
        waiting = {line: len(keys) for line, keys in self._lines.items()}
        return {"count": waiting[QueueLine.FIND] + waiting[QueueLine.COUNT], "tell": waiting[QueueLine.TELL]}

    @property
    def late_seconds(self) -> float:
        """Return for how long the first of those that count has waited; 0 where none does."""
        firsts = [self._waiting[keys[0]] for line, keys in self._lines.items() if keys and line is not QueueLine.TELL]
        return asyncio.get_running_loop().time() - min(firsts) if firsts else 0.0

    @property
    def longest_seconds(self) -> float:
        """Return for how long the key is worked on that was begun first of all; 0 where none is."""
        began = min(self._working.values(), default=None)
        return 0.0 if began is None else asyncio.get_running_loop().time() - began

    def add(self, key: Hashable) -> None:
        """Have a key looked at as soon as possible, once more if it is being looked at now."""
        if timer := self._timers.pop(key, None):
            timer.cancel()
        if key in self._waiting:
            return
        self._waiting[key] = asyncio.get_running_loop().time()
        if key not in self._working:
            self._line_up(key)

    def add_later(self, key: Hashable, pause: float | timedelta) -> None:
        """Have a key looked at after a pause, or earlier where that was asked for already."""
        seconds = pause.total_seconds() if isinstance(pause, timedelta) else pause
        loop = asyncio.get_running_loop()
        known = self._timers.get(key)
        if key in self._waiting or (known and known.when() <= loop.time() + seconds):
            return
        if known:
            known.cancel()
        self._timers[key] = loop.call_later(max(seconds, 0), self.add, key)

    async def work(self, handle: Callable[[Hashable], Awaitable[None]]) -> None:
        """Handle keys until the queue is stopped. Several of these may run; no key is handled by two at once."""
        self._workers += 1
        while not self._stopped:
            key = await self._next()
            if key is None:
                return
            try:
                await handle(key)
            except Exception as error:  # noqa: BLE001 - whatever failed is tried again, with the reason in the log
                self._failed(key, error)
            else:
                self._failures.pop(key, None)
            finally:
                self._done(key)

    def stop(self) -> None:
        """Have workers end after what they are doing."""
        self._stopped = True
        for timer in self._timers.values():
            timer.cancel()
        while self._wakers:
            self._wake()

    async def _next(self) -> Hashable | None:
        while not any(self._lines.values()):
            if self._stopped:
                return None
            waker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._wakers.append(waker)
            await waker
        key = self._first()
        del self._waiting[key]
        self._working[key] = asyncio.get_running_loop().time()
        return key

    def _first(self) -> Hashable:
        waiting = [line for line in QueueLine if self._lines[line]]
        line = next(filter(self._has_its_turn, waiting[1:]), waiting[0])
        self._passed_over[line] = 0
        self._busy[line] += 1
        for later in waiting:
            self._passed_over[later] += later > line
        return self._lines[line].popleft()

    def _has_its_turn(self, later: QueueLine) -> bool:
        most_busy = max(1, self._workers // _LATER_ONE_IN)
        return self._passed_over[later] >= _LATER_ONE_IN - 1 and self._busy[later] < most_busy

    def _line_up(self, key: Hashable) -> None:
        self._lines[self._line_of(key)].append(key)
        self._wake()

    def _done(self, key: Hashable) -> None:
        self._working.pop(key, None)
        self._busy[self._line_of(key)] -= 1
        if key in self._waiting:
            self._line_up(key)

    def _failed(self, key: Hashable, error: Exception) -> None:
        times = self._failures[key] = self._failures.get(key, 0) + 1
        pause = min(_FIRST_PAUSE * 2 ** min(times - 1, 20), _LONGEST_PAUSE) * random.uniform(0.8, 1.2)  # noqa: S311
        facts = {
            "key": str(key),
            "error": str(error) or repr(error),
            "failures": times,
            "retry_seconds": round(pause, 2),
        }
        if isinstance(error, ApiError):
            # What comes back at once is not worth a word, what stays away not one for each try.
            level = logging.WARNING if times >= 4 and times.bit_count() == 1 else logging.DEBUG
            log.log(level, "work failed and will be tried again", extra=facts)
        else:
            log.error("work failed and will be tried again", extra=facts, exc_info=error)
        self.add_later(key, pause)

    def _wake(self) -> None:
        while self._wakers:
            waker = self._wakers.popleft()
            if not waker.done():
                waker.set_result(None)
                return
