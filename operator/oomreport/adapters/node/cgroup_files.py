"""The memory cgroups of pods: kill counters and limits.

                 v1 (the memory hierarchy)             v2
    kills        memory.oom_control  `oom_kill N`      memory.events  `oom_kill N`, `oom_group_kill N` (from 5.17)
    counts       the cgroup's own processes only       everything below as well
    limit        memory.limit_in_bytes                 memory.max
    limit hit    memory.failcnt: charges refused       memory.events.local `oom` (from 5.2), memory.events `oom`

On v1 the limit of memory and swap together (memory.memsw.*), which a runtime sets beside a container's limit where the
kernel counts swap, is asked first. What it refuses moves its own failcnt; of a kernel 6.18 it moves none at all.

Counters start at 0 with the cgroup and are gone with it, right after a container's PID 1 died. With memory.oom.group
`oom_kill` counts processes, the chosen one twice, so it is no number of kills.

Paths are written as the kernel prints them for a reader in the same cgroup namespace: below the root of the hierarchy,
with a leading slash. In a cgroup namespace (kind's nodes) that root is not the machine's.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from oomreport.adapters.storage.files import read_at_once
from oomreport.workload.container import Subject, subject_of

_KUBEPODS = re.compile(r"(?:^|-)kubepods(?:\.slice)?$")
_HEX64 = re.compile(r"[0-9a-f]{64}")
_POD = re.compile(r"(?:^|-)pod[0-9a-f][0-9a-f_-]+(?:\.slice)?$")
_QOS = re.compile(r"(?:^|-)(?:burstable|besteffort)(?:\.slice)?$")
# /kubelet.slice/kubelet-kubepods.slice in kind, /<kubelet's --cgroup-root>/kubepods elsewhere.
_MOST_DEPTH = 4
_MOST_NESTED = 64
# The kernel asks for a batch, and then for a page, so less than a batch is left free: MEMCG_CHARGE_BATCH, 64 pages, of
# include/linux/memcontrol.h.
_BATCH = 64 * os.sysconf("SC_PAGE_SIZE")
# v1 prints "unlimited" as the largest number of pages.
_UNLIMITED = 1 << 60


@dataclass(frozen=True, slots=True, kw_only=True)
class KillCount:
    """A cgroup's counters. Both are None where the kernel does not count them (`oom_kill` came with 4.13)."""

    kills: int | None
    group_kills: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitCount:
    """How often a cgroup's own limit was hit, and how often that and every limit below it (v2; None on v1)."""

    own: int
    all: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerCgroup:
    """A container's cgroup. `nested` are the cgroups below it whose kills its own counter leaves out (v1)."""

    path: str
    subject: Subject
    nested: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PodCgroups:
    """A pod's cgroup and those of its containers; the sandbox (pause) is one of them.

    `kubepods` is the cgroup of all pods.
    """

    kubepods: str
    path: str
    subject: Subject
    containers: tuple[ContainerCgroup, ...]


class CgroupFiles:
    """The memory hierarchy below `root`, usually /sys/fs/cgroup. Raises FileNotFoundError where there is none."""

    def __init__(self, root: Path) -> None:
        self.version, self._root = _hierarchy(root)
        self.namespaced = _is_namespaced(self._root, self.version)
        self._kubepods: list[str] = []
        self._subjects: dict[str, Subject | None] = {}
        self._links: dict[str, int] = {}

    @property
    def root(self) -> str:
        """The folder of the memory hierarchy, to which a cgroup's path is appended."""
        return self._root

    @property
    def kubepods(self) -> tuple[str, ...]:
        """The cgroups that hold all pods, as found by the last search."""
        return tuple(self._kubepods)

    def find_kubepods(self) -> None:
        """Search the hierarchy for the kubelet's cgroup; below a container's cgroup is somebody else's."""
        self._kubepods = list(self._search("", 0))

    def pods(self) -> Iterator[PodCgroups]:
        """List the pods that have a cgroup now."""
        seen: dict[str, Subject | None] = {}
        self._links = {}
        for kubepods in self._kubepods:
            for level in self._noted_children(kubepods):
                if _POD.search(level):
                    yield from self._pod(kubepods, f"{kubepods}/{level}", seen)
                elif _QOS.search(level):
                    for name in self._noted_children(f"{kubepods}/{level}"):
                        if _POD.search(name):
                            yield from self._pod(kubepods, f"{kubepods}/{level}/{name}", seen)
        self._subjects = seen

    def unchanged(self) -> bool:
        """Return whether every cgroup above a container has as many cgroups below it as when the pods were listed.

        A folder of cgroupfs has two links and one for each folder below, so this is a seventh of the work of a list. A
        container that took another's place goes unnoticed.
        """
        return bool(self._links) and all(self._link_count(path) == links for path, links in self._links.items())

    def kill_text(self, path: str) -> bytes:
        """Return the file of a cgroup's counters as it is, which is nearly always as it was; empty where it is gone."""
        return self._read(path, "memory.oom_control" if self.version == 1 else "memory.events")

    def count(self, path: str) -> KillCount | None:
        """Return a cgroup's counters, or None where it is gone."""
        text = self.kill_text(path)
        return kill_count(text) if text else None

    def limit(self, path: str) -> int | None:
        """Return a cgroup's memory limit in bytes, or None where there is none."""
        limit = self._number(path, "memory.limit_in_bytes" if self.version == 1 else "memory.max")
        return limit if limit is not None and limit < _UNLIMITED else None

    def limit_count(self, path: str) -> LimitCount | None:
        """Return how often a cgroup's limit was hit, or None where it is gone or the kernel does not count."""
        if self.version == 1:
            own = self._number(path, "memory.failcnt")
            return None if own is None else LimitCount(own=own + (self._number(path, "memory.memsw.failcnt") or 0))
        own = _number_after(self._read(path, "memory.events.local"), b"oom ")
        return (
            None if own is None else LimitCount(own=own, all=_number_after(self._read(path, "memory.events"), b"oom "))
        )

    def reached_uncounted(self, path: str) -> bool:
        """Return whether a cgroup ever reached its limit of memory and swap together: that may go uncounted (v1).

        The cgroup above holds at least as much, so where that has no higher limit, it is met first.
        """
        limit = self._number(path, "memory.memsw.limit_in_bytes") if self.version == 1 else None
        above = path.rpartition("/")[0]
        if limit is None or limit >= (self.limit(above) or _UNLIMITED):
            return False
        return (self._number(path, "memory.memsw.max_usage_in_bytes") or 0) > limit - _BATCH

    def kills_as_group(self, path: str) -> bool:
        """Return whether the killer takes all processes of the cgroup at once (memory.oom.group, v2)."""
        return self.version == 2 and self._read(path, "memory.oom.group").strip() == b"1"

    def _number(self, path: str, name: str) -> int | None:
        text = self._read(path, name).strip()
        return int(text) if text.isdigit() else None

    def _pod(self, kubepods: str, path: str, seen: dict[str, Subject | None]) -> Iterator[PodCgroups]:
        pod = self._subject(path, seen)
        if pod is None:
            return
        containers = []
        for name in self._noted_children(path):
            below = f"{path}/{name}"
            subject = self._subject(below, seen)
            if subject is not None and subject.container_id is not None:
                nested = tuple(self._nested(below)) if self.version == 1 else ()
                containers.append(ContainerCgroup(path=below, subject=subject, nested=nested))
        yield PodCgroups(kubepods=kubepods, path=path, subject=pod, containers=tuple(containers))

    def _subject(self, path: str, seen: dict[str, Subject | None]) -> Subject | None:
        if path not in self._subjects:
            self._subjects[path] = subject_of(path)
        return seen.setdefault(path, self._subjects[path])

    def _nested(self, path: str) -> Iterator[str]:
        """List the cgroups below, of which most containers have none."""
        waiting = [path]
        for _ in range(_MOST_NESTED):
            if not waiting:
                return
            above = waiting.pop()
            if self._link_count(above) <= 2:
                continue
            below = [f"{above}/{name}" for name in self._children(above)]
            waiting.extend(below)
            yield from below

    def _search(self, path: str, depth: int) -> Iterator[str]:
        for name in self._children(path):
            if _KUBEPODS.search(name):
                yield f"{path}/{name}"
            elif depth + 1 < _MOST_DEPTH and not _HEX64.search(name):
                yield from self._search(f"{path}/{name}", depth + 1)

    def _noted_children(self, path: str) -> list[str]:
        self._links[path] = self._link_count(path)
        return self._children(path)

    def _link_count(self, path: str) -> int:
        try:
            return os.stat(self._root + path).st_nlink  # noqa: PTH116 - hundreds of them, no Path for each
        except OSError:
            return 0

    def _children(self, path: str) -> list[str]:
        try:
            with os.scandir(self._root + path) as entries:
                return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            return []

    def _read(self, path: str, name: str) -> bytes:
        return read_at_once(f"{self._root}{path}/{name}", 4096)


def _hierarchy(root: Path) -> tuple[int, str]:
    """On a mixed set-up (systemd's hybrid mode) the memory controller is in one hierarchy only: the v1 one."""
    if (root / "memory" / "memory.limit_in_bytes").exists():
        return 1, str(root / "memory")
    if (root / "memory.limit_in_bytes").exists():
        return 1, str(root)
    for v2 in (root, root / "unified"):
        controllers = v2 / "cgroup.controllers"
        if controllers.exists() and "memory" in controllers.read_text("ascii").split():
            return 2, str(v2)
    raise FileNotFoundError(0, "no memory cgroup hierarchy", str(root))


def _is_namespaced(root: str, version: int) -> bool:
    """Tell by files that exist at the machine's own root only (v1), or everywhere but there (v2)."""
    if version == 1:
        return not Path(root, "release_agent").exists()
    return Path(root, "cgroup.type").exists()


def kill_count(text: bytes) -> KillCount:
    """Return the counters in a file's text."""
    return KillCount(kills=_number_after(text, b"oom_kill "), group_kills=_number_after(text, b"oom_group_kill "))


def _number_after(text: bytes, key: bytes) -> int | None:
    start = 0 if text.startswith(key) else text.find(b"\n" + key) + 1
    if not text.startswith(key, start):
        return None
    digits = text[start + len(key) :].split(b"\n", 1)[0]
    return int(digits) if digits.isdigit() else None
