"""What a cgroup's memory consists of, by its statistics."""

from dataclasses import dataclass

from oomreport.kernel.record import MemoryUsage


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """The parts of a cgroup's memory, in bytes, without overlaps.

    `kernel` is what the statistics list of the kernel's own memory, `unlisted` what is charged and in no statistic.
    Processes, tmpfs and files are listed in whole, so what is unlisted is the kernel's: on cgroup v1 all of it, on v2
    before 5.18 what slab, stacks and page tables do not count.
    """

    anonymous: int
    shmem: int
    page_cache: int
    kernel: int
    unlisted: int


def composition_of(memory: MemoryUsage | None, *, held: int = 0) -> Composition:
    """Return the composition. `held` is what the processes hold by the table: lost statistics name no culprit."""
    stat = memory.stat if memory else {}

    def size(*names: str) -> int:
        return sum(max(stat.get(name, 0), stat.get(f"total_{name}", 0)) for name in names)

    anonymous, shmem, files = size("anon", "rss"), size("shmem"), size("file", "cache")
    parts = size("slab", "kernel_stack", "pagetables", "percpu", "vmalloc")
    kernel = max(size("kernel"), parts) + size("sock")
    whole = {"anon", "file"} <= stat.keys() or {"rss", "cache"} <= stat.keys()
    used = memory.usage_bytes if memory and whole else None
    listed = max(anonymous + files, held) + kernel + size("zswap", "hugetlb")
    return Composition(
        anonymous=anonymous,
        shmem=shmem,
        page_cache=max(0, files - shmem),
        kernel=kernel,
        unlisted=max(0, used - listed) if used else 0,
    )
