"""A filter that takes too much ends its own process, and holds up nobody else."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from oomreport.adapters.cel import FilterFailed, FilterInvalid
from oomreport.adapters.cel_process import FilterProcess
from oomreport.adapters.cel_worker import MOST_BYTES, MOST_SECONDS

T = TypeVar("T")
EVENT = {"kills": 3, "name": "web" * 20_000}
# Each is short, has few loops and is compiled: what it asks for shows when it is evaluated.
ENDLESS = "[" + ",".join("1" * 99) + "].all(a, event.name.matches('(\\\\pL{30}){30}') || true)"
HUGE = "[event.name]" + (".map(a, " + "+".join("a" * 20) + ")") * 3 + ".size() > 0"


def played(story: Callable[[FilterProcess], Awaitable[T]]) -> T:
    async def whole() -> T:
        process = FilterProcess()
        try:
            async with asyncio.timeout(60):
                return await story(process)
        finally:
            await process.close()

    return asyncio.run(whole())


def test_a_filter_is_evaluated() -> None:
    async def story(process: FilterProcess) -> list[bool]:
        return [await process.matches(text, EVENT) for text in ("event.kills > 2", "event.kills > 3")]

    assert played(story) == [True, False]


def test_what_cannot_be_compiled_or_evaluated_says_why() -> None:
    async def story(process: FilterProcess) -> None:
        with pytest.raises(FilterInvalid, match="Syntax error"):
            await process.check("event.(")
        with pytest.raises(FilterFailed, match="no such key"):
            await process.matches("event.nothing.more > 1", EVENT)
        with pytest.raises(FilterFailed, match="no such key: 'webweb") as long:
            await process.matches("{'a': true}[event.name + event.name]", EVENT)
        assert len(str(long.value)) == 300

    played(story)


@pytest.mark.parametrize(("text", "why"), [(ENDLESS, f"{MOST_SECONDS:g} s"), (HUGE, f"{MOST_BYTES >> 20} MiB")])
def test_a_filter_that_asks_for_too_much_is_ended_and_the_next_one_answered(text: str, why: str) -> None:
    async def story(process: FilterProcess) -> None:
        await process.check(text)
        with pytest.raises(FilterInvalid, match=why):
            await process.matches(text, EVENT)
        assert await process.matches("event.kills == 3", EVENT)

    played(story)


def test_everything_else_goes_on_while_a_filter_takes_its_time() -> None:
    async def story(process: FilterProcess) -> None:
        await process.check(ENDLESS)
        asked = asyncio.create_task(process.matches(ENDLESS, EVENT))
        turns = 0
        while not asked.done():
            turns += 1
            await asyncio.sleep(0)
        assert turns > 100
        assert isinstance(asked.exception(), FilterInvalid)

    played(story)
