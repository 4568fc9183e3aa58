"""The lane of one hook: its pending deliveries and their attempts.

                    no room            period ends
    pending --due--> held ------------> digest
       |  room                            |
       +--------> attempt <---------------+

What is pending stands in the reports; a lane only says when to look at which. The result of an attempt is an edit, and
goes back by the outbox into the report's next write. A crash before that write makes the attempt again, with the same
ID.
"""

import asyncio
import random
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from oomreport.adapters.cel import FilterFailed
from oomreport.api.oom_hook import OOMHook
from oomreport.controller.delivery.attempt import Item, attempt, event_of
from oomreport.controller.delivery.digest import Digests, digest_id
from oomreport.controller.delivery.filters import Filters
from oomreport.controller.delivery.hook_target import DigestTarget, Due, HookTarget, target_of
from oomreport.controller.delivery.rate_limit import LONG_AGO, Allowance
from oomreport.controller.delivery.rooms import Rooms
from oomreport.controller.known.hooks import HookRegistry
from oomreport.controller.known.outbox import Attempted, InDigest, Outbox, Withdrawn
from oomreport.controller.known.owner_labels import OwnerLabels
from oomreport.controller.known.reports import ReportStore, StoredReport
from oomreport.controller.work.keys import ReportKey
from oomreport.controller.work.queue import WorkQueue
from oomreport.hooks.answer import Answer, Outcome
from oomreport.hooks.cloud_event import MOST_OF_DIGEST, Digest, data_of
from oomreport.hooks.delivery import Delivery
from oomreport.hooks.event import Event
from oomreport.hooks.schedule import Terms, after

# A receiver may ask for a longer pause than this; it is tried again after this one.
_LONGEST_HOLD = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class _PeriodEnd:
    """The moment at which what a rate limit held back becomes a digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _DigestDue:
    id: str


class DeliveryListener(Protocol):
    """Is told how deliveries go."""

    def unfiltered(self, hook: OOMHook, event: Event, why: str) -> None:
        """Take note that a filter could not be evaluated, so that the event is not told."""
        ...

    def attempted(self, hook: OOMHook, event: Event, after: Delivery, answer: Answer) -> None:
        """Take note of an attempt and what came of it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneContext:
    """What all lanes share. `work` is the queue of reports; `forget` drops a report that is gone from every lane."""

    hooks: HookRegistry
    outbox: Outbox
    reports: ReportStore
    work: WorkQueue
    targets: Mapping[str, HookTarget]
    filters: Filters
    labels: OwnerLabels
    listener: DeliveryListener
    retry: Terms
    workers: int
    now: Callable[[], datetime]
    rooms: Rooms = field(default_factory=Rooms)


class Lane:
    """What one hook is still to be told. It waits until `open` is set: a digest must be whole before it is sent."""

    def __init__(
        self, hook: str, shared: LaneContext, opened: asyncio.Event, forget: Callable[[ReportKey], None]
    ) -> None:
        self._hook, self._shared, self._opened, self._forget_report = hook, shared, opened, forget
        self._now = shared.now
        self._queue = WorkQueue()
        self._items: dict[Item, Delivery] = {}
        self._held: set[Item] = set()
        self._digests = Digests()
        self._allowance = Allowance()
        self._hold_until = LONG_AGO
        names = (f"hook {hook} {number}" for number in range(shared.workers))
        self._workers = {asyncio.create_task(self._queue.work(self._handle), name=name) for name in names}

    @property
    def is_over(self) -> bool:
        """Return whether the hook is gone and nothing is left to be told."""
        return not self._items and self._shared.hooks.get(self._hook) is None

    def pending(self) -> tuple[int, datetime | None]:
        """Return how much is still to be told, and since when the oldest of it waits."""
        return len(self._items), min((one.time for one in self._items.values()), default=None)

    def reports(self) -> set[ReportKey]:
        """Return the reports with something to be told."""
        return {item.report for item in self._items}

    def put(self, item: Item, delivery: Delivery) -> None:
        """Take note of a pending delivery as its report has it."""
        self._items[item] = delivery
        if delivery.digest:
            self._held.discard(item)
            self._digests.add(delivery.digest, item)
        elif item not in self._held:
            self._queue.add_later(item, max((delivery.next_attempt or self._now()) - self._now(), timedelta()))

    def discard(self, item: Item) -> None:
        """Forget a delivery that is not pending any more."""
        self._items.pop(item, None)
        self._held.discard(item)
        self._digests.discard(item)

    def settle(self, report: ReportKey) -> None:
        """Send the digests that the reports name by now."""
        for digest in self._digests.settled(lambda item: item in self._items and self._is_edited(item)):
            self._digest_later(digest)
        if self._opened.is_set():
            for digest in self._digests.of_report(report):
                self._digest_later(digest)

    def open(self) -> None:
        """Look at all digests: their reports have been listed."""
        for digest in self._digests.ids():
            self._digest_later(digest)

    def hook_changed(self) -> None:
        """Look again at what waits: the hook may be told more now."""
        self._hold_until = LONG_AGO
        for item, delivery in self._items.items():
            if not delivery.digest and item not in self._held and (delivery.next_attempt or self._now()) <= self._now():
                self._queue.add(item)
        for digest in self._digests.ids():
            self._queue.add(_DigestDue(id=digest))

    def stop(self) -> set[asyncio.Task[None]]:
        """Take no more work; return what still runs."""
        self._queue.stop()
        return self._workers

    async def _handle(self, key: Hashable) -> None:
        await self._opened.wait()
        hook = self._shared.hooks.get(self._hook)
        if hook is None or not self._shared.hooks.may_be_told(hook):
            # `hook_changed` looks at it again.
            return
        if (pause := self._hold_until - self._now()) > timedelta():
            self._queue.add_later(key, pause)
            return
        async with self._shared.rooms.of(hook.metadata["namespace"]):
            match key:
                case Item():
                    await self._tell(hook, key)
                case _DigestDue(id=digest):
                    await self._tell_digest(hook, digest)
                case _PeriodEnd():
                    await self._end_period(hook)

    # --- One delivery ---

    async def _tell(self, hook: OOMHook, item: Item) -> None:
        found = await self._due(item)
        if found is None:
            return
        report, delivery = found
        event = self._event(item, report, delivery)
        if delivery.is_untried:
            wanted = await self._is_wanted(hook, event)
            # While the filter was asked it may have been told in a digest, or its report may have gone.
            if item not in self._items or self._is_edited(item):
                return
            if not wanted:
                self._withdraw(item)
                return
            if not self._allowance.take(hook.spec.rate_limit, self._now()):
                self._hold(hook, item)
                return
        first = delivery.first_attempt or self._now()
        due = Due(hook=hook, event=event, attempt=delivery.attempts + 1, first_attempt=first)
        self._finish(hook, [(item, delivery, event)], await attempt(due, self._shared.targets), first)

    async def _due(self, item: Item) -> tuple[StoredReport, Delivery] | None:
        """Return a delivery that is to be made now, as its report has it."""
        delivery = self._items.get(item)
        if delivery is None or self._is_edited(item) or item in self._held or delivery.digest:
            return None
        if delivery.next_attempt and (pause := delivery.next_attempt - self._now()) > timedelta():
            self._queue.add_later(item, pause)
            return None
        report = await self._report(item)
        # While the report was read it may have been told, or denied.
        if report is None or self._is_edited(item) or item not in self._items:
            return None
        return report, self._items[item]

    def _finish(
        self, hook: OOMHook, told: Iterable[tuple[Item, Delivery, Event]], answer: Answer, first: datetime
    ) -> None:
        now, drawn = self._now(), random.random()  # noqa: S311 - jitter
        if answer.outcome is Outcome.GONE:
            self._shared.hooks.set_gone(hook)
        if answer.retry_after and answer.outcome is Outcome.RETRY and hook.spec.webhook:
            # The receiver speaks for itself, not for one event.
            self._hold_until = max(self._hold_until, now + min(answer.retry_after, _LONGEST_HOLD))
        change = answer.change
        for item, delivery, event in told:
            tried = replace(delivery, first_attempt=first, event_id=event.id)
            result = after(tried, answer, now=now, random=drawn, terms=self._shared.retry)
            edit = Attempted(attempts_before=delivery.attempts, result=result)
            self._shared.outbox.edit(item.report, item.delivery, edit, change)
            change = None
            self._shared.listener.attempted(hook, event, result, answer)
            self._shared.work.add(item.report)

    async def _is_wanted(self, hook: OOMHook, event: Event) -> bool:
        """Return whether a hook wants an event, by what is known of it now."""
        if event.is_denied:
            return False
        cause = event.kill.cause if event.kill else None
        if hook.spec.causes and cause not in hook.spec.causes:
            return False
        try:
            return await self._shared.filters.matches(hook, data_of(event))
        except FilterFailed as error:
            self._shared.listener.unfiltered(hook, event, str(error))
            return False

    # --- More than the rate limit ---

    def _hold(self, hook: OOMHook, item: Item) -> None:
        pause = self._allowance.period_end - self._now()
        if hook.spec.webhook is None:
            # Jobs and resizes are not told of many at once: they wait their turn.
            self._queue.add_later(item, pause)
            return
        self._held.add(item)
        self._queue.add_later(_PeriodEnd(), pause)

    async def _end_period(self, hook: OOMHook) -> None:
        if self._now() < self._allowance.period_end and self._held:
            self._queue.add_later(_PeriodEnd(), self._allowance.period_end - self._now())
            return
        held = sorted(self._held, key=lambda item: (self._items[item].time, str(item.report), item.delivery.kill_id))
        wanted = [item for item in held[:MOST_OF_DIGEST] if await self._is_still_wanted(hook, item)]
        if len(held) > MOST_OF_DIGEST:
            self._queue.add_later(_PeriodEnd(), timedelta(seconds=1))
        if len(wanted) < 2 or not self._allowance.take(hook.spec.rate_limit, self._now()):
            for item in wanted:
                self._held.discard(item)
                self._queue.add(item)
            return
        digest = digest_id(hook, wanted)
        self._digests.claim(digest, wanted)
        for item in wanted:
            self._shared.outbox.edit(item.report, item.delivery, InDigest(digest=digest))
            self._shared.work.add(item.report)

    async def _is_still_wanted(self, hook: OOMHook, item: Item) -> bool:
        report = await self._report(item)
        if report is None or item not in self._items:
            return False
        if not await self._is_wanted(hook, self._event(item, report, self._items[item])):
            self._held.discard(item)
            self._withdraw(item)
            return False
        return True

    def _digest_later(self, digest: str) -> None:
        members = [self._items[item] for item in self._digests.members(digest) if item in self._items]
        due = max((one.next_attempt or self._now() for one in members), default=self._now())
        self._queue.add_later(_DigestDue(id=digest), max(due - self._now(), timedelta()))

    async def _tell_digest(self, hook: OOMHook, digest: str) -> None:
        target = target_of(hook, self._shared.targets)
        members = [item for item in self._digests.members(digest) if item in self._items]
        if self._digests.is_claimed(digest) or not members or not isinstance(target, DigestTarget):
            return
        if any(self._is_edited(item) for item in members):
            self._queue.add_later(_DigestDue(id=digest), 1.0)
            return
        if max(self._items[item].next_attempt or self._now() for item in members) > self._now():
            self._digest_later(digest)
            return
        told: list[tuple[Item, Delivery, Event]] = []
        for item in members:
            report = await self._report(item)
            if report is not None and item in self._items:
                told.append((item, self._items[item], self._event(item, report, self._items[item])))
        if not told:
            return
        started = self._now()
        whole = Digest(id=digest, hook=self._hook, events=[event for _, _, event in told])
        answer = await target.deliver_digest(hook, whole)
        first = min((one.first_attempt or started for _, one, _ in told), default=started)
        self._finish(hook, told, answer, first)

    # --- Reports ---

    async def _report(self, item: Item) -> StoredReport | None:
        """Return the report of a delivery; one that is gone is forgotten. Raises ApiError."""
        report = await self._shared.reports.get(item.report)
        if report is None:
            self._forget_report(item.report)
        else:
            await self._shared.labels.read(item.report)
        return report

    def _event(self, item: Item, report: StoredReport, delivery: Delivery) -> Event:
        return event_of(item.report, report, delivery, self._shared.labels.of(item.report))

    def _withdraw(self, item: Item) -> None:
        self._shared.outbox.edit(item.report, item.delivery, Withdrawn())
        self._shared.work.add(item.report)

    def _is_edited(self, item: Item) -> bool:
        return self._shared.outbox.is_edited(item.report, item.delivery)
