"""One report that cannot be read keeps no other from being looked at."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from oomreport.controller.known.pods import PodCache
from oomreport.controller.known.records import RecordCache
from oomreport.controller.reporting.housekeeping import Housekeeping, RetentionLimits
from oomreport.controller.work.queue import WorkQueue

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def report(name: str, **change: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "namespace": "shop", "name": name, "uid": "u", "resourceVersion": "1", "creationTimestamp": "2026-11-20T11:00:00Z",
        },
        "spec": {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}, "container": "api"},
        "status": {},
    } | change  # fmt: skip


class _Api:
    def __init__(self, *reports: dict[str, Any]) -> None:
        self.reports = list(reports)

    async def pages(self, where: str, **_: str) -> AsyncIterator[list[dict[str, Any]]]:
        yield self.reports if where.endswith("/oomreports") else []


class _Anything:
    """Stands for what these rounds only tell; it remembers which reports it was told of."""

    readable = True

    def __init__(self) -> None:
        self.kept: list[str] = []

    async def load(self, *_: object) -> None:
        pass

    def keep(self, key: Any, _: object) -> None:
        self.kept.append(key.name)

    def report_age(self, *_: object) -> timedelta:
        return timedelta(days=30)

    def outdate(self, _: object) -> bool:
        return False


def housekeeping(api: _Api, told: _Anything) -> Housekeeping:
    return Housekeeping(
        api=cast("Any", api),
        queue=WorkQueue(),
        pods=PodCache(),
        records=RecordCache(),
        reports=cast("Any", told),
        policies=cast("Any", told),
        load_hooks=told.load,
        rollout_pods=cast("Any", told),
        on_deliveries=lambda *_: None,
        retention=RetentionLimits(
            record_age=timedelta(days=1), records_per_node=10, report_age=timedelta(days=30), reports=100
        ),
        unknown_after=timedelta(minutes=1),
        now=lambda: NOON,
    )


def test_a_report_that_a_newer_version_wrote_is_passed_over_at_the_start_and_in_each_round() -> None:
    newer = report("newer", status={"counted": [{"id": "a", "time": "2026-11-20T11:00:00Z", "verdict": "Unheard"}]})
    strange = report("strange", spec={"workload": "else"})
    told = _Anything()
    rooms = housekeeping(_Api(strange, newer, report("web")), told)
    asyncio.run(rooms.begin())
    assert "web" in told.kept
    told.kept.clear()
    asyncio.run(rooms.round())
    assert "web" in told.kept
