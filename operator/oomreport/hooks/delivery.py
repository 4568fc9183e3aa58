"""The state of one delivery, as `status.deliveries` keeps it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from oomreport.hooks.event import EventType
from oomreport.times import parse_time, rfc3339


class State(StrEnum):
    """Pending: it will be tried (again). Delivered: accepted. Skipped: there was nothing to do. Failed: given up."""

    PENDING = "Pending"
    DELIVERED = "Delivered"
    SKIPPED = "Skipped"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryKey:
    """What tells a delivery from the others of its report. `kill_id` is the event's occasion."""

    hook: str
    kill_id: str
    event: EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A delivery. It tells of `kills`, the last at `last_time`: of more than one where kills came too fast.

    `event_id` is the event's ID, known from the first attempt on. `digest` names the digest that tells of it together
    with others. Neither changes once it is written, since what receivers know by an ID must not either.
    """

    key: DeliveryKey
    time: datetime
    event_id: str | None = None
    state: State = State.PENDING
    attempts: int = 0
    first_attempt: datetime | None = None
    next_attempt: datetime | None = None
    finished: datetime | None = None
    last_error: str | None = None
    kills: int = 1
    last_time: datetime | None = None
    digest: str | None = None

    @property
    def is_pending(self) -> bool:
        """Return whether it is still to be told."""
        return self.state is State.PENDING

    @property
    def is_untried(self) -> bool:
        """Return whether nobody can have heard of it yet."""
        return self.is_pending and self.attempts == 0 and self.digest is None

    def as_json(self) -> dict[str, Any]:
        """Return the delivery as status.deliveries holds it."""
        values = {
            "hook": self.key.hook,
            "killID": self.key.kill_id,
            "event": self.key.event.value,
            "time": rfc3339(self.time),
            "eventID": self.event_id,
            "state": self.state.value,
            "attempts": self.attempts,
            "firstAttemptTime": _text(self.first_attempt),
            "nextAttemptTime": _text(self.next_attempt),
            "finishedTime": _text(self.finished),
            "lastError": self.last_error,
            "kills": self.kills,
            "lastTime": _text(self.last_time),
            "digest": self.digest,
        }
        return {key: value for key, value in values.items() if value is not None}


def deliveries_of(status: Mapping[str, Any]) -> tuple[Delivery, ...]:
    """Return the deliveries of a report's status, as they stand there."""
    return tuple(_delivery(raw) for raw in status.get("deliveries") or ())


def unfinished(deliveries: Iterable[Delivery]) -> int:
    """Return how many are still to be told."""
    return sum(one.is_pending for one in deliveries)


def _delivery(raw: Mapping[str, Any]) -> Delivery:
    time = parse_time(raw.get("time"))
    assert time is not None
    return Delivery(
        key=DeliveryKey(hook=raw["hook"], kill_id=raw["killID"], event=EventType(raw["event"])),
        time=time,
        event_id=raw.get("eventID"),
        state=State(raw["state"]),
        attempts=raw.get("attempts", 0),
        first_attempt=parse_time(raw.get("firstAttemptTime")),
        next_attempt=parse_time(raw.get("nextAttemptTime")),
        finished=parse_time(raw.get("finishedTime")),
        last_error=raw.get("lastError"),
        kills=raw.get("kills", 1),
        last_time=parse_time(raw.get("lastTime")),
        digest=raw.get("digest"),
    )


def _text(time: datetime | None) -> str | None:
    return rfc3339(time) if time else None
