"""The shortage of a node's memory, and what filled most of it."""

from collections.abc import Iterator

from oomreport.cli.logs.filling import Share, machine_parts
from oomreport.cli.logs.words import size_text
from oomreport.kernel.record import SYSRQ_ORDER, Invocation
from oomreport.kernel.text.machine import Machine, machine_of
from oomreport.kernel.text.meminfo import nodes_of

# 32-bit kernels reach these zones directly, and HighMem by a window only; their own memory must lie in them.
_PART = "Part of the memory ran short"
_LOW_MEMORY = ("DMA", "DMA32", "Normal")


def shortage_of(invocation: Invocation) -> str | None:
    """Return what ran short where Mem-Info shows that it was not the memory as a whole; None else."""
    trigger = invocation.trigger
    machine = machine_of(invocation.log) if invocation.global_oom else None
    if machine is not None and machine.has_much_free and _is_request_lost(invocation):
        free = size_text(machine.usable_free or 0)
        return f"{_PART} (a zone, or pages in a row), though {free} were free"
    if machine is None or trigger is None or trigger.order == SYSRQ_ORDER or invocation.constraint != "CONSTRAINT_NONE":
        return None
    zone = machine.short_zone(trigger)
    if zone is not None:
        has_high = any(one.name == "HighMem" for one in machine.zones)
        what = f"zone {zone.name}" + (" (low memory)" if has_high and zone.name in _LOW_MEMORY else "")
        return (
            f"The {what} ran out of memory: {size_text(zone.free)} were free of the {size_text(zone.min)} that the kernel"
            " keeps, while other zones had enough"
        )
    order = trigger.order or 0
    if machine.is_fragmented(order):
        free = size_text(machine.usable_free or sum(one.free for one in machine.zones))
        return f"No {1 << order} free pages in a row were left (order {order}), though {free} were free: memory is fragmented"
    return None


def _is_request_lost(invocation: Invocation) -> bool:
    """Whether the log does not say what was asked for, nor that a binding to NUMA nodes left less."""
    is_lost = invocation.trigger is None or invocation.trigger.order is None
    return is_lost and invocation.constraint in (None, "CONSTRAINT_NONE")


def about_shortage(invocation: Invocation) -> str | None:
    """Return what to look at where it was not the processes that filled the memory; None where it may have been."""
    machine = machine_of(invocation.log) if invocation.global_oom else None
    if machine is None:
        return None
    short = shortage_of(invocation)
    if short is not None and short.startswith(_PART):
        return "Look at /proc/buddyinfo and /proc/zoneinfo: which zone, or which number of pages in a row, is short."
    if short is not None and "in a row" in short:
        return (
            "Look at what asks for so many pages in a row (often a driver or the network), at /proc/buddyinfo, and at"
            " vm.min_free_kbytes."
        )
    if short is not None:
        return "Look at /proc/zoneinfo: memory of other zones cannot be used for this allocation."
    largest = _largest(machine)
    if largest is None:
        return None
    if largest.name.startswith("slab"):
        return "Look at the kernel's slab: `slabtop -s c` shows which objects fill it."
    return f"Look at what holds {largest.name}: /proc/meminfo, drivers, and huge pages that are reserved."


def about_node(invocation: Invocation) -> Iterator[str]:
    """Yield what filled the node's memory where it was not the processes, and what other NUMA nodes had free."""
    machine = machine_of(invocation.log) if invocation.global_oom else None
    if machine is None:
        return
    yield from _largest_part(invocation, machine)
    mask = {"CONSTRAINT_CPUSET": invocation.mems_allowed, "CONSTRAINT_MEMORY_POLICY": invocation.nodemask}
    bound = mask.get(invocation.constraint or "")
    free = machine.free_outside(nodes_of(bound)) if bound else 0
    if free:
        yield f"On other NUMA nodes {size_text(free)} were free."


def _largest(machine: Machine) -> Share | None:
    """Return the part that fills at least half of the memory and is held by no process; None where there is none."""
    largest = max(machine_parts(machine), key=lambda part: part.size, default=None)
    if largest is None or not machine.total or largest.size * 2 < machine.total or not largest.of_kernel:
        return None
    return largest


def _largest_part(invocation: Invocation, machine: Machine) -> Iterator[str]:
    largest = _largest(machine)
    if largest is None or not machine.total:
        return
    held = sum(task.rss_bytes or 0 for task in invocation.tasks)
    together = f" All candidates together held {size_text(held)}." if invocation.table_whole else ""
    yield (
        f"Most of the memory was {largest.name}: {size_text(largest.size)} of {size_text(machine.total)}."
        f" No process is the cause.{together}"
    )
