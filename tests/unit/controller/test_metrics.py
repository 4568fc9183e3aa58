"""The controller's own figures."""

from datetime import UTC, datetime, timedelta
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from oomreport.controller.metrics import Metrics
from oomreport.times import rfc3339

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def values(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if sample.name == name
    }


def status(*ids: str, verdict: str = "Confirmed", cause: str = "PodLimit") -> dict[str, Any]:
    entries = [
        {"id": one, "time": rfc3339(NOW - timedelta(seconds=2)), "verdict": verdict, "cause": cause} for one in ids
    ]
    return {"counted": entries, "recentKills": entries[:10]}


def test_counters_with_known_labels_are_there_before_anything_happens():
    metrics = Metrics(lambda: NOW)
    kills = values(metrics, "oomreport_kills_total")
    assert len(kills) == 4 * 7
    assert set(kills.values()) == {0.0}
    assert set(values(metrics, "oomreport_watch_events_total").values()) == {0.0}
    assert values(metrics, "oomreport_leader") == {(): 0.0}
    assert values(metrics, "oomreport_records_refused_total") == {("Incomplete",): 0.0}
    assert values(metrics, "process_resident_memory_bytes")[()] > 0


def test_a_written_report_counts_the_kills_that_it_had_not_before_and_how_long_they_took():
    metrics = Metrics(lambda: NOW)
    metrics.written(status("a"), status("a", "b", "c"))
    assert values(metrics, "oomreport_kills_total")["PodLimit", "Confirmed"] == 2
    assert values(metrics, "oomreport_kill_to_report_seconds_sum") == {(): 4.0}
    assert values(metrics, "oomreport_kill_to_report_seconds_bucket")["2.0",] == 2


def test_a_status_of_a_version_that_is_not_known_counts_all_the_same():
    metrics = Metrics(lambda: NOW)
    metrics.written({}, {"counted": [{"id": "a"}], "recentKills": [{"id": "a"}]})
    assert sum(values(metrics, "oomreport_kills_total").values()) == 1


def test_the_series_of_a_hook_go_with_the_hook():
    metrics = Metrics(lambda: NOW)
    for hook in ("shop/chat", "shop/old"):
        metrics.count(hook, "Delivered")
    metrics.set_hooks(lambda: None)
    assert len(values(metrics, "oomreport_hook_attempts_total")) == 2
    metrics.set_hooks(lambda: {"shop/chat"})
    assert values(metrics, "oomreport_hook_attempts_total") == {("shop/chat", "Delivered"): 1.0}


def test_a_part_that_fails_costs_its_own_series_and_not_the_scrape():
    metrics = Metrics(lambda: NOW)

    def fails() -> dict[str, tuple[int, datetime | None]]:
        raise RuntimeError

    metrics.set_pending(fails)
    metrics.set_agents(lambda: (3, 2))
    assert values(metrics, "oomreport_agents_expected") == {(): 3.0}
    assert values(metrics, "oomreport_agents_ready") == {(): 2.0}
    assert values(metrics, "oomreport_hook_pending") == {}


def test_a_watch_says_when_it_was_heard_of_last_and_what_it_kept():
    metrics = Metrics(lambda: NOW)
    assert values(metrics, "oomreport_watch_last_event_timestamp_seconds") == {}
    metrics.heard("pods")
    metrics.heard("pods", kept=False)
    assert values(metrics, "oomreport_watch_last_event_timestamp_seconds") == {("pods",): NOW.timestamp()}
    assert values(metrics, "oomreport_watch_events_total")["false", "pods"] == 1
