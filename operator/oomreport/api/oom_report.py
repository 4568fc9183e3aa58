"""OOMReport: one container of one workload that gets OOM-killed.

It holds the last kill in full, and what to do about it.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from oomreport.api.kill import Memory, Tasks, TriggerModel, UsageModel, VictimModel
from oomreport.api.oom_policy import RecommendationRules
from oomreport.api.resource import (
    UID,
    Column,
    Comm,
    CustomResource,
    Definition,
    MicroTime,
    Model,
    Name,
    Quantity,
    Sentence,
    Time,
    atomic,
    immutable,
    keyed,
)
from oomreport.hooks.delivery import State
from oomreport.hooks.event import EventType
from oomreport.hooks.outbox import MOST_DELIVERIES, MOST_KILL_TIMES
from oomreport.incident.advice.raising import MOST_INPUTS
from oomreport.incident.advice.recommendation import Action, Confidence
from oomreport.incident.kill import Cause, Verdict
from oomreport.incident.memory.usage_since import MOST_DAYS, MOST_POINTS
from oomreport.incident.report.status import MOST_RECENT_KILLS
from oomreport.incident.witness.ledger import MOST_COUNTED
from oomreport.incident.witness.surroundings import Unknown
from oomreport.names import OOM_REPORT, OOM_REPORTS
from oomreport.workload.container import Scope
from oomreport.workload.manager import Tool

MOST_FINDINGS = 32
MOST_CHANGES = 10
MOST_CONDITIONS = 16

KillID = Annotated[str, Field(max_length=253)]
ContainerID = Annotated[str, Field(max_length=128)]


class WorkloadRef(Model):
    """The workload that people know: the controller at the top of the pod's owners, or the pod itself."""

    api_version: Annotated[str, Field(min_length=1, max_length=317)]
    """API group and version of the workload, such as apps/v1."""
    kind: Annotated[str, Field(min_length=1, max_length=63)]
    """Kind of the workload: Deployment, StatefulSet, DaemonSet, CronJob, Job, any other controller, Pod for a pod without
    an owner, Node for a process outside any pod."""
    name: Annotated[str, Field(min_length=1, max_length=253)]
    """Name of the workload, in the report's namespace."""


class Review(Model):
    """What people decided about the recommendation."""

    decision: Literal["Pending", "Accepted", "Rejected"] = "Pending"
    """Pending: nobody has decided. Accepted: the recommendation may be applied. Rejected: it may not."""
    reviewer: Name = ""
    """Who decided."""
    note: Annotated[str, Field(max_length=4096)] = ""
    """Why, in the reviewer's words."""
    time: Time | None = None
    """When it was decided; optional. A decision is about the recommendation of its moment: who makes the same decision
    again, after the recommendation has changed, writes another time."""


class OOMReportSpec(Model):
    """Whose kills these are, and the review of the recommendation."""

    workload_ref: Annotated[WorkloadRef, immutable("workloadRef")]
    """The workload whose pods the container runs in."""
    container: Annotated[str, Field(max_length=253), immutable("container")]
    """Name of the container in the pod's spec. For workload kind Node: host for processes outside any pod, unknown for
    kills that no container could be found for."""
    review: Review = Review()
    """What people decided about the recommendation. People write it; the controller reads it only."""


class TerminationModel(Model):
    """How the container ended, from the pod's status."""

    reason: Annotated[str, Field(max_length=256)] | None = None
    """The runtime's word: OOMKilled, Error, Completed. It is not proof of an OOM kill, nor is its lack of none."""
    exit_code: int | None = None
    """Exit code of the container's first process; 137 is any SIGKILL."""
    started_at: Time | None = None
    """When the container had started."""
    finished_at: Time | None = None
    """When the container ended."""


class LastKill(Model):
    """The last kill in full."""

    id: KillID | None = None
    """What tells this kill from every other; the same in counted."""
    time: MicroTime
    """When the process was killed: the kernel's time, or the end of the container where only pod status tells."""
    pod: Name | None = None
    """Name of the pod."""
    pod_uid: UID | None = None
    """UID of the pod."""
    node: Name | None = None
    """The node that the pod ran on."""
    container_id: ContainerID | None = None
    """ID of the container, without the runtime's prefix."""
    started_at: Time | None = None
    """When the container had started, by the pod's status."""
    restart_count: int | None = None
    """How often the container had been restarted, from the pod's status."""
    verdict: Verdict
    """Confirmed: the kernel's record and a terminated status of the same container agree. KernelOnly: the kernel killed, and
    pod status says nothing, or something else than OOMKilled. StatusOnly: status says OOMKilled, and no record can exist
    or arrived (no agent, a guest kernel, an overrun of the log). Contradicted: status says OOMKilled, but the node's
    agent was healthy the whole time and its counters saw no kill."""
    cause: Cause
    """ContainerLimit: the container's own limit. PodLimit: the limit of the pod. NodeAllocatable: what all pods of the node
    may use together. NodeOutOfMemory: the node's memory was exhausted. NestedCgroup: the limit of a cgroup made inside
    the container. CPUSetOrNUMA: only some of the node's memory was allowed. Unknown: no evidence tells."""
    scope: Scope | None = None
    """Whose limit was hit, by the path of the cgroup: Container, Pod, QoSClass, NodeAllocatable, Node, OtherCgroup, Unknown."""
    silent: bool = False
    """Whether a process died and the container lived on: pod status shows nothing."""
    victim: VictimModel | None = None
    """The process that was killed first; absent where only pod status tells of the kill."""
    victims: int | None = None
    """How many processes were killed."""
    trigger: TriggerModel | None = None
    """The task whose allocation started the OOM killer."""
    memory: Memory | None = None
    """The memory cgroup at its limit, at the moment of the kill."""
    tasks: Tasks | None = None
    """The processes that could have been killed, most eligible first, at most 20."""
    usage: UsageModel | None = None
    """The container's memory before the kill."""
    record_name: Name | None = None
    """Name of the OOMRecord; it is deleted after a day."""
    termination: TerminationModel | None = None
    """How the container ended; absent when it did not, or when that was never seen."""


class RecentKillModel(Model):
    """A kill in short."""

    id: KillID
    """What tells this kill from every other."""
    time: MicroTime
    """When the process was killed."""
    pod: Name | None = None
    """Name of the pod."""
    node: Name | None = None
    """The node that the pod ran on."""
    verdict: Verdict
    """How sure the kill is, as in lastKill."""
    cause: Cause
    """Whose limit it was, as in lastKill."""
    victim: Comm | None = None
    """Name of the process that was killed."""
    limit_bytes: int | None = None
    """The limit that was hit, in bytes."""
    shape: Literal["Startup", "Growth", "Saturating", "Cycle", "Staircase", "Spike"] | None = None
    """How memory came to the limit. Startup: within ten minutes of its start. Growth: it rose throughout its life.
    Saturating: most of the rise came early. Spike: most of it came late. Absent where too little was recorded. Cycle and
    Staircase are not used any more."""
    uptime_seconds: int | None = None
    """How long the container had run."""
    growth_bytes_per_hour: int | None = None
    """How fast its memory grew while it rose."""


class CountedKill(Model):
    """An entry of the ledger that keeps a kill from being counted twice."""

    id: KillID
    """What tells this kill from every other: the name of its record, or the container's ID and end."""
    container_id: ContainerID | None = None
    """ID of the container."""
    time: MicroTime
    """When the process was killed."""
    verdict: Verdict
    """How sure the kill is; it may be upgraded when more evidence arrives."""


class FindingModel(Model):
    """A fact that helps a person to act."""

    rule: Annotated[str, Field(max_length=64)]
    """The fixed name of the rule that found it, in CamelCase."""
    severity: Literal["Info", "Warning", "Critical"]
    """Info: good to know. Warning: likely to kill again. Critical: others are harmed too."""
    message: Sentence
    """What was found, with the figures."""


class AdviceInputModel(Model):
    """A value that a recommendation was made from."""

    name: Annotated[str, Field(max_length=64)]
    """What it is, in camelCase."""
    value: Annotated[str, Field(max_length=256)]
    """The value, with its unit."""
    source: Annotated[str, Field(max_length=256)]
    """Where it comes from: kernel, pod, report, kills, flight recorder, policy, namespace, the name of a metrics source, or
    the documentation."""


class RecommendationModel(Model):
    """What to change, and why."""

    action: Action
    """RaiseLimit: set memoryLimit on the container. RaisePodLimit: set it on the pod. RaiseRequest: set memoryRequest, the
    limit is not the cause. FixLeak: memory grows without bound, a higher limit only delays the next kill. LimitTmpfs: a
    memory-backed volume needs a sizeLimit. ReviewNode: the node is at fault, not the workload. LowerLimit: set memoryLimit,
    the limit is far above all that was seen. None: nothing to change, or too little evidence."""
    memory_limit: Quantity | None = None
    """The memory limit to set, a quantity such as 320Mi."""
    memory_request: Quantity | None = None
    """The memory request to set."""
    previous_limit: Quantity | None = None
    """The limit at the last kill, as a quantity."""
    confidence: Confidence | None = None
    """How well the evidence carries the number."""
    basis: Sentence | None = None
    """What happened, what is asked for, and why that number, in two or three sentences."""
    inputs: Annotated[tuple[AdviceInputModel, ...], atomic(MOST_INPUTS)] | None = None
    """What the number was made from, so that a reviewer can redo the sum; at most 20."""
    policy: RecommendationRules | None = None
    """The rules of OOMPolicies that it was made by; absent where the defaults hold. Other rules make it anew."""
    bounds_hash: Annotated[str, Field(max_length=64)] | None = None
    """What the namespace's LimitRanges and ResourceQuotas allowed when it was made, as a hash; absent where they said nothing
    of memory. When they allow something else, it is made anew, unless it has been applied."""
    unknown: Annotated[tuple[Unknown, ...], atomic(len(Unknown))] | None = None
    """What was asked for and not answered: OOMPolicies, NodeAllocatable, LimitRanges, ResourceQuotas, Replicas, Metrics.
    It bounds nothing here; an answer that comes later makes the recommendation anew."""


class UsageSinceModel(Model):
    """What the running containers held since the last change of the limit, from a metrics source."""

    source: Annotated[str, Field(max_length=64)]
    """Where the sizes come from: metrics.k8s.io, or Prometheus where the controller has --prometheus-url."""
    limit_bytes: int | None = None
    """The limit that the containers run with."""
    request_bytes: int | None = None
    """What they request."""
    first_look: Time
    """The first look under that limit. A gap of more than an hour begins anew."""
    last_look: Time
    """The last look."""
    peak_bytes: int
    """The most that was ever seen, also under other limits."""
    day_peaks: Annotated[tuple[int, ...], atomic(MOST_DAYS)]
    """The highest of each day since firstLook, at most eight; the last one is not over."""
    start_time: Time
    """When the container started whose way `bytes` tells: the one that holds most."""
    interval_seconds: float = 60.0
    """The time between two of its points."""
    bytes: Annotated[tuple[int, ...], atomic(MOST_POINTS)] = ()
    """The highest of each interval, at most 48."""
    refused: Annotated[int, Field(ge=0)] = 0
    """How many readings could not be true: above the limit, or nothing at all. They were not used."""


class ForecastModel(Model):
    """When the limit will be full, if the growth of a running container goes on."""

    full_at: Time
    """By the growth of the last three quarters of its life."""
    earliest: Time
    """By the fastest part of it."""
    latest: Time
    """By the slowest part of it."""
    basis: Sentence
    """What was seen."""


class ManagedBy(Model):
    """Who keeps the workload's manifest: where a change has to be made so that it lasts."""

    tool: Tool
    """ArgoCD, Flux, Helm: by their marks on the workload. Operator: another resource controls the workload. Terraform,
    Kubectl, Other: no marks; the client that wrote the container's memory limit last. ArgoCD, Flux and Operator put back
    what is changed in the cluster."""
    kind: Annotated[str, Field(max_length=63)] | None = None
    """Kind of the object that holds the manifest: Application (ArgoCD), Kustomization or HelmRelease (Flux), Release (Helm),
    or the kind of the operator's resource."""
    name: Name | None = None
    """Name of that object."""
    namespace: Name | None = None
    """Namespace of that object; absent where the mark does not say, as for an Application in Argo CD's own namespace."""
    field_manager: Name | None = None
    """The field manager (metadata.managedFields of the workload) that wrote the container's memory limit last, such as
    argocd-controller, kustomize-controller, helm, kubectl-client-side-apply, kubectl-edit; absent where none did."""


class ReviewedModel(Model):
    """The review of people, and the recommendation that it was about."""

    decision: Literal["Accepted", "Rejected"]
    """What they decided."""
    generation: Annotated[int, Field(ge=0)] | None = None
    """The report's metadata.generation by which the controller saw that."""
    action: Action
    """The action that was recommended then."""
    memory_limit: Quantity | None = None
    """The memory limit that was recommended then."""
    memory_request: Quantity | None = None
    """The memory request that was recommended then."""


class AppliedModel(Model):
    """The recommendation that reached the workload's pods last. It is kept when the next kill brings another one."""

    action: Action
    """RaiseLimit, RaisePodLimit, RaiseRequest or LowerLimit."""
    memory_limit: Quantity | None = None
    """The memory limit that was recommended; the pods have it, or a higher one."""
    memory_request: Quantity | None = None
    """The memory request that was recommended."""
    previous_limit: Quantity | None = None
    """The limit before."""
    time: Time
    """When all pods that run were first seen to have it."""
    quiet_seconds: Annotated[int, Field(ge=0)]
    """So long without a kill after it, and the report says Resolved: what the policy asks for, and three times the mean
    interval between the kills before, as long as that is shorter than the report is kept."""


class DeliveryModel(Model):
    """The state of telling one hook one thing."""

    hook: Annotated[str, Field(max_length=317)]
    """The OOMHook, as namespace/name."""
    kill_id: KillID
    """What it is about: the ID of the kill, or the time of what is not a kill."""
    event: EventType
    """What happened."""
    time: MicroTime
    """When it happened."""
    event_id: Annotated[str, Field(max_length=64)] | None = None
    """ID of the event, which a receiver gets as webhook-id; absent before the first attempt. Where `digest` is set, that
    is the webhook-id."""
    state: State
    """Pending: it will be tried (again). Delivered: the receiver accepted it. Skipped: there was nothing to do, or it was not
    safe; lastError says why. Failed: given up; `oomreport redeliver` tries it again."""
    attempts: Annotated[int, Field(ge=0)] = 0
    """How often it was tried."""
    first_attempt_time: MicroTime | None = None
    """When it was tried first; it is given up a day later."""
    next_attempt_time: MicroTime | None = None
    """When it is tried next."""
    finished_time: MicroTime | None = None
    """When it was delivered, skipped or given up."""
    last_error: Sentence | None = None
    """What went wrong at the last attempt, without secrets."""
    kills: Annotated[int, Field(ge=1)] = 1
    """How many kills it tells of: more than one where they came faster than they could be told."""
    last_time: MicroTime | None = None
    """When the last of them was."""
    digest: Annotated[str, Field(max_length=64)] | None = None
    """ID of the digest that tells of it together with others, where the hook's rate limit was reached."""


class ChangeModel(Model):
    """Something that a hook has changed in the cluster."""

    time: MicroTime
    """When it was changed."""
    hook: Annotated[str, Field(max_length=317)]
    """The OOMHook, as namespace/name."""
    what: Annotated[str, Field(max_length=512)]
    """What was changed."""
    before: int | None = None
    """Its value before, in bytes."""
    after: int | None = None
    """Its value after, in bytes."""
    message: Sentence = ""
    """Why, or with what result."""


class ConditionModel(Model):
    """A condition as metav1.Condition has it. Its time moves only when its status does."""

    type: Annotated[str, Field(max_length=316, pattern=r"^[A-Za-z]([A-Za-z0-9]*[A-Za-z0-9])?$")]
    """Correlated: every kill counted has a kernel record and, unless it was silent, a terminated status of the same
    container. Recommended: the recommendation has an action for the last kill. Reviewed: spec.review.decision is not
    Pending, and the recommendation is materially the one it was about. Applied: every pod of the workload that runs has the
    recommended limit (or request) or a higher one. Resolved: no kill in the quiet window after that. Regressed: killed again
    by what the applied recommendation had raised, and what is recommended since then is not applied. AtRisk: the limit may be
    full within a day by status.forecast, and the growth is one that has killed before. Delivered: no delivery
    is pending or failed."""
    status: Literal["True", "False", "Unknown"]
    """Whether the facts hold; Unknown where they could not be found out."""
    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """The report's metadata.generation that this was said of."""
    last_transition_time: Time
    """When the status last changed."""
    reason: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")]
    """Why, in one word for machines."""
    message: Annotated[str, Field(max_length=32768)]
    """Why, in words for people; may be empty."""


class OOMReportStatus(Model):
    """What happened, why, and what to do. The controller writes it."""

    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """The report's metadata.generation that the controller last acted on."""
    kills: Annotated[int, Field(ge=0)] = 0
    """How often a process of this container was OOM-killed. A group killed at once is one kill."""
    first_kill_time: MicroTime | None = None
    """Time of the first kill."""
    last_kill_time: MicroTime | None = None
    """Time of the last kill."""
    last_silent_kill_time: MicroTime | None = None
    """Time of the last silent kill: a process died and the container lived on. Absent where there was none."""
    last_kill: LastKill | None = None
    """The last kill in full."""
    recent_kills: Annotated[tuple[RecentKillModel, ...], atomic(MOST_RECENT_KILLS)] = ()
    """The last kills in short, newest first, at most 10."""
    counted: Annotated[tuple[CountedKill, ...], keyed(MOST_COUNTED, "id")] = ()
    """The ledger that keeps a kill from being counted twice, at most 512."""
    settled_before: MicroTime | None = None
    """No termination that finished at or before this time is counted any more: what the ledger held of it was dropped."""
    findings: Annotated[tuple[FindingModel, ...], atomic(MOST_FINDINGS)] = ()
    """Why, in words that a person acts on."""
    recommendation: RecommendationModel | None = None
    """What to change."""
    managed_by: ManagedBy | None = None
    """Who keeps the workload's manifest; absent where no mark tells, or where the workload cannot be read."""
    reviewed: ReviewedModel | None = None
    """What people reviewed; absent while spec.review.decision is Pending."""
    applied: AppliedModel | None = None
    """The recommendation that reached the workload's pods last; absent before the first one did."""
    leak_ended: Time | None = None
    """When the container started that took back the name of a leak: kills and peaks of before bound no limit any more."""
    usage_since: UsageSinceModel | None = None
    """What the running containers held since the last change; absent where no metrics source tells."""
    forecast: ForecastModel | None = None
    """When the limit will be full; absent where nothing grows."""
    deliveries: Annotated[tuple[DeliveryModel, ...], keyed(MOST_DELIVERIES, "hook", "killID", "event")] = ()
    """What hooks were told, and what they still have to be."""
    kill_times: Annotated[tuple[MicroTime, ...], atomic(MOST_KILL_TIMES)] = ()
    """When the last kills were, newest first; kept where a hook asks for repeated ones."""
    changes: Annotated[tuple[ChangeModel, ...], atomic(MOST_CHANGES)] = ()
    """What hooks have changed, newest first, at most 10."""
    conditions: Annotated[tuple[ConditionModel, ...], keyed(MOST_CONDITIONS, "type")] = ()
    """Correlated, Recommended, Reviewed, Applied, Resolved, Regressed, AtRisk, Delivered; each is defined at its type."""


class OOMReport(CustomResource):
    """One container of one workload that gets OOM-killed: who died, why, and what limit to set.

    The controller writes it; people write spec.review. It lives for a week after the last kill, or after its
    recommendation was applied.
    """

    definition: ClassVar[Definition] = Definition(
        plural=OOM_REPORTS,
        scope="Namespaced",
        short_names=("oomr",),
        columns=(
            Column(name="WORKLOAD", path=".spec.workloadRef.name", description="The workload."),
            Column(name="CONTAINER", path=".spec.container", description="The container."),
            Column(name="VICTIM", path=".status.lastKill.victim.comm", description="Name of the process killed last."),
            Column(
                name="SCORE",
                path=".status.lastKill.victim.oomScore",
                type="integer",
                description="The last victim's score on the scale that kernels used to print.",
            ),
            Column(name="KILLS", path=".status.kills", type="integer", description="How often it was killed."),
            Column(name="CAUSE", path=".status.lastKill.cause", description="Whose limit the last kill was about."),
            Column(
                name="LIMIT", path=".status.recommendation.previousLimit", description="The limit at the last kill."
            ),
            Column(name="RECOMMENDED", path=".status.recommendation.memoryLimit", description="The limit to set."),
            Column(name="LAST", path=".status.lastKillTime", type="date", description="Time since the last kill."),
            Column(
                name="VERDICT", path=".status.lastKill.verdict", wide=True, description="How sure the last kill is."
            ),
            Column(name="POD", path=".status.lastKill.pod", wide=True, description="The pod of the last kill."),
            Column(name="NODE", path=".status.lastKill.node", wide=True, description="The node of the last kill."),
            Column(name="ACTION", path=".status.recommendation.action", wide=True, description="What to do."),
            Column(
                name="CONFIDENCE",
                path=".status.recommendation.confidence",
                wide=True,
                description="How well the evidence carries the recommendation.",
            ),
            Column(
                name="REVIEW",
                path='.status.conditions[?(@.type=="Reviewed")].reason',
                wide=True,
                description="What people decided about the recommendation as it is now.",
            ),
            Column(
                name="APPLIED",
                path='.status.conditions[?(@.type=="Applied")].status',
                wide=True,
                description="Whether the workload's pods have the recommendation.",
            ),
            Column(
                name="RESOLVED",
                path='.status.conditions[?(@.type=="Resolved")].status',
                wide=True,
                description="Whether no kill came in the quiet window after that.",
            ),
            Column(
                name="MANAGED-BY",
                path=".status.managedBy.tool",
                wide=True,
                description="What keeps the workload's manifest.",
            ),
            Column(
                name="AGE",
                path=".metadata.creationTimestamp",
                type="date",
                wide=True,
                description="Time since the report was created.",
            ),
        ),
        selectable=(
            ".spec.workloadRef.kind",
            ".spec.workloadRef.name",
            ".spec.container",
            ".spec.review.decision",
            ".status.lastKill.node",
            ".status.lastKill.verdict",
            ".status.lastKill.cause",
            ".status.recommendation.action",
        ),
    )

    kind: Literal["OOMReport"] = OOM_REPORT
    spec: OOMReportSpec
    """Whose kills these are, and the review of the recommendation."""
    status: OOMReportStatus | None = None
    """What happened, why, and what to do."""
