"""How a receiver's answer is read.

2xx         delivered
410         the receiver wants nothing more: the hook is told nothing until somebody changes it
else        tried again; a receiver that is misconfigured for an hour (404, 401, a redirect) must lose nothing.
            Retry-After is obeyed with any status
3xx         is not followed: what is signed for one place is not shown to another
"""

from datetime import datetime

from oomreport.hooks.answer import Answer, Outcome
from oomreport.hooks.schedule import retry_after


def answer_of(status: int, *, retry_after_header: str | None, now: datetime) -> Answer:
    """Return what follows from an HTTP status."""
    if 200 <= status < 300:
        return Answer(outcome=Outcome.DELIVERED)
    if status == 410:
        return Answer(outcome=Outcome.GONE, message="HTTP 410: the receiver wants nothing more")
    pause = retry_after(retry_after_header, now=now)
    words = ", redirects are not followed" if 300 <= status < 400 else ""
    return Answer(outcome=Outcome.RETRY, message=f"HTTP {status}{words}", retry_after=pause)
