"""A metrics source in the controller: its peak counts, and none of its failures holds up a report."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.controller.conftest import Start
from integration.controller.shop import Shop, record
from integration.controller.test_bounds import make_node
from integration.controller.test_policies import advised
from integration.controller.test_reports import send
from oomreport.workload.quantity import MI
from support.api import certificate
from support.metrics_source import MetricsSource, refusal, serving, vector


@pytest.fixture
def source() -> Iterator[MetricsSource]:
    with serving() as one:
        yield one


def test_the_peak_of_the_workloads_container_raises_the_number(shop: Shop, start: Start, tmp_path: Path):
    make_node(shop, "4Gi")
    ca, tls = certificate(tmp_path)
    token = tmp_path / "token"
    token.write_text("not-for-the-log\n")
    with serving(tls) as source:
        source.answer = lambda _: vector(str(700 * MI))
        options = (f"--prometheus-ca-file={ca}", f"--prometheus-token-file={token}", "--prometheus-window=2d")
        controller = start(f"--prometheus-url={source.url}", *options)
        web = shop.name("web")
        pod = shop.deployment(web)
        other = shop.pod(shop.name("bare"))
        for one in (pod, other):
            send(shop.client, record(one, node=shop.node))
        advice = advised(shop, f"deployment-{web}-api", bool)
        advised(shop, f"pod-{other.name}-api", bool)
    assert advice["memoryLimit"] == "768Mi"
    assert "the peak of 700Mi x 1.08" in advice["basis"]
    assert {"name": "peak", "value": "700Mi", "source": "metrics of the last 2d"} in advice["inputs"]
    assert "unknown" not in advice
    of_web, of_other = (next(one for one in source.queries if name in one) for name in (web, other.name))
    selector = 'container_memory_working_set_bytes{namespace="oomreport-test",pod=~"%s",container="api"}[172800s]'
    # The shop's hash has four characters, as no real one has: the pod itself is asked for.
    assert of_web == f"max(max_over_time({selector % pod.name}))"
    assert of_other == f"max(max_over_time({selector % other.name}))"
    assert {headers["Authorization"] for _, _, headers, _ in source.requests} == {"Bearer not-for-the-log"}
    assert "not-for-the-log" not in controller.log.read_text()


def test_one_query_serves_the_kills_of_a_workload_for_a_while(shop: Shop, start: Start, source: MetricsSource):
    make_node(shop, "4Gi")
    start(f"--prometheus-url={source.url}")
    pod = shop.pod(shop.name("often"))
    for _ in range(10):
        send(shop.client, record(pod, node=shop.node))
    advice = advised(shop, f"pod-{pod.name}-api", bool)
    time.sleep(2)
    assert "unknown" not in advice
    assert len([query for query in source.queries if pod.name in query]) == 1


def test_a_slow_source_holds_up_no_report_and_its_answer_amends_it(shop: Shop, start: Start, source: MetricsSource):
    make_node(shop, "4Gi")
    source.pause = 4
    source.answer = lambda _: vector(str(700 * MI))
    start(f"--prometheus-url={source.url}")
    pod = shop.pod(shop.name("slow"))
    began = time.monotonic()
    send(shop.client, record(pod, node=shop.node))
    first = advised(shop, f"pod-{pod.name}-api", bool)
    taken = time.monotonic() - began
    assert (first["memoryLimit"], first["unknown"]) == ("384Mi", ["Metrics"])
    assert "Not known: the peak that the metrics source knows" in first["basis"]
    assert taken < 3
    amended = advised(shop, f"pod-{pod.name}-api", lambda one: "unknown" not in one, seconds=10)
    assert amended["memoryLimit"] == "768Mi"


@pytest.mark.parametrize("failure", ["away", "refused", "nonsense"])
def test_a_failing_source_is_named_in_the_basis_and_asked_again_later(
    failure: str, shop: Shop, start: Start, source: MetricsSource
):
    make_node(shop, "4Gi")
    answers = {"refused": refusal(400, "bad_data", "parse error"), "nonsense": (200, {}, b"<html>")}
    source.answer = lambda _: answers[failure]
    url = "http://127.0.0.1:1" if failure == "away" else source.url
    controller = start(f"--prometheus-url={url}")
    pods = [shop.pod(shop.name("failing")) for _ in range(5)]
    began = time.monotonic()
    for pod in pods:
        send(shop.client, record(pod, node=shop.node))
    found = [advised(shop, f"pod-{pod.name}-api", bool) for pod in pods]
    assert time.monotonic() - began < 5
    assert {(one["action"], one["memoryLimit"], *one["unknown"]) for one in found} == {
        ("RaiseLimit", "384Mi", "Metrics")
    }
    warnings = [line for line in controller.messages("warning") if line["message"].startswith("what bounds advice")]
    assert [line["what"] for line in warnings] == ["metrics"]
    if failure == "refused":
        source.answer = lambda _: vector(str(700 * MI))
        for pod in pods:
            again = advised(shop, f"pod-{pod.name}-api", lambda one: "unknown" not in one, seconds=60)
            assert again["memoryLimit"] == "768Mi"
