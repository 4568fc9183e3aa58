"""The dashboard, as far as it can be judged without Grafana: its grid, its variables, and every query."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import yaml

from monitoring.exposed import exposed
from support.programs import run

ROOT = Path(__file__).parents[2]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "manifests/components/monitoring/dashboard.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
VARIABLES = {one["name"] for one in DASHBOARD["templating"]["list"]}
QUERIES = [target["expr"] for panel in PANELS for target in panel.get("targets", ())]
# cAdvisor's, for the memory of running containers.
OF_OTHERS = {"container_memory_working_set_bytes"}


def plain(expr: str) -> str:
    """Return a query as Grafana sends it with all namespaces and workloads chosen."""
    return re.sub(r"\$(namespace|workload)\b", ".*", expr)


def test_it_has_a_name_of_its_own_that_grafana_takes():
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", DASHBOARD["uid"])
    assert DASHBOARD["schemaVersion"] == 39
    assert "id" not in DASHBOARD


def test_the_panels_lie_in_the_grid_and_on_no_other():
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    cells = [
        {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        for at in (panel["gridPos"] for panel in PANELS)
    ]
    assert all(0 <= x < 24 for one in cells for x, _ in one)
    assert not any(a & b for a, b in itertools.combinations(cells, 2))


def test_every_panel_asks_the_chosen_data_source_and_every_variable_is_declared():
    assert QUERIES
    assert all(QUERIES)
    text = json.dumps(DASHBOARD)
    used = set(re.findall(r"\$\{?([a-z]\w*)\}?", text))
    assert used <= VARIABLES
    sources = re.findall(r'"uid": "([^"]*)"', json.dumps(PANELS))
    assert set(sources) == {"${datasource}"}


def test_every_query_uses_only_what_is_really_exposed():
    known = exposed()
    for expr in (*QUERIES, *(str(one["query"]) for one in DASHBOARD["templating"]["list"])):
        used = set(re.findall(r"\b(?:oomreport|process|container)_\w+", expr))
        assert used <= known.keys() | OF_OTHERS, expr


def test_every_query_is_promql(tmp_path: Path):
    rules = [{"record": f"panel:{number}", "expr": plain(expr)} for number, expr in enumerate(QUERIES)]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"SUCCESS: {len(QUERIES)} rules found" in run("promtool", "check", "rules", file)


def test_every_query_finds_something_where_there_is_something(tmp_path: Path):
    labels = 'namespace="shop",workload_kind="Deployment",workload="web",container="api"'
    cause, agent = f'{labels},cause="ContainerLimit"', 'node="n1",instance="a:8081"'
    series = {
        f"oomreport_report_last_kill_timestamp_seconds{{{cause}}}": "0+60x120",
        f"oomreport_report_last_silent_kill_timestamp_seconds{{{labels}}}": "0+60x120",
        f"oomreport_report_kills_last_hour{{{labels}}}": "3x120",
        f"oomreport_report_kills_total{{{labels}}}": "9x120",
        f"oomreport_report_memory_limit_bytes{{{labels}}}": "64x120",
        f"oomreport_report_recommended_limit_bytes{{{labels}}}": "128x120",
        f'oomreport_report_info{{{cause},action="RaiseLimit"}}': "1x120",
        f'oomreport_report_condition{{{labels},condition="ReviewPending"}}': "1x120",
        'oomreport_node_last_oom_timestamp_seconds{node="n1"}': "60x120",
        "oomreport_agents_ready": "2x120",
        "oomreport_agents_expected": "3x120",
        'oomreport_kill_to_report_seconds_bucket{le="1"}': "0+1x120",
        'oomreport_kill_to_report_seconds_bucket{le="+Inf"}': "0+1x120",
        'oomreport_watch_last_event_timestamp_seconds{resource="pods"}': "0+60x120",
        "oomreport_records_pending": "1x120",
        'oomreport_hook_pending{hook="shop/chat"}': "1x120",
        f"oomreport_agent_spool_records{{{agent}}}": "4x120",
        f"oomreport_agent_log_lost_total{{{agent}}}": "0+1x120",
        f"oomreport_agent_ready{{{agent}}}": "1x120",
        'process_resident_memory_bytes{instance="a:8081"}': "1x120",
        'process_resident_memory_bytes{instance="c:8080"}': "1x120",
        'oomreport_leader{instance="c:8080"}': "1x120",
        'container_memory_working_set_bytes{namespace="shop",pod="web-7d9c-x2x4z",container="api"}': "1x120",
    }
    cases = [
        {"expr": f"count({plain(expr)}) > bool 0", "eval_time": "110m", "exp_samples": [{"labels": "{}", "value": 1}]}
        for expr in QUERIES
    ]
    scenario = {
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": cases,
            }
        ],
    }
    file = tmp_path / "dashboard.test.yaml"
    file.write_text(yaml.safe_dump(scenario, width=10_000))
    assert "SUCCESS" in run("promtool", "test", "rules", file)
