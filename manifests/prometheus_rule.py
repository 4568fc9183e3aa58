#!/usr/bin/env python3
"""The PrometheusRule of the monitoring component, made of the plain rule file beside it.

manifests/prometheus_rule.py             write it
manifests/prometheus_rule.py --check     exit 1 where it is not what it is made of
"""

import argparse
import sys
from pathlib import Path

import yaml

MONITORING = Path(__file__).resolve().parent / "components/monitoring"
RULES, RULE = MONITORING / "rules.yaml", MONITORING / "prometheus-rule.yaml"
LABELS = {"name": "oomreport", "part-of": "oomreport", "managed-by": "kustomize", "component": "controller"}


def text() -> str:
    """Return what the file has to hold."""
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": "oomreport",
            "namespace": "oomreport-system",
            "labels": {f"app.kubernetes.io/{name}": value for name, value in LABELS.items()},
        },
        "spec": yaml.safe_load(RULES.read_text()),
    }
    head = "# Made of rules.yaml by manifests/prometheus_rule.py; edit that.\n"
    return head + yaml.safe_dump(rule, sort_keys=False, width=1000)


def main() -> int:
    """Write or check the file; return the exit status."""
    parser = argparse.ArgumentParser(description="Make the PrometheusRule of the plain rule file.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where it differs (default: write)")
    if not parser.parse_args().check:
        RULE.write_text(text())
        return 0
    if RULE.read_text() == text():
        return 0
    print(f"{RULE.name} is not what rules.yaml says: run manifests/prometheus_rule.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
