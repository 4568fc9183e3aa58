"""OOMRecord: one invocation of the OOM killer on one node.

The node's agent writes it once.

Required is only what says where a record comes from. Everything else depends on what the kernel printed and the agent
could still read: a record that lacks it is worth more than none.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from oomreport.api.kill import ChosenModel, Memory, NodeMask, Tasks, TriggerModel, UsageModel, VictimModel
from oomreport.api.resource import (
    UID,
    CgroupPath,
    Column,
    CustomResource,
    Definition,
    Label,
    LabelName,
    MicroTime,
    Model,
    Name,
    ObjectName,
    atomic,
    immutable,
    unique,
)
from oomreport.incident.oom_record import MOST_LOG_BYTES, MOST_VICTIMS, ScopeSource, Source, SubjectSource
from oomreport.incident.report.decision import RecordOutcome
from oomreport.incident.witness.attribution import MOST_CANDIDATES
from oomreport.kernel.record import Part
from oomreport.names import OOM_RECORD, OOM_RECORDS
from oomreport.workload.container import Scope


class SequenceModel(Model):
    """Sequence numbers of the kernel's log buffer."""

    first: int
    """Of the record's first line."""
    last: int
    """Of its last line."""


class SubjectModel(Model):
    """The container that was hit, from the cgroup's path and from the node's own files."""

    pod_uid: UID | None = None
    """UID of the pod as its cgroup has it: a static pod shows the hash of its configuration, not the UID of its mirror pod."""
    container_id: Annotated[str, Field(max_length=64)] | None = None
    """ID of the container, 64 hexadecimal digits, without the runtime's prefix."""
    runtime: Literal["containerd", "cri-o", "docker", "unknown"] | None = None
    """The container runtime, by the form of the path."""
    qos_class: Literal["Guaranteed", "Burstable", "BestEffort"] | None = None
    """The pod's QoS class, by the path."""
    namespace: LabelName | None = None
    """Namespace of the pod, where the node knew it."""
    pod: ObjectName | None = None
    """Name of the pod, where the node knew it."""
    container: LabelName | None = None
    """Name of the container in the pod, where the node knew it."""


class OOMRecordSpec(Model):
    """What the kernel and the node said. It is written once."""

    node_name: Name
    """The node. An agent may create records of its own node only."""
    boot_id: UID | None = None
    """The boot that the record belongs to, from /proc/sys/kernel/random/boot_id."""
    time: MicroTime | None = None
    """When the OOM killer was invoked, by the node's wall clock: the time of the record's first line."""
    kernel_time_microseconds: int | None = None
    """The kernel's own stamp of the first line, in microseconds since boot; the clock stands still during suspend."""
    sequence: SequenceModel | None = None
    """Where the record stood in the kernel's log; absent where the source has no sequence numbers (syslog)."""
    source: Source
    """Where it was read. Kmsg: /dev/kmsg. Syslog: syslog(2). File: a log file. CgroupCounter: no line of the log was seen,
    but the container's oom_kill counter moved."""
    kernel_release: Annotated[str, Field(max_length=256)] | None = None
    """The kernel's release (uname -r)."""
    constraint: Annotated[str, Field(max_length=128)] | None = None
    """The kernel's word for what limited the allocation: CONSTRAINT_MEMCG, CONSTRAINT_NONE, CONSTRAINT_CPUSET,
    CONSTRAINT_MEMORY_POLICY; an open set. Absent where the log does not say."""
    scope: Scope
    """Whose limit was hit, by the path of oomMemcg. Container: a container's, in a pod or not. Pod: a pod's; where the pod
    has one limited container, that is the container's limit too. QoSClass: all Burstable or all BestEffort pods.
    NodeAllocatable: all pods of the node. Node: no memory cgroup, the node itself ran out of memory (or one of its NUMA
    nodes). OtherCgroup: another one, such as a system service or a cgroup made inside a container. Unknown: the log does
    not say."""
    scope_source: ScopeSource | None = None
    """How it was found whose limit was hit, where the log does not say; absent where it does. Counters: of the levels above
    the victim one alone counted in that moment that its limit was hit; memory.limitBytes is that limit then."""
    scope_candidates: Annotated[tuple[Scope, ...], atomic(len(Scope))] | None = None
    """Whose limits were hit in that moment, where the log does not say and more than one was."""
    oom_memcg: CgroupPath | None = None
    """Path of the memory cgroup at its limit (oom_memcg); absent on a global OOM and where the log does not say."""
    task_memcg: CgroupPath | None = None
    """Path of the victim's memory cgroup (task_memcg)."""
    trigger_cpuset: CgroupPath | None = None
    """The cpuset of the task that allocated (cpuset): its last component is the ID of the container that allocated, which
    under a pod's limit need not be the victim's."""
    mems_allowed: NodeMask | None = None
    """The NUMA nodes that the cpuset of the allocating task allows (mems_allowed), as a list like 0-1,3."""
    nodemask: NodeMask | None = None
    """The NUMA nodes that the allocation was bound to by a memory policy (nodemask); absent where it was bound to none."""
    trigger: TriggerModel | None = None
    """The task whose allocation started the OOM killer."""
    group_kill: bool = False
    """Whether the kernel killed the whole cgroup, since its memory.oom.group was set."""
    no_victim: bool = False
    """Whether the OOM killer ran and killed nothing: no process could be killed."""
    chosen: ChosenModel | None = None
    """The task that a kernel before 5.1 chose, where another process died or the log does not say which: that kernel kills
    a child of the chosen process in its place, or the leader of the chosen thread's process."""
    victims: Annotated[tuple[VictimModel, ...], atomic(MOST_VICTIMS)] = ()
    """The processes killed in this invocation, each once, also when the kernel names it twice."""
    victim_count: int | None = None
    """How many processes were killed; more than victims holds where a large group was killed."""
    memory: Memory | None = None
    """The memory cgroup at its limit, at the moment of the kill."""
    tasks: Tasks | None = None
    """The processes that could have been killed, most eligible first, at most 20."""
    task_count: int | None = None
    """How many rows the kernel's task table had."""
    subject: SubjectModel | None = None
    """The container that was hit; absent where no container was, or none could be named."""
    subject_source: SubjectSource | None = None
    """How the container was found where the log does not name its cgroup; absent where it does. GroupLine: the line
    "Tasks in .. are going to be killed" names it. Process: the agent saw the process in it. TaskTable: the process stood in an earlier dump's table. CgroupCounter:
    its oom_kill counter moved. VanishedCgroup: its cgroup went in that moment, and no other's did."""
    subject_candidates: Annotated[tuple[UID, ...], atomic(MOST_CANDIDATES)] | None = None
    """Where the node could not decide: the IDs of the containers in question, the UID of a pod where only that is known."""
    usage: UsageModel | None = None
    """The container's memory before the kill."""
    missing: Annotated[tuple[Part, ...], unique(len(Part))] = ()
    """What was lost, or not printed: Header, MemoryUsage, TaskTable, Summary, KillLine. Beyond ten OOMs in five seconds the
    kernel prints the KillLine only."""
    lost_before: Annotated[int, Field(ge=0)] = 0
    """How many messages of the kernel were overwritten right before this record, unread."""
    log: Annotated[str, Field(max_length=MOST_LOG_BYTES)] | None = None
    """The kernel's text without the call trace, at most 16 KiB. It holds what processes call themselves: treat it as
    untrusted when it is shown."""


class ReportRef(Model):
    """The report in which the record was used."""

    namespace: Label
    """Namespace of the OOMReport."""
    name: Name
    """Name of the OOMReport."""


class OOMRecordStatus(Model):
    """What became of the record. The controller writes it, once."""

    used_time: MicroTime | None = None
    """When the record was counted for good; it is deleted a day later. Absent until then."""
    outcome: RecordOutcome | None = None
    """Counted: a kill that the report did not have yet. Joined: evidence of a kill that the report had already.
    NoKill: the OOM killer killed nothing. ContainerUnknown: no container could be found, neither by the node nor by the
    controller."""
    report_ref: ReportRef | None = None
    """The report that claims the kill, and holds it once usedTime is set; absent where there is none."""
    container_id: Annotated[str, Field(max_length=64)] | None = None
    """ID of the container that the controller found for a kill of no known container, by the end that pod status shows."""


class OOMRecord(CustomResource):
    """One invocation of the kernel's OOM killer on one node, with all its victims.

    The node's agent creates it; nobody changes it. It lives for a day after the controller has used it. The kills that
    matter to a workload are in its OOMReport.
    """

    definition: ClassVar[Definition] = Definition(
        plural=OOM_RECORDS,
        scope="Cluster",
        short_names=("oomrec",),
        # `kubectl get oom` shows what people read: reports and what they write.
        categories=(),
        columns=(
            Column(name="NODE", path=".spec.nodeName", description="The node."),
            Column(name="NAMESPACE", path=".spec.subject.namespace", description="Namespace of the pod that was hit."),
            Column(name="POD", path=".spec.subject.pod", description="The pod that was hit."),
            Column(name="CONTAINER", path=".spec.subject.container", description="The container that was hit."),
            Column(name="VICTIM", path=".spec.victims[0].comm", description="Name of the first process killed."),
            Column(name="SCOPE", path=".spec.scope", description="Whose limit was hit."),
            Column(name="SOURCE", path=".spec.source", description="Where the record was read."),
            Column(name="TIME", path=".spec.time", type="date", description="Time since the kill."),
            Column(
                name="SCORE",
                path=".spec.victims[0].oomScore",
                type="integer",
                wide=True,
                description="The first victim's score on the scale that kernels used to print.",
            ),
            Column(name="OUTCOME", path=".status.outcome", wide=True, description="What the controller made of it."),
            Column(
                name="REPORT", path=".status.reportRef.name", wide=True, description="The report that holds the kill."
            ),
            Column(
                name="AGE",
                path=".metadata.creationTimestamp",
                type="date",
                wide=True,
                description="Time since the record was created.",
            ),
        ),
        selectable=(
            ".spec.nodeName",
            ".spec.source",
            ".spec.scope",
            ".spec.subject.namespace",
            ".spec.subject.pod",
            ".spec.subject.podUID",
            ".spec.subject.containerID",
            ".status.outcome",
        ),
    )

    kind: Literal["OOMRecord"] = OOM_RECORD
    spec: Annotated[OOMRecordSpec, immutable("spec of an OOMRecord")]
    """What the kernel and the node said."""
    status: OOMRecordStatus | None = None
    """What the controller made of it."""
