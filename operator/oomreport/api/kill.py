"""The schema of a kill, shared by OOMRecord and OOMReport.

Nothing that the kernel can print is refused, or a kill would be lost: pids, scores and sizes have no bounds but those
of int64, and names hold any character.
"""

from typing import Annotated

from pydantic import Field

from oomreport.api.resource import Comm, MicroTime, Model, atomic
from oomreport.incident.memory.flight_recorder import MOST_LIFE_SAMPLES
from oomreport.incident.oom_record import MOST_NODE_MASK, MOST_STAT_KEYS, MOST_TASKS, MOST_USAGE_SAMPLES
from oomreport.kernel.record import ScoreSource


class VictimModel(Model):
    """A process that the kernel killed."""

    pid: int
    """Process ID in the node's PID namespace, from the line "Killed process". Where the leader of a process had
    exited it is a thread's."""
    comm: Comm | None = None
    """The process's name (at most 15 bytes in the kernel), unescaped once, invalid UTF-8 replaced by U+FFFD. It is chosen by
    the process itself and may hold any character, be empty, or pretend to be another line of the log."""
    uid: int | None = None
    """User ID on the node, 0 to 4294967295."""
    oom_score: int | None = None
    """How eligible the process was, on the scale that kernels before 5.1 printed: points * 1000 / totalpages of this OOM.
    Not the number in /proc/<pid>/oom_score. Absent where it was neither printed nor computable."""
    oom_score_source: ScoreSource | None = None
    """Printed: the kernel printed oomScore. Computed: it follows from the kernel's task table and the limit."""
    oom_score_adj: int | None = None
    """The process's oom_score_adj, -1000 to 1000; Kubernetes sets it by the pod's QoS class and memory request."""
    total_vm_bytes: int | None = None
    """Virtual memory in bytes (total-vm)."""
    anon_rss_bytes: int | None = None
    """Resident anonymous memory in bytes (anon-rss): heap, stacks."""
    file_rss_bytes: int | None = None
    """Resident memory mapped from files, in bytes (file-rss)."""
    shmem_rss_bytes: int | None = None
    """Resident shared memory in bytes (shmem-rss): tmpfs, memory-backed emptyDir, shared mappings."""
    rss_bytes: int | None = None
    """All resident memory in bytes (rss), of kernels of OpenVZ, which print no parts of it."""
    pagetables_bytes: int | None = None
    """Page tables in bytes (pgtables)."""
    reaped: bool = False
    """Whether the kernel's OOM reaper had to free the memory, since the process had not ended after two seconds."""


class TriggerModel(Model):
    """The task whose allocation started the OOM killer. It need not be the victim, nor in the victim's container."""

    comm: Comm
    """The task's name, treated as a victim's is."""
    pid: int | None = None
    """Its thread ID in the node's PID namespace, from the dump's line "CPU:"."""
    gfp_mask: Annotated[str, Field(max_length=64)] | None = None
    """The flags of the allocation, hexadecimal, as the kernel printed them."""
    order: int | None = None
    """The allocation was of 2^order pages; -1 for an OOM that was asked for by SysRq."""
    oom_score_adj: int | None = None
    """The task's oom_score_adj, -1000 to 1000."""


class ChosenModel(Model):
    """The task that a kernel before 5.1 chose to kill."""

    pid: int
    """Its thread ID in the node's PID namespace."""
    comm: Comm | None = None
    """Its name, treated as a victim's is."""
    oom_score: int | None = None
    """The score that the kernel printed for it."""


NodeMask = Annotated[str, Field(max_length=MOST_NODE_MASK)]
"""A list of NUMA nodes, as the kernel prints it."""


class Memory(Model):
    """The memory cgroup at its limit, at the moment of the kill, as the kernel printed it."""

    usage_bytes: int | None = None
    """Memory charged to the cgroup, in bytes."""
    limit_bytes: int | None = None
    """Its limit in bytes; absent when unlimited or not printed."""
    failure_count: int | None = None
    """How often a charge met the limit (failcnt). Usually far above the number of kills."""
    swap_usage_bytes: int | None = None
    """Swap in use, in bytes; on cgroup v1 it is memory and swap together."""
    swap_limit_bytes: int | None = None
    """The limit of swap in bytes, on cgroup v1 of memory and swap together; absent when unlimited or not printed."""
    stat: Annotated[dict[str, int], Field(max_length=MOST_STAT_KEYS)] | None = None
    """The cgroup's memory.stat by the kernel's keys; sizes in bytes, events as counts."""


class TaskModel(Model):
    """A row of the kernel's task table: a process that could have been killed."""

    pid: int
    """Process ID in the node's PID namespace."""
    tgid: int | None = None
    """Thread group ID; differs from pid where the group's leader had exited."""
    uid: int | None = None
    """User ID on the node. The kernel's table prints it signed: 4294967295 stands there as -1."""
    comm: Comm
    """The process's name, treated as a victim's is."""
    rss_bytes: int | None = None
    """Resident memory in bytes."""
    swap_bytes: int | None = None
    """Swapped-out memory in bytes."""
    pagetables_bytes: int | None = None
    """Page tables in bytes."""
    oom_score_adj: int | None = None
    """The process's oom_score_adj; a process with -1000 is never chosen."""
    oom_score: int | None = None
    """How eligible it was, on the same scale as a victim's oomScore; may be negative."""


class Life(Model):
    """The same over the container's whole life, in coarser steps."""

    start_time: MicroTime
    """When the container was first seen."""
    interval_seconds: float
    """Seconds between two points."""
    bytes: Annotated[tuple[int, ...], atomic(MOST_LIFE_SAMPLES)]
    """The largest size within each interval, in bytes, oldest first."""


class LastSample(Model):
    """What the container's memory consisted of when the agent last looked before the kill.

    The kernel did not print it at the kill, as it did what is in `memory`. A size that it does not tell is absent.
    """

    time: MicroTime
    """When it was looked at: some seconds before the kill, up to half a minute where memory had not moved until then."""
    usage_bytes: int
    """Memory charged to the container's cgroup, in bytes."""
    anon_bytes: int | None = None
    """Anonymous memory in bytes: heap and stacks."""
    file_bytes: int | None = None
    """Page cache in bytes, with shmemBytes in it, as the kernel counts."""
    shmem_bytes: int | None = None
    """Shared memory in bytes: tmpfs, memory-backed emptyDir, shared mappings."""
    kernel_bytes: int | None = None
    """Memory of the kernel itself in bytes: slab, stacks, page tables, sockets."""
    swap_bytes: int | None = None
    """What was swapped out, in bytes."""
    limit_bytes: int | None = None
    """The container's memory limit at that time, in bytes; absent without one."""
    swap_limit_bytes: int | None = None
    """How much of the container's memory might be swapped out, in bytes; absent without a limit."""


class PeakModel(Model):
    """The most memory ever charged to the container, by the kernel (memory.peak, v1: max_usage_in_bytes)."""

    time: MicroTime
    """Until when: after the kill where the cgroup was still there, else when it was last looked at."""
    bytes: int
    """The size in bytes, page cache included."""


class PressureModel(Model):
    """How long the container's tasks stood still for want of memory: memory.pressure, avg10. Cgroup v2 only."""

    time: MicroTime
    """The end of the ten seconds: right after the kill where the cgroup was still there, else when it was last looked at."""
    some_percent: Annotated[float, Field(ge=0, le=100)]
    """The share of the ten seconds in which at least one task stood still."""
    full_percent: Annotated[float, Field(ge=0, le=100)]
    """The share of the ten seconds in which all of them did at once."""


class UsageModel(Model):
    """A container's memory before its kill, as the agent sampled it from the cgroup."""

    start_time: MicroTime
    """Time of the first sample."""
    interval_seconds: float
    """Seconds between two samples."""
    bytes: Annotated[tuple[int, ...], atomic(MOST_USAGE_SAMPLES)]
    """The samples in bytes, oldest first."""
    from_start: bool | None = None
    """Whether the samples began with the container; false where the agent is younger than it."""
    life: Life | None = None
    """The container's whole life in at most 60 points: slow growth does not show in the last minutes."""
    last_sample: LastSample | None = None
    """What the memory consisted of shortly before the kill."""
    peak: PeakModel | None = None
    """The most that was ever charged to the container."""
    pressure: PressureModel | None = None
    """How long its tasks stood still for want of memory before the kill."""


Tasks = Annotated[tuple[TaskModel, ...], atomic(MOST_TASKS)]
"""The most eligible processes, most eligible first."""
