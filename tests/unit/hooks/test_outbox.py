"""What a report's write adds for hooks: each event once, none for those who did not ask, all of it bounded."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from oomreport.hooks.delivery import Delivery, DeliveryKey, State, deliveries_of
from oomreport.hooks.event import EventType
from oomreport.hooks.outbox import (
    MOST_DELIVERIES,
    Subscription,
    happenings,
    is_to_redeliver,
    new_kills,
    posted,
    redelivered,
)
from oomreport.incident.report.status import ReportStatus
from oomreport.times import rfc3339

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
PATIENCE = timedelta(seconds=60)
ALL = frozenset({EventType.OOM_KILLED, EventType.RECOMMENDATION_READY, EventType.APPLIED})


def kill(name: str, at: datetime = NOW, verdict: str = "KernelOnly", container: str = "c") -> dict[str, Any]:
    return {"id": name, "time": rfc3339(at), "verdict": verdict, "containerID": container}


def status(*kills: dict[str, Any], deliveries: Iterable[Delivery] = (), **more: Any) -> dict[str, Any]:
    last = max(kills, key=lambda one: one["time"], default=None)
    found = {"counted": [*kills], "deliveries": [one.as_json() for one in deliveries], **more}
    return found | ({"lastKill": last} if last else {})


def hook(name: str = "shop/chat", events: frozenset[EventType] = ALL, **more: Any) -> Subscription:
    return Subscription(hook=name, events=events, since=NOW - timedelta(days=1), **more)


def post(
    before: dict[str, Any],
    after: dict[str, Any],
    *hooks: Subscription,
    settled: tuple[str, ...] = (),
    now: datetime = NOW,
    exist: tuple[str, ...] | None = None,
) -> tuple[Delivery, ...]:
    names = exist if exist is not None else tuple(one.hook for one in hooks)
    kept = deliveries_of(before)
    was, becomes = ReportStatus.of(before), ReportStatus.of(after)
    return posted(
        was,
        becomes,
        hooks,
        happened=tuple(happenings(was, becomes, now)),
        deliveries=kept,
        hooks=names,
        settled=settled,
        now=now,
        patience=PATIENCE,
    )


def fresh(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [one.id for one in new_kills(ReportStatus.of(before), ReportStatus.of(after))]


def test_a_new_kill_is_put_down_once_for_each_hook_that_asked():
    after = status(kill("a"))
    found = post(status(), after, hook("shop/chat"), hook("shop/other", frozenset({EventType.APPLIED})))
    assert [(one.key.hook, one.key.kill_id, one.key.event) for one in found] == [("shop/chat", "a", "OOMKilled")]
    assert post(status(kill("a"), deliveries=found), status(kill("a")), hook()) == found


def test_a_kill_waits_for_its_verdict_and_no_longer_than_patience():
    (waiting,) = post(status(), status(kill("a")), hook())
    assert waiting.next_attempt == NOW + PATIENCE
    before, later = status(kill("a"), deliveries=[waiting]), NOW + timedelta(seconds=3)
    (released,) = post(before, status(kill("a")), hook(), settled=("a",), now=later)
    assert released.next_attempt == later
    (at_once,) = post(status(), status(kill("a")), hook(), settled=("a",))
    assert at_once.next_attempt == NOW


def test_a_record_that_joins_a_kill_of_pod_status_is_no_new_kill():
    by_status = kill("container-c", verdict="StatusOnly")
    assert fresh(status(by_status), status(kill("record", verdict="Confirmed"))) == []


def test_a_record_of_a_kill_that_was_denied_is_one():
    denied = kill("container-c", verdict="Contradicted")
    assert fresh(status(), status(denied)) == []
    assert fresh(status(denied), status(kill("record", verdict="Confirmed"))) == ["record"]


def test_a_hook_is_not_told_of_kills_before_it_was_made():
    late = replace(hook(), since=NOW + timedelta(seconds=1))
    assert post(status(), status(kill("a")), late) == ()


def test_what_was_to_be_told_to_a_hook_that_is_gone_is_dropped_but_not_while_that_is_unknown():
    (one,) = post(status(), status(kill("a")), hook())
    before = status(kill("a"), deliveries=[one])
    assert post(before, status(kill("a")), exist=()) == ()
    same = ReportStatus.of(before)
    kept = posted(same, same, (), happened=(), deliveries=(one,), hooks=None, settled=(), now=NOW, patience=PATIENCE)
    assert kept == (one,)


def test_a_recommendation_is_told_when_there_is_something_to_change_and_once_while_it_waits():
    advised = status(recommendation={"action": "RaiseLimit", "memoryLimit": "1Gi"})
    (one,) = post(status(), advised, hook())
    assert one.key.event is EventType.RECOMMENDATION_READY
    more = status(recommendation={"action": "RaiseLimit", "memoryLimit": "2Gi"})
    assert post(advised | {"deliveries": [one.as_json()]}, more, hook()) == (one,)
    nothing = status(recommendation={"action": "None"})
    assert post(status(), nothing, hook()) == ()


def test_a_condition_is_told_when_it_becomes_true():
    true, false = ({"conditions": [{"type": "Applied", "status": word}]} for word in ("True", "False"))
    (one,) = post(status(**false), status(**true), hook())
    assert (one.key.event, one.next_attempt) == (EventType.APPLIED, NOW)
    assert post(status(**true), status(**true), hook()) == ()


def test_repeated_kills_are_told_once_per_window():
    often = hook(events=frozenset({EventType.REPEATED}), repeated=(3, timedelta(minutes=10)))
    kills: list[dict[str, Any]] = []
    before = status()
    told: list[str] = []
    times: list[str] = []
    for number in range(12):
        now = NOW + timedelta(minutes=number * 2)
        kills.append(kill(f"k{number:02}", now, container=f"c{number}"))
        after = status(*kills)
        found = post(before | {"killTimes": times}, after, often, now=now)
        told = [one.key.kill_id for one in found]
        before = after | {"deliveries": [one.as_json() for one in found]}
    assert told == ["k02", "k07"]


def test_a_storm_becomes_few_deliveries_that_count_all_kills():
    before, now = status(), NOW
    kills: list[dict[str, Any]] = []
    for number in range(500):
        now = NOW + timedelta(seconds=number)
        kills.append(kill(f"k{number:03}", now, container=f"c{number}"))
        after = status(*kills[-400:])
        found = post(before, after, hook(events=frozenset({EventType.OOM_KILLED})), now=now)
        before = after | {"deliveries": [one.as_json() for one in found]}
    found = deliveries_of(before)
    assert sum(one.kills for one in found) == 500
    assert len(found) < 45
    assert max(one.last_time or one.time for one in found) == now


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 600), st.sampled_from(State)), min_size=1, max_size=25),
    st.integers(1, 8),
)
def test_no_kill_is_lost_and_the_list_stays_bounded(steps: list[tuple[int, int, State]], hooks: int):
    subscriptions = [hook(f"shop/{number}", frozenset({EventType.OOM_KILLED})) for number in range(hooks)]
    before, now, made, told = status(), NOW, 0, 0
    for count, pause, end in steps:
        now += timedelta(seconds=pause)
        kills = [kill(f"k{made + number:05}", now, container=f"c{made + number}") for number in range(count)]
        made += count
        after = status(*kills)
        found = post(before, after, *subscriptions, now=now)
        assert len(found) <= MOST_DELIVERIES
        done = [one for one in found if one.is_pending and (one.next_attempt or now) <= now]
        told += sum(one.kills for one in done)
        finished = {one.key for one in done}
        found = tuple(
            replace(one, state=State.DELIVERED if end is State.PENDING else end, finished=now)
            if one.key in finished
            else one
            for one in found
        )
        before = after | {"deliveries": [one.as_json() for one in found]}
    waiting = sum(one.kills for one in deliveries_of(before) if one.is_pending)
    assert told + waiting == made * hooks


def test_what_was_given_up_is_due_again_when_people_ask_for_it():
    key = DeliveryKey(hook="shop/chat", kill_id="a", event=EventType.OOM_KILLED)
    failed = Delivery(key=key, time=NOW, state=State.FAILED, attempts=9, first_attempt=NOW, finished=NOW)
    done = replace(failed, state=State.DELIVERED)
    later = NOW + timedelta(hours=1)
    (again, same) = redelivered([failed, done], rfc3339(NOW), now=later)
    assert (again.state, again.attempts, again.first_attempt, again.next_attempt) == (State.PENDING, 0, None, later)
    assert same == done
    assert is_to_redeliver(f"{rfc3339(NOW)} shop/chat", [failed])
    for asked in (
        rfc3339(NOW - timedelta(seconds=1)),
        rfc3339(later + timedelta(seconds=1)),
        f"{rfc3339(NOW)} shop/other",
        "now",
        "",
    ):
        assert redelivered([failed], asked, now=later) == (failed,)
