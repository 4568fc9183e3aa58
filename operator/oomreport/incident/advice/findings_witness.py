"""What the witnesses of a kill are worth."""

from oomreport.incident.advice.case import Case
from oomreport.incident.advice.sizing import in_mi
from oomreport.incident.kill import Cause, Verdict
from oomreport.incident.oom_record import ScopeSource
from oomreport.incident.witness.evidence import UNKNOWN_CONTAINER
from oomreport.workload.quantity import MI, format_quantity

# Far enough below the limit that no batch of charges can have failed at it.
_NEVER_REACHED = 0.9


def container_unknown(case: Case) -> str | None:
    """Say why no container is named. Beyond ten OOMs in five seconds the kernel prints neither cgroup nor limit.

    Where a record names all, it could not be counted there: a node tells of its own pods only, and nothing can be
    created in a namespace that is being deleted.
    """
    if case.container != UNKNOWN_CONTAINER:
        return None
    subject = case.record.subject if case.record else None
    if subject and subject.container:
        return (
            f"A record of this node names container {subject.container} of pod {subject.namespace}/{subject.pod}, but it"
            " could not be counted there. The pod is on another node, its namespace was deleted, or its report was refused"
            " for hours"
        )
    if subject and subject.container_id:
        return (
            f"The kernel named container instance {subject.container_id[:12]}, but the agent, pod status and other reports"
            " did not tell which container of the pod it was"
        )
    if case.record and case.record.spec.task_memcg:
        return "The kernel named a cgroup in which no container of the pod was found"
    if case.record is None and case.kill.container_id:
        return f"Nothing told which container of the pod instance {case.kill.container_id[:12]} was"
    return (
        "The kernel named the process only (it prints the cgroup of at most ten OOMs in five seconds), and neither the"
        " node's counters nor pod status told whose it was"
    )


def limit_by_counters(case: Case) -> str | None:
    """Say that counters told whose limit it was, or why they could not: the kernel left its dump out."""
    spec = case.record.spec if case.record else None
    if spec is None or spec.oom_memcg is not None:
        return None
    if spec.scope_source is ScopeSource.COUNTERS:
        of = f" of {format_quantity(spec.limit)}" if spec.limit else ""
        return f"The kernel left out whose limit was hit; of all levels the counter of one moved: {spec.scope}{of}"
    if spec.scope_candidates:
        hit = " and ".join(spec.scope_candidates)
        return f"The kernel left out whose limit was hit, and the limits of several levels were hit just then: {hit}"
    return None


def peak_against_limit(case: Case) -> str | None:
    """Say what the kernel's own peak tells of a limit that no record names.

    It has page cache in it, which may fill the limit without a kill; where it is below the limit, that did not fire.
    """
    peak, limit = case.peak, case.own_limit
    counted = case.kill.usage.peak.time if case.kill.usage and case.kill.usage.peak else None
    if case.cause is not Cause.UNKNOWN or peak is None or not limit:
        return None
    most = f"at its highest it held {in_mi(peak // MI * MI)} of {format_quantity(limit)}, page cache included"
    if case.reached_own_limit:
        return f"The container had reached its own limit, which no record names as the one that fired: {most}"
    if peak < _NEVER_REACHED * limit and case.kill.time and counted and counted >= case.kill.time:
        return f"The container never reached its own limit, so another one fired, or the node was full: {most}"
    return None


def status_contradicted(case: Case) -> str | None:
    """Say that a healthy witness of every kernel kill saw none."""
    if case.kill.verdict is not Verdict.CONTRADICTED:
        return None
    return "Pod status says OOMKilled, but the node's agent was ready the whole time and saw no kill: it is not counted"


def status_only(case: Case) -> str | None:
    """Say why there is no victim, no size and no cause."""
    if case.kill.verdict is not Verdict.STATUS_ONLY:
        return None
    return "Only pod status tells of this kill: no agent was ready on the node, or a guest kernel killed"


def kernel_log_lost(case: Case) -> str | None:
    """Warn of a ring buffer that wrapped: it may have held more kills."""
    lost = case.record.spec.lost_before if case.record else 0
    return f"{lost} messages of the kernel were overwritten before the agent could read them" if lost else None
