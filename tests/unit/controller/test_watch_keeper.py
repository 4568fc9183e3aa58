"""A watch that ended or is blind is begun anew; one that cannot be ended ends the process."""

import asyncio
from collections.abc import Callable

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


async def kept(follow: Callable[[], object], state: WatchState, until: Callable[[], bool]) -> None:
    keeping = keep_watching(follow, state, most_blind_seconds=0.01, look_seconds=0.005)  # type: ignore[arg-type]
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
