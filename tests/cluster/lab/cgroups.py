"""A cgroup of the cluster's own, in every hierarchy: what runs in it is what the cluster started, and nothing else is.

Below it, `system` holds the node's daemons and `kubepods` is the kubelet's. On cgroup v1 each controller has a
hierarchy (and its own mount); on v2 there is one, in which a controller works only where the parent passes it on.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .errors import ClusterError

MOUNTS = Path("/proc/self/mounts")


def hierarchies(mounts: Path = MOUNTS) -> list[Path]:
    """The mount points of all cgroup hierarchies, each once."""
    found: dict[str, Path] = {}
    for line in mounts.read_text().splitlines():
        source, point, kind, options, *_ = line.split(" ")
        if kind in ("cgroup", "cgroup2") and point.startswith("/sys/fs/cgroup"):
            found.setdefault(f"{kind} {options}" if kind == "cgroup" else kind, Path(point))
        del source
    return list(found.values())


def unified() -> bool:
    """Whether this machine has cgroup v2 only."""
    return Path("/sys/fs/cgroup/cgroup.controllers").exists()


def create(group: str) -> None:
    """Make /<group> and /<group>/system in every hierarchy; nothing when they are there."""
    for root in hierarchies():
        parent = root
        for name in (group, "system"):
            _pass_controllers_on(parent)
            below = parent / name
            below.mkdir(exist_ok=True)
            # A v1 cpuset starts empty, and an empty one takes no process.
            for file in ("cpuset.cpus", "cpuset.mems"):
                if (below / file).exists() and not (below / file).read_text().strip() and not unified():
                    (below / file).write_text((parent / file).read_text())
            parent = below


def _pass_controllers_on(folder: Path) -> None:
    control = folder / "cgroup.subtree_control"
    if control.exists():
        available = (folder / "cgroup.controllers").read_text().split()
        for controller in available:
            with suppress(OSError):  # one that cannot be passed on must not keep the others back
                control.write_text(f"+{controller}")


def joining(group: str) -> str:
    """A shell command by which the shell enters /<group>/system in every hierarchy."""
    return "; ".join(f"echo $$ >{root / group / 'system' / 'cgroup.procs'}" for root in hierarchies())


def _groups(group: str) -> Iterator[Path]:
    for root in hierarchies():
        # os.walk bottom-up gives a child before its parent, the order in which they can be removed.
        for folder, _, _ in os.walk(root / group, topdown=False):
            yield Path(folder)


def pids(group: str) -> set[int]:
    """Every process in /<group> and below, in any hierarchy."""
    found: set[int] = set()
    for folder in _groups(group):
        with suppress(OSError):
            found.update(map(int, (folder / "cgroup.procs").read_text().split()))
    return found - {0}


def kill(group: str, *, patience: float = 60) -> None:
    """SIGKILL every process in the group until none is left; raises ClusterError when some stay."""
    deadline = time.monotonic() + patience
    while left := pids(group):
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise ClusterError(f"processes in cgroup /{group} do not end: {' '.join(map(str, sorted(left)))}")
        time.sleep(0.02)


def remove(group: str, *, patience: float = 60) -> None:
    """Remove the group in every hierarchy; raises ClusterError when one stays busy."""
    deadline = time.monotonic() + patience
    while folders := [folder for folder in _groups(group) if folder.exists()]:
        for folder in folders:
            with suppress(OSError):
                folder.rmdir()
        if time.monotonic() > deadline:
            raise ClusterError(f"cgroups stay busy: {' '.join(str(folder) for folder in folders[:5])}")
