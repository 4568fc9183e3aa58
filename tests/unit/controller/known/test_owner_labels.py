"""Labels of workloads: read once in a while, and never in the way of a report."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from oomreport.controller.known.owner_labels import OwnerLabels, Workload
from oomreport.controller.work.keys import ReportKey
from oomreport.errors import ApiError

if TYPE_CHECKING:
    from oomreport.adapters.cluster.api_server import ApiServer

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
WEB = "/apis/apps/v1/namespaces/shop/deployments/web"


def report(name: str = "web", *, api_version: str = "apps/v1", kind: str = "Deployment") -> dict[str, Any]:
    ref = {"apiVersion": api_version, "kind": kind, "name": name}
    return {"metadata": {"namespace": "shop"}, "spec": {"workloadRef": ref}}


class Api:
    """Workloads by their paths; an error is raised once."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers, self.asked = dict(answers), list[str]()

    async def found(self, where: str) -> dict[str, Any] | None:
        self.asked.append(where)
        answer = self.answers.get(where)
        if isinstance(answer, ApiError):
            del self.answers[where]
            raise answer
        return cast("dict[str, Any] | None", answer)


class Clock:
    def __init__(self) -> None:
        self.now = NOW


def told(api: Api, *reports: dict[str, Any], apart: timedelta = timedelta()) -> dict[Workload, Mapping[str, str]]:
    """Return what is known after each report was heard of and read, one after the other."""
    known: dict[Workload, Mapping[str, str]] = {}
    clock = Clock()

    async def hear() -> None:
        labels = OwnerLabels(cast("ApiServer", api), ["team"], on_known=known.__setitem__, now=lambda: clock.now)
        task = asyncio.create_task(labels.run())
        for one in reports:
            labels.want(one)
            for _ in range(5):
                await asyncio.sleep(0)
            clock.now += apart
        task.cancel()

    asyncio.run(hear())
    return known


def test_the_labels_that_are_asked_for_are_told_and_no_others():
    api = Api({WEB: {"metadata": {"labels": {"team": "sre", "app": "web"}}}})
    assert told(api, report()) == {("shop", "Deployment", "web"): {"team": "sre"}}


def test_a_workload_is_read_once_an_hour():
    api = Api({WEB: {"metadata": {"labels": {"team": "sre"}}}})
    told(api, *[report()] * 10)
    assert api.asked == [WEB]
    told(api, *[report()] * 3, apart=timedelta(minutes=61))
    assert api.asked == [WEB] * 4


def test_one_that_cannot_be_read_is_read_at_the_next_news_and_the_others_go_on():
    other = WEB.replace("web", "cart")
    api = Api({WEB: ApiError("forbidden", status=403), other: {"metadata": {"labels": {"team": "shop"}}}})
    known = told(api, report(), report("cart"), report())
    assert api.asked == [WEB, other, WEB]
    assert known == {("shop", "Deployment", "cart"): {"team": "shop"}, ("shop", "Deployment", "web"): {}}


def test_kinds_that_the_controller_may_not_read_and_reports_without_a_workload_are_not_asked_for():
    api = Api({})
    assert told(api, report(api_version="example.com/v1", kind="Web"), {"metadata": {}}, report(kind="Node")) == {}
    assert api.asked == []


def test_a_hook_waits_for_the_labels_of_a_report_and_asks_once():
    api = Api({WEB: {"metadata": {"labels": {"team": "sre"}}}})
    labels = OwnerLabels(cast("ApiServer", api), ["team"], on_known=lambda *_: None, now=lambda: NOW)
    key = ReportKey(
        namespace="shop", group="apps", kind="Deployment", name="web", container="api", api_version="apps/v1"
    )

    async def ask() -> list[Mapping[str, str]]:
        before = labels.of(key)
        await labels.read(key)
        await labels.read(key)
        return [before, labels.of(key)]

    assert asyncio.run(ask()) == [{}, {"team": "sre"}]
    assert api.asked == [WEB]
