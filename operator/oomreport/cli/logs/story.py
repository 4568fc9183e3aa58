"""The story of an invocation: sentences, and figures for pictures.

A sentence says only what the log says; where a part is missing, it says that. Names that a process chose are quoted.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from oomreport.cli.logs.choice import choice
from oomreport.cli.logs.explained import Explained
from oomreport.cli.logs.pods import Named
from oomreport.cli.logs.shortage import about_node, about_shortage, shortage_of
from oomreport.cli.logs.words import beancounter_of, process, shown, size_text
from oomreport.incident.oom_record import RecordSpec
from oomreport.incident.witness.pod_statistics import is_only_container, statistics_of, used_by_containers
from oomreport.kernel.record import SYSRQ_ORDER, Invocation, Part
from oomreport.kernel.text.machine import machine_of
from oomreport.workload.container import Scope

if TYPE_CHECKING:
    from oomreport.incident.advice.kept_advice import KeptAdvice

_SCOPES = {
    Scope.CONTAINER: "the memory limit of the container",
    Scope.POD: "the memory limit of the pod",
    Scope.QOS_CLASS: "the memory limit of a QoS class",
    Scope.NODE_ALLOCATABLE: "the memory that the node leaves to pods (kubepods)",
}
# A unit of systemd is known by its name; any other cgroup by its path.
_UNITS = (".service", ".scope", ".slice")
_BOUND_BY = {"CONSTRAINT_CPUSET": "the cpuset", "CONSTRAINT_MEMORY_POLICY": "the memory policy"}
# The agents of Kubernetes' distributions, and the process that holds a pod's namespaces (kubernetes/build/pause).
_OF_KUBERNETES = frozenset({"kubelet", "k3s-server", "k3s-agent", "pause"})
_LEAST_OF_BURSTABLE, _MOST_OF_BURSTABLE = 3, 999
_MOST_ALIKE = 5
# The kernel charges in batches, and takes some back before it kills: so much below its limit a cgroup is still full.
_FULL = 0.9
_MISSING = {
    Part.HEADER: "who asked for memory",
    Part.MEMORY_USAGE: "how full the cgroup was",
    Part.TASK_TABLE: "the candidates",
    Part.SUMMARY: "whose limit it was",
    Part.KILL_LINE: "the kill itself",
}


def heading(explained: Explained) -> str:
    """Return the story in one line."""
    invocation = explained.invocation
    chosen = invocation.chosen
    if not invocation.victims:
        if invocation.panicked and _was_asked_for(invocation):
            return "The kernel stopped when somebody asked it for an OOM kill (SysRq f)"
        if invocation.panicked:
            return "The kernel ran out of memory and stopped"
        if invocation.no_victim:
            return "The OOM killer ran and killed nothing"
        if chosen is not None and chosen.comm:
            return f"The OOM killer chose {shown(chosen.comm)} (pid {chosen.pid}){short_cause(explained)}"
        return f"The OOM killer ran{short_cause(explained)}"
    first = invocation.victims[0]
    more = len(invocation.victims) - 1
    killed = f" and {more} more were killed" if more else " was killed"
    cause = short_cause(explained)
    return f"{process(first)}{killed}{cause or ' by the OOM killer'}"


def short_cause(explained: Explained) -> str:
    """Return why, behind a colon; empty where the log does not say whose limit or whether the node."""
    invocation, spec = explained.invocation, explained.spec
    if _was_asked_for(invocation):
        return ": somebody asked the kernel for it (SysRq f)"
    if invocation.constraint in _BOUND_BY:
        return f": {_bound_nodes(invocation)} ran out of memory"
    if invocation.global_oom:
        short = shortage_of(invocation)
        if short:
            short = short.partition(", though")[0].partition(": ")[0]
            return f": {short[0].lower()}{short[1:]}"
        return ": the node ran out of memory"
    if invocation.constraint == "CONSTRAINT_MEMCG":
        words = "a cgroup's memory limit" if spec.oom_memcg is None else _whose_limit(explained)
        return f": {words} was reached"
    container = beancounter_of(invocation.log)
    return f": the memory limit of OpenVZ container {container} was reached" if container is not None else ""


def _bound_nodes(invocation: Invocation) -> str:
    """Return the NUMA nodes that a binding allows, with their numbers where the log names them."""
    by = _BOUND_BY[invocation.constraint or ""]
    nodes = invocation.mems_allowed if invocation.constraint == "CONSTRAINT_CPUSET" else invocation.nodemask
    if nodes is None:
        return f"the NUMA nodes that {by} allows"
    return f"the NUMA node{'' if nodes.isdigit() else 's'} {nodes}, which {by} allows,"


def _whose_limit(explained: Explained) -> str:
    """Return the limit of the cgroup, named by its unit or path where it is not Kubernetes'."""
    spec = explained.spec
    if is_only_container(spec):
        return "the memory limit of the pod's only container"
    known = _SCOPES.get(spec.scope)
    if known is not None:
        return known
    if spec.oom_memcg is None:
        # The list of what is unknown says the same at its place.
        is_said = Part.SUMMARY in explained.invocation.missing
        return "a cgroup's memory limit" if is_said else "the memory limit of a cgroup that the log does not name"
    leaf = spec.oom_memcg.rstrip("/").rsplit("/", 1)[-1]
    if spec.oom_memcg == "/":
        return "the memory limit of the root cgroup"
    return (
        f"the memory limit of {shown(leaf)}"
        if leaf.endswith(_UNITS)
        else f"the memory limit of {shown(spec.oom_memcg)}"
    )


def _was_asked_for(invocation: Invocation) -> bool:
    if invocation.trigger is not None and invocation.trigger.order == SYSRQ_ORDER:
        return True
    return invocation.panicked and "Manual OOM execution" in invocation.log


def sentences(explained: Explained) -> Iterator[str]:
    """Yield what happened: who asked for memory, whose limit, how full, who was chosen and why, what is not known."""
    invocation, spec = explained.invocation, explained.spec
    trigger = invocation.trigger
    if trigger is not None and not _was_asked_for(invocation):
        pid = f" (pid {trigger.pid})" if trigger.pid is not None else ""
        order = f", {1 << trigger.order} pages in a row" if trigger.order and 0 < trigger.order < 32 else ""
        if invocation.limit_written:
            yield f"{shown(trigger.comm)}{pid} wrote a lower limit; it did not ask for memory."
        else:
            yield f"{shown(trigger.comm)}{pid} asked for memory{order}."
    yield from _limit(explained)
    yield from _whereabouts(spec, explained.named)
    if explained.alike:
        names = ", ".join(map(shown, explained.alike[:_MOST_ALIKE]))
        yield f"Lines of the log give this pod several names, so none of them is believed: {names}."
    yield from choice(invocation)
    yield from _request(explained)
    unknown = _unknown(invocation)
    if unknown and not invocation.no_victim:
        yield "The log does not say: " + ", ".join(unknown) + "."
    if invocation.lost_before:
        yield f"{invocation.lost_before} kernel messages before or in this record were lost."


def _unknown(invocation: Invocation) -> list[str]:
    """Return what the log does not say; what another part of it tells is not unknown."""
    missing = set(invocation.missing)
    if invocation.global_oom or invocation.oom_memcg is not None:
        missing.discard(Part.SUMMARY)
    if invocation.constraint is None:
        missing.discard(Part.MEMORY_USAGE)
    if invocation.trigger is not None:
        missing.discard(Part.HEADER)
    if beancounter_of(invocation.log) is not None:
        missing.discard(Part.SUMMARY)
    words = [_MISSING[part] for part in _MISSING if part in missing]
    if Part.SUMMARY in missing and invocation.constraint is None:
        words[words.index(_MISSING[Part.SUMMARY])] = "whether a limit or the node ran out of memory"
    return words


def _shows_kubernetes(explained: Explained) -> bool:
    """Whether the log shows a node of Kubernetes: by a path or by a process."""
    invocation = explained.invocation
    if explained.named is not None or "kubepods" in invocation.log:
        return True
    return any(task.comm in _OF_KUBERNETES for task in invocation.tasks)


def hints(explained: Explained) -> Iterator[str]:
    """Yield what else to look at: what neither a finding nor a recommendation says."""
    invocation, spec = explained.invocation, explained.spec
    if _is_lowered(invocation):
        yield "More was in use than the limit allows: the limit was lowered while the container ran."
    if _was_asked_for(invocation):
        return
    scope, subject = spec.scope, spec.subject
    if scope is Scope.POD and not is_only_container(spec):
        yield "The pod's limit counts all its containers: look at their sum, not only at the one that lost a process."
    elif scope is Scope.OTHER_CGROUP and not (subject and subject.pod_uid):
        yield "That limit is set by whoever made the cgroup: a systemd unit (MemoryMax=), a user's session, another runtime."
    elif invocation.constraint in _BOUND_BY:
        yield (
            f"Look at the binding to {_bound_nodes(invocation).rstrip(',')}: cpuset.mems, numactl, the kubelet's topology and"
            " memory manager, a VM's pinning. Other NUMA nodes may have free memory."
            if _shows_kubernetes(explained)
            else f"Look at the binding to {_bound_nodes(invocation).rstrip(',')}: cpuset.mems, numactl, a VM's pinning."
            " Other NUMA nodes may have free memory."
        )
    elif scope is Scope.NODE and invocation.victims:
        yield about_shortage(invocation) or (
            "Look at what the node runs beside pods, at memory requests below real use, and at the kubelet's reserved memory."
            if _shows_kubernetes(explained)
            else "Look at the largest processes, at the swap, at the kernel's slab, and at a limit for the service that grew."
        )
    container = beancounter_of(invocation.log)
    if container is not None:
        yield f"That limit is set on the host: physpages and swappages of the OpenVZ container {container}."
    trigger = invocation.trigger
    if trigger is not None and invocation.victims and trigger.pid not in (None, *(v.pid for v in invocation.victims)):
        yield "Who asked for memory and who was killed are different processes."
    in_pod = subject is not None and subject.container_id is not None and subject.pod_uid is not None
    if len(invocation.victims) == 1 and in_pod and not invocation.group_kill:
        yield "If this was not the container's first process, Kubernetes shows nothing: the container goes on without it."


PODS_HINT = "With --pods FILE or --context the advice knows the pods' names, limits and settings."


def wants_pods(explained: Explained) -> bool:
    """Whether the advice would be better for knowing the pod's spec."""
    subject = explained.spec.subject
    in_pod = subject is not None and subject.pod_uid is not None
    is_known = explained.named is not None and not explained.named.by_log
    return in_pod and not is_known and explained.judgement is not None


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
        "ReviewNode": "Review the node: a higher limit would not help",
        "None": "Change no limit",
    }
    also = f", its request to {request}" if request and advice.action in ("RaiseLimit", "LowerLimit") else ""
    sure = f" (confidence {advice.confidence})" if advice.confidence else ""
    return f"{words.get(advice.action, advice.action)}{also}{sure}"


def _is_lowered(invocation: Invocation) -> bool:
    """Whether the limit was lowered below the use: the trace says it, or more is in use than charges can reach."""
    memory = invocation.memory
    if invocation.limit_written:
        return True
    if memory is None or not memory.usage_bytes or not memory.limit_bytes:
        return False
    return memory.usage_bytes > memory.limit_bytes * 1.05


def _limit(explained: Explained) -> Iterator[str]:
    invocation = explained.invocation
    memory = invocation.memory
    if invocation.constraint in _BOUND_BY:
        nodes = _bound_nodes(invocation)
        yield f"{nodes[0].upper()}{nodes[1:]} ran out of memory."
    elif _was_asked_for(invocation):
        yield "Nothing need have been full: somebody wrote f to /proc/sysrq-trigger, or pressed the keys."
    elif invocation.global_oom:
        short = shortage_of(invocation)
        # A call trace alone says that the page allocator ran out, and not on which NUMA nodes.
        node = "The whole node" if invocation.constraint == "CONSTRAINT_NONE" else "The node"
        total = f", {size_text(invocation.total_bytes)} of RAM and swap," if invocation.total_bytes else ""
        yield f"{short or f'{node}{total} was out of memory'}; no cgroup's limit was the cause."
        yield from _largest(invocation)
    elif invocation.constraint == "CONSTRAINT_MEMCG":
        words = _whose_limit(explained)
        amount = f": {size_text(memory.limit_bytes)}" if memory and memory.limit_bytes else ""
        if memory is not None and memory.limit_with_swap:
            amount = f": {size_text(memory.limit_with_swap)} for memory and swap together"
        if invocation.trigger and not _is_lowered(invocation):
            yield f"That reached {words}{amount}."
        else:
            yield f"{words[0].upper()}{words[1:]} was reached{amount}."
        inside = statistics_of(explained.spec) if explained.spec.oom_memcg is None else ()
        for subject in inside[:1]:
            yield f"Container {(subject.container_id or '')[:12]} of pod UID {subject.pod_uid} is in it."
    used = used_by_containers(explained.spec)
    if len(used) > 1:
        each = (f"{container[:12]} {size_text(size)}" for container, size in used.items())
        yield f"By container: {', '.join(each)}."
    yield from about_node(invocation)
    if memory is not None and memory.usage_bytes is not None and not invocation.global_oom:
        fails = f"; the limit had been hit {memory.failure_count} times" if memory.failure_count else ""
        swap = f", {size_text(memory.swap_usage_bytes)} more in swap" if memory.swap_usage_bytes else ""
        less = ", less than the limit allows" if memory.usage_bytes < _FULL * (memory.limit_bytes or 0) else ""
        yield f"In use were {size_text(memory.usage_bytes)}{less}{swap}{fails}."


def _largest(invocation: Invocation) -> Iterator[str]:
    """Yield who held most, where that is somebody who was not killed."""
    largest = max(invocation.tasks, key=lambda task: task.rss_bytes or 0, default=None)
    # In a cut table the victim may have no row.
    killed = max((victim.resident_bytes or 0 for victim in invocation.victims), default=0)
    if largest is None or not largest.rss_bytes or largest.pid in {victim.pid for victim in invocation.victims}:
        return
    if not invocation.table_whole or largest.rss_bytes <= killed:
        return
    adj = "" if largest.oom_score_adj is None else f"; its oom_score_adj is {largest.oom_score_adj}"
    yield f"Most was held by {shown(largest.comm)} (pid {largest.pid}), {size_text(largest.rss_bytes)}{adj}."


def _request(explained: Explained) -> Iterator[str]:
    """Yield what the score's adjustment tells of the container's memory request, where it raised the score.

    The kubelet gives a Burstable container 1000 - 1000 x request / memory of the node, in whole numbers, at least 3 and
    at most 999 (GetContainerOOMScoreAdjust() in pkg/kubelet/qos/policy.go).
    """
    subject, victims = explained.spec.subject, explained.invocation.victims
    if subject is None or subject.pod_uid is None or subject.qos_class != "Burstable" or len(victims) != 1:
        return
    adj, score = victims[0].oom_score_adj, victims[0].oom_score
    if adj is None or not _LEAST_OF_BURSTABLE < adj < _MOST_OF_BURSTABLE:
        return
    parts = f" Of its score of {score}, {score - adj} are its memory." if score is not None and score > adj else ""
    machine = machine_of(explained.invocation.log)
    total = machine.total if machine is not None else None
    sizes = (
        f" ({size_text((1000 - adj) * total // 1000)} to {size_text((1001 - adj) * total // 1000)})" if total else ""
    )
    yield (
        f"Kubernetes sets an oom_score_adj of {adj} where a container requests {(1000 - adj) / 10:.1f} to"
        f" {(1001 - adj) / 10:.1f} % of the node's memory{sizes}.{parts}"
    )


def _whereabouts(spec: RecordSpec, named: Named | None) -> Iterator[str]:
    subject = spec.subject
    if named is not None:
        yield named.sentence()
    elif subject is not None and subject.pod_uid is None and subject.container_id is None:
        yield f"The victim was in a container of {subject.runtime}; the log shortens its path."
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
