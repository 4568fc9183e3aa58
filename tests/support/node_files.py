"""A node's files in a temporary folder: cgroups as the kernel and the kubelet make them, logs as the kubelet names
them.
"""

import shutil
from pathlib import Path

V1, V2 = 1, 2


class FakeNode:
    """Cgroups below `cgroup_root`, logs below `log_root`. Counters are those of the layout's version."""

    def __init__(
        self, folder: Path, version: int = V2, *, namespaced: bool = False, kubepods: str = "/kubepods"
    ) -> None:
        self.version, self.kubepods = version, kubepods
        self.cgroup_root, self.log_root = folder / "cgroup", folder / "log"
        self.root = self.cgroup_root / "memory" if version == V1 else self.cgroup_root
        self.root.mkdir(parents=True)
        for name in ("pods", "containers"):
            (self.log_root / name).mkdir(parents=True)
        if version == V1:
            (self.root / "memory.limit_in_bytes").write_text("9223372036854771712\n")
        else:
            (self.root / "cgroup.controllers").write_text("cpuset cpu memory pids\n")
        if namespaced == (version == V2):
            (self.root / ("cgroup.type" if version == V2 else "release_agent")).write_text("domain\n")
        self.cgroup(kubepods)

    def cgroup(self, path: str, kills: int = 0, group_kills: int | None = 0, limit: int | None = None) -> Path:
        """Make a cgroup, or change its counters."""
        folder = self.root / path.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        if self.version == V1:
            (folder / "memory.oom_control").write_text(f"oom_kill_disable 0\nunder_oom 0\noom_kill {kills}\n")
            (folder / "memory.limit_in_bytes").write_text(f"{limit or 9223372036854771712}\n")
            (folder / "memory.failcnt").write_text("0\n")
        else:
            group = "" if group_kills is None else f"oom_group_kill {group_kills}\n"
            (folder / "memory.events").write_text(f"low 0\nhigh 0\nmax 7\noom 0\noom_kill {kills}\n{group}")
            (folder / "memory.events.local").write_text("low 0\nhigh 0\nmax 7\noom 0\noom_kill 0\n")
            (folder / "memory.max").write_text(f"{limit or 'max'}\n")
        return folder

    def kill(self, path: str) -> None:
        """Count a kill, as the kernel does before it prints one; in v2 the cgroups above count it as well."""
        name = "memory.oom_control" if self.version == V1 else "memory.events"
        folder = self.root / path.lstrip("/")
        while folder != self.root:
            file = folder / name
            if file.exists():
                fields = [line.split(" ") for line in file.read_text().splitlines()]
                file.write_text("".join(f"{key} {int(value) + (key == 'oom_kill')}\n" for key, value in fields))
            if self.version == V1:
                return
            folder = folder.parent

    def with_swap(self, path: str, *, limit: int, peak: int, refused: int = 0) -> None:
        """Set what a cgroup of v1 says of memory and swap together."""
        folder = self.root / path.lstrip("/")
        for name, value in (("limit_in_bytes", limit), ("max_usage_in_bytes", peak), ("failcnt", refused)):
            (folder / f"memory.memsw.{name}").write_text(f"{value}\n")

    def hit(self, path: str) -> None:
        """Count that a cgroup's limit was hit: its own counter, and in v2 `oom` of memory.events from there upwards."""
        folder = self.root / path.lstrip("/")
        if self.version == V1:
            (folder / "memory.failcnt").write_text(f"{int((folder / 'memory.failcnt').read_text()) + 1}\n")
            return
        _count(folder / "memory.events.local")
        for above in (folder, *folder.parents):
            if above == self.root:
                return
            _count(above / "memory.events")

    def memory(self, path: str, usage: int, *, inactive_file: int = 0) -> None:
        """Set what a cgroup uses."""
        folder = self.root / path.lstrip("/")
        if self.version == V1:
            stat = f"cache 7\ninactive_file 7\ntotal_cache 7\ntotal_inactive_file {inactive_file}\ntotal_rss 1\n"
            (folder / "memory.usage_in_bytes").write_text(f"{usage}\n")
        else:
            stat = f"anon 7\nfile 7\ninactive_file {inactive_file}\nactive_file 7\nworkingset_refault_file 3\n"
            (folder / "memory.current").write_text(f"{usage}\n")
        (folder / "memory.stat").write_text(stat)

    def detail(
        self, path: str, *, peak: int | None = None, swap: int = 0, swap_limit: int | None = None, stalled: float = 0.0
    ) -> None:
        """Set what else a cgroup tells; v1 knows no pressure, and counts swap in memory.stat."""
        folder = self.root / path.lstrip("/")
        if self.version == V1:
            (folder / "memory.max_usage_in_bytes").write_text(f"{peak or 0}\n")
            (folder / "memory.kmem.usage_in_bytes").write_text(f"{1 << 20}\n")
            return
        if peak is not None:
            (folder / "memory.peak").write_text(f"{peak}\n")
        (folder / "memory.swap.current").write_text(f"{swap}\n")
        (folder / "memory.swap.max").write_text(f"{'max' if swap_limit is None else swap_limit}\n")
        averages = f"avg10={stalled:.2f} avg60=0.02 avg300=0.00 total=129438910"
        (folder / "memory.pressure").write_text(f"some {averages}\nfull {averages}\n")

    def processes(self, path: str, *pids: int) -> None:
        """Set which processes are in a cgroup; 0 is one of another PID namespace, as v2 shows it."""
        (self.root / path.lstrip("/") / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))

    def pod_path(self, uid: str, qos: str = "burstable") -> str:
        return f"{self.kubepods}/{qos}/pod{uid}" if qos else f"{self.kubepods}/pod{uid}"

    def container(
        self,
        uid: str,
        container_id: str,
        *,
        qos: str = "burstable",
        kills: int = 0,
        group_kills: int | None = 0,
        limit: int | None = None,
        as_group: bool = False,
    ) -> str:
        """Make a container's cgroup, or change its counters; return its path."""
        pod = self.pod_path(uid, qos)
        for level in (f"{self.kubepods}/{qos}" if qos else pod, pod):
            if not (self.root / level.lstrip("/")).exists():
                self.cgroup(level)
        path = f"{pod}/{container_id}"
        folder = self.cgroup(path, kills, group_kills, limit)
        if self.version == V2:
            (folder / "memory.oom.group").write_text(f"{as_group:d}\n")
        return path

    def pod_kills(self, uid: str, kills: int, *, qos: str = "burstable", group_kills: int | None = 0) -> None:
        self.cgroup(self.pod_path(uid, qos), kills, group_kills)

    def vanish(self, path: str) -> None:
        shutil.rmtree(self.root / path.lstrip("/"))

    def logs(self, uid: str, container_id: str, *, namespace: str, pod: str, container: str) -> None:
        """Make the folder and the link that the kubelet makes for a container."""
        folder = self.log_root / "pods" / f"{namespace}_{pod}_{uid}" / container
        folder.mkdir(parents=True, exist_ok=True)
        link = f"{pod}_{namespace}_{container}-{container_id}"[:251] + ".log"
        target = f"/var/log/pods/{folder.parent.name}/{container}/0.log"
        (self.log_root / "containers" / link).symlink_to(target)


def _count(events: Path) -> None:
    if events.exists():
        fields = [line.split(" ") for line in events.read_text().splitlines()]
        events.write_text("".join(f"{key} {int(value) + (key == 'oom')}\n" for key, value in fields))
