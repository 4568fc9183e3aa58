"""What came of an attempt to deliver."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Outcome(StrEnum):
    """What follows from an attempt.

    Delivered: done. Skipped: done, there was nothing to do or it was not safe; the message says why. Retry: to be tried
    again, after the pause that the receiver asked for if it did. Refused: will never be taken. Gone: the receiver wants
    nothing more from this hook.
    """

    DELIVERED = "Delivered"
    SKIPPED = "Skipped"
    RETRY = "Retry"
    REFUSED = "Refused"
    GONE = "Gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A value that a hook has changed in the cluster, for the report's history. Sizes in bytes."""

    time: datetime
    what: str
    before: int | None
    after: int | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one attempt. `message` is shown to people and holds no secret."""

    outcome: Outcome
    message: str = ""
    retry_after: timedelta | None = None
    change: Change | None = None
