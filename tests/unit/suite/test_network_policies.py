"""The NetworkPolicies of both components: who may connect to them, and where they may connect to."""

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
BASE = ROOT / "manifests/base"
NAMESPACES = {"agent": "oomreport-agent", "controller": "oomreport-system"}


def policies() -> dict[str, dict[str, Any]]:
    found = [one for one in yaml.safe_load_all((BASE / "network.yaml").read_text()) if one]
    return {one["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"]: one for one in found}


def test_every_installation_has_them() -> None:
    assert "network.yaml" in yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]


@pytest.mark.parametrize("component", NAMESPACES)
def test_nobody_may_connect_to_a_component(component: str) -> None:
    policy = policies()[component]
    assert policy["metadata"]["namespace"] == NAMESPACES[component]
    assert "Ingress" in policy["spec"]["policyTypes"]
    assert not policy["spec"].get("ingress")


def test_the_agent_may_connect_to_ports_of_api_servers_alone() -> None:
    spec = policies()["agent"]["spec"]
    assert "Egress" in spec["policyTypes"]
    assert [(rule.get("to"), [port["port"] for port in rule["ports"]]) for rule in spec["egress"]] == [
        (None, [443, 6443, 8443, 16443])
    ]
