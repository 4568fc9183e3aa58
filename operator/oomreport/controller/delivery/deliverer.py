"""Tells hooks what reports hold for them: each hook on a lane of its own, so that a slow receiver holds up no other.

What is pending stands in the reports; here is only when to look at which. An attempt's result goes back by the outbox, into
the report's next write; an attempt that a crash cut off from its result is made again, with the same ID.
"""

import asyncio
import hashlib
import logging
import random
import traceback
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from oomreport.adapters.cel import FilterFailed
from oomreport.api.oom_hook import OOMHook
from oomreport.controller.delivery.filters import Filters
from oomreport.controller.delivery.hook_target import Due, HookTarget, target_of
from oomreport.controller.delivery.webhook_target import WebhookTarget
from oomreport.controller.known.hooks import HookRegistry
from oomreport.controller.known.outbox import Outbox
from oomreport.controller.known.reports import ReportStore, StoredReport
from oomreport.controller.work.keys import ReportKey
from oomreport.controller.work.queue import WorkQueue
from oomreport.hooks.answer import Answer, Outcome
from oomreport.hooks.cloud_event import MOST_OF_DIGEST, Digest, data_of
from oomreport.hooks.delivery import Delivery, DeliveryKey
from oomreport.hooks.event import Event
from oomreport.hooks.schedule import Terms, after
from oomreport.incident.report.status import ReportStatus

log = logging.getLogger(__name__)
_LONGEST_HOLD = timedelta(hours=2)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A delivery of a report."""

    report: ReportKey
    delivery: DeliveryKey


@dataclass(frozen=True, slots=True, kw_only=True)
class _PeriodEnd:
    """The moment at which what a rate limit held back becomes a digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _DigestDue:
    id: str


class Notes(Protocol):
    """Is told how deliveries go."""

    def unfiltered(self, hook: OOMHook, event: Event, why: str) -> None:
        """Take note that a filter could not be evaluated, so that the event is not told."""
        ...

    def attempted(self, hook: OOMHook, event: Event, after: Delivery, answer: Answer) -> None:
        """Take note of an attempt and what came of it."""
        ...


@dataclass(slots=True, kw_only=True)
class Lane:
    """What one hook is still to be told. `held` was over the rate limit of the period that ends at `period_end`."""

    queue: WorkQueue
    workers: set[asyncio.Task[None]]
    items: dict[Item, Delivery]
    held: set[Item]
    digests: dict[str, set[Item]]
    claiming: dict[str, set[Item]]
    told: int = 0
    period_end: datetime = _LONG_AGO
    hold_until: datetime = _LONG_AGO


class Deliverer:
    """Makes attempts when they are due."""

    def __init__(
        self,
        *,
        hooks: HookRegistry,
        outbox: Outbox,
        reports: ReportStore,
        work: WorkQueue,
        targets: Mapping[str, HookTarget],
        filters: Filters,
        notes: Notes,
        terms: Terms,
        workers: int,
        now: Callable[[], datetime],
    ) -> None:
        self._hooks, self._outbox, self._reports, self._work = hooks, outbox, reports, work
        self._targets, self._notes, self._terms, self._now = targets, notes, terms, now
        self._filters, self._workers = filters, workers
        self._lanes: dict[str, Lane] = {}
        self._of_report: dict[ReportKey, set[Item]] = {}
        self._started = False

    def start(self) -> None:
        """Begin, once all reports have been listed: a digest must be whole before it is sent."""
        self._started = True
        for lane in self._lanes.values():
            for id_, members in lane.digests.items():
                self._digest_later(lane, id_, members)

    def pending(self) -> dict[str, tuple[int, datetime | None]]:
        """Return how much each hook is still to be told, and since when the oldest of it waits."""
        return {
            name: (len(lane.items), min((one.time for one in lane.items.values()), default=None))
            for name, lane in self._lanes.items()
        }

    def take(self, report: ReportKey, deliveries: Iterable[Delivery]) -> None:
        """Take note of all deliveries that a report holds now."""
        found = {Item(report=report, delivery=one.key): one for one in deliveries if one.is_pending}
        for item in self._of_report.get(report, set()) - found.keys():
            self._forget(item)
        if found:
            self._of_report[report] = set(found)
        else:
            self._of_report.pop(report, None)
        for item, delivery in found.items():
            lane = self._lane(item.delivery.hook)
            lane.items[item] = delivery
            if delivery.digest:
                lane.held.discard(item)
                lane.digests.setdefault(delivery.digest, set()).add(item)
            elif item not in lane.held:
                lane.queue.add_later(item, max((delivery.next_attempt or self._now()) - self._now(), timedelta()))
        for name in {item.delivery.hook for item in found}:
            self._note_claims(self._lane(name), report)

    def forget(self, report: ReportKey) -> None:
        """Forget a report that is gone."""
        self.take(report, ())
        self._outbox.drop(report)

    def changed(self, hook: str) -> None:
        """Look again at what waits for a hook that was changed, or at the reports of one that is gone."""
        lane = self._lanes.get(hook)
        if lane is None:
            return
        lane.hold_until = _LONG_AGO
        if self._hooks.get(hook) is None:
            for report in {item.report for item in lane.items}:
                self._work.add(report)
            return
        for item, delivery in lane.items.items():
            if not delivery.digest and item not in lane.held and (delivery.next_attempt or self._now()) <= self._now():
                lane.queue.add(item)
        for id_ in lane.digests:
            lane.queue.add(_DigestDue(id=id_))

    async def close(self) -> None:
        """End all lanes."""
        tasks = [task for lane in self._lanes.values() for task in lane.workers]
        for lane in self._lanes.values():
            lane.queue.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _lane(self, hook: str) -> Lane:
        if known := self._lanes.get(hook):
            return known
        queue = WorkQueue()
        lane = Lane(queue=queue, workers=set(), items={}, held=set(), digests={}, claiming={})

        async def handle(key: Hashable) -> None:
            await self._handle(hook, lane, key)

        names = (f"hook {hook} {number}" for number in range(self._workers))
        lane.workers |= {asyncio.create_task(queue.work(handle), name=name) for name in names}
        self._lanes[hook] = lane
        return lane

    def _forget(self, item: Item) -> None:
        lane = self._lanes.get(item.delivery.hook)
        if lane is None:
            return
        lane.items.pop(item, None)
        lane.held.discard(item)
        if not lane.items and self._hooks.get(item.delivery.hook) is None:
            lane.queue.stop()
            del self._lanes[item.delivery.hook]
        for id_, members in list(lane.digests.items()):
            members.discard(item)
            if not members:
                del lane.digests[id_]

    async def _handle(self, hook_name: str, lane: Lane, key: Hashable) -> None:
        while not self._started:
            await asyncio.sleep(0.05)
        hook = self._hooks.get(hook_name)
        if hook is None or not self._hooks.may_be_told(hook):
            # `changed` looks at it again.
            return
        if (pause := lane.hold_until - self._now()) > timedelta():
            lane.queue.add_later(key, pause)
            return
        match key:
            case Item():
                await self._tell(hook, lane, key)
            case _DigestDue(id=id_):
                await self._tell_digest(hook, lane, id_)
            case _PeriodEnd():
                await self._end_period(hook, lane)

    async def _tell(self, hook: OOMHook, lane: Lane, item: Item) -> None:
        found = await self._due(lane, item)
        if found is None:
            return
        report, delivery = found
        event = _event(item.report, report, delivery)
        if delivery.is_untried:
            if not self._concerns(hook, event):
                self._outbox.edit(item.report, item.delivery, lambda _: None)
                self._work.add(item.report)
                return
            if not self._has_room(hook, lane):
                self._hold(hook, lane, item)
                return
        started = self._now()
        target = target_of(hook, self._targets)
        attempt, first = delivery.attempts + 1, delivery.first_attempt or started
        try:
            due = Due(hook=hook, event=event, attempt=attempt, first_attempt=first)
            answer = (
                await target.deliver(due)
                if target
                else Answer(outcome=Outcome.RETRY, message="this controller knows no such target")
            )
        except Exception as error:  # noqa: BLE001 - an attempt that failed is made again
            # Its words may hold what must not be shown.
            frames = "".join(traceback.format_tb(error.__traceback__))
            facts = {"hook": delivery.key.hook, "error": type(error).__name__, "traceback": frames}
            log.error("attempt failed", extra=facts)  # noqa: TRY400
            answer = Answer(outcome=Outcome.RETRY, message=f"mistake in the controller: {type(error).__name__}")
        self._finish(hook, lane, [(item, delivery, event)], answer, first)

    def _finish(
        self,
        hook: OOMHook,
        lane: Lane,
        told: Iterable[tuple[Item, Delivery, Event]],
        answer: Answer,
        first: datetime,
    ) -> None:
        now, drawn = self._now(), random.random()  # noqa: S311 - jitter
        if answer.outcome is Outcome.GONE:
            self._hooks.set_gone(hook)
        if answer.retry_after and answer.outcome is Outcome.RETRY and hook.spec.webhook:
            # The receiver speaks for itself, not for one event.
            lane.hold_until = max(lane.hold_until, now + min(answer.retry_after, _LONGEST_HOLD))
        change = answer.change
        for item, delivery, event in told:
            tried = replace(delivery, first_attempt=first)
            result = after(tried, answer, now=now, random=drawn, terms=self._terms)
            self._outbox.edit(item.report, item.delivery, _becomes(delivery, result), change)
            change = None
            self._notes.attempted(hook, event, result, answer)
            self._work.add(item.report)

    async def _due(self, lane: Lane, item: Item) -> tuple[StoredReport, Delivery] | None:
        """Return a delivery that is to be made now, as its report has it."""
        if self._outbox.is_edited(item.report, item.delivery) or item not in lane.items or item in lane.held:
            return None
        delivery = lane.items[item]
        if delivery.digest:
            return None
        if delivery.next_attempt and (pause := delivery.next_attempt - self._now()) > timedelta():
            lane.queue.add_later(item, pause)
            return None
        report = await self._reports.get(item.report)
        if report is None:
            self.forget(item.report)
            return None
        # While the report was read it may have been told, or denied.
        if self._outbox.is_edited(item.report, item.delivery) or item not in lane.items:
            return None
        return report, lane.items[item]

    def _concerns(self, hook: OOMHook, event: Event) -> bool:
        """Return whether a hook wants an event, by what is known of it now."""
        if event.is_denied:
            return False
        cause = event.kill.cause if event.kill else None
        if hook.spec.causes and cause not in hook.spec.causes:
            return False
        try:
            return self._filters.matches(hook, data_of(event))
        except FilterFailed as error:
            self._notes.unfiltered(hook, event, str(error))
            return False

    # --- More than the rate limit ---

    def _has_room(self, hook: OOMHook, lane: Lane) -> bool:
        """Take a place in the hook's period; return whether there was one."""
        limit, now = hook.spec.rate_limit, self._now()
        if limit is None:
            return True
        if now >= lane.period_end:
            lane.told, lane.period_end = 0, now + timedelta(seconds=limit.period_seconds)
        if lane.told >= limit.events:
            return False
        lane.told += 1
        return True

    def _hold(self, hook: OOMHook, lane: Lane, item: Item) -> None:
        pause = lane.period_end - self._now()
        if hook.spec.webhook is None:
            # Jobs and resizes are not told of many at once: they wait their turn.
            lane.queue.add_later(item, pause)
            return
        lane.held.add(item)
        lane.queue.add_later(_PeriodEnd(), pause)

    async def _end_period(self, hook: OOMHook, lane: Lane) -> None:
        if self._now() < lane.period_end and lane.held:
            lane.queue.add_later(_PeriodEnd(), lane.period_end - self._now())
            return
        held = sorted(lane.held, key=lambda item: (lane.items[item].time, str(item.report), item.delivery.kill_id))
        wanted: list[Item] = []
        for item in held[:MOST_OF_DIGEST]:
            report = await self._reports.get(item.report)
            if report is None:
                self.forget(item.report)
            elif item in lane.items and not self._concerns(hook, _event(item.report, report, lane.items[item])):
                lane.held.discard(item)
                self._outbox.edit(item.report, item.delivery, lambda _: None)
                self._work.add(item.report)
            elif item in lane.items:
                wanted.append(item)
        if len(held) > MOST_OF_DIGEST:
            lane.queue.add_later(_PeriodEnd(), timedelta(seconds=1))
        if len(wanted) < 2 or not self._has_room(hook, lane):
            for item in wanted:
                lane.held.discard(item)
                lane.queue.add(item)
            return
        id_ = _digest_id(hook, wanted)
        lane.claiming[id_] = set(wanted)
        for item in wanted:
            self._outbox.edit(item.report, item.delivery, lambda one: replace(one, digest=id_))
            self._work.add(item.report)

    def _note_claims(self, lane: Lane, report: ReportKey) -> None:
        """Send a digest once the reports of all its members say that they are in it."""
        for id_, outstanding in list(lane.claiming.items()):
            members = lane.digests.get(id_, set())
            open_ = {
                item
                for item in outstanding
                if item in lane.items and item not in members and self._outbox.is_edited(item.report, item.delivery)
            }
            if open_:
                lane.claiming[id_] = open_
                continue
            del lane.claiming[id_]
            self._digest_later(lane, id_, members)
        if self._started:
            for id_, members in lane.digests.items():
                if id_ not in lane.claiming and any(item.report == report for item in members):
                    self._digest_later(lane, id_, members)

    def _digest_later(self, lane: Lane, id_: str, members: Iterable[Item]) -> None:
        due = max((lane.items[item].next_attempt or self._now() for item in members), default=self._now())
        lane.queue.add_later(_DigestDue(id=id_), max(due - self._now(), timedelta()))

    async def _tell_digest(self, hook: OOMHook, lane: Lane, id_: str) -> None:
        target = target_of(hook, self._targets)
        members = {item for item in lane.digests.get(id_, set()) if item in lane.items}
        if id_ in lane.claiming or not members or not isinstance(target, WebhookTarget):
            return
        if any(self._outbox.is_edited(item.report, item.delivery) for item in members):
            lane.queue.add_later(_DigestDue(id=id_), 1.0)
            return
        due = max(lane.items[item].next_attempt or self._now() for item in members)
        if due > self._now():
            lane.queue.add_later(_DigestDue(id=id_), due - self._now())
            return
        told: list[tuple[Item, Delivery, Event]] = []
        for item in members:
            report = await self._reports.get(item.report)
            if report is None:
                self.forget(item.report)
            elif item in lane.items:
                told.append((item, lane.items[item], _event(item.report, report, lane.items[item])))
        if not told:
            return
        started = self._now()
        answer = await target.deliver_digest(
            hook, Digest(id=id_, hook=told[0][1].key.hook, events=[event for _, _, event in told])
        )
        first = min((one.first_attempt or started for _, one, _ in told), default=started)
        self._finish(hook, lane, told, answer, first)


def _becomes(before: Delivery, result: Delivery) -> Callable[[Delivery], Delivery]:
    """Return the edit that makes a delivery the result, unless it has gone on since."""

    def edit(stored: Delivery) -> Delivery:
        if stored.attempts != before.attempts:
            return stored
        return replace(result, kills=stored.kills, last_time=stored.last_time, time=stored.time)

    return edit


def _event(key: ReportKey, report: StoredReport, delivery: Delivery) -> Event:
    return Event(
        type=delivery.key.event,
        occasion=delivery.key.kill_id,
        time=delivery.time,
        namespace=report.namespace,
        report=report.name,
        report_uid=report.uid,
        workload=key.workload,
        container=key.container,
        status=ReportStatus.of(report.status),
        kills=delivery.kills,
        last_time=delivery.last_time,
    )


def _digest_id(hook: OOMHook, items: Iterable[Item]) -> str:
    parts = [str(hook.metadata.get("uid"))]
    parts += [f"{item.report}\0{item.delivery.event}\0{item.delivery.kill_id}" for item in items]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
