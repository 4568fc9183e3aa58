"""The commands of README and docs that need a kubelet, run as they are written on a node.

All others run in tests/chart/test_command_blocks.py, without a node.
"""

import os
import subprocess

import pytest

from e2e.kube import AGENT_NAMESPACE, apply, eventually, item, items
from e2e.witness import running_id
from e2e.workloads import container, pod, pod_spec
from support.doc_commands import ON_A_NODE, ROOT, command_blocks, filled, why_not_run

COMMANDS = sorted(
    {command for block in command_blocks() for command in block.commands if ON_A_NODE.search(command)}
    - {command for block in command_blocks() for command in block.commands if why_not_run(command)}
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_asks_a_kubelet_is_answered(command: str, namespace: str) -> None:
    own = "NAMESPACE" in command
    if own:
        apply(pod("web", namespace, pod_spec(container("hold", "8"))))
        eventually("it runs", lambda: running_id(item("pod", "web", namespace) or {}, "api"), seconds=60)
    name = "web" if own else items("pods", AGENT_NAMESPACE)[0]["metadata"]["name"]
    done = subprocess.run(
        ["bash", "-c", filled(command, POD=name, NAMESPACE=namespace)],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout or own
