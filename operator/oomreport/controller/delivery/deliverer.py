"""The lanes of all hooks.

Each hook has a lane of its own, so that a slow receiver holds up no other.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime

from oomreport.controller.delivery.attempt import Item
from oomreport.controller.delivery.lane import Lane, LaneContext
from oomreport.controller.work.keys import ReportKey
from oomreport.hooks.delivery import Delivery


class Deliverer:
    """Hands what reports hold for hooks to the hooks' lanes."""

    def __init__(self, shared: LaneContext) -> None:
        self._shared = shared
        self._lanes: dict[str, Lane] = {}
        self._of_report: dict[ReportKey, set[Item]] = {}
        self._opened = asyncio.Event()

    def start(self) -> None:
        """Begin, once all reports have been listed: a digest must be whole before it is sent."""
        self._opened.set()
        for lane in self._lanes.values():
            lane.open()

    def pending(self) -> dict[str, tuple[int, datetime | None]]:
        """Return how much each hook is still to be told, and since when the oldest of it waits."""
        return {name: lane.pending() for name, lane in self._lanes.items()}

    def take(self, report: ReportKey, deliveries: Iterable[Delivery]) -> None:
        """Take note of all deliveries that a report holds now."""
        found = {Item(report=report, delivery=one.key): one for one in deliveries if one.is_pending}
        for item in self._of_report.get(report, set()) - found.keys():
            self._discard(item)
        if found:
            self._of_report[report] = set(found)
        else:
            self._of_report.pop(report, None)
        for item, delivery in found.items():
            self._lane(item.delivery.hook).put(item, delivery)
        for name in {item.delivery.hook for item in found}:
            self._lane(name).settle(report)

    def forget(self, report: ReportKey) -> None:
        """Forget a report that is gone."""
        self.take(report, ())
        self._shared.outbox.drop(report)

    def changed(self, hook: str) -> None:
        """Look again at what waits for a hook that was changed, or at the reports of one that is gone."""
        lane = self._lanes.get(hook)
        if lane is None:
            return
        if self._shared.hooks.get(hook) is not None:
            lane.hook_changed()
            return
        for report in lane.reports():
            self._shared.work.add(report)

    async def close(self) -> None:
        """End all lanes."""
        tasks = [task for lane in self._lanes.values() for task in lane.stop()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _lane(self, hook: str) -> Lane:
        if hook not in self._lanes:
            self._lanes[hook] = Lane(hook, self._shared, self._opened, self.forget)
        return self._lanes[hook]

    def _discard(self, item: Item) -> None:
        lane = self._lanes.get(item.delivery.hook)
        if lane is None:
            return
        lane.discard(item)
        if lane.is_over:
            lane.stop()
            del self._lanes[item.delivery.hook]
