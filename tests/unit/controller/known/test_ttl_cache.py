"""Reading once in a while, waiting for a short while."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from oomreport.controller.known.ttl_cache import Cached, CacheTimes, TtlCache
from oomreport.errors import ApiError
from support.virtual_time import run

Story = Callable[[], Awaitable[None]]
QUICK = CacheTimes(keep=60.0, keep_failure=60.0, wait=0.1)


def reading(
    answer: Callable[[str], object], *, pause: float = 0.0
) -> tuple[list[str], Callable[[str], Awaitable[object]]]:
    asked: list[str] = []

    async def read(key: str) -> object:
        asked.append(key)
        await asyncio.sleep(pause)
        found = answer(key)
        if isinstance(found, Exception):
            raise found
        return found

    return asked, read


def tell(story: Story) -> None:
    run(asyncio.wait_for(story(), 3600))  # type: ignore[arg-type]


def test_an_answer_is_kept_also_where_it_is_nothing():
    async def story() -> None:
        asked, read = reading(lambda _: None)
        fresh: TtlCache[str, object] = TtlCache("thing", read, QUICK)
        assert [await fresh.get("a") for _ in range(3)] == [Cached(value=None)] * 3
        await fresh.get("b")
        assert asked == ["a", "b"]

    tell(story)


def test_an_answer_is_read_anew_when_its_time_is_over():
    async def story() -> None:
        asked, read = reading(lambda _: 1)
        fresh: TtlCache[str, object] = TtlCache("thing", read, CacheTimes(keep=0.05))
        await fresh.get("a")
        await asyncio.sleep(0.06)
        await fresh.get("a")
        assert asked == ["a", "a"]

    tell(story)


def test_many_who_ask_at_once_are_one_read():
    async def story() -> None:
        asked, read = reading(lambda _: 7, pause=0.02)
        fresh: TtlCache[str, object] = TtlCache("thing", read, QUICK)
        assert await asyncio.gather(*(fresh.get("a") for _ in range(50))) == [Cached(value=7)] * 50
        assert asked == ["a"]

    tell(story)


def test_a_late_answer_is_told_to_each_who_gave_up():
    async def story() -> None:
        asked, read = reading(lambda _: 7, pause=0.3)
        fresh: TtlCache[str, object] = TtlCache("thing", read, QUICK)
        told: list[str] = []
        first = await asyncio.gather(*(fresh.get("a", lambda who=who: told.append(who)) for who in "xy"))
        assert first == [None, None]
        await asyncio.sleep(0.3)
        assert told == ["x", "y"]
        assert await fresh.get("a") == Cached(value=7)
        assert asked == ["a"]

    tell(story)


def test_a_failure_is_remembered_and_said_once_for_all_keys(caplog: pytest.LogCaptureFixture):
    async def story() -> None:
        asked, read = reading(lambda key: ApiError("forbidden", status=403) if key != "c" else 1)
        fresh: TtlCache[str, object] = TtlCache("thing", read, QUICK)
        assert [await fresh.get(key) for key in ("a", "a", "b")] == [None] * 3
        assert asked == ["a", "b"]
        assert await fresh.get("c") == Cached(value=1)
        await fresh.get("d")

    with caplog.at_level(logging.WARNING):
        tell(story)
    assert [record.getMessage() for record in caplog.records] == ["what bounds advice cannot be read"] * 2


def test_a_mistake_of_ours_is_no_answer_and_is_logged_with_its_trace(caplog: pytest.LogCaptureFixture):
    async def story() -> None:
        _, read = reading(lambda _: ZeroDivisionError())
        fresh: TtlCache[str, object] = TtlCache("thing", read, QUICK)
        assert await fresh.get("a") is None

    tell(story)
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_what_is_being_read_ends_with_it():
    async def story() -> None:
        _, read = reading(lambda _: 7, pause=60)
        fresh: TtlCache[str, object] = TtlCache("thing", read, QUICK)
        assert await fresh.get("a") is None
        await fresh.close()
        assert {task.get_name() for task in asyncio.all_tasks()} & {"read thing"} == set()

    tell(story)


def test_what_is_forgotten_is_read_anew_and_a_read_that_began_before_is_not_kept():
    async def story() -> None:
        answers = iter((1, 2, 3, 4))
        asked, read = reading(lambda _: next(answers), pause=0.02)
        fresh: TtlCache[str, object] = TtlCache("thing", read, QUICK)
        assert await fresh.get("a") == Cached(value=1)
        fresh.forget("a")
        early = asyncio.create_task(fresh.get("a"))
        await asyncio.sleep(0.01)
        fresh.forget("a")
        late = await fresh.get("a")
        assert (await early, late) == (Cached(value=2), Cached(value=3))
        assert await fresh.get("a") == Cached(value=3)
        assert len(asked) == 3

    tell(story)
