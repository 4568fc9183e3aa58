"""What filled the memory, and how it grew."""

from collections import Counter

from oomreport.incident.advice.case import Case
from oomreport.incident.advice.leaks import duration, leak_of, rate
from oomreport.incident.advice.sizing import in_mi
from oomreport.incident.kill import Cause
from oomreport.incident.memory.history import of_several_instances
from oomreport.incident.memory.trajectory import Shape
from oomreport.workload.quantity import MI

_HALF = 0.5
_NOTABLE_CACHE = 0.1
_NOTABLE_SHARE = 0.25
_MANY = 8
_STARTS = 3
_NOTABLE_STALL = 10.0
_OWN_LIMITS = (Cause.CONTAINER_LIMIT, Cause.POD_LIMIT, Cause.NESTED_CGROUP)


def leak(case: Case) -> str | None:
    """Name a leak that two kills show, with the time to the next one."""
    found = leak_of(case)
    return f"Leak: {found}; the next kill comes about {duration(found.after)} after a restart" if found else None


def steady_growth(case: Case) -> str | None:
    """Say that memory rose throughout its life. What ends at a limit does not tell whether it would have ended."""
    way = case.way
    if case.cause != Cause.CONTAINER_LIMIT or not way.rises or way.uptime_seconds is None:
        return None
    since = duration(way.uptime_seconds)
    return (
        f"Memory rose by {rate(way.growth)} from {in_mi(way.level // MI * MI)}, over the {since} of its life: a cache that fills"
        " and a leak look the same so far"
    )


def limit_below_start(case: Case) -> str | None:
    """Say that the limit is lower than the image needs to come up at all. A container that lived on has come up."""
    starts = [kill for kill in case.past[-_STARTS:] if kill.shape is Shape.STARTUP and kill.limit]
    if case.cause not in (Cause.CONTAINER_LIMIT, Cause.POD_LIMIT) or len(starts) < _STARTS or _files_in_memory(case):
        return None
    if case.kill.silent or not of_several_instances(starts):
        return None
    runs = ", ".join(f"{duration(kill.uptime_seconds or 0)} at {in_mi(kill.limit or 0)}" for kill in starts)
    whose = "pod's limit" if case.cause == Cause.POD_LIMIT else "limit"
    return f"The {whose} is lower than container {case.container} needs to start: it was killed after {runs}"


def startup_peak(case: Case) -> str | None:
    """Say that it was killed while it started, where it did not live on."""
    way = case.way
    if case.cause not in (Cause.CONTAINER_LIMIT, Cause.POD_LIMIT) or case.kill.silent:
        return None
    if way.shape is not Shape.STARTUP or way.uptime_seconds is None:
        return None
    if _files_in_memory(case):
        return None
    fast = f", growing by {rate(way.growth)}" if way.growth > 0 else ""
    whose = "the pod's limit" if case.cause == Cause.POD_LIMIT else "the limit"
    return f"It was killed {duration(way.uptime_seconds)} after its start{fast}: the peak of starting is above {whose}"


def spike(case: Case) -> str | None:
    """Say that memory had been level before."""
    way = case.way
    if case.cause != Cause.CONTAINER_LIMIT or way.shape is not Shape.SPIKE:
        return None
    if case.fired is not None and way.level >= case.fired:
        return None
    level = in_mi(way.level // MI * MI)
    return f"Memory was at {level} and rose to the limit within {duration(way.rising_seconds)}"


def tmpfs_filled(case: Case) -> str | None:
    """Say that files in memory filled it: they are charged until they are deleted, beyond the life of a container."""
    used = case.used
    if not used or not _files_in_memory(case):
        return None
    share = 100 * case.shmem // used
    names = ", ".join(volume.name for volume in case.pod.memory_volumes) if case.pod else ""
    where = (
        f"the memory-backed volume {names}" if names else "tmpfs (/dev/shm, a memory-backed volume) or shared mappings"
    )
    return (
        f"{in_mi(case.shmem // MI * MI)} of {in_mi(used)} ({share} %) was {where}{case.sampled};"
        " a restart alone may not free it"
    )


def _files_in_memory(case: Case) -> bool:
    """Return whether files in memory make up half: then what fills the limit is written, whenever that is."""
    return bool(case.used) and case.files_in_memory >= _HALF * (case.used or 0)


def kernel_memory(case: Case) -> str | None:
    """Say that the kernel's own memory filled it: killing processes frees it late or never."""
    used = case.used
    if not used or case.kernel < _HALF * used:
        return None
    slab, sock = case.stat("slab"), case.stat("sock")
    most = f", of it slab {in_mi(slab // MI * MI)}, sockets {in_mi(sock // MI * MI)}" if slab or sock else ""
    if not most and case.composition.unlisted:
        most = " (charged to the cgroup, but neither to processes nor to files)"
    return (
        f"{in_mi(case.kernel // MI * MI)} of {in_mi(used)} was the kernel's own memory{most}{case.sampled}: look"
        " at the number of files (dentries and inodes in the slab), open files, sockets, pipes and processes"
    )


def page_cache_is_not_the_cause(case: Case) -> str | None:
    """Say that page cache is given back before anything is killed."""
    used = case.used
    own = case.cause in _OWN_LIMITS or case.reached_own_limit
    if not own or not used or case.page_cache < _NOTABLE_CACHE * used:
        return None
    return (
        f"{in_mi(case.page_cache // MI * MI)} of page cache was charged too{case.sampled}; the kernel drops it before it"
        " kills, so dashboards that count it show a limit reached long before"
    )


def swap_full(case: Case) -> str | None:
    """Say that swap did not help any more. On cgroup v1 the figures are memory and swap together."""
    used, limit = None, None
    if case.memory is not None:
        used, limit = case.memory.swap_usage_bytes, case.memory.swap_limit_bytes
    elif case.sample is not None:
        used, limit = case.sample.swap, case.sample.swap_limit
    if used is None or not limit or used < 0.95 * limit or (case.memory is not None and case.memory.limit_with_swap):
        return None
    together = case.fired is not None and limit >= case.fired and case.stat("swap") == 0 and used <= 1.02 * case.fired
    if together:
        return None
    return f"Swap was full as well: {in_mi(used // MI * MI)} of {in_mi(limit)}{case.sampled}"


def thrashing(case: Case) -> str | None:
    """Say that tasks stood still for want of memory before the kill: it had been slow before it died."""
    pressure = case.kill.usage.pressure if case.kill.usage else None
    if pressure is None or pressure.full < _NOTABLE_STALL:
        return None
    cache = (
        f"; {in_mi(case.page_cache // MI * MI)} of page cache was left, and what it reads again and again may need more"
        if case.page_cache >= MI
        else ""
    )
    return (
        f"It was slow before it died: in ten seconds at least one task stood still for want of memory {pressure.some:.0f} % of the time,"
        f" all of them {pressure.full:.0f} %{cache}"
    )


def many_workers(case: Case) -> str | None:
    """Say that many alike processes, not one of them, filled the memory. The table shows the largest twenty."""
    used = case.used
    if case.cause not in _OWN_LIMITS or not used:
        return None
    sizes = Counter(task.comm for task in case.tasks if (task.rss_bytes or 0) >= MI)
    comm, shown = sizes.most_common(1)[0] if sizes else (None, 0)
    rows = sorted(task.rss_bytes for task in case.tasks if task.comm == comm and task.rss_bytes)
    usual = rows[len(rows) // 2] if rows else 0
    if shown < _MANY or usual < MI or rows[0] < _HALF * usual or usual * shown < _NOTABLE_SHARE * used:
        return None
    hidden = (case.record.spec.task_count or 0) - len(case.tasks) if case.record else 0
    number = min(shown + max(hidden, 0), -(-used // usual)) if shown == len(case.tasks) else shown
    return (
        f"{number} processes {comm!r} of about {in_mi(usual // MI * MI)} each make {in_mi(usual * number // MI * MI)}:"
        " bound their number, or size the limit for it"
    )
