"""The real /metrics of a controller, and the alerts that are made of it."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path

import yaml
from prometheus_client.parser import text_string_to_metric_families

from integration.api_server import eventually
from integration.controller.conftest import Start
from integration.controller.process import Controller
from integration.controller.shop import Shop, record
from integration.controller.test_reports import send
from support.programs import run

RULES = Path(__file__).parents[3] / "manifests/components/monitoring/rules.yaml"


def figures(controller: Controller) -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(controller.probe_text("metrics")):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def test_a_kill_is_told_at_the_next_scrape_and_its_alert_fires_and_resolves(shop: Shop, start: Start, tmp_path: Path):
    controller = start()
    before = figures(controller)
    assert before["oomreport_leader"] == [({}, 1.0)]
    assert "oomreport_report_last_kill_timestamp_seconds" not in before
    web = shop.name("web")
    pod = shop.deployment(web)
    at = datetime.now(UTC)
    send(shop.client, record(pod, node=shop.node, at=at))

    eventually("the kill has a series", lambda: "oomreport_report_info" in figures(controller))
    shown = figures(controller)
    labels = {"namespace": pod.namespace, "workload_kind": "Deployment", "workload": web, "container": "api"}
    ((last, value),) = shown["oomreport_report_last_kill_timestamp_seconds"]
    assert last == {**labels, "cause": "ContainerLimit"}
    assert abs(value - at.timestamp()) < 0.001
    assert shown["oomreport_report_kills_last_hour"] == [(labels, 1.0)]
    assert shown["oomreport_report_memory_limit_bytes"] == [(labels, 256 << 20)]
    assert sum(value for _, value in shown["oomreport_kills_total"]) == 1
    assert shown["oomreport_kill_to_report_seconds_count"] == [({}, 1.0)]
    assert shown["oomreport_records_pending"][0][1] <= 1
    heard = {one["resource"]: value for one, value in shown["oomreport_watch_last_event_timestamp_seconds"]}
    assert heard.keys() == {"pods", "oomrecords"}
    assert all(time.time() - value < 120 for value in heard.values())

    series = {
        line.rsplit(" ", 1)[0]: line.rsplit(" ", 1)[1]
        for line in controller.probe_text("metrics").splitlines()
        if line.startswith("oomreport_")
    }
    run("promtool", "check", "metrics", text=controller.probe_text("metrics"))
    # Prometheus' test begins at time 0: a kill of now is one of minute 20.
    name = next(one for one in series if one.startswith("oomreport_report_last_kill"))
    nobody = {"labels": '{alertname="OOMReportNoAgents"}', "value": 1}  # there is no node
    scenario = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": one, "values": "_x20 1200x100" if one == name else f"{value}x120"}
                    for one, value in series.items()
                    if not re.search(r"last_event|created", one)
                ],
                "promql_expr_test": [
                    {
                        "expr": 'count by (alertname, workload) (ALERTS{alertstate="firing"})',
                        "eval_time": when,
                        "exp_samples": expected,
                    }
                    for when, expected in (
                        (
                            "21m",
                            [
                                {"labels": f'{{alertname="OOMReportContainerKilled",workload="{web}"}}', "value": 1},
                                nobody,
                            ],
                        ),
                        ("45m", [nobody]),
                    )
                ],
            }
        ],
    }
    file = tmp_path / "real.test.yaml"
    file.write_text(yaml.safe_dump(scenario, width=10_000))
    assert "SUCCESS" in run("promtool", "test", "rules", file)


def test_a_deleted_report_loses_its_series_and_a_standby_has_none(shop: Shop, start: Start):
    controller = start()
    pod = shop.pod(shop.name("bare"))
    send(shop.client, record(pod, node=shop.node))
    eventually("the kill has a series", lambda: "oomreport_report_info" in figures(controller))
    standby = start(ready=False)
    eventually("the other one waits", lambda: standby.probe("readyz").get("role") == "standby")
    waits = figures(standby)
    assert waits["oomreport_leader"] == [({}, 0.0)]
    assert "oomreport_report_info" not in waits
    shop.client.delete(f"/apis/oomreport.dev/v1alpha1/namespaces/{pod.namespace}/oomreports/pod-{pod.name}-api")
    eventually("its series is gone", lambda: "oomreport_report_info" not in figures(controller))
