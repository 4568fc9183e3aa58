"""The memory usage and the processes of a cgroup, read cheaply.

                 v1 (the memory hierarchy)    v2
    usage        memory.usage_in_bytes        memory.current
    processes    cgroup.procs: thread group IDs as the reader's PID namespace has them

The usage is one counter, 2 microseconds to read from a file that stays open. A file that stays open does not keep its
cgroup from being removed; reading it then fails.

A process of another PID namespace is a 0 in cgroup.procs on v2, and is left out on v1.
"""

import os
import resource
from contextlib import suppress

from oomreport.adapters.node.memory_detail import Detail
from oomreport.adapters.storage.files import read_at_once

# Five thousand processes. A container with more shows those that came last only through /proc.
_PROCESSES_BYTES = 32768
_USAGE = {1: "memory.usage_in_bytes", 2: "memory.current"}
# Of the process's descriptors, the share that may stay open here.
_SHARE = 0.5


class MemoryFiles:
    """The memory files of the hierarchy below `root`.

    `most_open` bounds how many stay open; None: as many as the process may open.
    """

    def __init__(self, root: str, version: int, *, most_open: int | None = None) -> None:
        self.root, self.version = root, version
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._left = int(soft * _SHARE) if most_open is None else most_open

    def gauge(self, path: str) -> "Gauge":
        """Return the gauge of a cgroup, which need not be there."""
        return Gauge(self, path)

    def processes(self, path: str) -> bytes:
        """Return the IDs of the processes in a cgroup, a line each; empty where it is gone.

        The file is opened anew each time. On v1 an open file repeats its first content while it is read each second.
        """
        return read_at_once(f"{self.root}{path}/cgroup.procs", _PROCESSES_BYTES)

    def take(self) -> bool:
        """Return whether one more file may stay open, and count it."""
        self._left -= 1
        if self._left < 0:
            self._left += 1
            return False
        return True

    def give_back(self) -> None:
        """Count one less."""
        self._left += 1


class Gauge:
    """The memory of one cgroup."""

    __slots__ = ("_descriptor", "_files", "_path")

    def __init__(self, files: MemoryFiles, path: str) -> None:
        self._files, self._path = files, path
        self._descriptor = -1

    def usage(self) -> int | None:
        """Return the memory charged to the cgroup, in bytes; None where it is gone."""
        try:
            if self._descriptor >= 0:
                return int(os.pread(self._descriptor, 32, 0))
            descriptor = os.open(self._file(_USAGE[self._files.version]), os.O_RDONLY | os.O_CLOEXEC)
        except (OSError, ValueError):
            self.close()
            return None
        if self._files.take():
            self._descriptor = descriptor
            return self.usage()
        try:
            return int(os.read(descriptor, 32))
        except (OSError, ValueError):
            return None
        finally:
            os.close(descriptor)

    def detail(self) -> Detail:
        """Return what else its files tell."""
        return Detail(f"{self._files.root}{self._path}", self._files.version)

    def close(self) -> None:
        """Give the open file back; it is opened again when it is asked for."""
        if self._descriptor >= 0:
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1
            self._files.give_back()

    def _file(self, name: str) -> str:
        return f"{self._files.root}{self._path}/{name}"
