"""Facts of the running kernel, from /proc.

`oom_kill` of /proc/vmstat counts the kills of the whole machine, in every cgroup, and anybody may read it. The kernel
increments it, like the counter of the victim's cgroup, just before it prints "Killed process" (__oom_kill_process() in
mm/oom_kill.c); it exists from 4.13 on. No counter of a cgroup can move without it.
"""

import ctypes
import os
from pathlib import Path

_COUNT = b"\noom_kill "
# PROC_PID_INIT_INO in include/linux/proc_ns.h: the machine's own PID namespace has this number on every kernel.
_FIRST_PID_NAMESPACE = "pid:[4026531836]"


class ProcFiles:
    """The files below `root`, usually /proc. Files that are not there read as None."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._vmstat: int | None = None

    def boot_id(self) -> str | None:
        """Return the random ID of this boot, 36 characters."""
        return self._text("sys/kernel/random/boot_id")

    def kernel_release(self) -> str | None:
        """Return what `uname -r` prints."""
        return self._text("sys/kernel/osrelease")

    def effective_capabilities(self) -> int | None:
        """Return this process's effective capabilities as a bit mask."""
        for line in (self._text("self/status") or "").splitlines():
            if line.startswith("CapEff:"):
                return int(line.split()[1], 16)
        return None

    def dmesg_restrict(self) -> bool:
        """Return whether only CAP_SYSLOG may read the kernel log; kernels that do not say are taken to ask for it."""
        return self._text("sys/kernel/dmesg_restrict") != "0"

    def oom_kills(self) -> int | None:
        """Return how many processes the OOM killer killed on the machine since boot, None where it is not counted.

        Read five to twenty times a second, so the file stays open: 30 microseconds each.
        """
        try:
            if self._vmstat is None:
                self._vmstat = os.open(self._root / "vmstat", os.O_RDONLY | os.O_CLOEXEC)
            text = os.pread(self._vmstat, 65536, 0)
        except OSError:
            return None
        start = text.find(_COUNT)
        if start < 0:
            return None
        start += len(_COUNT)
        return int(text[start : text.find(b"\n", start)])

    def shows_all_processes(self) -> bool:
        """Return whether this process, and these files, are in the machine's own PID namespace.

        Only there are process IDs those that the kernel prints. A pod with hostPID is, on a node that is a machine; in
        kind a node is a container with a PID namespace of its own.
        """
        try:
            return os.readlink(self._root / "self/ns/pid") == _FIRST_PID_NAMESPACE  # noqa: PTH115 - a link to nothing
        except OSError:
            return False

    def memory_cgroup(self, pid: int) -> str | None:
        """Return the path of the cgroup that a process's memory is charged to; None where it is gone.

        On v1 a process that has died but was not waited for yet shows the root, `/`.
        """
        lines = [line.split(":", 2) for line in (self._text(f"{pid}/cgroup") or "").splitlines()]
        found = {controllers: path for number, controllers, path in (line for line in lines if len(line) == 3)}
        v1 = next((path for controllers, path in found.items() if "memory" in controllers.split(",")), None)
        return v1 if v1 is not None else found.get("")

    def _text(self, name: str) -> str | None:
        try:
            return (self._root / name).read_text("ascii", "replace").strip()
        except OSError:
            return None


def give_back_memory() -> None:
    """Return what the C library holds free to the kernel: most of what reading a whole ring needed (glibc only)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
