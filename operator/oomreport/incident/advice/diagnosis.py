"""The findings on the last kill: small rules in order.

Each rule is named by the fact that it finds.

A rule returns a sentence, or None where its fact does not hold. Rules that need the kernel's record speak once, when
the kill is first shown; what they found then stays, since the record is deleted after a day, and the pod goes. First
comes what the witnesses are worth, then whose limit it was, then what filled it, how, and what settings contradict each
other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from oomreport.incident.advice.case import Case
from oomreport.incident.advice.findings_filling import (
    kernel_memory,
    leak,
    limit_below_start,
    many_workers,
    page_cache_is_not_the_cause,
    spike,
    startup_peak,
    steady_growth,
    swap_full,
    thrashing,
    tmpfs_filled,
)
from oomreport.incident.advice.findings_limit import (
    container_limit_hit,
    group_killed,
    nested_cgroup_hit,
    node_allocatable_hit,
    node_out_of_memory,
    numa_nodes_exhausted,
    pod_limit_hit,
    pod_limit_hit_by_neighbour,
    pod_limit_left_behind,
    silent_kill,
)
from oomreport.incident.advice.findings_settings import (
    heap_against_limit,
    protection,
    request_below_use,
    volume_without_size,
)
from oomreport.incident.advice.findings_witness import (
    container_unknown,
    kernel_log_lost,
    limit_by_counters,
    peak_against_limit,
    status_contradicted,
    status_only,
)

_MOST_MESSAGE = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A fact that helps a person to act, and the fixed name of the rule that found it."""

    rule: str
    severity: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of a fixed name. `of_record`: it needs the kernel's record; `of_pod`: it needs the pod's spec."""

    name: str
    severity: Literal["Info", "Warning", "Critical"]
    find: Callable[[Case], str | None]
    of_record: bool = False
    of_pod: bool = False


def findings(case: Case, previous: Sequence[Finding] = ()) -> tuple[Finding, ...]:
    """Return what holds for the last kill, in the order of the rules; `previous` is what was found for it before."""
    kept = {finding.rule: finding for finding in previous}
    found: list[Finding] = []
    for rule in RULES:
        gone = (rule.of_record and case.record is None) or (rule.of_pod and case.facts is None)
        if gone and rule.name in kept:
            found.append(kept[rule.name])
        elif message := rule.find(case):
            found.append(Finding(rule=rule.name, severity=rule.severity, message=message[:_MOST_MESSAGE]))
    return tuple(found)


RULES: tuple[Rule, ...] = (
    Rule(name="ContainerUnknown", severity="Warning", find=container_unknown, of_record=True),
    Rule(name="StatusContradicted", severity="Info", find=status_contradicted),
    Rule(name="StatusOnly", severity="Info", find=status_only),
    Rule(name="KernelLogLost", severity="Warning", find=kernel_log_lost, of_record=True),
    Rule(name="LimitByCounters", severity="Info", find=limit_by_counters, of_record=True),
    Rule(name="PeakAgainstLimit", severity="Info", find=peak_against_limit),
    Rule(name="SilentKill", severity="Warning", find=silent_kill),
    Rule(name="GroupKilled", severity="Info", find=group_killed, of_record=True),
    Rule(name="ContainerLimitHit", severity="Info", find=container_limit_hit),
    Rule(name="PodLimitHit", severity="Info", find=pod_limit_hit),
    Rule(name="PodLimitHitByNeighbour", severity="Warning", find=pod_limit_hit_by_neighbour, of_record=True),
    Rule(name="PodLimitLeftBehind", severity="Critical", find=pod_limit_left_behind),
    Rule(name="NodeAllocatableHit", severity="Critical", find=node_allocatable_hit),
    Rule(name="NodeOutOfMemory", severity="Critical", find=node_out_of_memory),
    Rule(name="NUMANodesExhausted", severity="Critical", find=numa_nodes_exhausted, of_record=True),
    Rule(name="NestedCgroupHit", severity="Warning", find=nested_cgroup_hit, of_record=True),
    Rule(name="Leak", severity="Warning", find=leak),
    Rule(name="SteadyGrowth", severity="Info", find=steady_growth),
    Rule(name="LimitBelowStart", severity="Critical", find=limit_below_start),
    Rule(name="StartupPeak", severity="Warning", find=startup_peak),
    Rule(name="Spike", severity="Info", find=spike),
    Rule(name="TmpfsFilled", severity="Warning", find=tmpfs_filled, of_pod=True),
    Rule(name="VolumeWithoutSize", severity="Warning", find=volume_without_size, of_pod=True),
    Rule(name="KernelMemory", severity="Warning", find=kernel_memory),
    Rule(name="PageCacheIsNotTheCause", severity="Info", find=page_cache_is_not_the_cause),
    Rule(name="SwapFull", severity="Info", find=swap_full),
    Rule(name="Thrashing", severity="Info", find=thrashing),
    Rule(name="ManyWorkers", severity="Warning", find=many_workers, of_record=True),
    Rule(name="HeapAgainstLimit", severity="Warning", find=heap_against_limit, of_pod=True),
    Rule(name="RequestBelowUse", severity="Warning", find=request_below_use, of_pod=True),
    Rule(name="ChosenByProtection", severity="Info", find=protection, of_record=True),
)
