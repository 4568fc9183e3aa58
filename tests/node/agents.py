"""The agent as a process of its own, its records and its log read from outside."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from node.pods import Container, eventually

Record = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]


class Agent:
    """`oomreport-agent` with files of its own; restarted with the same state by `start`.

    It prints its records (a dry run) unless `api_server` names where to send them. `under` is a command that runs it.
    """

    def __init__(
        self, folder: Path, source: str, *options: str, api_server: str | None = None, under: tuple[str, ...] = ()
    ) -> None:
        self.folder, self.source, self.under = folder, source, under
        sending = (f"--api-server={api_server}", "--health-address=none") if api_server else ("--dry-run",)
        self.options = (*sending, *options)
        self.records_file, self.log_file = folder / "records.jsonl", folder / "agent.log"
        self.log_root, self.state = folder / "log", folder / "state"
        for each in ("pods", "containers"):
            (self.log_root / each).mkdir(parents=True, exist_ok=True)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, seconds: float = 20.0) -> None:
        """Start and wait until it watches: a first process has then read the ring to its end."""
        seen = len(self.log())
        command = [*self.under, sys.executable, "-m", "oomreport.agent.main", "--node-name=here"]
        command += [f"--source={self.source}", f"--log-root={self.log_root}", f"--state-dir={self.state}"]
        with self.records_file.open("ab") as records, self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *self.options],
                stdout=records,
                stderr=log,
                env=os.environ | {"PYTHONPATH": str(ROOT / "operator")},
            )
        awaited = "agent started" if (self.state / "checkpoint.json").exists() else "watching"
        eventually(
            "the agent watches",
            lambda: [m for m in self.log()[seen:] if m["message"].startswith(awaited)],
            seconds=seconds,
        )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Stop the process; return how long it took."""
        assert self.process
        since = time.monotonic()
        self.process.send_signal(number)
        status = self.process.wait(20)
        assert status == (0 if number == signal.SIGTERM else -number)
        return time.monotonic() - since

    def records(self) -> list[Record]:
        return _lines(self.records_file)

    def log(self) -> list[dict[str, Any]]:
        return _lines(self.log_file)

    def of(self, *containers: Container) -> list[Record]:
        """Return the records of these containers."""
        ids = {container.id for container in containers}
        return [record for record in self.records() if record["spec"].get("subject", {}).get("containerID") in ids]

    def name(self, container: Container, *, namespace: str, pod: str, of: str) -> None:
        """Make the folders and links that the kubelet makes for a container."""
        logs = self.log_root / "pods" / f"{namespace}_{pod}_{container.pod_uid}" / of
        logs.mkdir(parents=True)
        # As the kubelet names it: cut to 251 characters, whatever is lost by that.
        link = f"{pod}_{namespace}_{of}-{container.id}"[:251] + ".log"
        (self.log_root / "containers" / link).symlink_to(f"/var/log/pods/{logs.parent.name}/{of}/0.log")


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
