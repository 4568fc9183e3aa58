"""What running containers hold: one call a namespace, and no number by accident."""

import asyncio
import tracemalloc
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from oomreport.controller.known.memory_sources import MemorySource, MetricsApi, WorkingSet
from oomreport.controller.known.pods import PodCache
from oomreport.controller.known.running_memory import RunningMemory
from oomreport.controller.work.keys import report_key
from oomreport.controller.work.queue import WorkQueue
from oomreport.errors import ApiError, MetricsError
from oomreport.incident.api_json import as_json
from oomreport.incident.memory.usage_since import MOST_POINTS
from oomreport.times import rfc3339_seconds
from oomreport.workload.owner import Workload
from oomreport.workload.pod import PodFacts
from oomreport.workload.quantity import MI
from support.evidence import WEB, cid, container

KEY = report_key("shop", WEB, "api")


class ApiServer:
    """Serves metrics.k8s.io as metrics-server does, or refuses."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.refusal: ApiError | None = None
        self.asked: list[str] = []

    async def get(self, where: str, **query: str) -> dict[str, Any]:
        self.asked.append(where)
        if self.refusal:
            raise self.refusal
        return {"kind": "PodMetricsList", "items": self.items}


class World:
    """A controller's memory of running containers, on a clock of the test's own."""

    def __init__(self) -> None:
        self.clock = datetime(2026, 11, 20, 12, tzinfo=UTC)
        self.api, self.pods, self.queue = ApiServer(), PodCache(), WorkQueue()
        self.memory = RunningMemory(self.source(), self.pods, self.queue, lambda: self.clock)
        self.pods.follow("shop", WEB, "api")
        self.run("web-1", 1)

    def source(self) -> MemorySource:
        return MetricsApi(self.api, lambda: self.clock)  # type: ignore[arg-type]

    def run(self, name: str, number: int, *, limit: int = 512 * MI, workload: Workload = WEB) -> None:
        facts = container(
            limit=limit, memory_request=256 * MI, running_id=cid(number), running_since=self.clock - timedelta(hours=1)
        )
        pod = PodFacts(uid=name, namespace="shop", name=name, node="worker-1", containers=(facts,))
        self.pods.put(pod, now=self.clock)
        self.pods.set_workload(pod, workload)

    def told(self, size: str, *, pod: str = "web-1", name: str = "api", age: float = 15.0) -> None:
        time = rfc3339_seconds(self.clock - timedelta(seconds=age))
        usage = {"cpu": "3m", "memory": size}
        item = {"metadata": {"name": pod, "namespace": "shop"}, "timestamp": time, "window": "15s"}
        self.api.items.append({**item, "containers": [{"name": name, "usage": usage}]})

    def look(self) -> None:
        asyncio.run(self.memory.look())
        self.api.items.clear()
        self.clock += timedelta(minutes=1)


def test_one_call_a_namespace_and_look_however_many_reports_it_has() -> None:
    world = World()
    for number in range(50):
        world.pods.follow("shop", WEB, f"side-{number}")
    world.told("200Mi")
    world.look()

    assert world.api.asked == ["/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods"]
    usage = world.memory.of(KEY)
    assert usage
    assert (usage.peak, usage.limit, usage.request, usage.source) == (200 * MI, 512 * MI, 256 * MI, "metrics.k8s.io")


def test_a_hundred_followed_containers_take_at_most_half_a_mebibyte() -> None:
    """So a thousand take five. Their pods are known anyway; after 95 minutes a series is as long as it gets."""
    world = World()
    for number in range(100):
        workload = replace(WEB, name=f"shop-{number}")
        world.run(f"shop-{number}-0", number, workload=workload)
        world.pods.follow("shop", workload, "api")
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for minute in range(36):
            for number in range(100):
                world.told(f"{200 * MI + number * 4096 + minute}", pod=f"shop-{number}-0")
            world.look()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    usage = world.memory.of(report_key("shop", workload, "api"))
    assert usage
    assert len(usage.points) == MOST_POINTS
    assert (after - before) / MI < 0.5


@pytest.mark.parametrize(
    "values",
    [
        {"size": "200Mi", "age": 3600.0},
        {"size": "200Mi", "age": -3600.0},
        {"size": "200Mi", "name": "renamed"},
        {"size": "200Mi", "pod": "web-other"},
        {"size": "two hundred"},
        {"size": "0"},
        {"size": "900Gi"},
    ],
)
def test_what_is_late_or_of_another_container_or_cannot_be_true_counts_for_nothing(values: dict[str, Any]) -> None:
    world = World()
    world.told(**values)
    world.look()

    assert world.memory.of(KEY) is None


def test_an_api_that_goes_away_leaves_what_was_known() -> None:
    world = World()
    world.told("200Mi")
    world.look()
    world.api.refusal = ApiError("no such thing", status=404, reason="NotFound")
    world.look()
    known = world.memory.of(KEY)

    assert known
    assert known.peak == 200 * MI
    assert known.last < world.clock - timedelta(minutes=1)


def test_pods_of_different_limits_are_in_a_rollout_and_not_looked_at() -> None:
    world = World()
    world.run("web-2", 2, limit=1024 * MI)
    world.told("200Mi")
    world.told("300Mi", pod="web-2")
    world.look()

    assert world.memory.of(KEY) is None


def test_a_restarted_controller_goes_on_from_what_the_report_holds() -> None:
    first, second = World(), World()
    first.told("400Mi")
    first.look()
    known = first.memory.of(KEY)
    assert known
    second.memory.seed(KEY, {"usageSince": as_json(known)})
    second.told("200Mi")
    second.look()
    usage = second.memory.of(KEY)

    assert usage
    assert (usage.peak, usage.first) == (400 * MI, known.first)


def test_a_report_is_written_twice_an_hour_and_when_a_limit_comes_near() -> None:
    world = World()
    for _ in range(61):
        world.told("200Mi")
        world.look()

    assert len(world.queue) == 1


def test_what_is_followed_no_more_is_forgotten() -> None:
    world = World()
    world.told("200Mi")
    world.look()
    world.pods.unfollow("shop", WEB, "api")
    world.look()

    assert world.memory.of(KEY) is None


class Told:
    """A source that tells the cgroup too."""

    name = "Prometheus"

    def __init__(self, *sets: WorkingSet) -> None:
        self.sets, self.failure = sets, ""

    async def working_sets(self, namespace: str, containers: Collection[str]) -> tuple[WorkingSet, ...]:
        assert (namespace, containers) == ("shop", {"api"})
        if self.failure:
            raise MetricsError(self.failure)
        return self.sets


@pytest.mark.parametrize(
    ("sets", "peak"),
    [
        ((WorkingSet("web-1", "api", 300 * MI, f"/kubepods/pod1/{cid(9)}"),), None),
        (
            (
                WorkingSet("web-1", "api", 500 * MI, f"/kubepods/pod1/{cid(9)}"),
                WorkingSet("web-1", "api", 200 * MI, f"/kubepods.slice/cri-containerd-{cid(1)}.scope"),
            ),
            200 * MI,
        ),
        ((WorkingSet("web-1", "api", 300 * MI),), 300 * MI),
    ],
)
def test_what_a_source_still_knows_of_the_container_before_is_not_the_running_ones(
    sets: tuple[WorkingSet, ...], peak: int | None
) -> None:
    world = World()
    memory = RunningMemory(Told(*sets), world.pods, world.queue, lambda: world.clock)
    asyncio.run(memory.look())
    known = memory.of(KEY)

    assert (known and known.peak) == peak
    assert known is None or known.source == "Prometheus"


def test_a_source_that_fails_leaves_what_was_known() -> None:
    world, source = World(), Told(WorkingSet("web-1", "api", 300 * MI))
    memory = RunningMemory(source, world.pods, world.queue, lambda: world.clock)
    asyncio.run(memory.look())
    source.failure = "HTTP 503"
    asyncio.run(memory.look())
    known = memory.of(KEY)

    assert known
    assert known.last == world.clock
