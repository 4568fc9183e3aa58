"""Memory and processor time of the agent on a node with 250 containers, by both sources.

The containers are real memory cgroups (125 pods of two), named by log links as the kubelet makes them; in a tenth of
them a process takes and gives back memory all the time, up to near the limit. The agent is the process that runs in a
cluster, all containers sampled, records sent over TLS to a server on this machine. Each source is measured without a
kill, with a kill each second, and in a storm of about a hundred kills a second, of which none may be lost. Goal: 30 MiB
of resident memory before the storm, 5 millicores without a kill. Needs root and memory cgroups.

    tests/bench/bench_agent.py [--containers N] [--moving N] [--seconds S] [--storm-seconds S]

The last line is a JSON object with all figures.
"""

import argparse
import json
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.scale.process import memory_mib
from node.agents import Agent
from node.pods import Container, Group, eventually, hogs, why_not
from support.api import FakeApi, certificate, serving

_MOVE = """
import time
while True:
    held = bytearray(b"x") * (16 << 20)
    time.sleep(3)
    del held
    time.sleep(3)
"""

GOAL_RSS_MIB, GOAL_MILLICORES = 30, 5
# So many containers have children killed at the same time, with this pause between two: about a hundred a second.
STORMING, STORM_PAUSE, STORM_RATE = 4, 0.012, 100
# Within so many seconds each kill is to be told.
STORM_WAIT = 60


def main() -> int:
    """Measure and print; the exit status is 0 when both goals are met and no kill was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--containers", type=int, default=250)
    parser.add_argument("--moving", type=int, default=25, help="of them, with memory that moves")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each measurement")
    parser.add_argument("--storm-seconds", type=float, default=60.0, help="about so long the storm lasts; 0: none")
    options = parser.parse_args()
    missing = why_not() or (None if shutil.which("openssl") else "needs openssl to make a certificate")
    if missing:
        print(f"cannot measure here: {missing}")
        print(json.dumps({"skipped": missing}))
        return 0
    results: dict[str, Any] = {
        "containers": options.containers,
        "moving": options.moving,
        "seconds": options.seconds,
        "python": platform.python_version(),
        "kernel": platform.release(),
    }
    for source in ("kmsg", "syslog"):
        if source == "kmsg" and not Path("/dev/kmsg").exists():
            continue
        results[source] = measured(source, options.containers, options.moving, options.seconds, options.storm_seconds)
        print(source, json.dumps(results[source]), flush=True)
    sources = [results[name] for name in ("kmsg", "syslog") if name in results]
    results["rss_mib"] = max(each["rss_mib"] for each in sources)
    results["millicores"] = max(each["idle_millicores"] for each in sources)
    lost = sum(each["storm"]["lost"] for each in sources if "storm" in each)
    results["met"] = results["rss_mib"] <= GOAL_RSS_MIB and results["millicores"] <= GOAL_MILLICORES and not lost
    print(json.dumps(results))
    return 0 if results["met"] else 1


def measured(source: str, count: int, moving: int, seconds: float, storm_seconds: float) -> dict[str, Any]:
    """Return the figures of one source."""
    with tempfile.TemporaryDirectory() as folder, node(count) as (group, containers), movers(containers[:moving]):
        ca, context = certificate(Path(folder))
        with serving(tls=context) as api:
            agent = Agent(Path(folder), source, f"--ca-file={ca}", api_server=f"https://127.0.0.1:{api.port}")
            for number, container in enumerate(containers):
                agent.name(container, namespace="shop", pod=f"web-7d9c8f5b6d-{number:05}", of="api")
            agent.start()
            assert agent.process
            try:
                found = figures(agent.process.pid, group, api, seconds)
                kills = int(storm_seconds * STORM_RATE)
                return {**found, "storm": storm(agent.process.pid, group, api, kills)} if kills else found
            finally:
                agent.stop()


def figures(pid: int, group: Group, api: FakeApi, seconds: float) -> dict[str, Any]:
    """Measure silence, then a kill each second."""
    victim = group.container()
    time.sleep(10)
    before, since = processor_seconds(pid), time.monotonic()
    time.sleep(seconds)
    idle = (processor_seconds(pid) - before) / (time.monotonic() - since)
    kills = max(5, int(seconds // 2))
    before, since = processor_seconds(pid), time.monotonic()
    with hogs([victim], kills, pause=1.0) as (hog,):
        hog.go()
        hog.killed()
        eventually("all kills delivered", lambda: len(records_of(api, [victim])) >= kills)
    busy = (processor_seconds(pid) - before) / (time.monotonic() - since)
    return {
        "idle_millicores": round(idle * 1000, 2),
        "kill_each_second_millicores": round(busy * 1000, 2),
        "rss_mib": round(memory_mib(pid, "VmRSS"), 1),
        "anonymous_mib": round(memory_mib(pid, "RssAnon"), 1),
        "peak_mib": round(memory_mib(pid, "VmHWM"), 1),
        "threads": len(list(Path(f"/proc/{pid}/task").iterdir())),
        "kills": kills,
    }


def storm(pid: int, group: Group, api: FakeApi, kills: int) -> dict[str, Any]:
    """Have processes killed as fast as the storm is to be, and say what the agent made of it."""
    victims = [group.container(limit_mib=24) for _ in range(STORMING)]
    before, since = processor_seconds(pid), time.monotonic()
    with hogs(victims, kills // STORMING, pause=STORM_PAUSE) as started:
        for hog in started:
            hog.go()
        killed = Counter(one for hog in started for one in hog.killed())
        lasted = time.monotonic() - since
        while len(told := records_of(api, victims)) < killed.total() and time.monotonic() - since - lasted < STORM_WAIT:
            time.sleep(0.1)
        told_after = time.monotonic() - since - lasted
    of_counters = [record for record in told if record["spec"]["source"] == "CgroupCounter"]
    named = Counter(victim["pid"] for record in told for victim in record["spec"]["victims"])
    return {
        "kills": killed.total(),
        "kills_a_second": round(killed.total() / lasted, 1),
        "records": len(told),
        "of_counters": len(of_counters),
        "lost": max(0, (killed - named).total() - len(of_counters)),
        "doubled": (named - killed).total(),
        "told_after_s": round(told_after, 2),
        "milliseconds_a_kill": round((processor_seconds(pid) - before) * 1000 / killed.total(), 2),
        "rss_mib": round(memory_mib(pid, "VmRSS"), 1),
        "peak_mib": round(memory_mib(pid, "VmHWM"), 1),
    }


def records_of(api: FakeApi, containers: list[Container]) -> list[dict[str, Any]]:
    ids = {container.id for container in containers}
    created = list(api.created.values())
    return [record for record in created if record["spec"].get("subject", {}).get("containerID") in ids]


@contextmanager
def node(count: int) -> Iterator[tuple[Group, list[Container]]]:
    """Make a node's cgroups, two containers in each pod."""
    group = Group()
    try:
        containers: list[Container] = []
        while len(containers) < count:
            first = group.container()
            containers += [first, group.container(pod_uid=first.pod_uid)]
        yield group, containers[:count]
    finally:
        group.remove()


@contextmanager
def movers(containers: list[Container]) -> Iterator[None]:
    """Run a process in each container that takes 16 MiB and gives it back, three seconds each."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        for container in containers:
            enter = f'echo $$ > {container.folder}/cgroup.procs && exec "$@"'
            started.append(subprocess.Popen(["/bin/sh", "-c", enter, "sh", sys.executable, "-S", "-E", "-c", _MOVE]))
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def processor_seconds(pid: int) -> float:
    """Return the time that all threads of a process have run, in seconds."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split(maxsplit=1)[0]) for task in tasks) / 1e9


if __name__ == "__main__":
    threading.stack_size(256 * 1024)
    sys.exit(main())
