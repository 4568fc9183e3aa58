"""The alerts: they fire and resolve when they should, use names that exist, and each has its page."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring.exposed import agent_text, controller_text, exposed
from support.programs import run

ROOT = Path(__file__).parents[2]
RULES = ROOT / "manifests/components/monitoring/rules.yaml"
SCENARIOS = Path(__file__).with_name("rules.test.yaml")
ALERTS: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
]
EACH = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))


def test_promtool_finds_every_rule_and_no_fault():
    assert f"SUCCESS: {len(ALERTS)} rules found" in run("promtool", "check", "rules", RULES)


def test_every_scenario_ends_as_it_should():
    assert "SUCCESS" in run("promtool", "test", "rules", SCENARIOS)


def test_every_alert_has_a_scenario_in_which_it_fires():
    expected = {
        name
        for scenario in yaml.safe_load(SCENARIOS.read_text())["tests"]
        for kind in ("alert_rule_test", "promql_expr_test")
        for case in scenario.get(kind, ())
        if case.get("exp_alerts") or case.get("exp_samples")
        for name in re.findall(r"OOMReport\w+", str(case))
    }
    assert expected == {alert["alert"] for alert in ALERTS}


@EACH
def test_an_alert_uses_only_what_is_really_exposed(alert: dict[str, Any]):
    known = exposed()
    used = set(re.findall(r"\boomreport_\w+", alert["expr"]))
    assert used
    assert used <= known.keys()
    labels = {label for listed in re.findall(r"by \(([^)]*)\)", alert["expr"]) for label in listed.split(", ")}
    labels |= set(re.findall(r"(\w+)=~?\"", alert["expr"]))
    assert labels <= set.union(*(known[name] for name in used))
    words = " ".join(alert["annotations"].values())
    assert set(re.findall(r"\$labels\.(\w+)", words)) <= labels


@EACH
def test_an_alert_says_what_how_bad_and_where_to_read_on(alert: dict[str, Any]):
    name = alert["alert"]
    assert alert["labels"]["severity"] in ("info", "warning", "critical")
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert alert["annotations"]["runbook_url"].endswith(f"/docs/runbooks/{name}.md")
    page = (ROOT / f"docs/runbooks/{name}.md").read_text()
    assert page.startswith(f"# {name}\n")
    commands = [line for block in re.findall(r"```\n(.*?)```", page, re.DOTALL) for line in block.splitlines() if line]
    assert len(commands) == 3


def test_there_is_no_page_without_an_alert():
    pages = {file.stem for file in (ROOT / "docs/runbooks").glob("*.md")} - {"README"}
    assert pages == {alert["alert"] for alert in ALERTS}


def test_the_rule_of_the_prometheus_operator_is_the_plain_file():
    subprocess.run([sys.executable, ROOT / "manifests/prometheus_rule.py", "--check"], check=True)


@pytest.mark.parametrize("text", [controller_text, agent_text], ids=["controller", "agent"])
def test_promtool_has_no_complaint_about_the_names_and_kinds(text: Any):
    run("promtool", "check", "metrics", text=text())
