"""What is due is told once, more than the limit becomes a digest, and a result goes back by the outbox."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from oomreport.api.oom_hook import OOMHook
from oomreport.controller.delivery.attempt import Item
from oomreport.controller.delivery.deliverer import Deliverer
from oomreport.controller.delivery.filters import Filters
from oomreport.controller.delivery.hook_target import Due
from oomreport.controller.delivery.lane import LaneContext
from oomreport.controller.delivery.rooms import MOST_OF_NAMESPACE
from oomreport.controller.known.outbox import Attempted, InDigest, Outbox, Withdrawn
from oomreport.controller.known.owner_labels import OwnerLabels
from oomreport.controller.work.keys import ReportKey
from oomreport.hooks.answer import Answer, Outcome
from oomreport.hooks.cloud_event import Digest, data_of
from oomreport.hooks.delivery import Delivery, DeliveryKey, State
from oomreport.hooks.event import Event, EventType
from oomreport.hooks.schedule import Terms
from support.controller import KEY, Parts
from support.evidence import after
from unit.controller.known.test_hooks import hook

DONE = Answer(outcome=Outcome.DELIVERED)
AGAIN = Answer(outcome=Outcome.RETRY, message="HTTP 503")


def delivery(kill: str = "r1", **values: Any) -> Delivery:
    key = DeliveryKey(hook="shop/chat", kill_id=kill, event=EventType.OOM_KILLED)
    return Delivery(key=key, time=after(0), **{"next_attempt": after(0), **values})


class Edits(Outbox):
    """An outbox that shows its edits."""

    def of(self, kill: str, report: ReportKey = KEY) -> Any:
        return self._edits.get(report, {}).get(delivery(kill).key)


@dataclass
class Desk:
    """A deliverer with one webhook, and what its receiver was told."""

    parts: Parts = field(default_factory=Parts)
    answers: list[Answer | Exception] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    digests: list[Digest] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)
    unfiltered_events: list[str] = field(default_factory=list)
    labels: tuple[str, ...] = ()
    spec: dict[str, Any] = field(default_factory=dict)

    async def begin(self, *reports: ReportKey) -> Deliverer:
        self.parts.api.put("oomreport.dev/v1alpha1", "oomhooks", hook(**self.spec))
        await self.parts.hooks.load()
        for key in reports or (KEY,):
            stored = await self.parts.reports.ensure(key)
            kill = {"id": "r1", "cause": "ContainerLimit", "time": "2026-11-20T20:21:07Z"}
            await self.parts.reports.write_status(key, stored, {"kills": 1, "lastKill": kill})
        self.outbox = Edits(self.parts.hooks, self.parts.now)
        made = Deliverer(
            LaneContext(
                hooks=self.parts.hooks,
                outbox=self.outbox,
                reports=self.parts.reports,
                work=self.parts.queue,
                targets={"webhook": self},
                filters=Filters(),
                labels=OwnerLabels(self.parts.api, self.labels, on_known=lambda *_: None, now=self.parts.now),
                listener=self,
                retry=Terms(),
                workers=2,
                now=self.parts.now,
            )
        )
        made.start()
        return made

    async def deliver(self, due: Due) -> Answer:
        self.told.append(due.event.occasion)
        answer = self.answers.pop(0) if self.answers else DONE
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def deliver_digest(self, hook: OOMHook, digest: Digest) -> Answer:
        self.digests.append(digest)
        return DONE

    def unfiltered(self, hook: OOMHook, event: Event, why: str) -> None:
        self.unfiltered_events.append(event.occasion)

    def attempted(self, hook: OOMHook, event: Event, after: Delivery, answer: Answer) -> None:
        self.attempts.append(after.state.value)


def play(desk: Desk, story: Callable[[Deliverer], Awaitable[None]], *reports: ReportKey) -> Desk:
    async def whole() -> None:
        deliverer = await desk.begin(*reports)
        try:
            async with asyncio.timeout(10):
                await story(deliverer)
        finally:
            await deliverer.close()

    asyncio.run(whole())
    return desk


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0)


def test_what_is_due_is_told_once_and_its_result_goes_to_the_outbox():
    desk = Desk()

    async def story(deliverer: Deliverer) -> None:
        deliverer.take(KEY, [delivery()])
        await until(lambda: desk.attempts)
        deliverer.take(KEY, [delivery()])
        await asyncio.sleep(0.01)

    play(desk, story)
    assert desk.told == ["r1"]
    edit = desk.outbox.of("r1")
    assert isinstance(edit, Attempted)
    assert edit.result.state is State.DELIVERED
    assert len(edit.result.event_id) == 32
    assert KEY in desk.parts.queue.taken()


def test_an_event_and_its_filter_have_the_labels_of_the_workload_by_which_its_owner_is_known():
    told: list[dict[str, Any]] = []

    class Receiver(Desk):
        async def deliver(self, due: Due) -> Answer:
            told.append(data_of(due.event))
            return await super().deliver(due)

    async def story(deliverer: Deliverer) -> None:
        deliverer.take(KEY, [delivery()])
        await until(lambda: desk.attempts or desk.outbox.of("r1"))

    for team in ("sre", "shop"):
        desk = Receiver(
            labels=("team",),
            spec={"filter": 'has(event.workload.labels.team) && event.workload.labels.team == "sre"'},
        )
        metadata = {"name": KEY.name, "namespace": KEY.namespace, "labels": {"team": team, "app": "web"}}
        desk.parts.api.put(KEY.api_version, "deployments", {"metadata": metadata})
        play(desk, story)
        assert isinstance(desk.outbox.of("r1"), Attempted if team == "sre" else Withdrawn)
    assert [one["workload"]["labels"] for one in told] == [{"team": "sre"}]


def test_nothing_is_told_before_all_reports_have_been_listed():
    desk = Desk()

    async def story(deliverer: Deliverer) -> None:
        deliverer._opened.clear()
        deliverer.take(KEY, [delivery()])
        await asyncio.sleep(0.01)
        assert desk.told == []
        deliverer.start()
        await until(lambda: desk.told)

    play(desk, story)


def test_what_is_due_later_waits():
    desk = Desk()

    async def story(deliverer: Deliverer) -> None:
        deliverer.take(KEY, [delivery(next_attempt=after(60))])
        await asyncio.sleep(0.01)

    assert play(desk, story).told == []


def test_an_attempt_that_failed_is_pending_and_a_mistake_of_ours_is_one_without_its_words(caplog):
    desk = Desk(answers=[ValueError("the secret")])

    async def story(deliverer: Deliverer) -> None:
        deliverer.take(KEY, [delivery()])
        await until(lambda: desk.attempts)

    play(desk, story)
    edit = desk.outbox.of("r1")
    assert edit.result.is_pending
    assert edit.result.last_error == "mistake in the controller: ValueError"
    assert "the secret" not in str([vars(one) for one in caplog.records])


@pytest.mark.parametrize("spec", [{"causes": ["NodeOutOfMemory"]}, {"filter": "event.kills > 5"}])
def test_an_event_that_a_hook_does_not_want_is_withdrawn(spec: dict[str, Any]):
    desk = Desk(spec=spec)

    async def story(deliverer: Deliverer) -> None:
        deliverer.take(KEY, [delivery()])
        await until(lambda: desk.outbox.of("r1"))

    play(desk, story)
    assert desk.told == []
    assert desk.outbox.of("r1") == Withdrawn()


def test_a_receiver_that_asks_for_a_pause_is_told_nothing_else_until_it_is_over():
    desk = Desk(answers=[replace(AGAIN, retry_after=timedelta(minutes=5))])

    async def story(deliverer: Deliverer) -> None:
        deliverer.take(KEY, [delivery("r1")])
        await until(lambda: desk.attempts)
        deliverer.take(KEY, [delivery("r1"), delivery("r2")])
        await asyncio.sleep(0.01)
        assert desk.told == ["r1"]
        deliverer.changed("shop/chat")
        await until(lambda: "r2" in desk.told)

    play(desk, story)


def test_more_than_the_limit_is_claimed_by_the_reports_first_and_told_as_one():
    desk = Desk(spec={"rateLimit": {"events": 1, "periodSeconds": 60}})

    async def story(deliverer: Deliverer) -> None:
        all_of_them = [delivery(f"r{number}") for number in range(3)]
        deliverer.take(KEY, all_of_them)
        await until(lambda: desk.attempts)
        lane = deliverer._lanes["shop/chat"]
        await until(lambda: len(lane._held) == 2)
        desk.parts.seconds = 61
        hook_now = desk.parts.hooks.get("shop/chat")
        assert hook_now
        await lane._end_period(hook_now)
        told = desk.told[0]
        held = [one for one in all_of_them if one.key.kill_id != told]
        edits = [desk.outbox.of(one.key.kill_id) for one in held]
        assert all(isinstance(edit, InDigest) for edit in edits)
        assert desk.digests == []
        # The reports name the digest now.
        desk.outbox.drop(KEY)
        deliverer.take(KEY, [replace(one, digest=edits[0].digest) for one in held])
        await until(lambda: desk.digests)

    play(desk, story)
    (digest,) = desk.digests
    assert len(digest.events) == 2


def test_the_deliveries_of_a_report_that_is_gone_are_forgotten():
    desk = Desk()
    gone = replace(KEY, name="gone")

    async def story(deliverer: Deliverer) -> None:
        deliverer.take(gone, [delivery()])
        await until(lambda: deliverer.pending()["shop/chat"][0] == 0)

    assert play(desk, story).told == []


def test_the_reports_of_a_hook_that_is_gone_are_looked_at_and_its_lane_ends():
    desk = Desk()

    async def story(deliverer: Deliverer) -> None:
        deliverer.take(KEY, [delivery(next_attempt=after(60))])
        desk.parts.hooks.take("DELETED", hook())
        deliverer.changed("shop/chat")
        assert KEY in desk.parts.queue.taken()
        deliverer.take(KEY, [])
        assert deliverer.pending() == {}

    play(desk, story)


def test_logs_name_a_delivery_in_words():
    item = Item(report=KEY, delivery=delivery().key)
    assert str(item) == f"OOMKilled of {KEY} to shop/chat"


def test_many_hooks_of_one_namespace_keep_few_connections_open_and_hold_up_no_other_namespace():
    class Slow(Desk):
        answer = asyncio.Event()

        async def begin(self, *reports: ReportKey) -> Deliverer:
            for name, namespace in [*((f"hook{number}", "shop") for number in range(100)), ("one", "other")]:
                self.parts.api.put("oomreport.dev/v1alpha1", "oomhooks", hook(name, namespace))
            return await super().begin(*reports)

        async def deliver(self, due: Due) -> Answer:
            self.told.append(due.hook.metadata["namespace"])
            await self.answer.wait()
            return DONE

    desk, elsewhere = Slow(), replace(KEY, namespace="other")
    keys = [DeliveryKey(hook=f"shop/hook{number}", kill_id="r1", event=EventType.OOM_KILLED) for number in range(100)]
    keys.append(DeliveryKey(hook="other/one", kill_id="r1", event=EventType.OOM_KILLED))

    async def story(deliverer: Deliverer) -> None:
        deliverer.take(KEY, [replace(delivery(), key=key) for key in keys[:-1]])
        deliverer.take(elsewhere, [replace(delivery(), key=keys[-1])])
        await until(lambda: "other" in desk.told)
        await asyncio.sleep(0.1)
        assert desk.told.count("shop") == MOST_OF_NAMESPACE
        desk.answer.set()
        await until(lambda: len(desk.told) == len(keys))

    play(desk, story, KEY, elsewhere)
