"""The story of an invocation: sentences, and figures for pictures.

A sentence says only what the log says; where a part is missing, it says that. Names that a process chose are quoted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oomreport.cli.logs.explained import Explained
from oomreport.cli.logs.pods import Named
from oomreport.incident.oom_record import RecordSpec
from oomreport.kernel.record import SYSRQ_ORDER, ChosenProcess, Invocation, Part, ScoreSource, Victim
from oomreport.workload.container import Scope

if TYPE_CHECKING:
    from oomreport.incident.report.status import KeptAdvice

_UNITS = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
_SCOPES = {
    Scope.CONTAINER: "the memory limit of the container",
    Scope.POD: "the memory limit of the pod",
    Scope.QOS_CLASS: "the memory limit of a QoS class",
    Scope.NODE_ALLOCATABLE: "the memory that the node leaves to pods (kubepods)",
    Scope.OTHER_CGROUP: "the memory limit of a cgroup",
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


def heading(explained: Explained) -> str:
    """Return the story in one line."""
    invocation = explained.invocation
    if not invocation.victims:
        if invocation.panicked:
            return "The kernel ran out of memory and stopped"
        return "The OOM killer ran and killed nothing" if invocation.no_victim else "The OOM killer ran"
    first = invocation.victims[0]
    more = len(invocation.victims) - 1
    killed = f" and {more} more were killed" if more else " was killed"
    return f"{_process(first)}{killed}: {_short_cause(invocation, explained.spec)}"


def _short_cause(invocation: Invocation, spec: RecordSpec) -> str:
    if _was_asked_for(invocation):
        return "somebody asked the kernel for it (SysRq f)"
    if invocation.global_oom:
        return "the node ran out of memory"
    return f"{_SCOPES.get(spec.scope, 'a memory limit')} was reached"


def _was_asked_for(invocation: Invocation) -> bool:
    return invocation.trigger is not None and invocation.trigger.order == SYSRQ_ORDER


def sentences(explained: Explained) -> Iterator[str]:
    """Yield what happened: who asked for memory, whose limit, how full, who was chosen and why, what is not known."""
    invocation, spec = explained.invocation, explained.spec
    trigger = invocation.trigger
    if trigger is not None and not _was_asked_for(invocation):
        pid = f" (pid {trigger.pid})" if trigger.pid is not None else ""
        order = f", {1 << trigger.order} pages in a row" if trigger.order and 0 < trigger.order < 32 else ""
        yield f"{shown(trigger.comm)}{pid} asked for memory{order}."
    yield from _limit(invocation, spec)
    yield from _whereabouts(spec, explained.named)
    yield from _choice(invocation)
    yield from _fate(invocation)
    if invocation.missing and not invocation.no_victim:
        unknown = [words for part, words in _MISSING.items() if part in invocation.missing]
        yield "The log does not say: " + ", ".join(unknown) + "."
    if invocation.lost_before:
        yield f"{invocation.lost_before} kernel messages before or in this record were lost."


def hints(explained: Explained) -> Iterator[str]:
    """Yield what else to look at: what neither a finding nor a recommendation says."""
    invocation, spec = explained.invocation, explained.spec
    memory = invocation.memory
    if (
        memory is not None
        and memory.usage_bytes
        and memory.limit_bytes
        and memory.usage_bytes > memory.limit_bytes * 1.05
    ):
        yield "More was in use than the limit allows: the limit was lowered while the container ran."
    if _was_asked_for(invocation):
        return
    scope, subject = spec.scope, spec.subject
    if scope is Scope.POD:
        yield "The pod's limit counts all its containers: look at their sum, not only at the one that lost a process."
    elif scope is Scope.OTHER_CGROUP and not (subject and subject.pod_uid):
        yield "That limit is set by whoever made the cgroup: a systemd unit (MemoryMax=), a user's session, another runtime."
    elif scope is Scope.NODE and invocation.victims:
        yield "Look at what the node runs beside pods, at memory requests below real use, and at the kubelet's reserved memory."
    trigger = invocation.trigger
    if trigger is not None and invocation.victims and trigger.pid not in (None, *(v.pid for v in invocation.victims)):
        yield "Who asked for memory and who was killed are different processes."
    in_pod = subject is not None and subject.container_id is not None
    if len(invocation.victims) == 1 and in_pod and not invocation.group_kill:
        yield "If this was not the container's first process, Kubernetes shows nothing: the container goes on without it."


PODS_HINT = "With --pods FILE or --context the advice knows the pods' names, limits and settings."


def wants_pods(explained: Explained) -> bool:
    """Whether the advice would be better for knowing the pod's spec."""
    subject = explained.spec.subject
    in_pod = subject is not None and subject.pod_uid is not None
    return in_pod and explained.named is None and explained.judgement is not None


def recommended(advice: "KeptAdvice") -> str:
    """Return a recommendation in one line, without its basis."""
    limit, request = advice.memory_limit, advice.memory_request
    before = f" from {advice.previous_limit}" if advice.previous_limit else ""
    words = {
        "RaiseLimit": f"Raise the container's memory limit{before} to {limit}",
        "RaisePodLimit": f"Raise the pod's memory limit{before} to {limit}",
        "RaiseRequest": f"Raise the container's memory request to {request}",
        "LowerLimit": f"Lower the container's memory limit{before} to {limit}",
        "FixLeak": "Fix the leak; a higher limit only delays the next kill",
        "LimitTmpfs": "Bound what is written to memory-backed volumes and /dev/shm",
        "ReviewNode": "Review the node: no limit of a container was the cause",
        "None": "Change no limit",
    }
    also = f", its request to {request}" if request and advice.action in ("RaiseLimit", "LowerLimit") else ""
    sure = f" (confidence {advice.confidence})" if advice.confidence else ""
    return f"{words.get(advice.action, advice.action)}{also}{sure}"


def make_up(invocation: Invocation) -> tuple[Share, ...]:
    """Return what the limited cgroup's memory consists of, largest first, without overlaps.

    Where the node is full it is who holds it: the largest processes. Shared pages count for each of them.
    """
    if invocation.global_oom:
        return _holders(invocation)
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


def _limit(invocation: Invocation, spec: RecordSpec) -> Iterator[str]:
    memory = invocation.memory
    if invocation.constraint in _CONSTRAINTS:
        yield _CONSTRAINTS[invocation.constraint]
    elif _was_asked_for(invocation):
        yield "Nothing need have been full: somebody wrote f to /proc/sysrq-trigger, or pressed the keys."
    elif invocation.global_oom:
        total = f", {size_text(invocation.total_bytes)} of RAM and swap," if invocation.total_bytes else ""
        yield f"The whole node{total} was out of memory; no limit of a container was the cause."
        yield from _largest(invocation)
    elif invocation.constraint == "CONSTRAINT_MEMCG":
        words = _SCOPES.get(spec.scope, "the memory limit of a cgroup that the log does not name")
        amount = f" of {size_text(memory.limit_bytes)}" if memory and memory.limit_bytes else ""
        yield f"That reached {words}{amount}." if invocation.trigger else f"Reached was {words}{amount}."
    if memory is not None and memory.usage_bytes is not None and not invocation.global_oom:
        fails = f"; the limit had been hit {memory.failure_count} times" if memory.failure_count else ""
        swap = f", {size_text(memory.swap_usage_bytes)} more in swap" if memory.swap_usage_bytes else ""
        yield f"In use were {size_text(memory.usage_bytes)}{swap}{fails}."


def _largest(invocation: Invocation) -> Iterator[str]:
    """Yield who held most, where that is somebody who was not killed."""
    largest = max(invocation.tasks, key=lambda task: task.rss_bytes or 0, default=None)
    if largest is None or not largest.rss_bytes or largest.pid in {victim.pid for victim in invocation.victims}:
        return
    adj = "" if largest.oom_score_adj is None else f"; its oom_score_adj is {largest.oom_score_adj}"
    yield f"Most was held by {shown(largest.comm)} (pid {largest.pid}), {size_text(largest.rss_bytes)}{adj}."


def _whereabouts(spec: RecordSpec, named: Named | None) -> Iterator[str]:
    subject = spec.subject
    if named is not None:
        yield named.sentence()
    elif subject is not None:
        parts = [f"pod UID {subject.pod_uid}"] if subject.pod_uid else []
        if subject.container_id:
            parts.append(f"container {subject.container_id[:12]}")
        if subject.runtime not in (None, "unknown"):
            parts.append(str(subject.runtime))
        if subject.qos_class:
            parts.append(f"QoS class {subject.qos_class}")
        yield "The victim was in " + ", ".join(parts) + "."
    elif spec.task_memcg:
        yield f"The victim was in the cgroup {shown(spec.task_memcg)}, outside any pod."


def _chosen(chosen: ChosenProcess, *, of: int | None = None) -> str:
    """Return the chosen task as a text, with its printed score; `of` how many candidates it is the highest, if it is."""
    name = f" {shown(chosen.comm)}" if chosen.comm else ""
    highest = "a score of " if of is None else f"the highest score of {of} candidates, "
    score = f", with {highest}{chosen.oom_score}" if chosen.oom_score is not None else ""
    return f"process {chosen.pid}{name}{score}"


def _choice(invocation: Invocation) -> Iterator[str]:
    if not invocation.victims:
        if invocation.panicked:
            yield "Instead of killing a process the kernel stopped (panic_on_oom, or nothing left to kill)."
        elif invocation.no_victim:
            yield "There was no process that may be killed: all of them are protected by oom_score_adj -1000."
        elif invocation.chosen is not None:
            yield f"The kernel chose {_chosen(invocation.chosen)}; which process died the log does not say."
        return
    victim = invocation.victims[0]
    rank = next((place for place, task in enumerate(invocation.tasks, 1) if task.pid == victim.pid), None)
    size = _resident(victim)
    holds = f", holding {size_text(size)}" if size else ""
    if invocation.chosen is not None:
        row = next((task for task in invocation.tasks if task.pid == invocation.chosen.pid), None)
        is_parent = row is not None and row.tgid == row.pid
        relation = "the parent" if is_parent else "a thread or the parent"
        yield f"The kernel chose {_chosen(invocation.chosen, of=len(invocation.tasks) if rank == 1 else None)}."
        yield f"That is {relation} of {_process(victim)}, which was killed{holds}."
        return
    if rank == 1 and len(invocation.tasks) > 1 and victim.oom_score is not None:
        second = invocation.tasks[1]
        than = f"; next was {shown(second.comm)} with {second.oom_score}" if second.oom_score is not None else ""
        yield f"{_process(victim)} was chosen{holds}: the highest score of {len(invocation.tasks)} candidates, {_score(victim)}{than}."
    elif rank == 1 and len(invocation.tasks) == 1:
        yield f"{_process(victim)} was chosen{holds}: there was no other candidate."
    elif rank is not None and victim.oom_score is not None:
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
