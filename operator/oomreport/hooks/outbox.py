"""What hooks are to be told, kept in the report itself.

It is written together with what happened, so neither is ever without the other.
A delivery of a kill waits until the verdict is settled, or until waiting is over. Where kills come faster than a hook
can be told of each, the later ones of a minute become one delivery that counts them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from oomreport.hooks.delivery import Delivery, DeliveryKey, State
from oomreport.hooks.event import OF_CONDITIONS, OF_KILLS, EventType
from oomreport.incident.advice.kept_advice import NO_ACTION
from oomreport.incident.kill import Verdict
from oomreport.incident.report.review import is_material
from oomreport.incident.report.status import ReportStatus
from oomreport.incident.witness.ledger import LedgerEntry
from oomreport.times import parse_time, rfc3339

MOST_DELIVERIES = 128
MOST_KILL_TIMES = 100
# Of all hooks of a report; more kills than these are told together, at first those of a minute.
MOST_SINGLE = 96
_MOST_OF_HOOK, _LEAST_OF_HOOK = 32, 4
_GATHER = timedelta(seconds=60)
_MOST_DOUBLED = 10
# A delivery that gathers is not touched any more when it may be on its way.
_CLOSE_BEFORE = timedelta(seconds=30)
# What was delivered is shown for so long.
_SHOW_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A hook that fits a report. `repeated` is how many kills in what time it calls repeated."""

    hook: str
    events: frozenset[EventType]
    since: datetime
    repeated: tuple[int, timedelta] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that a write of a report made happen."""

    type: EventType
    occasion: str
    time: datetime


def posted(
    before: ReportStatus,
    after: ReportStatus,
    subscriptions: Sequence[Subscription],
    *,
    happened: Sequence[Happening],
    deliveries: Iterable[Delivery],
    hooks: Iterable[str] | None,
    settled: Iterable[str],
    now: datetime,
    patience: timedelta,
) -> tuple[Delivery, ...]:
    """Return the deliveries that belong to the status `after`.

    `happened` is what happened between the two, `deliveries` are those of the status `before`. `hooks` are all hooks
    that exist, None while that is not known. `settled` are kills whose verdict nothing is expected to change;
    `patience` is how long the others may stay open.
    """
    exist = None if hooks is None else frozenset(hooks)
    known = {one.key: one for one in deliveries if exist is None or one.key.hook in exist}
    known = {key: _released(one, frozenset(settled), after, now) for key, one in known.items()}
    times = kill_times(before, after)
    single = max(_LEAST_OF_HOOK, min(_MOST_OF_HOOK, MOST_SINGLE // max(len(subscriptions), 1)))
    for subscription in subscriptions:
        told = {one.key.event for one in known.values() if one.key.hook == subscription.hook and one.is_untried}
        for happening in (*happened, *_repeated(subscription, happened, times, known)):
            if happening.type not in subscription.events or happening.time < subscription.since:
                continue
            # What waits to be told says how things are when it is told.
            if happening.type is EventType.RECOMMENDATION_READY and happening.type in told:
                continue
            due = _due(happening, settled, after, now, patience)
            _add(known, subscription.hook, happening, due=due, single=single, now=now)
    return _bounded(known.values(), subscriptions, now)


def kill_times(before: ReportStatus, after: ReportStatus) -> tuple[datetime, ...]:
    """Return when the last kills were, newest first: those that the report knows or kept for hooks that count."""
    recent = [kill.time for kill in after.recent_kills]
    counted = [entry.time for entry in after.counted if entry.verdict is not Verdict.CONTRADICTED]
    return tuple(sorted({*before.kill_times, *recent, *counted}, reverse=True)[:MOST_KILL_TIMES])


def redelivered(deliveries: Iterable[Delivery], asked: str, *, now: datetime) -> tuple[Delivery, ...]:
    """Return deliveries with those due again that had been given up when people asked for them.

    `asked` is a time and, where only one hook is meant, its namespace/name. A time that is still to come would be asked
    for again and again; it counts once it has come.
    """
    return tuple(
        replace(one, state=State.PENDING, attempts=0, first_attempt=None, finished=None, next_attempt=now)
        if _is_asked_for(one, asked, now)
        else one
        for one in deliveries
    )


def is_to_redeliver(asked: str, deliveries: Iterable[Delivery]) -> bool:
    """Return whether something that was given up is asked for."""
    return bool(asked) and any(_is_asked_for(one, asked, None) for one in deliveries)


def _is_asked_for(delivery: Delivery, asked: str, now: datetime | None) -> bool:
    text, _, hook = asked.strip().partition(" ")
    until = parse_time(text)
    if until is None or delivery.state is not State.FAILED or delivery.finished is None:
        return False
    if hook.strip() not in ("", delivery.key.hook) or (now is not None and until > now):
        return False
    return delivery.finished <= until


def happenings(before: ReportStatus, after: ReportStatus, now: datetime) -> Iterable[Happening]:
    """Return what happened to a report between two writes."""
    for entry in new_kills(before, after):
        yield Happening(type=EventType.OOM_KILLED, occasion=entry.id, time=entry.time)
    if after.advice.action != NO_ACTION and is_material(before.advice, after.advice):
        yield Happening(type=EventType.RECOMMENDATION_READY, occasion=rfc3339(now), time=now)
    for condition, type_ in OF_CONDITIONS.items():
        if after.holds(condition) and not before.holds(condition):
            yield Happening(type=type_, occasion=rfc3339(now), time=now)


def new_kills(before: ReportStatus, after: ReportStatus) -> tuple[LedgerEntry, ...]:
    """Return the kills that were counted by a write. A record that joins a kill of pod status is no new one."""
    old = {entry.id: entry for entry in before.ledger}
    said = {
        entry.container_id for entry in old.values() if entry.from_status and entry.verdict is not Verdict.CONTRADICTED
    }
    return tuple(
        entry
        for entry in after.ledger
        if entry.verdict is not Verdict.CONTRADICTED
        and (entry.id not in old or old[entry.id].verdict is Verdict.CONTRADICTED)
        and not (entry.container_id in said and not entry.from_status and entry.id not in old)
    )


def _repeated(
    subscription: Subscription,
    happened: Sequence[Happening],
    times: Sequence[datetime],
    known: Mapping[DeliveryKey, Delivery],
) -> Iterable[Happening]:
    """Return the kill with which so many came in a window, once per window."""
    if subscription.repeated is None:
        return
    least, window = subscription.repeated
    told = [
        one.last_time or one.time
        for one in known.values()
        if one.key.hook == subscription.hook and one.key.event is EventType.REPEATED
    ]
    last = max(told, default=None)
    for kill in sorted((one for one in happened if one.type is EventType.OOM_KILLED), key=lambda one: one.time):
        if last is not None and kill.time - last < window:
            continue
        within = [time for time in times if timedelta() <= kill.time - time < window and (last is None or time > last)]
        if len(within) >= least:
            last = kill.time
            yield Happening(type=EventType.REPEATED, occasion=kill.occasion, time=kill.time)


def _due(
    happening: Happening, settled: Iterable[str], after: ReportStatus, now: datetime, patience: timedelta
) -> datetime:
    """Return when a happening is told: what depends on a verdict that may still change waits for it."""
    if happening.type in OF_CONDITIONS.values():
        return now
    last = after.last_kill.id if after.last_kill else None
    kill = happening.occasion if happening.type in OF_KILLS else last
    return now if kill in frozenset(settled) else now + patience


def _released(delivery: Delivery, settled: frozenset[str], after: ReportStatus, now: datetime) -> Delivery:
    """Return a delivery that waits no longer than for its kill's verdict."""
    is_waiting = delivery.is_untried and delivery.last_time is None and delivery.key.event not in OF_CONDITIONS.values()
    if not is_waiting or delivery.next_attempt is None or delivery.next_attempt <= now:
        return delivery
    last = after.last_kill.id if after.last_kill else None
    kill = delivery.key.kill_id if delivery.key.event in OF_KILLS else last
    return replace(delivery, next_attempt=now) if kill in settled else delivery


def _add(
    known: dict[DeliveryKey, Delivery], hook: str, happening: Happening, *, due: datetime, single: int, now: datetime
) -> None:
    key = DeliveryKey(hook=hook, kill_id=happening.occasion, event=happening.type)
    if key in known:
        return
    waiting = [one for one in known.values() if one.is_pending and one.key.hook == hook]
    if happening.type is not EventType.OOM_KILLED or len(waiting) < single:
        known[key] = Delivery(key=key, time=happening.time, next_attempt=due)
        return
    gathering = next((one for one in waiting if _gathers(one, now)), None)
    if gathering is None:
        # The more wait, the longer: a receiver that is away for a day must not fill the report.
        until = now + _GATHER * 2 ** min(len(waiting) - single, _MOST_DOUBLED)
        known[key] = Delivery(key=key, time=happening.time, last_time=happening.time, next_attempt=until)
        return
    known[gathering.key] = replace(
        gathering,
        time=min(gathering.time, happening.time),
        last_time=max(gathering.last_time or gathering.time, happening.time),
        kills=gathering.kills + 1,
    )


def _gathers(delivery: Delivery, now: datetime) -> bool:
    return (
        delivery.is_untried
        and delivery.last_time is not None
        and delivery.next_attempt is not None
        and now < delivery.next_attempt - _CLOSE_BEFORE
    )


def _bounded(
    deliveries: Iterable[Delivery], subscriptions: Sequence[Subscription], now: datetime
) -> tuple[Delivery, ...]:
    """Return what is shown: all that is pending, then what failed, then what was delivered of late."""
    windows = {one.hook: one.repeated[1] for one in subscriptions if one.repeated}
    pending: list[Delivery] = []
    finished: list[Delivery] = []
    for one in deliveries:
        if one.is_pending:
            pending.append(one)
            continue
        keep = (
            max(_SHOW_FOR, windows.get(one.key.hook, _SHOW_FOR)) if one.key.event is EventType.REPEATED else _SHOW_FOR
        )
        if one.state is State.FAILED or one.finished is None or now - one.finished < keep:
            finished.append(one)
    pending.sort(key=lambda one: one.time, reverse=True)
    finished.sort(key=lambda one: (one.state is State.FAILED, one.finished or one.time), reverse=True)
    kept = [*pending, *finished][:MOST_DELIVERIES]
    return tuple(sorted(kept, key=lambda one: (one.time, one.key.hook, one.key.kill_id, one.key.event)))
