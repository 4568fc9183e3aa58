"""A hook's status counts what came of deliveries, and says whether it can work."""

from dataclasses import replace
from typing import Any

import pytest

from oomreport.controller.delivery.hook_status import HookStatusWriter
from oomreport.controller.work.keys import HookKey
from oomreport.errors import ApiError
from oomreport.hooks.answer import Answer, Outcome
from oomreport.hooks.delivery import State
from support.controller import Parts, run
from support.evidence import after
from support.reports import event
from unit.controller.delivery.test_lane import delivery
from unit.controller.known.test_hooks import hook

KEY = HookKey(name="shop/chat")
DONE = replace(delivery(), state=State.DELIVERED, attempts=1, finished=after(0), next_attempt=None)
FAILED = replace(delivery(), state=State.FAILED, attempts=9, finished=after(0), last_error="HTTP 500")


class Written:
    """A writer with one hook; `why` keeps the hook from working."""

    def __init__(self, why: tuple[str, str] | None = None) -> None:
        self.parts = Parts()
        self.parts.api.put("oomreport.dev/v1alpha1", "oomhooks", hook())
        run(self.parts.hooks.load())
        self.counted: list[str] = []

        async def problem(_: object) -> tuple[str, str] | None:
            return why

        self.writer = HookStatusWriter(
            self.parts.api,
            self.parts.hooks,
            self.parts.queue,
            identity="controller-1",
            problem=problem,
            counted=lambda _hook, outcome: self.counted.append(outcome),
            now=self.parts.now,
        )

    def attempted(self, after_it: Any, outcome: Outcome = Outcome.DELIVERED, message: str = "") -> None:
        known = self.parts.hooks.get("shop/chat")
        assert known
        self.writer.attempted(known, event(), after_it, Answer(outcome=outcome, message=message))

    def status(self) -> dict[str, Any]:
        run(self.writer.write(KEY))
        found = self.parts.api.at("oomreport.dev/v1alpha1", "oomhooks", "chat", "shop")
        assert found
        status: dict[str, Any] = found["status"]
        return status


def test_deliveries_and_failures_are_counted_and_written_together():
    one = Written()
    one.attempted(DONE)
    one.attempted(FAILED, Outcome.RETRY)
    one.attempted(delivery(attempts=1), Outcome.RETRY)
    assert one.counted == ["Delivered", "Failed", "Retry"]
    status = one.status()
    assert (status["delivered"], status["failed"]) == (1, 1)
    one.attempted(DONE)
    assert one.status()["delivered"] == 2


def test_an_error_has_its_time_and_ends_with_the_next_delivery():
    one = Written()
    one.attempted(replace(delivery(attempts=1), last_error="HTTP 500"), Outcome.RETRY)
    failing = one.status()
    assert (failing["lastError"], failing["lastErrorTime"]) == ("HTTP 500", "2026-11-20T20:21:07Z")
    one.attempted(DONE)
    assert not {"lastError", "lastErrorTime"} & one.status().keys()


def test_an_error_after_a_delivery_stays():
    one = Written()
    one.attempted(DONE)
    one.attempted(FAILED, Outcome.RETRY)
    assert one.status()["lastError"] == "HTTP 500"


def test_an_attempt_that_can_never_succeed_is_the_hooks_condition_until_one_succeeds():
    one = Written()
    one.attempted(FAILED, Outcome.REFUSED, "the address is refused: loopback")
    (condition,) = one.status()["conditions"]
    assert (condition["status"], condition["reason"]) == ("False", "Refused")
    assert condition["message"] == "the address is refused: loopback"
    one.attempted(delivery(attempts=1), Outcome.RETRY)
    assert one.status()["conditions"][0]["reason"] == "Refused"
    one.attempted(DONE)
    assert one.status()["conditions"][0]["status"] == "True"


def test_a_delivery_that_was_given_up_is_an_event_on_the_report():
    one = Written()
    one.attempted(FAILED, Outcome.RETRY)
    one.status()
    (sent,) = one.parts.api.all("events.k8s.io/v1", "events")
    assert sent["reason"] == "DeliveryFailed"
    assert "oomreport redeliver -n shop " in sent["note"]


def test_what_keeps_a_hook_from_working_is_its_condition_and_is_looked_at_again():
    one = Written(("NotGranted", "grant it"))
    (condition,) = one.status()["conditions"]
    assert (condition["status"], condition["reason"]) == ("False", "NotGranted")
    assert KEY in one.parts.queue.later


def test_a_receiver_that_wants_nothing_more_is_its_condition():
    one = Written()
    one.attempted(replace(FAILED, attempts=1), Outcome.GONE)
    (condition,) = one.status()["conditions"]
    assert condition["reason"] == "Gone"


def test_counts_wait_for_an_api_server_that_does_not_answer():
    one = Written()
    one.attempted(DONE)
    one.parts.api.refuse(503, "PATCH", "oomhooks", times=1)
    with pytest.raises(ApiError, match="503"):
        run(one.writer.write(KEY))
    assert one.status()["delivered"] == 1
