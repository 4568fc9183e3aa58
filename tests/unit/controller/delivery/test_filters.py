"""Filters are compiled once, and one that cannot be used wants nothing."""

from typing import Any

import pytest

from oomreport.adapters.cel import FilterFailed
from oomreport.api.oom_hook import OOMHook
from oomreport.controller.delivery.filters import Filters
from unit.controller.known.test_hooks import hook


def filtered(text: str | None) -> OOMHook:
    spec: dict[str, Any] = {} if text is None else {"filter": text}
    return OOMHook.model_validate(hook(**spec))


def test_a_filter_chooses_by_the_event():
    filters, one = Filters(), filtered("event.kills > 2")
    assert filters.problem(one) is None
    assert filters.matches(one, {"kills": 3})
    assert not filters.matches(one, {"kills": 2})


def test_without_a_filter_everything_is_wanted():
    assert Filters().matches(filtered(None), {})


def test_a_filter_that_is_none_is_named_and_wants_nothing():
    filters, one = Filters(), filtered("event.kills >")
    assert filters.problem(one)
    assert not filters.matches(one, {"kills": 3})


def test_a_filter_that_asks_for_what_is_not_there_fails():
    with pytest.raises(FilterFailed):
        Filters().matches(filtered("event.nothing == 1"), {})
