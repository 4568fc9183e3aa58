"""The memory cgroup at its limit: usage, limits and statistics, in bytes.

    memory: usage 57344kB, limit 57344kB, failcnt 24
    swap: usage 0kB, limit 0kB, failcnt 0                    cgroup v2
    memory+swap: usage 57344kB, limit 57344kB, failcnt 0     cgroup v1: both together
    Memory cgroup stats for /PATH: cache:0KB rss:100KB ..    before 5.3, one line for every cgroup below the limited one
    Memory cgroup stats for /PATH:                           since 5.3, then `key value` lines, or one record of them all

Unlimited is printed as the largest number of pages, in kB: 9007199254740988 with pages of 4 KiB, about twice that on
kernels before 3.19, 8589934588 on 32 bits.
"""

from collections.abc import Iterable

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


def usage_of(text: str) -> tuple[str, int, int, int] | None:
    """Return the counter's name, its usage and limit in kB, and its failcnt; None where `text` is no such line."""
    parts = _USAGE.match(text)
    return (parts[1], int(parts[2]), int(parts[3]), int(parts[4])) if parts else None


def stats_of(text: str) -> tuple[str | None, dict[str, int]]:
    """Return the cgroup of a "Memory cgroup stats for" line, None where it is cut, and the statistics on it, in bytes."""
    if text.startswith(_HEAD) and text.endswith(":") and ": " not in text:
        return text[len(_HEAD) : -1] or None, {}
    head = _STATS.match(text.rstrip())
    if head is None or (head["cut"] and not head["inline"]):
        return None, {}
    return head["path"] or None, {key: int(value) * 1024 for key, value in _INLINE.findall(head["inline"])}


def line_stats(text: str) -> dict[str, int]:
    """Return the `key value` lines of a record: bytes, or a count for the kernel's event counters."""
    found = (_FIGURE.fullmatch(line.strip()) for line in text.split("\n"))
    return {figure[1]: value for figure in found if figure is not None and (value := int(figure[2])) <= MOST}


def plain_stats(text: str) -> dict[str, int]:
    """Return the statistics in text of nothing but `key value` lines."""
    words = text.split()
    return {key: value for key, digits in zip(words[::2], words[1::2], strict=True) if (value := int(digits)) <= MOST}


def plain_usages(run: str) -> list[tuple[str, int, int, int]]:
    """Return what `usage_of` says of each line in a run of nothing else."""
    return [(name, int(used), int(limit), int(failed)) for name, used, limit, failed in _USAGE.findall(run)]


def memory_usage(usages: Iterable[tuple[str, int, int, int]], stat: dict[str, int]) -> MemoryUsage | None:
    """Return the cgroup's state from its usage lines and statistics; None where neither was printed."""
    by_name = {name: rest for name, *rest in usages}
    if not by_name and not stat:
        return None
    memory = by_name.get("memory", [None, None, None])
    limit = _limit_bytes(memory[1])
    swap_usage, swap_limit = _swap(by_name, memory[0], memory[1])
    return MemoryUsage(
        usage_bytes=None if memory[0] is None else memory[0] * 1024,
        limit_bytes=limit,
        failure_count=memory[2],
        swap_usage_bytes=swap_usage,
        swap_limit_bytes=swap_limit,
        stat=stat,
    )


def _swap(by_name: dict[str, list[int]], used_kb: int | None, limit_kb: int | None) -> tuple[int | None, int | None]:
    """Return the swap in use and its limit; cgroup v1 prints both with memory included."""
    if "swap" in by_name:
        return by_name["swap"][0] * 1024, _limit_bytes(by_name["swap"][1])
    both = by_name.get("memory+swap")
    if both is None or used_kb is None or limit_kb is None or both[0] < used_kb:
        return None, None  # `memory+swap: usage 0kB` says that swap is not accounted
    both_limit = _limit_bytes(both[1])
    return (both[0] - used_kb) * 1024, None if both_limit is None else max(both_limit - limit_kb * 1024, 0)


def _limit_bytes(kilobytes: int | None) -> int | None:
    if kilobytes is None or kilobytes >= _UNLIMITED_KB or kilobytes == _UNLIMITED_KB_OF_32_BIT:
        return None
    return kilobytes * 1024
