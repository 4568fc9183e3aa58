"""The way to a kill, as the record shows it, against what the test itself read from the cgroup."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from node.agents import Agent, Record
from node.pods import MIB, Container, Group, eventually, hogs, is_v2
from oomreport.incident.report.decision import decide
from oomreport.incident.witness.evidence import Evidence, Patience, record_facts
from oomreport.workload.owner import Workload

NewAgent = Callable[..., Agent]

# Takes a MiB of memory, and writes one of page cache, at each line of its input.
_GROW = """
import sys
held = []
with open(sys.argv[1], "wb") as file:
    for _ in sys.stdin:
        held.append(bytearray(b"x") * (1 << 20))
        file.write(b"y" * (1 << 20))
        file.flush()
        print(len(held), flush=True)
"""

# Takes so many MiB of shared memory, which is charged as files in tmpfs are, as a line of its input says.
_SHARE = """
import mmap, sys
held = []
for line in sys.stdin:
    held.append(mmap.mmap(-1, int(line) << 20))
    for _ in range(int(line)):
        held[-1].write(b"x" * (1 << 20))
    print("taken", flush=True)
"""


def sharing(container: Container) -> subprocess.Popen[str]:
    enter = f'echo $$ > {container.folder}/cgroup.procs && exec "$@"'
    return subprocess.Popen(
        ["/bin/sh", "-c", enter, "sh", sys.executable, "-S", "-E", "-c", _SHARE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def take(process: subprocess.Popen[str], mib: int) -> None:
    assert process.stdin
    process.stdin.write(f"{mib}\n")
    process.stdin.flush()


def taken(process: subprocess.Popen[str], mib: int) -> None:
    take(process, mib)
    assert process.stdout
    assert process.stdout.readline() == "taken\n"


def number(container: Container, v1: str, v2: str) -> int | None:
    """Return what a file of the cgroup says; None where this kernel has none."""
    file = container.folder / (v2 if is_v2() else v1)
    return int(file.read_text()) if file.exists() else None


def found_by(record: Record) -> dict[str, str]:
    """Return the findings of the report that such a record makes, by rule."""
    facts = record_facts(record)
    assert facts
    workload = Workload(api_version="apps/v1", kind="Deployment", name="web")
    known = Evidence(now=facts.time + timedelta(seconds=30), workload=workload, container="api", records=(facts,))
    return {one["rule"]: one["message"] for one in decide(known, Patience()).status["findings"]}


def working_set(container: Container) -> int:
    usage = int((container.folder / ("memory.current" if is_v2() else "memory.usage_in_bytes")).read_text())
    key = "inactive_file" if is_v2() else "total_inactive_file"
    stat = dict(line.split() for line in (container.folder / "memory.stat").read_text().splitlines())
    return usage - int(stat[key])


def test_a_record_shows_how_memory_grew_and_leaves_page_cache_out(
    group: Group, new_agent: NewAgent, source: str
) -> None:
    agent = new_agent(source, "--sample-seconds=0.5", "--scan-seconds=0.5")
    agent.start()
    container = group.container(limit_mib=64)
    enter = f'echo $$ > {container.folder}/cgroup.procs && exec "$@"'
    cache = agent.folder / "cache"
    seen: list[tuple[float, int]] = []
    with subprocess.Popen(
        ["/bin/sh", "-c", enter, "sh", sys.executable, "-S", "-E", "-c", _GROW, str(cache)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        for _ in range(80):
            try:
                process.stdin.write("\n")
                process.stdin.flush()
            except BrokenPipeError:
                break
            if not process.stdout.readline():
                break
            seen.append((time.time(), working_set(container)))
            time.sleep(0.3)
        assert process.wait(20) == -9
    (record,) = eventually("the record", lambda: agent.of(container))

    usage = record["spec"]["usage"]
    samples, interval = usage["bytes"], usage["intervalSeconds"]
    start = datetime.fromisoformat(usage["startTime"]).timestamp()
    assert interval == 0.5
    assert start + interval * (len(samples) - 1) <= datetime.fromisoformat(record["spec"]["time"]).timestamp()
    during = [(start + interval * index, size) for index, size in enumerate(samples)]
    during = [(at, size) for at, size in during if seen[0][0] + 0.5 < at < seen[-1][0] - 0.5]
    assert len(during) >= 8
    for at, size in during:
        near = [own for when, own in seen if abs(when - at) < 1.0]
        assert min(near) - 2 * MIB <= size <= max(near) + 2 * MIB, (at, size, near)
    assert samples[-1] > 40 * MIB
    # A slot of the life holds its highest sample and is no shorter than a sample: four slots cover four samples.
    assert max(usage["life"]["bytes"][-4:]) >= max(samples[-4:])


def test_a_kill_that_only_its_counter_tells_has_the_way_to_it_too(group: Group, new_agent: NewAgent) -> None:
    agent = new_agent(
        "kmsg", "--dev-kmsg=/nonexistent/kmsg", "--counter-wait=3", "--sample-seconds=0.5", "--scan-seconds=0.5"
    )
    agent.start()
    container = group.container(limit_mib=48)
    with hogs([container], 1) as (hog,):
        time.sleep(3)
        before = working_set(container)
        hog.go()
        hog.killed()
        (record,) = eventually("the record", lambda: agent.of(container))

    usage = record["spec"]["usage"]
    assert record["spec"]["source"] == "CgroupCounter"
    end = datetime.fromisoformat(usage["startTime"]).timestamp() + 0.5 * (len(usage["bytes"]) - 1)
    killed_at = datetime.fromisoformat(record["spec"]["time"]).timestamp()
    assert killed_at - 1.5 <= end <= killed_at + 0.1
    assert sorted(usage["bytes"])[len(usage["bytes"]) // 2] <= before + 2 * MIB


def test_a_kill_without_a_dump_tells_what_filled_the_memory_before_it(group: Group, new_agent: NewAgent) -> None:
    agent = new_agent(
        "kmsg", "--dev-kmsg=/nonexistent/kmsg", "--counter-wait=3", "--sample-seconds=0.5", "--scan-seconds=0.5"
    )
    agent.start()
    container = group.container(limit_mib=64)
    with sharing(container) as process:
        taken(process, 40)
        time.sleep(2)
        before = working_set(container)
        take(process, 64)
        assert process.wait(20) == -9
    (record,) = eventually("the record", lambda: agent.of(container))

    spec, usage = record["spec"], record["spec"]["usage"]
    last = usage["lastSample"]
    assert (spec["source"], "memory" in spec) == ("CgroupCounter", False)
    assert "MemoryUsage" in spec["missing"]
    assert last["time"] < spec["time"]
    assert last["limitBytes"] == 64 * MIB
    assert abs(last["shmemBytes"] - 40 * MIB) < MIB
    assert last["shmemBytes"] <= last["fileBytes"] <= last["usageBytes"]
    assert last["anonBytes"] + last["fileBytes"] + (last.get("kernelBytes") or 0) <= last["usageBytes"] + MIB
    assert abs(last["usageBytes"] - before) < 2 * MIB
    assert usage["fromStart"] is True
    peak = number(container, "memory.max_usage_in_bytes", "memory.peak")
    assert usage.get("peak", {}).get("bytes") == peak
    assert peak is None or peak >= 63 * MIB
    assert ("pressure" in usage) == (container.folder / "memory.pressure").exists()
    found = found_by(record)
    assert "tmpfs" in found["TmpfsFilled"]
    assert "before the kill)" in found["TmpfsFilled"]
    assert peak is None or "had reached its own limit" in found["PeakAgainstLimit"]


def test_a_dump_stands_beside_the_sample_before_it(group: Group, new_agent: NewAgent, source: str) -> None:
    agent = new_agent(source, "--sample-seconds=0.5", "--scan-seconds=0.5")
    agent.start()
    container = group.container(limit_mib=64)
    with sharing(container) as process:
        taken(process, 40)
        time.sleep(2)
        take(process, 64)
        assert process.wait(20) == -9
    (record,) = eventually("the record", lambda: agent.of(container))

    spec, last = record["spec"], record["spec"]["usage"]["lastSample"]
    assert spec["memory"]["limitBytes"] == last["limitBytes"] == 64 * MIB
    # It may have been looked at while the second piece was taken.
    assert spec["memory"]["usageBytes"] > last["usageBytes"] > last["shmemBytes"] >= 40 * MIB


def test_an_agent_younger_than_the_container_says_so(group: Group, new_agent: NewAgent) -> None:
    agent = new_agent("kmsg", "--sample-seconds=0.5", "--scan-seconds=0.5")
    older = group.container(limit_mib=64)
    with hogs([older], 1) as (hog,):
        agent.start()
        time.sleep(2)
        hog.go()
        hog.killed()
        (record,) = eventually("the record", lambda: agent.of(older))
    assert record["spec"]["usage"]["fromStart"] is False
    assert record["spec"]["usage"]["bytes"]


def test_a_container_that_goes_without_a_kill_leaves_no_file_open(group: Group, new_agent: NewAgent) -> None:
    agent = new_agent("kmsg", "--sample-seconds=0.5", "--scan-seconds=0.5")
    agent.start()
    containers = [group.container() for _ in range(20)]
    assert agent.process
    folder = Path(f"/proc/{agent.process.pid}/fd")

    def open_gauges() -> int:
        targets = []
        for link in folder.iterdir():
            with contextlib.suppress(OSError):
                targets.append(str(link.readlink()))
        return sum(any(container.id in target for container in containers) for target in targets)

    eventually("twenty files are open", lambda: open_gauges() == 20)
    for container in containers:
        container.remove()
        assert not container.folder.exists()
    eventually("none is open", lambda: open_gauges() == 0)


def test_nothing_is_sampled_when_it_is_turned_off(group: Group, new_agent: NewAgent) -> None:
    agent = new_agent("kmsg", "--sample-seconds=0", "--scan-seconds=0.5")
    agent.start()
    container = group.container()
    with hogs([container], 1) as (hog,):
        time.sleep(2)
        hog.go()
        hog.killed()
        (record,) = eventually("the record", lambda: agent.of(container))
    assert "usage" not in record["spec"]
