"""When a delivery is tried again, and when it is given up.

Exponential backoff with full jitter: the pause is drawn evenly from nothing to a bound that doubles with each attempt,
so that receivers that come back are not met by all at once. A receiver that names a pause (Retry-After) is obeyed, as
far as it ends within the time that is given to a delivery; the last attempt is made at the end of that time.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from oomreport.hooks.answer import Answer, Outcome
from oomreport.hooks.delivery import Delivery, State

_FINAL = {
    Outcome.DELIVERED: State.DELIVERED,
    Outcome.SKIPPED: State.SKIPPED,
    Outcome.REFUSED: State.FAILED,
    Outcome.GONE: State.FAILED,
}
_MOST_ERROR = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How long pauses are at first and at most, and for how long after the first attempt a delivery is tried."""

    first: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(hours=2)
    give_up: timedelta = timedelta(hours=24)


def after(delivery: Delivery, answer: Answer, *, now: datetime, random: float, terms: Terms) -> Delivery:
    """Return a delivery after an attempt that ended now. `random` is drawn evenly from 0 to 1."""
    first = delivery.first_attempt or now
    tried = replace(
        delivery,
        attempts=delivery.attempts + 1,
        first_attempt=first,
        last_error=answer.message[:_MOST_ERROR] or None,
        next_attempt=None,
        finished=now,
    )
    if answer.outcome is not Outcome.RETRY:
        return replace(tried, state=_FINAL[answer.outcome])
    end = first + terms.give_up
    if now >= end:
        return replace(tried, state=State.FAILED)
    pause = max(backoff(tried.attempts, random=random, terms=terms), answer.retry_after or timedelta())
    return replace(tried, next_attempt=min(now + pause, end), finished=None)


def backoff(attempts: int, *, random: float, terms: Terms) -> timedelta:
    """Return the pause after so many attempts."""
    # Beyond 2**40 any first pause is longer than the longest.
    bound = min(terms.first * 2.0 ** min(attempts - 1, 40), terms.longest)
    return bound * random


def retry_after(header: str | None, *, now: datetime) -> timedelta | None:
    """Return the pause that a Retry-After header asks for (RFC 9110, 10.2.3), None where it says nothing readable."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), 10**8))
    try:
        time = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError):
        return None
    # A date without a zone, or with -0000, has no tzinfo; HTTP has only GMT.
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return max(aware - now, timedelta())
