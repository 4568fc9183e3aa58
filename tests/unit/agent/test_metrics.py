"""The agent's figures as Prometheus reads them."""

from prometheus_client.parser import text_string_to_metric_families

from oomreport.adapters.http.health_server import Health
from oomreport.agent.metrics import metrics_text

FIGURES = {
    "node": "worker-3",
    "records": 12,
    "recordsFromCounters": 2,
    "lostMessages": 7,
    "spool": {"records": 4, "bytes": 8192, "oldestSeconds": 61.5, "refused": 1, "dropped": 0},
}


def samples(health: Health) -> dict[tuple[str, str], float]:
    found = {}
    for family in text_string_to_metric_families(metrics_text(health)):
        for one in family.samples:
            assert one.name.startswith("process_") or one.labels["node"] == health.figures.get("node", "")
            found[one.name.removeprefix("oomreport_agent_"), one.labels.get("source", "")] = one.value
    return found


def test_the_figures_of_healthz_are_told_with_the_node():
    found = samples(Health(alive=True, figures=FIGURES))
    assert found["ready", ""] == 1
    assert (found["records_total", "log"], found["records_total", "counter"]) == (10, 2)
    assert found["log_lost_total", ""] == 7
    assert found["spool_oldest_age_seconds", ""] == 61.5
    assert found["process_resident_memory_bytes", ""] > 1 << 20


def test_an_agent_with_a_problem_is_not_ready_and_says_how_many_it_has():
    found = samples(Health(alive=True, problems=("the kernel log cannot be read", "records wait"), figures=FIGURES))
    assert (found["ready", ""], found["problems", ""]) == (0, 2)
    assert samples(Health(alive=False, figures=FIGURES))["ready", ""] == 0


def test_the_series_are_the_same_before_anything_happened():
    first = samples(Health(alive=True, problems=("starting",)))
    later = samples(Health(alive=True, figures=FIGURES))
    assert first.keys() == later.keys()
    assert len(later) <= 20
