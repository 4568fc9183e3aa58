"""Many agents at one API server: idle, in a steady trickle of kills, in a storm, through an outage.

    NODES=5000 make bench-nodes

Each node is the agent's own spool, sender and client, with a connection, a thread and a folder of its own; the records
are those of many boots of one node, since the admission policy asks for a token of a pod on the node that a record
names. All of it is one process, so its own processor time is part of each figure: `client_ms_per_record` says how much.

    steady   KILLS_A_SECOND (50) for SECONDS (30), each on a random node
    storm    RECORDS (2) on every node at once
    outage   the API server stands still for OUTAGE seconds (60), and meanwhile every node has a record to send

Of each: requests, those that were answered with 429, the most requests in one second, and seconds until all records
were delivered. The last line is a JSON object.
"""

import base64
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from bench.scale import objects  # noqa: E402
from bench.scale.cluster import run_in_cluster  # noqa: E402
from bench.scale.process import processor_seconds  # noqa: E402
from integration.api_server import ADMIN, AGENT, AGENT_NAMESPACE, node, pod, token  # noqa: E402
from integration.controller.process import api_server_pid  # noqa: E402
from oomreport.adapters.cluster.api_access import api_access  # noqa: E402
from oomreport.adapters.cluster.record_client import Delivered, Outcome, RecordClient, Retry  # noqa: E402
from oomreport.adapters.storage.spool import Spool  # noqa: E402
from oomreport.agent.log import Log  # noqa: E402
from oomreport.agent.sender import Sender  # noqa: E402
from oomreport.incident.oom_record import record_name  # noqa: E402
from oomreport.names import OOM_RECORDS  # noqa: E402

NODES = int(os.environ.get("NODES", "5000"))
SECONDS = float(os.environ.get("SECONDS", "30"))
KILLS_A_SECOND = float(os.environ.get("KILLS_A_SECOND", "50"))
RECORDS = int(os.environ.get("RECORDS", "2"))
OUTAGE = float(os.environ.get("OUTAGE", "60"))
NODE = "bench-node"
_LONGEST_SECONDS = 600.0
# Python's threads get 8 MiB of addresses each by default; a sender's calls are not deep.
_STACK = 512 * 1024


class Tally:
    """Every request of every agent: when it was sent, and what became of it."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.refused_for_now = 0
        self.unanswered = 0
        self.put_at: dict[str, float] = {}
        self.seconds: list[float] = []

    def note(self, name: str, asked: float, outcome: Outcome) -> None:
        """Take note of one request. Several threads may call this: each step is one of the interpreter's own."""
        self.asked.append(asked)
        if isinstance(outcome, Delivered):
            self.seconds.append(time.monotonic() - self.put_at.pop(name))
        elif isinstance(outcome, Retry) and outcome.reason.startswith("HTTP 429"):
            self.refused_for_now += 1
        else:
            self.unanswered += 1

    def figures(self, began: float) -> dict[str, Any]:
        """Return what happened since a time."""
        in_seconds = Counter(int(asked - began) for asked in self.asked if asked >= began)
        found = sorted(self.seconds) or [0.0]
        return {
            "records": len(self.seconds),
            "requests": len(self.asked),
            "most_requests_in_a_second": max(in_seconds.values(), default=0),
            "answers_429": self.refused_for_now,
            "unanswered": self.unanswered,
            "delivered_p50_ms": round(statistics.median(found) * 1000),
            "delivered_p99_ms": round(found[int(len(found) * 0.99)] * 1000),
        }


class CountingClient(RecordClient):
    """The agent's client, with a tally of its requests."""

    tally: ClassVar[Tally]

    def create(self, body: bytes) -> Outcome:
        """Create the record, and take note of what became of it."""
        asked = time.monotonic()
        outcome = super().create(body)
        self.tally.note(json.loads(body)["metadata"]["name"], asked, outcome)
        return outcome


class Node:
    """One agent's way to the API server."""

    def __init__(self, folder: Path, server: str, token_file: Path, ca_file: Path) -> None:
        self.boot = str(uuid.uuid4())
        self.client = CountingClient(server, token_file=token_file, ca_file=ca_file)
        self.spool = Spool(folder)
        self.sender = Sender(self.spool, self.client, Log("error"))
        self._stamp = random.randrange(10**9)
        self.killed = 0

    def kill(self, tally: Tally) -> None:
        """Have a record of a new kill sent."""
        self._stamp += 1
        self.killed += 1
        pod_object = {"metadata": {"uid": str(uuid.uuid4()), "namespace": "shop", "name": "web-1"}}
        made = objects.record({**pod_object, "spec": {"nodeName": NODE}}, objects.new_container_id(), self._stamp)
        name = record_name(node_name=NODE, boot_id=self.boot, stamp_us=self._stamp)
        made["metadata"]["name"], made["spec"]["bootID"] = name, self.boot
        tally.put_at[name] = time.monotonic()
        self.spool.add(made)
        self.sender.wake()


def begin() -> Tally:
    """Return a new tally that all nodes write to."""
    CountingClient.tally = tally = Tally()
    return tally


def delivered(tally: Tally) -> float:
    """Wait until everything is delivered, or for ten minutes; return the seconds."""
    began = time.monotonic()
    while tally.put_at and time.monotonic() - began < _LONGEST_SECONDS:
        time.sleep(0.05)
    return time.monotonic() - began


def steady(nodes: list[Node]) -> dict[str, Any]:
    """Return what a trickle of kills asks of the API server."""
    tally, began = begin(), time.monotonic()
    for number in range(int(SECONDS * KILLS_A_SECOND)):
        time.sleep(max(0.0, began + number / KILLS_A_SECOND - time.monotonic()))
        random.choice(nodes).kill(tally)
    delivered(tally)
    return {**tally.figures(began), "requests_a_second": round(len(tally.asked) / (time.monotonic() - began), 1)}


def storm(nodes: list[Node]) -> dict[str, Any]:
    """Return how long it takes when every node has kills at the same time."""
    tally, began = begin(), time.monotonic()
    for _ in range(RECORDS):
        for one in nodes:
            one.kill(tally)
    delivered(tally)
    return {"seconds": round(time.monotonic() - began, 1), **tally.figures(began)}


def outage(nodes: list[Node]) -> dict[str, Any]:
    """Return how the agents come back after the API server stood still."""
    tally, pid, began = begin(), api_server_pid(), time.monotonic()
    os.kill(pid, signal.SIGSTOP)
    try:
        for number, one in enumerate(random.sample(nodes, len(nodes))):
            time.sleep(max(0.0, began + number / len(nodes) * OUTAGE - time.monotonic()))
            one.kill(tally)
        time.sleep(max(0.0, began + OUTAGE - time.monotonic()))
    finally:
        os.kill(pid, signal.SIGCONT)
    back, before = time.monotonic(), len(tally.asked)
    delivered(tally)
    found = tally.figures(back)
    return {"seconds_until_all_delivered": round(time.monotonic() - back, 1), "requests_meanwhile": before, **found}


def measure(folder: Path) -> dict[str, Any]:
    """Run all phases; return the figures."""
    ADMIN.apply(node(NODE))
    ADMIN.apply(pod("agent", AGENT_NAMESPACE, nodeName=NODE, serviceAccountName=AGENT))
    token_file, ca_file = folder / "token", folder / "ca.crt"
    token_file.write_text(token(AGENT, AGENT_NAMESPACE, bound_to="agent"))
    cluster = json.loads(ADMIN.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))["clusters"][0]
    ca_file.write_bytes(base64.b64decode(cluster["cluster"]["certificate-authority-data"]))
    server = api_access(os.environ).server
    assert urlsplit(server).scheme == "https"
    threading.stack_size(_STACK)
    nodes = [Node(folder / str(number), server, token_file, ca_file) for number in range(NODES)]
    for one in nodes:
        one.sender.start()
    idle = begin()
    before = processor_seconds(os.getpid())
    time.sleep(10)
    figures: dict[str, Any] = {"nodes": NODES, "idle_requests": len(idle.asked)}
    for name, phase in (("steady", steady), ("storm", storm), ("outage", outage)):
        figures[name] = phase(nodes)
        print("nodes:", json.dumps({name: figures[name]}), flush=True)
    put = sum(one.killed for one in nodes)
    figures["client_ms_per_record"] = round((processor_seconds(os.getpid()) - before) / put * 1000, 1)
    stored = ADMIN.kubectl("get", OOM_RECORDS, "--chunk-size=500", "-o", "name").split()
    figures["lost"] = put - len(stored)
    for one in nodes:
        one.sender.stop(0.1)
    return figures


def benchmark() -> int:
    """Measure, print the figures, and return 1 where a record was lost."""
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder))
    print(json.dumps(figures))
    return 1 if figures["lost"] else 0


if __name__ == "__main__":
    sys.exit(run_in_cluster("bench-nodes", __file__, benchmark))
