"""Filters are checked once, and one that cannot be used wants nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from oomreport.adapters.cel import FilterFailed
from oomreport.api.oom_hook import OOMHook
from oomreport.controller.delivery.filters import Filters
from unit.controller.known.test_hooks import hook

T = TypeVar("T")


def filtered(text: str | None) -> OOMHook:
    spec: dict[str, Any] = {} if text is None else {"filter": text}
    return OOMHook.model_validate(hook(**spec))


def with_filters(story: Callable[[Filters], Awaitable[T]]) -> T:
    async def whole() -> T:
        filters = Filters()
        try:
            return await story(filters)
        finally:
            await filters.close()

    return asyncio.run(whole())


def test_a_filter_chooses_by_the_event() -> None:
    async def story(filters: Filters) -> None:
        one = filtered("event.kills > 2")
        assert await filters.problem(one) is None
        assert await filters.matches(one, {"kills": 3})
        assert not await filters.matches(one, {"kills": 2})

    with_filters(story)


def test_without_a_filter_everything_is_wanted() -> None:
    assert with_filters(lambda filters: filters.matches(filtered(None), {}))


def test_a_filter_that_is_none_is_named_and_wants_nothing() -> None:
    async def story(filters: Filters) -> None:
        one = filtered("event.kills >")
        assert await filters.problem(one)
        assert not await filters.matches(one, {"kills": 3})

    with_filters(story)


def test_a_filter_that_asks_for_what_is_not_there_fails_and_is_asked_again() -> None:
    async def story(filters: Filters) -> None:
        one = filtered("event.nothing == 1")
        with pytest.raises(FilterFailed):
            await filters.matches(one, {"kills": 3})
        assert await filters.problem(one) is None
        assert await filters.matches(one, {"nothing": 1})

    with_filters(story)


def test_a_filter_that_asked_for_too_much_is_named_and_not_asked_again() -> None:
    async def story(filters: Filters) -> None:
        dear = "[" + ",".join("1" * 99) + "].all(a, event.name.matches('(\\\\pL{30}){30}') || true)"
        one = filtered(dear)
        assert await filters.problem(one) is None
        with pytest.raises(FilterFailed, match="processor time"):
            await filters.matches(one, {"name": "a"})
        assert "processor time" in str(await filters.problem(one))
        assert not await filters.matches(one, {"name": "a"})
        assert await filters.matches(filtered("event.name == 'a'"), {"name": "a"})

    with_filters(story)


class Process:
    """The process of filters, which answers one at a time."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._one = asyncio.Lock()

    async def matches(self, text: str, event: object) -> bool:
        async with self._one:
            self.asked.append(text)
            await asyncio.sleep(0)
        return True


def test_the_filters_of_one_namespace_let_those_of_another_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    async def asked() -> list[str]:
        filters, process = Filters(), Process()
        monkeypatch.setattr(filters, "_process", process)
        many = [
            OOMHook.model_validate(hook("many", "other", filter=f"event.kills == {number}")) for number in range(50)
        ]
        tasks = [asyncio.create_task(filters.matches(one, {})) for one in many]
        await asyncio.sleep(0)
        await filters.matches(OOMHook.model_validate(hook("one", filter="event.kills > 0")), {})
        before = [*process.asked]
        await asyncio.gather(*tasks)
        return before

    assert asyncio.run(asked()).index("event.kills > 0") <= 2
