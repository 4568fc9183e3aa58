"""Attempts are spread over a day, obey the receiver, and end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomreport.hooks.answer import Answer, Outcome
from oomreport.hooks.delivery import Delivery, DeliveryKey, State
from oomreport.hooks.event import EventType
from oomreport.hooks.schedule import Terms, after, backoff, retry_after

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
TERMS = Terms()
NEW = Delivery(key=DeliveryKey(hook="shop/chat", kill_id="a", event=EventType.OOM_KILLED), time=NOW)
RETRY = Answer(outcome=Outcome.RETRY, message="HTTP 500")


@given(st.lists(st.floats(0, 1, allow_nan=False), min_size=1, max_size=400))
def test_a_delivery_is_tried_for_a_day_and_then_given_up_whatever_is_drawn(draws: list[float]):
    one, now = NEW, NOW
    for drawn in draws:
        one = after(one, RETRY, now=now, random=drawn, terms=TERMS)
        if not one.is_pending:
            assert now - NOW >= TERMS.give_up
            break
        assert one.next_attempt is not None
        assert now <= one.next_attempt <= NOW + TERMS.give_up
        assert one.next_attempt - now <= TERMS.longest
        now = one.next_attempt
    assert one.last_error == "HTTP 500"


def test_the_bound_of_a_pause_doubles_up_to_the_longest():
    pauses = [backoff(attempt, random=1, terms=TERMS).total_seconds() for attempt in range(1, 14)]
    assert pauses[:4] == [5, 10, 20, 40]
    assert pauses[-1] == 7200
    assert backoff(10**6, random=1, terms=TERMS) == TERMS.longest


def test_a_mean_draw_makes_some_thirty_attempts_in_a_day():
    one, now, attempts = NEW, NOW, 0
    while one.is_pending:
        one = after(one, RETRY, now=now, random=0.5, terms=TERMS)
        now, attempts = one.next_attempt or now, attempts + 1
    assert 25 <= attempts <= 45
    assert (one.state, one.attempts) == (State.FAILED, attempts)


def test_a_pause_that_the_receiver_asks_for_is_kept_but_not_beyond_the_last_attempt():
    asked = replace(RETRY, retry_after=timedelta(hours=3))
    assert after(NEW, asked, now=NOW, random=0.0, terms=TERMS).next_attempt == NOW + timedelta(hours=3)
    for_ever = replace(RETRY, retry_after=timedelta(days=3000))
    assert after(NEW, for_ever, now=NOW, random=0.0, terms=TERMS).next_attempt == NOW + TERMS.give_up


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome.DELIVERED, State.DELIVERED),
        (Outcome.SKIPPED, State.SKIPPED),
        (Outcome.REFUSED, State.FAILED),
        (Outcome.GONE, State.FAILED),
    ],
)
def test_every_other_outcome_ends_a_delivery(outcome: Outcome, state: State):
    one = after(NEW, Answer(outcome=outcome, message="why"), now=NOW, random=0.5, terms=TERMS)
    assert (one.state, one.finished, one.next_attempt, one.attempts) == (state, NOW, None, 1)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("Sat, 21 Nov 2026 08:01:00 GMT", 60),
        ("Saturday, 21-Nov-26 08:01:00 GMT", 60),
        ("Sat Nov 21 08:01:00 2026", 60),
        ("Sat, 21 Nov 2026 07:00:00 GMT", 0),
        ("99999999999999999999", 1e8),
        ("", None),
        (None, None),
        ("soon", None),
        ("-5", None),
        ("Sat, 99 Nov 2026 08:01:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_any_date_of_http(header: str | None, seconds: float | None):
    found = retry_after(header, now=NOW)
    assert (found.total_seconds() if found is not None else None) == seconds


@given(st.text(max_size=60))
def test_no_retry_after_breaks_anything(header: str):
    found = retry_after(header, now=NOW)
    assert found is None or found >= timedelta()
