"""Settings that contradict each other or explain the kernel's choice."""

from oomreport.incident.advice.case import Case
from oomreport.incident.advice.sizing import in_mi
from oomreport.incident.kill import Cause
from oomreport.workload.heap import Runtime
from oomreport.workload.quantity import MI

_FAR_BELOW = 0.5
_HEAP_SHARE = 0.85
_JAVA = ("java", "jvm")
_NODE = ("node", "nodejs")


def heap_against_limit(case: Case) -> str | None:
    """Compare a runtime's heap setting with the limit, or say that there is none."""
    limit = case.facts.memory_limit if case.facts else case.fired
    if limit is None or case.facts is None or case.cause not in (Cause.CONTAINER_LIMIT, Cause.POD_LIMIT):
        return None
    for heap in case.facts.heap:
        most = heap.most(limit)
        if most is not None and most > _HEAP_SHARE * limit:
            beyond = "more than the whole limit" if most > limit else f"{100 * most // limit} % of it"
            return (
                f"{heap.text} lets the {heap.runtime} heap grow to {in_mi(most // MI * MI)}, {beyond} ({in_mi(limit)});"
                " a process needs a quarter or more beside its heap"
            )
    return _missing_setting(case)


def request_below_use(case: Case) -> str | None:
    """Say that the scheduler was told of far less than is used, which draws the kernel's choice on it as well."""
    request = case.facts.memory_request if case.facts else None
    usage = case.kill.usage
    use = max(((usage.life or usage).samples if usage else ()), default=0)
    if not request or not use or request >= _FAR_BELOW * use:
        return None
    return (
        f"It requests {in_mi(request)} and used {in_mi(use // MI * MI)}: the scheduler reserves for less than half, and on a"
        " full node the kernel takes first who exceeds its request most"
    )


def protection(case: Case) -> str | None:
    """Say how oom_score_adj decided, where it did: on a node or pod that is full, not for one container alone."""
    victim = case.kill.victim
    adj = victim.oom_score_adj if victim else None
    if (
        victim is None
        or adj is None
        or case.cause not in (Cause.NODE_OUT_OF_MEMORY, Cause.NODE_ALLOCATABLE, Cause.POD_LIMIT)
    ):
        return None
    subject = case.record.subject if case.record else None
    in_pod = case.pod is not None or bool(case.kill.pod_uid or (subject and subject.pod_uid))
    if adj == 1000 and in_pod and (subject is None or subject.qos_class in (None, "BestEffort")):
        return "The pod is BestEffort (no request, no limit): oom_score_adj 1000 makes it the first to be killed"
    if adj == 1000:
        return "oom_score_adj 1000 makes the process the first to be killed"
    largest = max((task.rss_bytes or 0 for task in case.tasks), default=0)
    own = victim.resident_bytes
    if own is not None and largest > own * 1.1 and adj > 0:
        return (
            f"It was not the largest process ({in_mi(own // MI * MI)} against {in_mi(largest // MI * MI)}): its"
            f" oom_score_adj of {adj}{', which follows from a small request,' if in_pod else ''} made it the choice"
        )
    return None


def volume_without_size(case: Case) -> str | None:
    """Name memory-backed volumes that may fill the pod's limit."""
    open_ended = [volume.name for volume in case.pod.memory_volumes if not volume.size_limit] if case.pod else []
    if not open_ended or case.shmem < 16 * MI:
        return None
    return f"Memory-backed volume {', '.join(open_ended)} has no sizeLimit: its files count against the memory limit"


def _missing_setting(case: Case) -> str | None:
    comm = case.kill.comm or ""
    runtimes = {heap.runtime for heap in case.facts.heap} if case.facts else set()
    if comm in _JAVA and Runtime.JVM not in runtimes:
        return "No -Xmx or -XX:MaxRAMPercentage in the pod's spec: the JVM takes a quarter of the limit by default, unless the image says otherwise"
    if comm in _NODE and Runtime.NODE not in runtimes:
        return "No --max-old-space-size in the pod's spec: Node.js may let its heap grow past what the limit leaves"
    return None
