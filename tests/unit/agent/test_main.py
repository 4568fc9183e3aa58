import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
AGENT = [sys.executable, "-m", "oomreport.agent.main"]
ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "operator")}
HEAVY = {"aiohttp", "asyncio", "kopf", "kubernetes", "pydantic", "yaml"}


def test_the_process_is_lean() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, oomreport.agent.main; print(*sys.modules)"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not HEAVY & {name.partition(".")[0] for name in loaded}
    assert not [name for name in loaded if name.startswith("oomreport.api")]


def test_every_mistake_is_told_at_once_and_the_status_is_2() -> None:
    done = subprocess.run(
        [*AGENT, "--source=journal", "--counter-wait=x"], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert all(line.startswith("oomreport-agent: --") for line in lines)
    assert len(lines) == 4


def test_a_node_without_a_boot_id_is_told(tmp_path: Path) -> None:
    done = subprocess.run(
        [*AGENT, "--dry-run", f"--proc={tmp_path}"], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "boot_id cannot be read" in done.stderr


def test_help_names_every_option_and_variable() -> None:
    text = subprocess.run([*AGENT, "--help"], env=ENVIRONMENT, capture_output=True, text=True, check=True).stdout
    for word in ("--dry-run", "--state-dir", "--dev-kmsg", "NODE_NAME", "POD_UID", "OOMREPORT_SOURCE", "--spool-bytes"):
        assert word in text


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_an_agent_without_any_right_stays_up_unready_and_says_why(tmp_path: Path) -> None:
    """No device, no cgroups, a state folder that is a file: alive, unready, every reason told.

    Ends at once on SIGTERM.
    """
    (tmp_path / "file").write_text("")
    (tmp_path / "cgroup").mkdir()
    # As a runtime makes a hostPath that is not there.
    (tmp_path / "pods").mkdir()
    options = [
        "--dry-run",
        "--source=kmsg",
        f"--dev-kmsg={tmp_path}/kmsg",
        f"--cgroup-root={tmp_path}/cgroup",
        f"--log-root={tmp_path}",
        f"--state-dir={tmp_path}/file",
        "--health-address=127.0.0.1:0",
    ]
    # The port is chosen by the system; the agent says which.
    agent = subprocess.Popen(
        [*AGENT, *options, "--log-level=debug"], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    )
    try:
        assert agent.stderr
        messages: list[dict[str, Any]] = []
        while not messages or "trying again" not in messages[-1]["message"]:
            messages.append(json.loads(agent.stderr.readline()))
        port = next(message["port"] for message in messages if message["message"] == "health is served")

        def asked(path: str) -> tuple[int, dict[str, Any]]:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, json.loads(response.read())

        deadline = time.monotonic() + 10
        while "kmsg" not in str(asked("/healthz")[1]["problems"]):
            assert time.monotonic() < deadline
        answers = {path: asked(path) for path in ("/livez", "/healthz")}
        since = time.monotonic()
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(10) == 0
        assert time.monotonic() - since < 3
    finally:
        agent.kill()
    assert answers["/livez"][0] == 200
    status, body = answers["/healthz"]
    assert status == 503
    text = " ".join(body["problems"])
    assert f"{tmp_path}/kmsg" in text
    assert "--state-dir" in text
    # What is merely less to know leaves an agent ready, and is named all the same.
    names, cgroups = body["warnings"]
    assert (
        names
        == f"--log-root: {tmp_path}/pods and {tmp_path}/containers are missing or empty; names come from pod status"
    )
    assert cgroups == f"--cgroup-root: no memory cgroups in {tmp_path}/cgroup; kills are known by the log only"
    assert {message["message"] for message in messages} >= {"no memory cgroups here, kills are known by the log only"}
