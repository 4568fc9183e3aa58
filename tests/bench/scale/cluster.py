"""An API server of its own for one benchmark, with the product's CRDs, rights and policies."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from integration.api_server import install, manifests

_ROOT = Path(__file__).resolve().parents[3]


def run_in_cluster(name: str, script: str, measure: Callable[[], int]) -> int:
    """Bring an API server up, run the script inside its namespaces, and take it down; return the exit status.

    Inside, the product is installed and `measure` is called.
    """
    if os.environ.get("OOMREPORT_CLUSTER") == name:
        install(manifests("syslog"), seconds=60)
        return measure()
    cluster = [sys.executable, str(_ROOT / "tests/cluster/cluster"), "--name", name]
    status = subprocess.run([*cluster, "up", "--api-only"], check=False).returncode
    if status:
        return status
    try:
        return subprocess.run([*cluster, "exec", "--", sys.executable, script], check=False).returncode
    finally:
        subprocess.run([*cluster, "down"], check=False)
