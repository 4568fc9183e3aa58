"""What a person should know about the last kill: small rules in one ordered tuple, each named by the fact it finds.

A rule returns a sentence, or None where its fact does not hold. Rules that need the kernel's record speak once, when the
kill is first shown; what they found then stays, since the record is deleted after a day.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from oomreport.incident.cause import Cause
from oomreport.incident.evidence import UNKNOWN_CONTAINER, RecordFacts
from oomreport.incident.ledger import Verdict
from oomreport.workload.container import subject_of
from oomreport.workload.pod import PodFacts

_MOST_MESSAGE = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The last kill as the report shows it, and what is at hand of its witnesses."""

    last: Mapping[str, Any]
    container: str
    record: RecordFacts | None = None
    pod: PodFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of a fixed name. `of_record`: it needs the kernel's record."""

    name: str
    severity: Literal["Info", "Warning", "Critical"]
    find: Callable[[Case], str | None]
    of_record: bool = False


def findings(case: Case, previous: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """Return what holds for the last kill, in the order of the rules; `previous` is what was found for it before."""
    kept = {finding["rule"]: dict(finding) for finding in previous}
    found: list[dict[str, Any]] = []
    for rule in RULES:
        if rule.of_record and case.record is None:
            found += [kept[rule.name]] if rule.name in kept else []
        elif message := rule.find(case):
            found.append({"rule": rule.name, "severity": rule.severity, "message": message[:_MOST_MESSAGE]})
    return found


def silent_kill(case: Case) -> str | None:
    """Tell of a kill that pod status cannot show, since the container's first process lived on."""
    if not case.last.get("silent"):
        return None
    victim = case.last.get("victim") or {}
    who = f"{victim['comm']!r} (pid {victim['pid']})" if victim.get("comm") else "A process"
    return f"{who} was killed and container {case.container} lived on: pod status did not show it at that time"


def pod_limit_hit_by_neighbour(case: Case) -> str | None:
    """Name the container that allocated: under a pod's limit the kernel chooses its victim among all containers."""
    if case.last.get("cause") != Cause.POD_LIMIT or case.record is None:
        return None
    allocating = subject_of(case.record.spec.get("oomMemcg"))
    cpuset = str(case.record.spec.get("triggerCpuset") or "")
    trigger = next((part for part in reversed(cpuset.replace(".scope", "").split("/")) if part), "")[-64:]
    if allocating is None or len(trigger) != 64 or trigger == case.last.get("containerID"):
        return None
    neighbour = case.pod.container_with(trigger) if case.pod else None
    name = f"Container {neighbour.name}" if neighbour else f"Another container ({trigger[:12]})"
    return f"{name} allocated when the pod reached its limit; the kernel chose a process of container {case.container}"


def container_unknown(case: Case) -> str | None:
    """Say why no container is named: beyond ten OOMs in five seconds the kernel prints neither cgroup nor limit."""
    if case.container != UNKNOWN_CONTAINER:
        return None
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


RULES: tuple[Rule, ...] = (
    Rule(name="ContainerUnknown", severity="Warning", find=container_unknown),
    Rule(name="StatusContradicted", severity="Info", find=status_contradicted),
    Rule(name="StatusOnly", severity="Info", find=status_only),
    Rule(name="SilentKill", severity="Warning", find=silent_kill),
    Rule(name="PodLimitHitByNeighbour", severity="Warning", find=pod_limit_hit_by_neighbour, of_record=True),
    Rule(name="KernelLogLost", severity="Warning", find=kernel_log_lost, of_record=True),
)
