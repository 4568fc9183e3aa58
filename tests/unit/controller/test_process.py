"""The program itself, where it needs no API server: help, mistakes, health."""

import asyncio
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from oomreport.adapters.cluster.api_access import api_access
from oomreport.controller.health import ProbeServer
from oomreport.controller.settings import settings_of
from oomreport.errors import ConfigurationError


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the controller without a cluster."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("KUBE", "POD_"))}
    command = [sys.executable, "-m", "oomreport.controller.main", *arguments]
    return subprocess.run(command, env=plain | environment, capture_output=True, text=True, timeout=60, check=False)


def problems(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [json.loads(line)["problem"] for line in done.stderr.splitlines()]


def test_all_mistakes_are_named_at_once_the_broken_kubeconfig_among_them(tmp_path):
    broken = tmp_path / "config"
    broken.write_text("clusters: []\n")
    done = run("--grace=soon", "--workers=none", KUBECONFIG=str(broken))
    assert done.returncode == 2
    of_grace, of_workers, of_access = problems(done)
    assert of_grace.startswith("--grace:")
    assert of_workers.startswith("--workers:")
    assert str(broken) in of_access


def test_help_needs_no_cluster(capsys):
    with pytest.raises(SystemExit) as ended:
        settings_of(["--help"], {})
    assert ended.value.code == 0
    assert "--agent-namespace" in capsys.readouterr().out


def test_a_missing_cluster_is_named():
    with pytest.raises(ConfigurationError, match="no access to an API server"):
        api_access({"HOME": "/nonexistent"})


def test_an_absent_kubeconfig_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="absent"):
        api_access({"KUBECONFIG": str(tmp_path / "absent")})


def test_probes_answer_by_the_state():
    async def story() -> list[tuple[int, dict]]:
        state = {"ready": False}
        server = ProbeServer(("127.0.0.1", 0), lambda: (state["ready"], {"role": "leader"}))
        await server.start()
        port = server.port
        answers = [await asyncio.to_thread(probe, port, "healthz"), await asyncio.to_thread(probe, port, "readyz")]
        state["ready"] = True
        answers.append(await asyncio.to_thread(probe, port, "readyz"))
        await server.stop()
        return answers

    assert asyncio.run(story()) == [
        (200, {"healthy": True, "role": "leader"}),
        (503, {"ready": False, "role": "leader"}),
        (200, {"ready": True, "role": "leader"}),
    ]


def probe(port: int, name: str) -> tuple[int, dict]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}", timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
