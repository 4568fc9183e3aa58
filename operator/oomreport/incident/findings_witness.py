"""What the witnesses of a kill are worth."""

from oomreport.incident.case import Case
from oomreport.incident.evidence import UNKNOWN_CONTAINER
from oomreport.incident.ledger import Verdict


def container_unknown(case: Case) -> str | None:
    """Say why no container is named: beyond ten OOMs in five seconds the kernel prints neither cgroup nor limit.

    Where all is known, the namespace is not there any more, and nothing can be created in one that is being deleted.
    """
    if case.container != UNKNOWN_CONTAINER:
        return None
    subject = case.record.subject if case.record else None
    if subject and subject.container:
        return (
            f"Container {subject.container} of pod {subject.namespace}/{subject.pod} was hit; its namespace was deleted"
            " before the kill could be told there"
        )
    return (
        "The kernel named the process only (it prints the cgroup of at most ten OOMs in five seconds), and neither the"
        " node's counters nor pod status told whose it was"
    )


def status_contradicted(case: Case) -> str | None:
    """Say that a healthy witness of every kernel kill saw none."""
    if case.last.get("verdict") != Verdict.CONTRADICTED:
        return None
    return "Pod status says OOMKilled, but the node's agent was ready the whole time and saw no kill: it is not counted"


def status_only(case: Case) -> str | None:
    """Say why there is no victim, no size and no cause."""
    if case.last.get("verdict") != Verdict.STATUS_ONLY:
        return None
    return "Only pod status tells of this kill: no agent was ready on the node, or a guest kernel killed"


def kernel_log_lost(case: Case) -> str | None:
    """Warn of a ring buffer that wrapped: it may have held more kills."""
    lost = case.record.spec.get("lostBefore", 0) if case.record else 0
    return f"{lost} messages of the kernel were overwritten before the agent could read them" if lost else None
