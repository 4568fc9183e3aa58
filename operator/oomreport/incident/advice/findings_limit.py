"""Whose limit it was, who reached it, and who died for it."""

from oomreport.incident.advice.case import Case
from oomreport.incident.advice.sizing import in_mi
from oomreport.incident.kill import Cause
from oomreport.incident.witness.evidence import HOST_CONTAINER, UNKNOWN_CONTAINER
from oomreport.kernel.record import Task
from oomreport.workload.container import Scope, subject_of
from oomreport.workload.quantity import MI, format_quantity

_PAGE = 4096
# As many sizes as the cause of a finding, one sentence, has room for.
_MOST_NAMED = 3


def silent_kill(case: Case) -> str | None:
    """Tell of a kill that pod status cannot show, since the container's first process lived on."""
    if not case.kill.silent:
        return None
    return (
        f"{_victim(case)} was killed and container {case.container} lived on: pod status did not show it at that time"
    )


def group_killed(case: Case) -> str | None:
    """Tell that all processes went at once: since 1.28 the kubelet sets memory.oom.group on containers (cgroup v2)."""
    if case.record is None or not case.record.spec.group_kill:
        return None
    count = case.kill.victims or len(case.record.spec.victims)
    if count == 1:
        return f"The kernel killed the cgroup as a whole (memory.oom.group), and {_victim(case)} was all that was in it"
    return f"The kernel killed all {count} processes of the cgroup at once (memory.oom.group), {_victim(case)} chosen first"


def container_limit_hit(case: Case) -> str | None:
    """Say which limit fired, and what the memory was."""
    if case.cause != Cause.CONTAINER_LIMIT or case.fired is None:
        return None
    parts = [
        f"{name} {in_mi(size // MI * MI)}"
        for name, size in (
            ("heap and stacks", case.anonymous),
            ("tmpfs and shared memory", case.shmem),
            ("page cache", case.page_cache),
            ("kernel", case.kernel),
        )
        if size >= MI
    ]
    also = " (the pod's limit is the same)" if case.kill.scope is Scope.POD else ""
    filled = f": {', '.join(parts)}" if parts else ""
    with_swap = case.memory.limit_with_swap if case.memory is not None else None
    limit = f"{format_quantity(with_swap)} for memory and swap together" if with_swap else format_quantity(case.fired)
    return f"Container {case.container} reached its own limit of {limit}{also}{filled}"


def pod_limit_hit(case: Case) -> str | None:
    """Say that the pod's limit fired, which its containers share, and whose process was chosen."""
    if case.cause != Cause.POD_LIMIT or case.fired is None:
        return None
    return (
        f"The pod reached its limit of {format_quantity(case.fired)}, which its containers share; the kernel chose"
        f" {_victim(case)} of container {case.container}"
    )


def pod_limit_hit_by_neighbour(case: Case) -> str | None:
    """Name the container that allocated: under a pod's limit the kernel chooses its victim among all containers."""
    if case.cause != Cause.POD_LIMIT or case.record is None:
        return None
    allocating = subject_of(case.record.spec.oom_memcg)
    cpuset = case.record.spec.trigger_cpuset or ""
    trigger = next((part for part in reversed(cpuset.replace(".scope", "").split("/")) if part), "")[-64:]
    if allocating is None or len(trigger) != 64 or trigger == case.kill.container_id:
        return None
    neighbour = case.pod.container_with(trigger) if case.pod else None
    name = f"Container {neighbour.name}" if neighbour else f"Another container ({trigger[:12]})"
    return f"{name} allocated when the pod reached its limit; the kernel chose a process of container {case.container}"


def pod_limit_left_behind(case: Case) -> str | None:
    """Say that a resize reached the container and not the pod's cgroup, as may happen while no container runs."""
    own = case.limit_above_pods
    if own is None or case.fired is None:
        return None
    return (
        f"Container {case.container} has a limit of {format_quantity(own)}, but its pod's cgroup still has"
        f" {format_quantity(case.fired)}: a resize did not reach it; a new pod gets what the spec says"
    )


def node_allocatable_hit(case: Case) -> str | None:
    """Say that all pods of the node, or of a QoS class, share the limit that fired."""
    if case.cause != Cause.NODE_ALLOCATABLE:
        return None
    whose = "pods of one QoS class" if case.kill.scope is Scope.QOS_CLASS else "pods of the node"
    limit = f" of {format_quantity(case.fired)}" if case.fired else ""
    return f"All {whose} together reached their limit{limit}; {no_limit_fired(case)}{_exceeding(case)}"


def node_out_of_memory(case: Case) -> str | None:
    """Say that the node ran out of memory, and who exceeded its request most."""
    if case.cause != Cause.NODE_OUT_OF_MEMORY:
        return None
    if case.asked_for:
        return f"Somebody asked the kernel for an OOM kill (SysRq f), and it chose {_victim(case)}; nothing was full"
    # Kernels before 5.1 kill a child of the process that they choose.
    chose = f", and the kernel killed {_victim(case)}" if case.kill.victim else ""
    return f"{case.shortage or 'The node ran out of memory'}; {no_limit_fired(case)}{chose}{_exceeding(case)}"


def numa_nodes_exhausted(case: Case) -> str | None:
    """Say that only a part of the node's memory was allowed: by a cpuset, or by the process's own memory policy."""
    if case.cause != Cause.CPUSET_OR_NUMA:
        return None
    policy = case.record is not None and case.record.spec.constraint == "CONSTRAINT_MEMORY_POLICY"
    by = "the process's memory policy" if policy else "its cpuset"
    spec = case.record.spec if case.record else None
    nodes = (spec.nodemask if policy else spec.mems_allowed) if spec else None
    which = "The NUMA nodes that" if nodes is None else f"The NUMA node{'' if nodes.isdigit() else 's'} {nodes}, which"
    comma = "" if nodes is None else ","
    return f"{which} {by} allows{comma} ran out of memory; {no_limit_fired(case)}"


def no_limit_fired(case: Case) -> str:
    """Return that the container's limit was not the cause; where no container is known, that no cgroup's was."""
    if case.container in (HOST_CONTAINER, UNKNOWN_CONTAINER):
        return "no cgroup's limit fired"
    return f"no limit of container {case.container} fired"


def nested_cgroup_hit(case: Case) -> str | None:
    """Name the cgroup inside the container: Kubernetes neither sets its limit nor shows it."""
    if case.cause != Cause.NESTED_CGROUP or case.record is None:
        return None
    path = case.record.spec.oom_memcg or ""
    inner = path.rstrip("/").rsplit("/", 1)[-1][:64]
    limit = f" of {format_quantity(case.fired)}" if case.fired else ""
    return f"Cgroup {inner!r}, made inside container {case.container}, reached its own limit{limit}"


def _victim(case: Case) -> str:
    victim = case.kill.victim
    return f"{victim.comm!r} (pid {victim.pid})" if victim and victim.comm else "a process"


def _exceeding(case: Case) -> str:
    """Name the tasks that used most above their request, as far as oom_score_adj tells the request.

    For a Burstable container it is 1000 - 1000 x request / memory, so resident memory plus adj x memory / 1000 less the
    memory is what the task uses above its container's request; processes alike by name and adj are summed. 1000 is
    BestEffort: all that it uses is above it.
    """
    total = _total_pages(case)
    if not total:
        return ""
    alike: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for task in case.tasks:
        adj, rss = task.oom_score_adj, task.rss_bytes
        if adj is None or rss is None or adj < 2:
            continue
        excess = rss - (1000 - adj) * (total * _PAGE // 1000)
        if excess >= 16 * MI:
            alike.setdefault((task.comm, adj), []).append((excess, task.pid))
    # Of several alike, the request is taken off each: in one container they are above it by more.
    sums = sorted(((sum(excess for excess, _ in each), comm, each) for (comm, _), each in alike.items()), reverse=True)
    named = [
        f"{comm!r} (pid {each[0][1]}) by {in_mi(excess // MI * MI)}"
        if len(each) == 1
        else f"{comm!r} ({len(each)} processes) by {in_mi(excess // MI * MI)} at least"
        for excess, comm, each in sums[:_MOST_NAMED]
    ]
    return f"; most above the request of its container: {', '.join(named)}" if named else ""


def _total_pages(case: Case) -> int | None:
    """Return the memory that the scores relate to, from any row: score = (rss + adj x total / 1000) x 1000 / total."""
    best: tuple[int, int] | None = None
    for task in case.tasks:
        total = _total_of(task)
        if total and (best is None or (task.rss_bytes or 0) > best[0]):
            best = (task.rss_bytes or 0, total)
    return best[1] if best else None


def _total_of(task: Task) -> int | None:
    score, adj, rss = task.oom_score, task.oom_score_adj, task.rss_bytes
    if score is None or adj is None or not rss or score - adj < 20:
        return None
    pages = (rss + (task.swap_bytes or 0) + (task.pagetables_bytes or 0)) // _PAGE
    return int(pages * 1000 // (score - adj))
