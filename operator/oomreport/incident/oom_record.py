"""An invocation of the OOM killer as an OOMRecord, field by field.

The one place that turns the kernel's values into the custom resource's JSON: the agent sends what it returns, and
`oomreport explain -o json` prints it. What is None is left out; sizes are bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from oomreport.kernel.record import Invocation, MemoryUsage, Part, Task, Trigger, Victim
from oomreport.names import bounded_text, label_name
from oomreport.times import rfc3339
from oomreport.workload.container import Subject, scope_of, subject_of

if TYPE_CHECKING:  # nothing that explaining a log has a use for
    from oomreport.incident.memory.usage import Peak, Pressure, Sample, Usage

MOST_VICTIMS = 1000
MOST_TASKS = 20
MOST_STAT_KEYS = 100
MOST_LOG_BYTES = 16 * 1024
MOST_USAGE_SAMPLES = 120
_PARTS = list(Part)
_LEAST, _MOST = -(2**63), 2**63 - 1


class Source(StrEnum):
    """Where a record was read."""

    KMSG = "Kmsg"
    SYSLOG = "Syslog"
    FILE = "File"
    CGROUP_COUNTER = "CgroupCounter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The node and the boot that a record comes from. All None for a log of unknown origin."""

    node_name: str | None = None
    boot_id: str | None = None
    source: Source | None = None
    kernel_release: str | None = None


def subject_of_invocation(invocation: Invocation) -> Subject | None:
    """Return whom the kernel hit, by the victim's cgroup, or by the cgroup at its limit where the first is not said."""
    return subject_of(invocation.task_memcg) or subject_of(invocation.oom_memcg)


def record_name(*, node_name: str, boot_id: str, stamp_us: int) -> str:
    """Return the name of the record of the kill that the kernel stamped `stamp_us`, the same whichever source read it."""
    return label_name(node_name, boot_id[:8], str(stamp_us))


def counter_record_name(*, node_name: str, boot_id: str, container_id: str, count: int) -> str:
    """Return the name of the record of a kill that only a cgroup counter shows; `count` is the counter's new value."""
    return label_name(node_name, boot_id[:8], container_id[:12], str(count))


def record_spec(
    invocation: Invocation,
    *,
    origin: Origin,
    time: datetime | None,
    subject: Subject | None,
    usage: "Usage | None" = None,
) -> dict[str, Any]:
    """Return the `spec` of the OOMRecord, with the API's names; `time` is when the killer's first line was printed."""
    spec: dict[str, Any] = {
        "nodeName": origin.node_name,
        "bootID": origin.boot_id,
        "time": rfc3339(time) if time else None,
        "kernelTimeMicroseconds": invocation.first.monotonic_us,
        "sequence": _sequence(invocation),
        "source": origin.source,
        "kernelRelease": invocation.kernel_release or origin.kernel_release,
        "constraint": invocation.constraint,
        "scope": scope_of(invocation.oom_memcg, global_oom=invocation.global_oom),
        "oomMemcg": invocation.oom_memcg,
        "taskMemcg": invocation.task_memcg,
        "triggerCpuset": invocation.cpuset,
        "trigger": _trigger(invocation.trigger) if invocation.trigger else None,
        "groupKill": invocation.group_kill,
        "noVictim": invocation.no_victim,
        "victims": [_victim(victim) for victim in invocation.victims[:MOST_VICTIMS]],
        "victimCount": len(invocation.victims),
        "memory": _memory(invocation.memory) if invocation.memory else None,
        "tasks": [_task(task) for task in invocation.tasks[:MOST_TASKS]] or None,
        "taskCount": invocation.task_count,
        "subject": _subject(subject) if subject else None,
        "usage": _usage(usage) if usage and usage.samples else None,
        "missing": sorted(invocation.missing, key=_PARTS.index),
        "lostBefore": invocation.lost_before,
        "log": bounded_text(invocation.log, MOST_LOG_BYTES) or None,
    }
    return _without_none(spec)


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is not known, and numbers beyond int64: the API server would refuse the whole record for one."""
    return {
        key: value
        for key, value in values.items()
        if value is not None and (value.__class__ is not int or _LEAST <= value <= _MOST)
    }


def _sequence(invocation: Invocation) -> dict[str, int] | None:
    if invocation.sequence_first is None or invocation.sequence_last is None:
        return None
    return {"first": invocation.sequence_first, "last": invocation.sequence_last}


def _trigger(trigger: Trigger) -> dict[str, Any]:
    return _without_none(
        {
            "comm": trigger.comm,
            "pid": trigger.pid,
            "gfpMask": trigger.gfp_mask,
            "order": trigger.order,
            "oomScoreAdj": trigger.oom_score_adj,
        }
    )


def _victim(victim: Victim) -> dict[str, Any]:
    return _without_none(
        {
            "pid": victim.pid,
            "comm": victim.comm,
            "uid": victim.uid,
            "oomScore": victim.oom_score,
            "oomScoreSource": victim.oom_score_source,
            "oomScoreAdj": victim.oom_score_adj,
            "totalVMBytes": victim.total_vm_bytes,
            "anonRSSBytes": victim.anon_rss_bytes,
            "fileRSSBytes": victim.file_rss_bytes,
            "shmemRSSBytes": victim.shmem_rss_bytes,
            "pagetablesBytes": victim.pagetables_bytes,
            "reaped": victim.reaped,
        }
    )


def _memory(memory: MemoryUsage) -> dict[str, Any]:
    return _without_none(
        {
            "usageBytes": memory.usage_bytes,
            "limitBytes": memory.limit_bytes,
            "failureCount": memory.failure_count,
            "swapUsageBytes": memory.swap_usage_bytes,
            "swapLimitBytes": memory.swap_limit_bytes,
            "stat": _bounded_stat(memory.stat) or None,
        }
    )


def _bounded_stat(stat: Mapping[str, int]) -> dict[str, int]:
    if 0 < len(stat) <= MOST_STAT_KEYS and min(stat.values()) >= _LEAST and max(stat.values()) <= _MOST:
        return dict(stat)
    return dict(list(_without_none(stat).items())[:MOST_STAT_KEYS])


def _task(task: Task) -> dict[str, Any]:
    return _without_none(
        {
            "pid": task.pid,
            "tgid": task.tgid,
            "uid": task.uid,
            "comm": task.comm,
            "rssBytes": task.rss_bytes,
            "swapBytes": task.swap_bytes,
            "pagetablesBytes": task.pagetables_bytes,
            "oomScoreAdj": task.oom_score_adj,
            "oomScore": task.oom_score,
        }
    )


def _subject(subject: Subject) -> dict[str, Any]:
    return _without_none(
        {
            "podUID": subject.pod_uid,
            "containerID": subject.container_id,
            "runtime": subject.runtime,
            "qosClass": subject.qos_class,
            "namespace": subject.namespace,
            "pod": subject.pod,
            "container": subject.container,
        }
    )


def _usage(usage: "Usage") -> dict[str, Any]:
    return {
        "startTime": rfc3339(usage.start),
        "intervalSeconds": usage.interval_seconds,
        "bytes": list(usage.samples[-MOST_USAGE_SAMPLES:]),
        **({"fromStart": usage.from_start} if usage.from_start is not None else {}),
        **({"life": _usage(usage.life)} if usage.life and usage.life.samples else {}),
        **({"lastSample": _sample(usage.last)} if usage.last else {}),
        **({"peak": _peak(usage.peak)} if usage.peak else {}),
        **({"pressure": _pressure(usage.pressure)} if usage.pressure else {}),
    }


def _sample(sample: "Sample") -> dict[str, Any]:
    return _without_none(
        {
            "time": rfc3339(sample.time),
            "usageBytes": sample.usage,
            "anonBytes": sample.anon,
            "fileBytes": sample.file,
            "shmemBytes": sample.shmem,
            "kernelBytes": sample.kernel,
            "swapBytes": sample.swap,
            "limitBytes": sample.limit,
            "swapLimitBytes": sample.swap_limit,
        }
    )


def _peak(peak: "Peak") -> dict[str, Any]:
    return {"time": rfc3339(peak.time), "bytes": peak.size}


def _pressure(pressure: "Pressure") -> dict[str, Any]:
    return {"time": rfc3339(pressure.time), "somePercent": pressure.some, "fullPercent": pressure.full}
