"""The memory cgroup at its limit: usage, limits and statistics, in bytes.

    memory: usage 57344kB, limit 57344kB, failcnt 24
    swap: usage 0kB, limit 0kB, failcnt 0                    cgroup v2
    memory+swap: usage 57344kB, limit 57344kB, failcnt 0     cgroup v1: both together
    Memory cgroup stats for /PATH: cache:0KB rss:100KB ..    before 5.3, one line for every cgroup below the limited one
    Memory cgroup stats for /PATH:                           since 5.3; `key value` lines follow, or one record of all

Unlimited is printed as the largest number of pages, in kB: 9007199254740988 with pages of 4 KiB, about twice that on
kernels before 3.19, 8589934588 on 32 bits.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from oomreport.kernel import lazy_re as re
from oomreport.kernel.record import MemoryUsage
from oomreport.kernel.text.digits import BYTES, COUNT, KILOBYTES, LIMIT_KILOBYTES, MOST

_USAGE = re.compile(
    rf"(memory\+swap|memory|swap|kmem): usage ({KILOBYTES})kB, limit ({LIMIT_KILOBYTES})kB, failcnt ({COUNT})(?!\d)"
)
_STATS = re.compile(
    rf"Memory cgroup stats(?: for (?P<path>.*?))?:(?P<inline>(?: [\w()]+:-?{KILOBYTES}KB)*)(?P<cut> \S+)?$", re.DOTALL
)
_INLINE = re.compile(rf"([\w()]+):(-?{KILOBYTES})KB")
_FIGURE = re.compile(rf"([a-z_][a-z_0-9]*(?:\([a-z_]+\))?) ({BYTES})")
_HEAD = "Memory cgroup stats for "
_UNLIMITED_KB = 2**53 - 2**20
_UNLIMITED_KB_OF_32_BIT = 2**33 - 4


class CgroupCounter(NamedTuple):
    """A counter of the cgroup: `memory`, `swap`, `memory+swap` or `kmem`."""

    name: str
    usage_kb: int
    limit_kb: int
    failures: int


class Stats(NamedTuple):
    """The cgroup of a "Memory cgroup stats" line, None where the line is cut, and the statistics on it, in bytes."""

    path: str | None
    figures: dict[str, int]


def usage_of(text: str) -> CgroupCounter | None:
    """Return a counter, or None where `text` is no such line."""
    parts = _USAGE.match(text)
    return CgroupCounter(parts[1], int(parts[2]), int(parts[3]), int(parts[4])) if parts else None


def stats_of(text: str) -> Stats:
    """Return what a "Memory cgroup stats" line says."""
    if text.startswith(_HEAD) and text.endswith(":") and ": " not in text:
        return Stats(text[len(_HEAD) : -1] or None, {})
    head = _STATS.match(text.rstrip())
    if head is None or (head["cut"] and not head["inline"]):
        return Stats(None, {})
    return Stats(head["path"] or None, {key: int(value) * 1024 for key, value in _INLINE.findall(head["inline"])})


def line_stats(text: str) -> dict[str, int]:
    """Return the `key value` lines of a record: bytes, or a count for the kernel's event counters."""
    found = (_FIGURE.fullmatch(line.strip()) for line in text.split("\n"))
    return {figure[1]: value for figure in found if figure is not None and (value := int(figure[2])) <= MOST}


def memory_usage(usages: Iterable[CgroupCounter], stat: dict[str, int]) -> MemoryUsage | None:
    """Return the cgroup's state from its usage lines and statistics; None where neither was printed."""
    by_name = {usage.name: usage for usage in usages}
    if not by_name and not stat:
        return None
    memory = by_name.get("memory")
    swap_usage, swap_limit = _swap(by_name)
    return MemoryUsage(
        usage_bytes=memory.usage_kb * 1024 if memory is not None else None,
        limit_bytes=_limit_bytes(memory.limit_kb) if memory is not None else None,
        failure_count=memory.failures if memory is not None else None,
        swap_usage_bytes=swap_usage,
        swap_limit_bytes=swap_limit,
        stat=stat,
    )


def _swap(by_name: Mapping[str, CgroupCounter]) -> tuple[int | None, int | None]:
    """Return the swap in use and its limit; cgroup v1 prints both with memory included."""
    memory, swap, both = by_name.get("memory"), by_name.get("swap"), by_name.get("memory+swap")
    if swap is not None:
        return swap.usage_kb * 1024, _limit_bytes(swap.limit_kb)
    if both is None or memory is None or both.usage_kb < memory.usage_kb:
        return None, None  # `memory+swap: usage 0kB` says that swap is not accounted
    both_limit = _limit_bytes(both.limit_kb)
    limit = None if both_limit is None else max(both_limit - memory.limit_kb * 1024, 0)
    return (both.usage_kb - memory.usage_kb) * 1024, limit


def _limit_bytes(kilobytes: int) -> int | None:
    """Return a limit in bytes; None for unlimited."""
    if kilobytes >= _UNLIMITED_KB or kilobytes == _UNLIMITED_KB_OF_32_BIT:
        return None
    return kilobytes * 1024
