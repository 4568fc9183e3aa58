"""What a delivery becomes is an edit, and part of the report's next write."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from oomreport.controller.known.outbox import Attempted, Draft, InDigest, Outbox, Withdrawn, without_delivered
from oomreport.controller.known.reports import StoredReport
from oomreport.hooks.answer import Change
from oomreport.hooks.delivery import Delivery, DeliveryKey, State, deliveries_of
from oomreport.hooks.event import EventType
from oomreport.incident.report.decision import Decision
from oomreport.incident.report.status import ReportStatus
from oomreport.incident.witness.evidence import Patience
from support.controller import KEY, Parts, run
from support.evidence import after
from unit.controller.known.test_hooks import hook

ID = DeliveryKey(hook="shop/chat", kill_id="r1", event=EventType.OOM_KILLED)
PENDING = Delivery(key=ID, time=after(0), next_attempt=after(0))


NOTHING: dict[str, Any] = {}


def stored(*deliveries: Delivery) -> StoredReport:
    status = {"kills": 1, "deliveries": [one.as_json() for one in deliveries]}
    return StoredReport(namespace="shop", name="web", uid="u", resource_version="1", status=status)


def decision(status: dict[str, Any] | None = NOTHING) -> Decision:
    whole = {"kills": 1, **status} if status is not None else {}
    return Decision(status=whole, becomes=ReportStatus.of(whole), changed=False, used={})


def outbox(*, with_hook: bool = True) -> Outbox:
    parts = Parts()
    if with_hook:
        parts.api.put("oomreport.dev/v1alpha1", "oomhooks", hook())
    run(parts.hooks.load())
    return parts.outbox


def draft(one: Outbox, report: StoredReport) -> Draft:
    return run(one.draft(KEY, report, decision(), Patience()))


def test_an_attempts_result_is_written_and_then_forgotten():
    one = outbox()
    done = replace(PENDING, state=State.DELIVERED, attempts=1, finished=after(0), next_attempt=None)
    one.edit(KEY, ID, Attempted(attempts_before=0, result=done))
    assert one.is_edited(KEY, ID)
    made = draft(one, stored(PENDING))
    assert made.changed
    assert [entry.state for entry in deliveries_of(made.status)] == [State.DELIVERED]
    one.stored(KEY, made)
    assert not one.is_edited(KEY, ID)


def test_a_delivery_that_has_gone_on_since_keeps_its_state():
    one = outbox()
    one.edit(KEY, ID, Attempted(attempts_before=0, result=replace(PENDING, attempts=1)))
    later = replace(PENDING, attempts=2, first_attempt=after(0))
    assert deliveries_of(draft(one, stored(later)).status)[0].attempts == 2


def test_kills_that_joined_a_delivery_during_its_attempt_stay_in_it():
    one = outbox()
    one.edit(KEY, ID, Attempted(attempts_before=0, result=replace(PENDING, attempts=1)))
    joined = replace(PENDING, kills=3, last_time=after(5))
    (found,) = deliveries_of(draft(one, stored(joined)).status)
    assert (found.attempts, found.kills, found.last_time) == (1, 3, after(5))


def test_an_edit_that_came_during_the_write_waits_for_the_next_one():
    one = outbox()
    one.edit(KEY, ID, InDigest(digest="d"))
    made = draft(one, stored(PENDING))
    one.edit(KEY, ID, Withdrawn())
    one.stored(KEY, made)
    assert one.is_edited(KEY, ID)


def test_what_is_not_to_be_told_any_more_leaves_the_report():
    one = outbox()
    one.edit(KEY, ID, Withdrawn())
    assert deliveries_of(draft(one, stored(PENDING)).status) == ()


def test_what_a_hook_changed_is_written_once_and_the_newest_first():
    one = outbox()
    for number in (1, 2):
        change = Change(time=after(number), what="memory", before=1, after=number, message="raised")
        key = replace(ID, kill_id=f"r{number}")
        one.edit(KEY, key, Withdrawn(), change)
    made = draft(one, stored(PENDING))
    assert [entry["after"] for entry in made.status["changes"]] == [2, 1]
    one.stored(KEY, made)
    assert not draft(one, stored(PENDING)).changes


def test_a_report_without_a_status_gets_no_deliveries():
    made = run(outbox().draft(KEY, None, decision(None), Patience()))
    assert not made.changed
    assert made.status == {}


def test_the_condition_delivered_says_what_is_pending_and_what_was_given_up():
    one = outbox()
    failed = replace(PENDING, state=State.FAILED, finished=after(0), next_attempt=None)
    for delivery, reason in ((PENDING, "Pending"), (failed, "GivenUp")):
        (condition,) = draft(one, stored(delivery)).status["conditions"]
        assert (condition["type"], condition["status"], condition["reason"]) == ("Delivered", "False", reason)
    assert without_delivered(ReportStatus.of({"kills": 1, "conditions": [condition]})) == ReportStatus(kills=1)


def test_a_failed_delivery_is_due_again_when_people_ask_for_it():
    one = outbox()
    failed = replace(PENDING, state=State.FAILED, finished=after(0), next_attempt=None)
    asked = replace(stored(failed), redeliver="2026-11-20T20:21:07.5Z")
    (found,) = deliveries_of(run(one.draft(KEY, asked, decision(), Patience())).status)
    assert found.is_pending
    assert found.next_attempt is not None
    assert found.next_attempt - after(0.2) < timedelta(seconds=1)
