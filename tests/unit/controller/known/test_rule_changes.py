"""Whose advice is looked at when rules change: those concerned, a few at a time, once for a burst."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from typing import Any, cast

from oomreport.controller.known.rule_changes import ReportRequeuer, RuleChanges
from oomreport.controller.work.keys import ReportKey
from oomreport.controller.work.queue import WorkQueue
from oomreport.errors import ApiError
from support.virtual_time import run

Object = dict[str, Any]
REPORTS, PAGE, EVERY = 3000, 500, 10


def report(number: int) -> Object:
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": f"web-{number}"}
    return {"metadata": {"namespace": "shop"}, "spec": {"workloadRef": ref, "container": "api"}}


class Api:
    """A listing of many reports in pages, which fails the first few times."""

    def __init__(self, failures: int = 0) -> None:
        self.asked: list[str] = []
        self._failures = failures

    async def pages(self, where: str) -> AsyncIterator[list[Object]]:
        self.asked.append(where)
        if len(self.asked) <= self._failures:
            raise ApiError("away", status=503)
        for begin in range(0, REPORTS, PAGE):
            await asyncio.sleep(0)
            yield [report(number) for number in range(begin, begin + PAGE)]


def is_outdated(found: Object) -> bool:
    return int(found["spec"]["workloadRef"]["name"].removeprefix("web-")) % EVERY == 0


async def looked_at(api: Api, changes: RuleChanges, *, rounds: int = 1) -> tuple[list[str], int]:
    """Return which workloads were looked at, and how many keys waited at most, after so many rounds of listing."""
    queue, names, waiting = WorkQueue(), list[str](), [0]

    async def handle(key: Hashable) -> None:
        assert isinstance(key, ReportKey)
        waiting.append(len(queue))
        names.append(key.name)
        await asyncio.sleep(0)

    reconsidering = ReportRequeuer(changes, cast("Any", is_outdated), cast("Any", api), queue)
    tasks = [asyncio.create_task(reconsidering.run()), *(asyncio.create_task(queue.work(handle)) for _ in range(8))]
    async with asyncio.timeout(30):
        while len(names) < rounds * REPORTS // EVERY:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.5)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return names, max(waiting)


def test_a_burst_of_changes_is_one_round_and_only_what_is_concerned_is_looked_at_a_few_at_a_time() -> None:
    async def story() -> None:
        api, changes = Api(), RuleChanges()
        for _ in range(1000):
            changes.note("shop")
        names, waiting = await looked_at(api, changes)
        assert api.asked == ["/apis/oomreport.dev/v1alpha1/namespaces/shop/oomreports"]
        assert sorted(names) == sorted(f"web-{number}" for number in range(0, REPORTS, EVERY))
        assert waiting <= 32

    run(story())


def test_a_change_everywhere_is_one_listing_of_all_namespaces() -> None:
    async def story() -> None:
        api, changes = Api(), RuleChanges()
        changes.note("shop")
        changes.note(None)
        await looked_at(api, changes)
        assert api.asked == ["/apis/oomreport.dev/v1alpha1/oomreports"]

    run(story())


def test_a_round_that_fails_is_tried_again() -> None:
    async def story() -> None:
        api, changes = Api(failures=2), RuleChanges()
        changes.note("shop")
        names, _ = await looked_at(api, changes)
        assert len(api.asked) == 3
        assert len(names) == REPORTS // EVERY

    run(story())
