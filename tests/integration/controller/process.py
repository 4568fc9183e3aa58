"""The controller as a process of its own, with the rights that it has in a cluster."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from oomreport.adapters.cluster.api_access import api_access

PROGRAM = Path(__file__).parents[3] / ".venv/bin/oomreport-controller"
# Shorter than in a cluster, so that a test need not wait long for what time alone decides.
QUICK = ("--settle=1s", "--grace=2s", "--match-after=500ms", "--unknown-after=4s")


class Controller:
    """A running `oomreport-controller`."""

    def __init__(
        self,
        kubeconfig: str,
        folder: Path,
        *arguments: str,
        program: Sequence[str] = (str(PROGRAM),),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.port = free_port()
        self.log = folder / f"controller-{self.port}.log"
        environment = {**os.environ, "KUBECONFIG": kubeconfig, "POD_NAMESPACE": "oomreport-system"}
        environment |= variables or {}
        command = [*program, f"--health-address=127.0.0.1:{self.port}", *QUICK, *arguments]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, env=environment, stderr=log, stdout=log)

    def wait_ready(self, seconds: float = 120) -> "Controller":
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise AssertionError(f"controller ended with {self.process.returncode}:\n{self.log.read_text()}")
            if self.probe("readyz").get("ready"):
                return self
            time.sleep(0.1)
        raise AssertionError(f"controller is not ready:\n{self.log.read_text()}")

    def probe(self, name: str) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{name}", timeout=2) as answer:
                return dict(json.loads(answer.read()))
        except urllib.error.HTTPError as error:
            return dict(json.loads(error.read()))
        except OSError:
            return {}

    def probe_text(self, name: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{name}", timeout=5) as answer:
            return str(answer.read().decode())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.kill()

    def messages(self, *levels: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if not levels or line["level"] in levels]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


def api_server_pid() -> int:
    """Return the process that serves the port of KUBECONFIG."""
    server = api_access({"KUBECONFIG": os.environ["KUBECONFIG"]}).server
    wanted = f"--secure-port={urlsplit(server).port}"
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if words and words[0].endswith("kube-apiserver") and wanted in words:
                return int(folder.name)
    raise AssertionError(f"no kube-apiserver with {wanted}")
