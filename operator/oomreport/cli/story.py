"""What one invocation of the OOM killer was, as sentences for people, and as the figures of its pictures.

A sentence says only what the log says; where a part is missing, it says that. Names that a process chose are quoted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from oomreport.cli.pods import Named
from oomreport.kernel.record import Invocation, Part, ScoreSource, Victim

_UNITS = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
_SCOPES = {
    "Container": "the memory limit of the container",
    "Pod": "the memory limit of the pod",
    "QoSClass": "the memory limit of a QoS class",
    "NodeAllocatable": "the memory that the node leaves to pods (kubepods)",
    "OtherCgroup": "the memory limit of a cgroup",
}
_CONSTRAINTS = {
    "CONSTRAINT_CPUSET": "The NUMA nodes that the cpuset allows ran out of memory.",
    "CONSTRAINT_MEMORY_POLICY": "The NUMA nodes that the memory policy allows ran out of memory.",
}
_MISSING = {
    Part.HEADER: "who asked for memory",
    Part.MEMORY_USAGE: "how full the cgroup was",
    Part.TASK_TABLE: "the candidates",
    Part.SUMMARY: "whose limit it was",
    Part.KILL_LINE: "the kill itself",
}
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


def size_text(size: int) -> str:
    """Return a size as people read it: three digits and a binary unit."""
    for unit, name in _UNITS:
        if size >= unit:
            value = size / unit
            return f"{value:.0f} {name}" if value >= 100 or value == int(value) else f"{value:.1f} {name}"
    return f"{size} B"


def shown(name: str) -> str:
    """Return a name that a process or a container chose, safe to print: control characters escaped, in quotes."""
    return '"' + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name) + '"'


def heading(invocation: Invocation, spec: Mapping[str, Any]) -> str:
    """Return the story in one line."""
    if not invocation.victims:
        if invocation.panicked:
            return "The kernel ran out of memory and stopped"
        return "The OOM killer ran and killed nothing" if invocation.no_victim else "The OOM killer ran"
    first = invocation.victims[0]
    others = f" and {len(invocation.victims) - 1} more" if len(invocation.victims) > 1 else ""
    return f"{_process(first)}{others} was killed: {_short_cause(invocation, spec)}"


def _short_cause(invocation: Invocation, spec: Mapping[str, Any]) -> str:
    if invocation.global_oom:
        return "the node ran out of memory"
    return f"{_SCOPES.get(str(spec.get('scope')), 'a memory limit')} was reached"


def sentences(invocation: Invocation, spec: Mapping[str, Any], facts: Named | None = None) -> Iterator[str]:
    """Yield what happened: who asked for memory, whose limit, how full, who was chosen and why, what is not known."""
    trigger = invocation.trigger
    if trigger is not None:
        pid = f" (pid {trigger.pid})" if trigger.pid is not None else ""
        order = f", {1 << trigger.order} pages in a row" if trigger.order and 0 < trigger.order < 32 else ""
        yield f"{shown(trigger.comm)}{pid} asked for memory{order}."
    yield from _limit(invocation, spec)
    yield from _whereabouts(spec, facts)
    yield from _choice(invocation)
    yield from _fate(invocation)
    if invocation.missing and not invocation.no_victim:
        unknown = [words for part, words in _MISSING.items() if part in invocation.missing]
        yield "The log does not say: " + ", ".join(unknown) + "."
    if invocation.lost_before:
        yield f"{invocation.lost_before} kernel messages before or in this record were lost."


def advice(invocation: Invocation, spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield what to look at next, by whose limit it was and what filled it."""
    memory = invocation.memory
    filled = {share.name: share.size for share in make_up(invocation)}
    whole = sum(filled.values())
    if whole and filled.get("shared memory, tmpfs", 0) > whole / 3:
        yield "Files in tmpfs (emptyDir with medium Memory, /dev/shm) count as memory and survive a kill: look there."
    if whole and filled.get("kernel", 0) > whole / 3:
        yield "Kernel memory fills the limit (sockets, pipes, dentries): a kill frees little of it."
    if (
        memory is not None
        and memory.usage_bytes
        and memory.limit_bytes
        and memory.usage_bytes > memory.limit_bytes * 1.05
    ):
        yield "More was in use than the limit allows: the limit was lowered while the container ran."
    scope = spec.get("scope")
    if invocation.global_oom:
        yield "Look at what the node runs beside pods, at memory requests below real use, and at kubelet's reserved memory."
    elif scope == "Pod":
        yield "The pod's limit counts all its containers: look at their sum, not only at the one that lost a process."
    elif scope in ("NodeAllocatable", "QoSClass"):
        yield "All pods together reached what the node has for them: requests are below real use."
    elif scope == "Container":
        yield "Raise this container's limit, or find what grows in it: compare the process's size with earlier kills."
    trigger = invocation.trigger
    if trigger is not None and invocation.victims and trigger.pid not in (None, *(v.pid for v in invocation.victims)):
        yield "Who asked for memory and who was killed are different processes."
    if invocation.victims and len(invocation.victims) == 1 and not invocation.group_kill:
        yield "If this was not the container's first process, Kubernetes shows nothing: the container goes on without it."


def make_up(invocation: Invocation) -> tuple[Share, ...]:
    """Return what the limited cgroup's memory consists of, largest first, without overlaps."""
    stat = invocation.memory.stat if invocation.memory else {}
    sizes = {
        name: next((stat[key] for key in keys if key in stat), 0)
        for name, keys in _MAKE_UP
    }  # fmt: skip
    # shmem is counted in file as well.
    sizes["page cache"] = max(sizes["page cache"] - sizes["shared memory, tmpfs"], 0)
    return tuple(sorted((Share(name=n, size=s) for n, s in sizes.items() if s), key=lambda share: -share.size))


def _limit(invocation: Invocation, spec: Mapping[str, Any]) -> Iterator[str]:
    memory = invocation.memory
    if invocation.constraint in _CONSTRAINTS:
        yield _CONSTRAINTS[invocation.constraint]
    elif invocation.global_oom:
        total = f" of {size_text(invocation.total_bytes)} (RAM and swap)" if invocation.total_bytes else ""
        yield f"The whole node was out of memory{total}; no limit of a container was the cause."
    elif invocation.constraint == "CONSTRAINT_MEMCG":
        words = _SCOPES.get(str(spec.get("scope")), "the memory limit of a cgroup that the log does not name")
        amount = f" of {size_text(memory.limit_bytes)}" if memory and memory.limit_bytes else ""
        yield f"That reached {words}{amount}." if invocation.trigger else f"Reached was {words}{amount}."
    if memory is not None and memory.usage_bytes is not None and not invocation.global_oom:
        fails = f"; the limit had been hit {memory.failure_count} times" if memory.failure_count else ""
        swap = f", {size_text(memory.swap_usage_bytes)} more in swap" if memory.swap_usage_bytes else ""
        yield f"In use were {size_text(memory.usage_bytes)}{swap}{fails}."


def _whereabouts(spec: Mapping[str, Any], facts: Named | None) -> Iterator[str]:
    subject = spec.get("subject") or {}
    if facts is not None:
        yield facts.sentence()
    elif subject.get("podUID") or subject.get("containerID"):
        parts = [f"pod UID {subject['podUID']}"] if subject.get("podUID") else []
        if subject.get("containerID"):
            parts.append(f"container {subject['containerID'][:12]}")
        if subject.get("runtime") not in (None, "unknown"):
            parts.append(str(subject["runtime"]))
        if subject.get("qosClass"):
            parts.append(f"QoS class {subject['qosClass']}")
        yield "The victim was in " + ", ".join(parts) + "."
    elif spec.get("taskMemcg"):
        yield f"The victim was in the cgroup {shown(spec['taskMemcg'])}, outside any pod."


def _choice(invocation: Invocation) -> Iterator[str]:
    if not invocation.victims:
        if invocation.panicked:
            yield "Instead of killing a process the kernel stopped (panic_on_oom, or nothing left to kill)."
        elif invocation.no_victim:
            yield "There was no process that may be killed: all of them are protected by oom_score_adj -1000."
        elif invocation.selected_pid is not None:
            yield f"The kernel chose process {invocation.selected_pid}; which process died the log does not say."
        return
    victim = invocation.victims[0]
    if invocation.selected_pid is not None:
        yield f"The kernel chose process {invocation.selected_pid}, and killed {_process(victim)} of it (a child, or its leader)."
    rank = next((place for place, task in enumerate(invocation.tasks, 1) if task.pid == victim.pid), None)
    size = _resident(victim)
    holds = f", holding {size_text(size)}" if size else ""
    if rank == 1 and len(invocation.tasks) > 1 and victim.oom_score is not None:
        second = invocation.tasks[1]
        than = f"; next was {shown(second.comm)} with {second.oom_score}" if second.oom_score is not None else ""
        yield f"{_process(victim)} was chosen{holds}: the highest score of {len(invocation.tasks)} candidates, {_score(victim)}{than}."
    elif rank == 1 and len(invocation.tasks) == 1:
        yield f"{_process(victim)} was chosen{holds}: there was no other candidate."
    elif rank is not None and victim.oom_score is not None and invocation.selected_pid is None:
        yield (
            f"{_process(victim)} was killed{holds}, though it ranked {rank} of {len(invocation.tasks)}: the kernel kills the "
            "allocating process where vm.oom_kill_allocating_task is set, or a child of the chosen one before 5.1."
        )
    else:
        yield f"{_process(victim)} was killed{holds}" + (
            f", with a score of {_score(victim)}." if victim.oom_score else "."
        )


def _score(victim: Victim) -> str:
    adj = f", of which oom_score_adj gives {victim.oom_score_adj}" if victim.oom_score_adj else ""
    computed = (
        " (computed; kernels since 5.1 do not print it)" if victim.oom_score_source is ScoreSource.COMPUTED else ""
    )
    return f"{victim.oom_score}{computed}{adj}"


def _fate(invocation: Invocation) -> Iterator[str]:
    if invocation.group_kill:
        yield f"memory.oom.group is set: the kernel killed the whole cgroup, {len(invocation.victims)} processes by this log."
    reaped = [victim for victim in invocation.victims if victim.reaped]
    if reaped:
        yield f"The oom_reaper took the memory of {_process(reaped[0])} back, since it did not exit at once."


def _process(victim: Victim) -> str:
    return f"{shown(victim.comm) if victim.comm is not None else 'A process'} (pid {victim.pid})"


def _resident(victim: Victim) -> int:
    return sum(size or 0 for size in (victim.anon_rss_bytes, victim.file_rss_bytes, victim.shmem_rss_bytes))
