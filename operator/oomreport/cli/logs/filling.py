"""What the memory consisted of: the parts of a bar."""

from dataclasses import dataclass

from oomreport.cli.logs.words import shown
from oomreport.incident.memory.composition import composition_of
from oomreport.kernel.record import Invocation
from oomreport.kernel.text.machine import Machine, machine_of

# As many as can be told apart in a bar of 50 characters.
_MOST_HOLDERS = 3
_BOUND = frozenset({"CONSTRAINT_CPUSET", "CONSTRAINT_MEMORY_POLICY"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of the memory of a cgroup or a machine, in bytes. `of_kernel`: no process holds it."""

    name: str
    size: int
    of_kernel: bool = False


def make_up(invocation: Invocation) -> tuple[Share, ...]:
    """Return what the limited cgroup's memory consists of, largest first, without overlaps.

    Where the node is full it is the machine's memory, or, where the log does not show that, who holds it: the largest
    processes. Shared pages count for each of them. Of some NUMA nodes alone the log shows neither.
    """
    if invocation.constraint in _BOUND:
        return ()
    if invocation.global_oom:
        machine = machine_of(invocation.log)
        if machine is not None and machine.total:
            return machine_parts(machine)
        return _holders(invocation) if invocation.table_whole else ()
    held = max(
        sum(task.rss_bytes or 0 for task in invocation.tasks),
        sum(victim.resident_bytes or 0 for victim in invocation.victims[:1]),
    )
    parts = composition_of(invocation.memory, held=held)
    return _by_size(
        Share(name="processes (anonymous)", size=parts.anonymous),
        Share(name="shared memory, tmpfs", size=parts.shmem),
        Share(name="page cache", size=parts.page_cache),
        Share(name="kernel", size=parts.kernel, of_kernel=True),
        Share(name="kernel, not itemized", size=parts.unlisted, of_kernel=True),
    )


def machine_parts(machine: Machine) -> tuple[Share, ...]:
    """Return what the machine's memory consists of, largest first. The lists of anonymous pages hold tmpfs too."""
    size = machine.figures.get
    shmem = size("shmem", 0)
    shares = [
        Share(name="processes (anonymous)", size=max(size("active_anon", 0) + size("inactive_anon", 0) - shmem, 0)),
        Share(name="shared memory, tmpfs", size=shmem),
        Share(name="page cache", size=size("active_file", 0) + size("inactive_file", 0)),
        Share(name="locked memory", size=size("unevictable", 0)),
        Share(name="slab, reclaimable", size=size("slab_reclaimable", 0), of_kernel=True),
        Share(name="slab, unreclaimable", size=size("slab_unreclaimable", 0), of_kernel=True),
        Share(name="page tables", size=size("pagetables", 0), of_kernel=True),
        Share(name="huge pages", size=machine.huge_pages),
        Share(name="free", size=size("free", 0)),
    ]
    # What Mem-Info lists in part, as where it is cut, has no rest that can be named.
    whole = {"active_anon", "inactive_anon", "active_file", "slab_unreclaimable", "free"} <= machine.figures.keys()
    rest = (machine.total or 0) - sum(share.size for share in shares)
    if whole and rest > 0:
        shares.append(Share(name="kernel and drivers", size=rest, of_kernel=True))
    return _by_size(*shares)


def _by_size(*shares: Share) -> tuple[Share, ...]:
    return tuple(sorted((share for share in shares if share.size), key=lambda share: -share.size))


def _holders(invocation: Invocation) -> tuple[Share, ...]:
    by_size = sorted(invocation.tasks, key=lambda task: -(task.rss_bytes or 0))
    shares = [Share(name=shown(task.comm), size=task.rss_bytes) for task in by_size[:_MOST_HOLDERS] if task.rss_bytes]
    rest = sum(task.rss_bytes or 0 for task in by_size[_MOST_HOLDERS:])
    return (*shares, Share(name="other processes", size=rest)) if rest else tuple(shares)


def whole_of(invocation: Invocation) -> int:
    """Return what the shares are parts of: what is in use of a cgroup, the node's memory where that is full."""
    total = sum(share.size for share in make_up(invocation))
    memory = invocation.memory
    if not invocation.global_oom:
        return max(total, (memory.usage_bytes if memory else None) or 0)
    machine = machine_of(invocation.log)
    used = machine.total if machine is not None and machine.total else invocation.total_bytes
    return max(total, used or 0)
