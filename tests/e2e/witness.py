"""What can be seen from outside the product: the raw ring, /proc and pod status.

Nothing here uses the product's code.
"""

import re
import time
from dataclasses import dataclass, replace

from e2e.kube import Object, items
from e2e.nodes import Node, chosen

_SUMMARY = re.compile(
    r"^oom-kill:constraint=(?P<constraint>\w+),.*?cpuset=(?P<cpuset>[^,]*),mems_allowed=[^,]*,"
    r"(?:oom_memcg=(?P<oom_memcg>[^,]*)|global_oom),task_memcg=(?P<task_memcg>[^,]*),task=(?P<comm>.*),pid=(?P<pid>\d+),uid=\d+$",
    re.DOTALL,
)
_KILLED = re.compile(
    r"Killed process (?P<pid>\d+) \((?P<comm>.*)\) total-vm:(?P<total_vm>\d+)kB, anon-rss:(?P<anon_rss>\d+)kB",
    re.DOTALL,
)
_GROUP = re.compile(r"^Tasks in (?P<memcg>/.*) are going to be killed due to memory\.oom\.group set$")
_MOST_READS = 20


@dataclass(frozen=True, slots=True)
class RingKill:
    """What the ring tells of one coming of the killer; the summary's fields are None where the kernel did not print it.

    Where a container was killed as a group, `group` holds the pids of all its processes as the kernel named them: the
    first victim among them, for the second time. `group_memcg` is the container's cgroup then.
    """

    stamp_us: int
    pid: int
    comm: str
    anon_rss_bytes: int
    constraint: str | None
    oom_memcg: str | None
    task_memcg: str | None
    cpuset: str | None
    group: tuple[int, ...] = ()
    group_memcg: str | None = None

    @property
    def memcg(self) -> str:
        """The cgroup of the victim, empty where no line tells it."""
        return self.task_memcg or self.group_memcg or ""


def ring(*, user_space: bool = False, of: Node | None = None) -> list[tuple[int, int, int, str]]:
    """Return the records of the node's ring as (facility and priority, sequence, stamp in microseconds, text).

    Records that user space wrote (8 and more) are left out unless they are asked for.
    """
    records = []
    for line in _raw_ring(of or chosen()).split(b"\n"):
        head, semicolon, text = line.partition(b";")
        # A record's dictionary follows in lines that begin with a blank.
        if not semicolon or line.startswith(b" "):
            continue
        fields = head.split(b",")
        if user_space or int(fields[0]) < 8:
            records.append((int(fields[0]), int(fields[1]), int(fields[2]), text.decode("latin-1")))
    return records


def _raw_ring(node: Node) -> bytes:
    """One read(2) is one record, and the last one says that there is nothing more; EPIPE that the ring ran on."""
    for _ in range(_MOST_READS):
        done = node.sh_on_kernel("LC_ALL=C dd if=/dev/kmsg iflag=nonblock bs=16k status=none")
        if b"temporarily unavailable" in done.stderr:
            return done.stdout
        assert b"Broken pipe" in done.stderr, f"the ring cannot be read: {done.stderr.decode(errors='replace')}"
    raise AssertionError("the ring runs on faster than it can be read")


def ring_kills(since_us: int = 0, of: Node | None = None) -> list[RingKill]:
    """Return every kill of the ring, joined by pid with the summary line before it where there is one.

    "Tasks in" follows the line of the chosen victim, and the lines of its group follow that; no other kill comes in
    between, since one lock is held all the while.
    """
    kills: list[RingKill] = []
    lines = _kill_lines(of)
    for index, line in enumerate(lines):
        last = kills[-1] if kills else None
        if isinstance(line, str):
            if last is not None:
                kills[-1] = replace(last, group_memcg=line)
            continue
        is_chosen = line.task_memcg is not None or any(isinstance(after, str) for after in lines[index + 1 : index + 2])
        if last is not None and last.group_memcg is not None and not is_chosen:
            kills[-1] = replace(last, group=(*last.group, line.pid))
        else:
            kills.append(line)
    return [kill for kill in kills if kill.stamp_us >= since_us]


def _kill_lines(of: Node | None) -> list[RingKill | str]:
    """Return each kill line of the ring, and of each line "Tasks in" the cgroup that it names."""
    summary: re.Match[str] | None = None
    found: list[RingKill | str] = []
    for _, _, stamp, text in ring(of=of):
        if is_summary := _SUMMARY.match(text):
            summary = is_summary
        elif group := _GROUP.match(text):
            found.append(group["memcg"])
        elif killed := _KILLED.search(text):
            mine = summary if summary and summary["pid"] == killed["pid"] else None
            summary = None
            found.append(
                RingKill(
                    stamp_us=stamp,
                    pid=int(killed["pid"]),
                    comm=killed["comm"],
                    anon_rss_bytes=int(killed["anon_rss"]) * 1024,
                    constraint=mine and mine["constraint"],
                    oom_memcg=mine and mine["oom_memcg"],
                    task_memcg=mine and mine["task_memcg"],
                    cpuset=mine and mine["cpuset"],
                )
            )
    return found


def kills_of_pod(uid: str, of: Node | None = None) -> list[RingKill]:
    """Return the kills in a pod's cgroups; systemd's slices are named with underscores."""
    return [kill for kill in ring_kills(of=of) if uid in kill.memcg or uid.replace("-", "_") in kill.memcg]


def monotonic_us() -> int:
    """Return the present on the ring's clock, by a line written there: unlike /proc/uptime it stands still in a
    suspend.
    """
    mark = f"witness {time.time_ns()}"
    node = chosen()
    done = node.sh_on_kernel(f"echo '{mark}' >/dev/kmsg")
    assert not done.returncode, done.stderr.decode(errors="replace")
    return next(stamp for _, _, stamp, text in reversed(ring(user_space=True, of=node)) if text == mark)


def processes_in(container_id: str) -> dict[int, int]:
    """Return every process of a container: its pid inside by its pid on the host.

    Only the former says which is PID 1: host pids begin anew after pid_max, which is 32768 on small machines.
    """
    script = (
        f"for file in $(grep -ls {container_id} /proc/[0-9]*/cgroup); do"
        " awk '$1 == \"NSpid:\" {print $2, $NF}' ${file%cgroup}status; done 2>/dev/null; true"
    )
    lines = chosen().sh_on_kernel(script).stdout.decode().splitlines()
    return {int(pid): int(inside) for pid, inside in (line.split() for line in lines)}


def events_of_memory(pod_uid: str) -> dict[str, int]:
    """Return memory.events of a pod's cgroup (v2): numbers by name, summed over all that is below."""
    name = f"*pod{pod_uid.replace('-', '_')}.slice"
    text = chosen().sh(f"cat $(find /sys/fs/cgroup -type d -name '{name}' | head -n 1)/memory.events")
    return {key: int(value) for key, value in (line.split() for line in text.splitlines())}


def memory_files(container_id: str) -> dict[str, str]:
    """Return what the memory files of a container's cgroup say, on v1 and v2, by name.

    Those that cannot be read are left out.
    """
    script = (
        f"for folder in $(find /sys/fs/cgroup -type d -name '*{container_id}*'); do [ -e $folder/memory.stat ] && break; done;"
        ' cd $folder && for file in memory.*; do cat $file >/dev/null 2>&1 && echo "== $file" && cat $file; done; true'
    )
    parts = ("\n" + chosen().sh(script)).split("\n== ")[1:]
    return {name: text.strip() for name, _, text in (part.partition("\n") for part in parts)}


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


def killed(pod: Object, container: str) -> Object | None:
    """Return the newest termination by SIGKILL.

    Now and then containerd hears of the OOM later than of the end, and says Error.
    """
    return next((t for t in terminations(pod, container) if t["exitCode"] == 137), None)
