"""What can be seen from outside the product: the raw ring, /proc and pod status. Nothing here uses the product's code."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from e2e.kube import Object, items

_SUMMARY = re.compile(
    r"^oom-kill:constraint=(?P<constraint>\w+),.*?cpuset=(?P<cpuset>[^,]*),mems_allowed=[^,]*,"
    r"(?:oom_memcg=(?P<oom_memcg>[^,]*)|global_oom),task_memcg=(?P<task_memcg>[^,]*),task=(?P<comm>.*),pid=(?P<pid>\d+),uid=\d+$",
    re.DOTALL,
)
_KILLED = re.compile(
    r"Killed process (?P<pid>\d+) \((?P<comm>.*)\) total-vm:(?P<total_vm>\d+)kB, anon-rss:(?P<anon_rss>\d+)kB",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class RingKill:
    """A "Killed process" line of the ring; the summary's fields are None where the kernel did not print it."""

    stamp_us: int
    pid: int
    comm: str
    anon_rss_bytes: int
    oom_memcg: str | None
    task_memcg: str | None
    cpuset: str | None


def ring(*, user_space: bool = False) -> list[tuple[int, int, int, str]]:
    """Return the ring's records as (facility and priority, sequence, stamp in microseconds, text).

    Records that user space wrote (8 and more) are left out unless they are asked for.
    """
    device = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    records = []
    try:
        while True:
            try:
                head, _, rest = os.read(device, 16384).partition(b";")
            except BrokenPipeError:
                continue
            except BlockingIOError:
                return records
            fields = head.split(b",")
            if user_space or int(fields[0]) < 8:
                text = rest.split(b"\n", 1)[0].decode("latin-1")
                records.append((int(fields[0]), int(fields[1]), int(fields[2]), text))
    finally:
        os.close(device)


def ring_kills(since_us: int = 0) -> list[RingKill]:
    """Return every kill of the ring, joined by pid with the summary line before it where there is one."""
    summary: re.Match[str] | None = None
    kills = []
    for _, _, stamp, text in ring():
        if found := _SUMMARY.match(text):
            summary = found
        elif (killed := _KILLED.search(text)) and stamp >= since_us:
            mine = summary if summary and summary["pid"] == killed["pid"] else None
            kills.append(
                RingKill(
                    stamp_us=stamp,
                    pid=int(killed["pid"]),
                    comm=killed["comm"],
                    anon_rss_bytes=int(killed["anon_rss"]) * 1024,
                    oom_memcg=mine and mine["oom_memcg"],
                    task_memcg=mine and mine["task_memcg"],
                    cpuset=mine and mine["cpuset"],
                )
            )
    return kills


def kills_of_pod(uid: str) -> list[RingKill]:
    return [kill for kill in ring_kills() if kill.task_memcg and uid in kill.task_memcg]


def monotonic_us() -> int:
    """Return the present on the ring's clock."""
    return int(float(Path("/proc/uptime").read_text().split()[0]) * 1_000_000)


def processes_in(container_id: str) -> dict[int, str]:
    """Return host pid and comm of every process in a container, by /proc/<pid>/cgroup."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if container_id in (folder / "cgroup").read_text():
                    found[int(folder.name)] = (folder / "comm").read_text(errors="replace").strip()
            except OSError:
                continue
    return found


def memory_folder(container_id: str) -> Path | None:
    """Return the folder of a running container's memory cgroup, by the /proc/<pid>/cgroup of one of its processes."""
    for pid in processes_in(container_id):
        try:
            lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
        except OSError:
            continue
        for number, controllers, path in (line.split(":", 2) for line in lines):
            if "memory" in controllers.split(",") or (number, controllers) == ("0", ""):
                root = Path("/sys/fs/cgroup") / ("memory" if controllers else "")
                if (root / path.lstrip("/") / "memory.stat").exists():
                    return root / path.lstrip("/")
    return None


def working_set(folder: Path) -> int | None:
    """Return the memory that a cgroup uses without inactive page cache, in bytes; None where it is gone."""
    v1 = (folder / "memory.usage_in_bytes").exists()
    try:
        usage = int((folder / ("memory.usage_in_bytes" if v1 else "memory.current")).read_text())
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except OSError:
        return None
    return usage - int(stat["total_inactive_file" if v1 else "inactive_file"])


def pods(namespace: str, selector: str | None = None) -> list[Object]:
    return items("pods", namespace, selector)


def statuses(pod: Object) -> list[Object]:
    status = pod.get("status", {})
    return [
        one
        for kind in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
        for one in status.get(kind, [])
    ]


def running_id(pod: Object, container: str) -> str | None:
    """Return the 64-digit ID of the container's running instance."""
    for one in statuses(pod):
        if one["name"] == container and "running" in one["state"]:
            return str(one["containerID"]).split("://")[1]
    return None


def terminations(pod: Object, container: str) -> list[Object]:
    """Return the terminated states that pod status shows of a container, the newest first."""
    return [
        one[state]["terminated"]
        for one in statuses(pod)
        if one["name"] == container
        for state in ("state", "lastState")
        if "terminated" in one.get(state, {})
    ]


def oom_killed(pod: Object, container: str) -> Object | None:
    """Return the newest termination with reason OOMKilled."""
    return next((t for t in terminations(pod, container) if t["reason"] == "OOMKilled"), None)
