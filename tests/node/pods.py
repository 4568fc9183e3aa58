"""Pods made by hand on this machine: real memory cgroups where a kubelet would make them, and processes that die in
them.

Needs root and a memory hierarchy that may be written to; works on v1 and v2.
"""

import contextlib
import os
import secrets
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
MIB = 1 << 20
_ROOT = Path("/sys/fs/cgroup")

# Forks children that take memory, one after another or all at once, and prints the pid of each that was killed. It
# stays until its input ends. As PID 1 of a container it lives on; with 0 children it takes the memory itself.
_HOG = """
import os, signal, sys, time
count, mib, pause, together, comm = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4] == "1", sys.argv[5]
def take():
    with open("/proc/self/comm", "w") as file:
        file.write(comm)
    held = []
    for _ in range(mib):
        held.append(bytearray(b"x") * (1 << 20))
    time.sleep(60)
print("ready", flush=True)
sys.stdin.readline()
if not count:
    take()
children = []
for number in range(count):
    child = os.fork()
    if not child:
        take()
        os._exit(0)
    children.append(child)
    if not together:
        _, status = os.waitpid(child, 0)
        print(child if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL else "alive", flush=True)
        time.sleep(pause)
if together:
    for child in children:
        _, status = os.waitpid(child, 0)
        print(child if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL else "alive", flush=True)
print("done", flush=True)
sys.stdin.readline()
"""


def why_not() -> str | None:
    """Return what this machine lacks for tests with real kills, None where it lacks nothing."""
    if sys.platform != "linux":
        return "needs Linux"
    if os.geteuid() != 0:
        return "needs root: memory cgroups are made and the kernel log is read"
    try:
        root = memory_root()
    except FileNotFoundError:
        return "needs a memory cgroup hierarchy at /sys/fs/cgroup"
    probe = root / f"oomreport-probe-{os.getpid()}"
    try:
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        return f"needs to make memory cgroups: {error}"
    return None


def memory_root() -> Path:
    if (_ROOT / "memory" / "memory.limit_in_bytes").exists():
        return _ROOT / "memory"
    if "memory" in (_ROOT / "cgroup.controllers").read_text().split():
        return _ROOT
    raise FileNotFoundError(_ROOT)


def is_v2() -> bool:
    return memory_root() == _ROOT and (_ROOT / "cgroup.controllers").exists()


@dataclass(frozen=True, slots=True)
class Container:
    """A container's cgroup in a pod of its own."""

    pod_uid: str
    id: str
    folder: Path

    @property
    def path(self) -> str:
        return f"/{self.folder.relative_to(memory_root())}"

    def oom_kills(self) -> int:
        text = (self.folder / ("memory.events" if is_v2() else "memory.oom_control")).read_text()
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("oom_kill "))

    def remove(self) -> None:
        """Remove the cgroup, as the runtime does when PID 1 has died."""
        for _ in range(200):
            try:
                self.folder.rmdir()
            except OSError:
                time.sleep(0.005)
            else:
                return


class Group:
    """A kubelet's cgroup of our own below the root, with pods made on demand."""

    def __init__(self) -> None:
        _remove_left_behind()
        self.folder = memory_root() / f"oomreport-node-{os.getpid()}-{secrets.token_hex(3)}"
        self.kubepods = self.folder / "kubepods"
        (self.kubepods / "burstable").mkdir(parents=True)
        if is_v2():
            for folder in (self.folder, self.kubepods, self.kubepods / "burstable"):
                (folder / "cgroup.subtree_control").write_text("+memory")

    def container(self, limit_mib: int = 32, *, pod_uid: str | None = None) -> Container:
        uid, container_id = pod_uid or str(uuid.uuid4()), secrets.token_hex(32)
        pod = self.kubepods / "burstable" / f"pod{uid}"
        pod.mkdir(exist_ok=True)
        if is_v2():
            (pod / "cgroup.subtree_control").write_text("+memory")
        folder = pod / container_id
        folder.mkdir()
        (folder / ("memory.max" if is_v2() else "memory.limit_in_bytes")).write_text(str(limit_mib * MIB))
        return Container(uid, container_id, folder)

    def remove(self) -> None:
        _remove(self.folder)


def _remove_left_behind() -> None:
    """Remove the groups of runs that were killed: an agent would find their containers, too, and sample them."""
    for folder in memory_root().glob("oomreport-node-*-*"):
        if not Path("/proc", folder.name.split("-")[2]).exists():
            _remove(folder)


def _remove(group: Path) -> None:
    for folder, _, _ in os.walk(group, topdown=False):
        for _ in range(100):
            try:
                Path(folder).rmdir()
            except FileNotFoundError:
                break
            except OSError:
                time.sleep(0.02)
            else:
                break


class Hog:
    """A process in a container that makes `kills` children take more than the limit; with 0 it does so itself."""

    def __init__(
        self, container: Container, kills: int, *, pause: float = 0.0, together: bool = False, comm: str = "hog"
    ) -> None:
        self.container, self.kills = container, kills
        # A shell enters the cgroup and becomes the hog, so that all of its memory is charged there.
        enter = f'echo $$ > {container.folder}/cgroup.procs && exec "$@"'
        arguments = [str(kills), "256", str(pause), "1" if together else "0", comm]
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", enter, "sh", sys.executable, "-S", "-E", "-c", _HOG, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._line() == "ready"

    def go(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def killed(self) -> list[int]:
        """Wait for the end and return the pids that the kernel killed."""
        if not self.kills:
            assert self.process.wait(60) == -9
            return [self.process.pid]
        pids = []
        while (line := self._line()) != "done":
            assert line.isdigit(), f"a hog was not killed: {line!r}"
            pids.append(int(line))
        return pids

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self.process.communicate("\n", timeout=10)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()


@contextlib.contextmanager
def hogs(containers: Sequence[Container], kills: int, *, pause: float = 0.0, comm: str = "hog") -> Iterator[list[Hog]]:
    """Start a hog in each container, ready to go."""
    started: list[Hog] = []
    try:
        started.extend(Hog(container, kills, pause=pause, comm=comm) for container in containers)
        yield started
    finally:
        for hog in started:
            hog.end()


def eventually(what: str, look: Callable[[], T | None], *, seconds: float = 20.0) -> T:
    """Return what `look` returns once it is true. Fails with `what` after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)
