"""What the memory consisted of: the parts of a bar."""

from dataclasses import dataclass

from oomreport.cli.logs.words import shown
from oomreport.kernel.record import Invocation

_MOST_HOLDERS = 3
# cgroup v2 names and their predecessors in v1. A part of the bar is shown where the kernel prints it.
_MAKE_UP = (
    ("processes (anonymous)", ("anon", "total_rss", "rss")),
    ("shared memory, tmpfs", ("shmem", "total_shmem")),
    ("page cache", ("file", "total_cache", "cache")),
    ("kernel", ("kernel", "slab")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of the memory that a limit counts."""

    name: str
    size: int


def make_up(invocation: Invocation) -> tuple[Share, ...]:
    """Return what the limited cgroup's memory consists of, largest first, without overlaps.

    Where the node is full it is who holds it: the largest processes. Shared pages count for each of them.
    """
    if invocation.global_oom:
        return _holders(invocation) if invocation.table_whole else ()
    stat = invocation.memory.stat if invocation.memory else {}
    sizes = {
        name: next((stat[key] for key in keys if key in stat), 0)
        for name, keys in _MAKE_UP
    }  # fmt: skip
    # shmem is counted in file as well.
    sizes["page cache"] = max(sizes["page cache"] - sizes["shared memory, tmpfs"], 0)
    return tuple(sorted((Share(name=n, size=s) for n, s in sizes.items() if s), key=lambda share: -share.size))


def _holders(invocation: Invocation) -> tuple[Share, ...]:
    by_size = sorted(invocation.tasks, key=lambda task: -(task.rss_bytes or 0))
    shares = [Share(name=shown(task.comm), size=task.rss_bytes) for task in by_size[:_MOST_HOLDERS] if task.rss_bytes]
    rest = sum(task.rss_bytes or 0 for task in by_size[_MOST_HOLDERS:])
    return (*shares, Share(name="other processes", size=rest)) if rest else tuple(shares)


def whole_of(invocation: Invocation) -> int:
    """Return what the shares are parts of: what is in use of a cgroup, the node's memory where that is full."""
    total = sum(share.size for share in make_up(invocation))
    memory = invocation.memory
    used = invocation.total_bytes if invocation.global_oom else memory.usage_bytes if memory else None
    return max(total, used or 0)
