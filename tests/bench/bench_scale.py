"""The controller beside a large cluster: start, quiet events, kills under churn, a storm. On a real API server.

    PODS=10000 make bench-scale

Pods of 11 KB with Deployments and ReplicaSets above them are created at an API server without nodes; their statuses are
written as a kubelet does. Then, for the controller as a process of its own with the rights that it has in a cluster:

    start   seconds until ready, resident memory
    quiet   pod events that say nothing, and the same events for a bare watch with aiohttp and orjson in the same run
    kills   20 a second under churn: by record, by status, by both; from before the first write to the report
    storm   KILLS (default 1000) records as fast as the API server takes them
    backlog as many that were written while no controller ran, from the start of one until all are counted

Environment: PODS (10000), CHURN events a second (200), SECONDS of each phase (30), KILLS. The last line is a JSON
object.
"""

import asyncio
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from bench.scale import objects  # noqa: E402
from bench.scale.cluster import run_in_cluster  # noqa: E402
from bench.scale.fill import Bulk, at_once, fill  # noqa: E402
from bench.scale.process import memory_mib, processor_seconds  # noqa: E402
from integration.api_server import CONTROLLER, CONTROLLER_NAMESPACE, holder_of, token  # noqa: E402
from integration.controller.process import Controller  # noqa: E402
from oomreport.adapters.cluster.api_access import api_access  # noqa: E402
from oomreport.adapters.cluster.api_server import ApiServer, path  # noqa: E402
from oomreport.incident.witness.ledger import ledger_of, status_kill_id  # noqa: E402
from oomreport.names import API_VERSION, OOM_RECORDS, OOM_REPORTS  # noqa: E402

PODS = int(os.environ.get("PODS", "10000"))
CHURN = float(os.environ.get("CHURN", "200"))
SECONDS = float(os.environ.get("SECONDS", "30"))
KILLS = int(os.environ.get("KILLS", "1000"))
KILLS_A_SECOND = 20
# The image has no package `kubernetes`, which takes 20 MB and, by a kubeconfig, half a millisecond for each request.
AS_IN_THE_IMAGE = "import sys; sys.modules['kubernetes'] = None; from oomreport.controller.main import main; main()"
_stamps = itertools.count(int(time.time()) % 1_000_000 * 1_000_000)
Known = list[tuple[dict[str, Any], str]]


class Truth:
    """The kills of each workload, when the first sign of each was sent, and what reports say."""

    def __init__(self) -> None:
        self.kills: Counter[tuple[str, str]] = Counter()
        self.reported: dict[tuple[str, str], int] = {}
        self._sent: dict[str, float] = {}
        self.seconds: dict[bool, list[float]] = {True: [], False: []}

    def count(self, pod: dict[str, Any], kill_id: str) -> None:
        """Take note of one more kill, whose first sign is sent now."""
        self.kills[pod["metadata"]["namespace"], pod["metadata"]["name"].rpartition("-7d9c-")[0]] += 1
        self._sent[kill_id] = time.monotonic()

    def look_at(self, report: dict[str, Any]) -> None:
        """Take note of what a report counts now."""
        status = report.get("status", {})
        key = (report["metadata"]["namespace"], report["spec"]["workloadRef"]["name"])
        self.reported[key] = int(status.get("kills", 0))
        for entry in ledger_of(status):
            if sent := self._sent.pop(entry.id, None):
                self.seconds[entry.from_status].append(time.monotonic() - sent)

    @property
    def missing(self) -> int:
        """Return the kills that no report counts."""
        return sum(max(0, count - self.reported.get(key, 0)) for key, count in self.kills.items())

    @property
    def doubled(self) -> int:
        """Return the kills that reports count too much."""
        return sum(max(0, count - self.kills[key]) for key, count in self.reported.items())

    def times(self, *, from_status: bool) -> tuple[int, int]:
        """Return p50 and p99 in milliseconds, of the kills with a record or of those without one."""
        found = self.seconds[from_status]
        if len(found) < 2:
            return 0, 0
        return round(statistics.median(found) * 1000), round(statistics.quantiles(found, n=100)[98] * 1000)


async def watch_reports(api: ApiServer, truth: Truth) -> None:
    """Look at every version of every report."""
    version = ""
    async for items, version in api.listed(path(API_VERSION, OOM_REPORTS)):  # noqa: B007 - the last one counts
        for item in items:
            truth.look_at(item)
    while True:
        async for event in api.watch(path(API_VERSION, OOM_REPORTS), version):
            version = event["object"]["metadata"]["resourceVersion"]
            if event["type"] in ("ADDED", "MODIFIED"):
                truth.look_at(event["object"])


async def churn(bulk: Bulk, known: Known, seconds: float, rate: float) -> int:
    """Write the status of random pods anew, `rate` times a second; return how often."""
    events, end, began = 0, time.monotonic() + seconds, time.monotonic()

    async def write(_: int) -> None:
        nonlocal events
        while time.monotonic() < end:
            if events >= (time.monotonic() - began) * rate:
                await asyncio.sleep(0.005)
                continue
            events += 1
            pod, instance = random.choice(known)
            await bulk.set_status(pod, objects.running(instance))

    await at_once(write, range(16), most=16)
    return events


async def kill(bulk: Bulk, known: Known, truth: Truth, which: int) -> None:
    """Kill in a pod: by record alone, by record and status, by status alone, one after the other."""
    # Of the pods without churn: a kubelet writes no status without the end that it has just written.
    index = which * 7919 % (len(known) // 2)
    pod, instance = known[index]
    by_record, by_status = which % 4 != 3, which % 4 >= 2
    fresh = objects.new_container_id() if by_status else instance
    known[index] = (pod, fresh)
    record = objects.record(pod, instance, next(_stamps))
    truth.count(pod, record["metadata"]["name"] if by_record else status_kill_id(instance))
    if by_record:
        await bulk.create(OOM_RECORDS, record)
    if by_status:
        await bulk.set_status(pod, objects.running(fresh, restarts=1, last=objects.killed(instance)))


async def kills_under_churn(bulk: Bulk, known: Known, truth: Truth) -> int:
    """Kill 20 times a second under a churn of 20 events a second; return the kills."""
    total = int(SECONDS * KILLS_A_SECOND)
    quiet = asyncio.create_task(churn(bulk, known[len(known) // 2 :], SECONDS, 20))
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(total):
            await asyncio.sleep(max(0.0, began + number / KILLS_A_SECOND - time.monotonic()))
            group.create_task(kill(bulk, known, truth, number))
    await quiet
    return total


async def records_at_once(bulk: Bulk, known: Known, truth: Truth) -> None:
    """Kill by record alone, KILLS times, as fast as the API server takes it."""
    await at_once(lambda number: kill(bulk, known, truth, number * 4), range(KILLS))


async def settled(truth: Truth, seconds: float) -> float:
    """Wait until every kill is counted, or for so long; return the seconds."""
    began = time.monotonic()
    while truth.missing and time.monotonic() - began < seconds:
        await asyncio.sleep(0.1)
    return time.monotonic() - began


async def measure(folder: Path) -> dict[str, Any]:
    """Run all phases; return the figures."""
    access = api_access(os.environ)
    figures: dict[str, Any] = {"pods": PODS}
    async with Bulk(access) as bulk, ApiServer(access, agent="bench-scale") as api:
        began = time.monotonic()
        known = await fill(bulk, PODS)
        figures["fill_s"] = round(time.monotonic() - began, 1)
        print(f"scale: {PODS} pods after {figures['fill_s']} s", flush=True)
        truth = Truth()
        with started(folder) as controller:
            began = time.monotonic()
            await asyncio.to_thread(controller.wait_ready, 600)
            pid = controller.process.pid
            figures["ready_s"] = round(time.monotonic() - began, 1)
            figures["ready_processor_s"] = round(processor_seconds(pid), 1)
            figures["rss_mib"] = round(memory_mib(pid, "VmRSS"), 1)
            print("scale:", json.dumps(figures), flush=True)
            figures |= await quiet_events(bulk, known, pid)
            print("scale:", json.dumps(figures), flush=True)
            watching = asyncio.create_task(watch_reports(api, truth))
            await asyncio.sleep(1)
            figures |= await kills(bulk, known, truth, pid)
            figures["peak_mib"] = round(memory_mib(pid, "VmHWM"), 1)
            print("scale:", json.dumps(figures), flush=True)
        figures |= await backlog(bulk, known, truth, folder)
        figures |= {"lost": truth.missing, "doubled": truth.doubled}
        watching.cancel()
    return figures


@contextmanager
def started(folder: Path) -> Iterator[Controller]:
    """Start a controller, and stop it at the end, with what it logged of errors printed."""
    caller = holder_of(token(CONTROLLER, CONTROLLER_NAMESPACE), folder)
    controller = Controller(str(caller.kubeconfig), folder, program=(sys.executable, "-c", AS_IN_THE_IMAGE))
    try:
        yield controller
    finally:
        controller.stop()
        errors = controller.messages("error")
        print(f"scale: the controller logged {len(errors)} errors", *errors[:5], sep="\n", flush=True)


async def quiet_events(bulk: Bulk, known: Known, pid: int) -> dict[str, Any]:
    """Return what a pod event that says nothing takes, and what it takes a bare watch."""
    bare = subprocess.Popen(
        [sys.executable, str(ROOT / "tests/bench/scale/process.py"), str(SECONDS + 2)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert bare.stdout
    await asyncio.to_thread(bare.stdout.readline)
    idle = await cost_of(pid, asyncio.sleep(5))
    events = 0

    async def write() -> None:
        nonlocal events
        events = await churn(bulk, known, SECONDS, CHURN)

    busy = await cost_of(pid, write())
    compared = json.loads(await asyncio.to_thread(bare.stdout.read))
    ours = (busy - idle / 5 * SECONDS) / max(1, events) * 1e6
    theirs = compared["processor_s"] / max(1, compared["events"]) * 1e6
    return {
        "quiet_events": events,
        "us_per_quiet_event": round(ours),
        "us_per_quiet_event_bare": round(theirs),
        "ratio_to_bare_watch": round(ours / theirs, 2) if theirs else None,
    }


async def cost_of(pid: int, work: Any) -> float:
    """Return the processor seconds that a process uses while something is awaited."""
    before = processor_seconds(pid)
    await work
    return processor_seconds(pid) - before


async def kills(bulk: Bulk, known: Known, truth: Truth, pid: int) -> dict[str, Any]:
    """Return how kills are counted under churn, then in a storm."""
    figures: dict[str, Any] = {}
    before = processor_seconds(pid)
    total = await kills_under_churn(bulk, known, truth)
    await settled(truth, 120)
    figures["kills"] = total
    figures["ms_per_kill_under_churn"] = round((processor_seconds(pid) - before) / total * 1000, 1)
    figures["kill_to_report_p50_ms"], figures["kill_to_report_p99_ms"] = truth.times(from_status=False)
    # They wait for a record first, for as long as --grace says (process.py).
    figures["status_to_report_p50_ms"], figures["status_to_report_p99_ms"] = truth.times(from_status=True)
    print("scale:", json.dumps(figures), flush=True)
    before, began = processor_seconds(pid), time.monotonic()
    await records_at_once(bulk, known, truth)
    figures["storm_kills"] = KILLS
    figures["storm_written_s"] = round(time.monotonic() - began, 1)
    await settled(truth, 300)
    figures["storm_counted_s"] = round(time.monotonic() - began, 1)
    await asyncio.sleep(5)
    figures["ms_per_kill"] = round((processor_seconds(pid) - before) / KILLS * 1000, 1)
    return figures


async def backlog(bulk: Bulk, known: Known, truth: Truth, folder: Path) -> dict[str, Any]:
    """Return how a controller counts what was written while none ran: all of it is there at once."""
    await records_at_once(bulk, known, truth)
    with started(folder) as controller:
        began = time.monotonic()
        await asyncio.to_thread(controller.wait_ready, 600)
        await settled(truth, 300)
        return {
            "backlog_kills": KILLS,
            "backlog_counted_s": round(time.monotonic() - began, 1),
            "backlog_peak_mib": round(memory_mib(controller.process.pid, "VmHWM"), 1),
        }


def benchmark() -> int:
    """Measure, print the figures, and return 1 where a kill was lost or counted twice."""
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(Path(folder)))
    print(json.dumps(figures))
    return 0 if not figures["lost"] and not figures["doubled"] else 1


if __name__ == "__main__":
    sys.exit(run_in_cluster("bench-scale", __file__, benchmark))
