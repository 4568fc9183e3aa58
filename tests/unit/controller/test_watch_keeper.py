"""A watch that ended or is blind is begun anew; one that cannot be ended ends the process.

Neither an API server that answers nobody nor an event loop that is late makes a watch blind.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

import pytest

from oomreport.controller import watch_keeper
from oomreport.controller.known.watch_state import WatchState
from oomreport.controller.watch import WatchHangsError
from oomreport.controller.watch_keeper import keep_watching
from oomreport.errors import ApiError
from support.controller import Parts


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_keeper, "Backoff", lambda: iter([0.0] * 100))


def watches(*, is_open: bool) -> WatchState:
    parts = Parts(seconds=0)
    state = WatchState(("oomrecords",), parts.now)
    if is_open:
        state.begin("oomrecords", lambda: True)
    else:
        parts.seconds = 1000
    return state


async def kept(
    follow: Callable[[], Coroutine[Any, Any, None]],
    state: WatchState,
    until: Callable[[], bool],
    *,
    most_blind: float = 0.01,
    silent: Callable[[], float] = lambda: 0.0,
) -> None:
    keeping = keep_watching(follow, state, silent, most_blind_seconds=most_blind, look_seconds=0.005)
    task = asyncio.create_task(keeping)
    async with asyncio.timeout(10):
        while not until() and not task.done():
            await asyncio.sleep(0.001)
    task.cancel()
    await task


@pytest.mark.parametrize("error", [ApiError("HTTP 404", status=404), RuntimeError("of Kopf")])
def test_a_watch_that_ended_is_begun_anew(error: Exception):
    begun: list[int] = []

    async def follow() -> None:
        begun.append(1)
        raise error

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(kept(follow, watches(is_open=True), lambda: len(begun) >= 3))
    assert len(begun) >= 3


def test_a_watch_that_goes_on_but_sees_nothing_is_begun_anew():
    begun: list[int] = []

    async def follow() -> None:
        begun.append(1)
        await asyncio.sleep(60)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(kept(follow, watches(is_open=False), lambda: len(begun) >= 2))


def test_a_watch_that_is_open_goes_on():
    begun: list[int] = []

    async def follow() -> None:
        begun.append(1)
        await asyncio.sleep(0.1)
        begun.append(2)
        await asyncio.sleep(60)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(kept(follow, watches(is_open=True), lambda: 2 in begun))
    assert begun == [1, 2]


def test_a_watch_that_does_not_end_is_an_error_that_ends_the_process():
    stubborn = True

    async def follow() -> None:
        while stubborn:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue

    async def story() -> None:
        nonlocal stubborn
        try:
            await kept(follow, watches(is_open=False), lambda: False)
        finally:
            stubborn = False

    with pytest.raises(WatchHangsError):
        asyncio.run(story())


def test_a_watch_is_not_begun_anew_while_the_api_server_answers_nobody():
    begun: list[float] = []
    began = time.monotonic()
    back_at = 0.3

    async def follow() -> None:
        begun.append(time.monotonic() - began)
        await asyncio.sleep(60)

    def silent() -> float:
        passed = time.monotonic() - began
        return 100 + passed if passed < back_at else 0.0

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(kept(follow, watches(is_open=False), lambda: len(begun) >= 2, silent=silent))
    assert begun[1] >= back_at


def test_each_watch_that_sees_nothing_gets_more_time_than_the_one_before():
    begun: list[float] = []

    async def follow() -> None:
        begun.append(time.monotonic())
        await asyncio.sleep(60)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(kept(follow, watches(is_open=False), lambda: len(begun) >= 5))
    lasted = [after - before for before, after in pairwise(begun)]
    # 10, 20, 40 and 80 ms.
    assert lasted[3] > 0.07


def test_a_loop_that_is_always_late_neither_makes_a_watch_blind_nor_ends_the_process():
    begun, ended = [0], [0]

    async def follow() -> None:
        begun[0] += 1
        try:
            await asyncio.sleep(0.6)
        finally:
            # As Kopf, it takes some turns of the loop to end.
            for _ in range(8):
                await asyncio.sleep(0)
            ended[0] += 1

    async def starved() -> None:
        while True:
            time.sleep(0.05)
            await asyncio.sleep(0)

    async def story() -> None:
        starving = asyncio.create_task(starved())
        try:
            await kept(follow, watches(is_open=False), lambda: ended[0] >= 1, most_blind=0.1)
        finally:
            starving.cancel()

    began = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(story())
    assert begun == [1]
    assert time.monotonic() - began >= 0.6
