"""What a cgroup's memory consists of, its peak, swap and pressure.

                 v1 (the memory hierarchy)      v2
    peak         memory.max_usage_in_bytes      memory.peak (from 5.19)
    swap         memory.stat, total_swap        memory.swap.current
    kernel       memory.kmem.usage_in_bytes     memory.stat: kernel (from 5.18) or its parts; sock
    pressure     -                              memory.pressure, where PSI is on

The peak includes page cache and holds since the cgroup was made.

For memory.stat the kernel adds up the counts of every processor: 10 to 60 microseconds, more on large machines. It is
read only when it can have news. The others are small, 7 microseconds each. All are opened for each reading, since
hundreds of them would stay open otherwise.
"""

import re
from dataclasses import dataclass

from oomreport.adapters.storage.files import read_at_once

_STAT_BYTES = 8192
_SMALL_BYTES = 512
# v1 prints "unlimited" as the largest number of pages.
_UNLIMITED = 1 << 60
_PRESSURE = re.compile(rb"some avg10=(\d+\.\d+) .*\nfull avg10=(\d+\.\d+) ")
_LIMIT = {1: "memory.limit_in_bytes", 2: "memory.max"}
_PEAK = {1: "memory.max_usage_in_bytes", 2: "memory.peak"}
_INACTIVE_FILE = {1: b"\ntotal_inactive_file ", 2: b"\ninactive_file "}
_ANON = {1: b"total_rss", 2: b"anon"}
_FILE = {1: b"total_cache", 2: b"file"}
_SHMEM = {1: b"total_shmem", 2: b"shmem"}
_KERNEL_PARTS = (b"kernel_stack", b"pagetables", b"percpu", b"vmalloc", b"slab")


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeUp:
    """What memory consists of, in bytes; None for what the kernel does not tell."""

    anon: int | None = None
    file: int | None = None
    shmem: int | None = None
    kernel: int | None = None


class Detail:
    """The files of one cgroup, whose folder is `folder`. What cannot be read is None."""

    __slots__ = ("_folder", "version")

    def __init__(self, folder: str, version: int) -> None:
        self._folder, self.version = folder, version

    def statistics(self) -> bytes:
        """Return memory.stat as it is; empty where the cgroup is gone."""
        return read_at_once(f"{self._folder}/memory.stat", _STAT_BYTES)

    def limit(self) -> int | None:
        """Return the memory limit in bytes, None without one."""
        return self._size(_LIMIT[self.version])

    def peak(self) -> int | None:
        """Return the most that was ever charged, in bytes."""
        return self._size(_PEAK[self.version])

    def swap(self, statistics: bytes) -> int | None:
        """Return what is swapped out, in bytes; v1 tells it in memory.stat, where swap is accounted at all."""
        return self._size("memory.swap.current") if self.version == 2 else _number_after(statistics, b"\ntotal_swap ")

    def swap_limit(self, limit: int | None) -> int | None:
        """Return how much may be swapped out, in bytes, None without a limit.

        v1 has one for memory and swap together, of which `limit` is the memory's.
        """
        if self.version == 2:
            return self._size("memory.swap.max")
        both = self._size("memory.memsw.limit_in_bytes")
        return max(0, both - limit) if both is not None and limit is not None else None

    def kernel(self) -> int | None:
        """Return the kernel's own memory in bytes where memory.stat does not tell it (v1)."""
        return self._size("memory.kmem.usage_in_bytes") if self.version == 1 else None

    def pressure(self) -> tuple[float, float] | None:
        """Return the percentages of the last ten seconds in which some task, and all at once, stalled on memory."""
        if self.version == 1:
            return None
        parts = _PRESSURE.match(read_at_once(f"{self._folder}/memory.pressure", _SMALL_BYTES))
        # An average of the kernel's fixed-point numbers; the record's schema ends at 100.
        return (min(100.0, float(parts[1])), min(100.0, float(parts[2]))) if parts else None

    def _size(self, name: str) -> int | None:
        text = read_at_once(f"{self._folder}/{name}", _SMALL_BYTES).strip()
        return int(text) if text.isdigit() and int(text) < _UNLIMITED else None


def inactive_file(statistics: bytes, version: int) -> int:
    """Return how much page cache the kernel would give back first, in bytes; 0 where memory.stat was not read."""
    return _number_after(statistics, _INACTIVE_FILE[version]) or 0


def make_up(statistics: bytes, version: int) -> MakeUp:
    """Return what memory.stat tells, for the cgroup and all below it."""
    found = dict(line.split(b" ", 1) for line in statistics.splitlines() if b" " in line)
    stat = {key: int(value) for key, value in found.items() if value.isdigit()}
    parts = [stat[key] for key in _KERNEL_PARTS if key in stat]
    whole = stat.get(b"kernel", sum(parts) if parts else None)
    return MakeUp(
        anon=stat.get(_ANON[version]),
        file=stat.get(_FILE[version]),
        shmem=stat.get(_SHMEM[version]),
        # Sockets are charged to the cgroup, and not counted in `kernel`.
        kernel=whole + stat.get(b"sock", 0) if whole is not None and version == 2 else None,
    )


def _number_after(text: bytes, key: bytes) -> int | None:
    start = text.find(key)
    if start < 0:
        return None
    start += len(key)
    return int(text[start : text.find(b"\n", start)])
