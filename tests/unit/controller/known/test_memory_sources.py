"""What Prometheus tells of running containers, over real HTTP."""

import asyncio
from collections.abc import Iterable

import pytest

from oomreport.adapters.cluster.prometheus import Prometheus
from oomreport.controller.known.memory_sources import PrometheusMemory, WorkingSet
from oomreport.errors import MetricsError
from support.metrics_source import refusal, samples, serving


def asked(url: str) -> Iterable[WorkingSet]:
    async def story() -> Iterable[WorkingSet]:
        async with Prometheus(url) as prometheus:
            return await PrometheusMemory(prometheus).working_sets("shop", {"web", "api"})

    return asyncio.run(story())


def test_one_query_tells_the_containers_of_a_namespace_with_their_cgroups() -> None:
    api = {"pod": "web-1", "container": "api", "id": "/kubepods/pod1/c1"}
    with serving() as source:
        source.answer = lambda _: samples((api, 7), ({"pod": "web-1", "container": "web"}, 8), ({"pod": "web-1"}, 9))
        found = asked(source.url)

    assert found == [WorkingSet("web-1", "api", 7, "/kubepods/pod1/c1"), WorkingSet("web-1", "web", 8, None)]
    (query,) = source.queries
    assert '{namespace="shop",container=~"api|web"}' in query


def test_what_prometheus_refuses_is_said() -> None:
    with serving() as source:
        source.answer = lambda _: refusal(422, "execution", "query processing would load too many samples")
        with pytest.raises(MetricsError, match="too many samples"):
            asked(source.url)
