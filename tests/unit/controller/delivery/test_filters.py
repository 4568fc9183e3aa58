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
