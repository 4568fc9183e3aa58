"""An API server of its own for one benchmark, with the product's CRDs, rights and policies."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from integration.api_server import ADMIN, WORKLOADS, manifests

_ROOT = Path(__file__).resolve().parents[3]


def run_in_cluster(name: str, script: str, measure: Callable[[], int]) -> int:
    """Bring an API server up, run the script inside its namespaces, and take it down; return the exit status.

    Inside, the product is installed and `measure` is called.
    """
    if os.environ.get("OOMREPORT_CLUSTER") == name:
        _install()
        return measure()
    cluster = [sys.executable, str(_ROOT / "tests/cluster/cluster"), "--name", name]
    status = subprocess.run([*cluster, "up", "--api-only"], check=False).returncode
    if status:
        return status
    try:
        return subprocess.run([*cluster, "exec", "--", sys.executable, script], check=False).returncode
    finally:
        subprocess.run([*cluster, "down"], check=False)


def _install() -> None:
    """Apply CRDs, rights and policies; the workloads are not needed here."""
    things = manifests("syslog")
    first = [one for one in things if one["kind"] in {"Namespace", "CustomResourceDefinition"}]
    ADMIN.apply(*first)
    kinds = [f"crd/{one['metadata']['name']}" for one in first if one["kind"] == "CustomResourceDefinition"]
    ADMIN.kubectl("wait", "--for=condition=Established", "--timeout=60s", *kinds)
    ADMIN.apply(*(one for one in things if one not in first and one["kind"] not in WORKLOADS))
