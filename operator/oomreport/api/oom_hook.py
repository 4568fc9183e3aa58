"""OOMHook: what is done, and where, when something happens to a report."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from pydantic.config import JsonDict

from oomreport.api.oom_report import MOST_CONDITIONS, ConditionModel
from oomreport.api.resource import (
    Column,
    CustomResource,
    Definition,
    LabelName,
    Model,
    ObjectName,
    Sentence,
    Time,
    atomic,
    keyed,
    unique,
)
from oomreport.hooks.event import EventType
from oomreport.incident.kill import Cause
from oomreport.names import OOM_HOOK, OOM_HOOKS

MOST_LABELS = 64

_ONE_TARGET: JsonDict = {
    "rule": "[has(self.webhook), has(self.job), has(self.resize)].filter(given, given).size() == 1",
    "message": "exactly one of webhook, job and resize must be given",
}
_REPEATED: JsonDict = {
    "rule": "has(self.repeated) == ('Repeated' in self.events)",
    "message": "repeated must be given where events has Repeated, and only there",
}
_ONE_PLACE: JsonDict = {
    "rule": "[has(self.url), has(self.urlSecretRef), has(self.service)].filter(given, given).size() == 1",
    "message": "exactly one of url, urlSecretRef and service must be given",
}
_URL: JsonDict = {
    "rule": "isURL(self) && url(self).getScheme() in ['http', 'https'] && !self.contains('@')",
    "message": "must be an http or https URL without a user; a URL that is secret belongs into urlSecretRef",
}
_OPERATOR: JsonDict = {
    "rule": "(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)",
    "message": "In and NotIn need values, Exists and DoesNotExist take none",
}
_RESIZES: JsonDict = {
    "rule": "self.events.exists(event, event == 'OOMKilled' || event == 'Repeated' || event == 'RecommendationReady'"
    " || event == 'Regressed') || !has(self.resize)",
    "message": "resize acts on OOMKilled, Repeated, RecommendationReady or Regressed",
}

LabelValue = Annotated[str, Field(max_length=63)]
LabelKey = Annotated[str, Field(min_length=1, max_length=317)]


class LabelRequirement(Model):
    """One thing that a label must fulfil, as in metav1.LabelSelector."""

    key: LabelKey
    """The label's key."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """How its value is compared."""
    values: Annotated[tuple[LabelValue, ...], atomic(MOST_LABELS)] | None = None
    """The values for In and NotIn."""


class LabelSelector(Model):
    """Labels that must be there, as in metav1.LabelSelector; an empty one fits everything."""

    match_labels: Annotated[dict[str, LabelValue], Field(max_length=MOST_LABELS)] | None = None
    """Labels with exactly these values."""
    match_expressions: Annotated[
        tuple[Annotated[LabelRequirement, Field(json_schema_extra={"x-kubernetes-validations": [_OPERATOR]})], ...],
        atomic(MOST_LABELS),
    ] = ()
    """What must be true as well."""


class Repeated(Model):
    """How often in what time."""

    kills: Annotated[int, Field(ge=2, le=100)]
    """So many kills of the same container..."""
    window_seconds: Annotated[int, Field(ge=1, le=604800)]
    """...within so many seconds."""


class RateLimit(Model):
    """How much is sent at most; what is above becomes one digest at the end of the period."""

    events: Annotated[int, Field(ge=1, le=10000)]
    """So many deliveries..."""
    period_seconds: Annotated[int, Field(ge=1, le=86400)]
    """...within so many seconds."""


class KeyRef(Model):
    """A key of a Secret or ConfigMap in the hook's namespace."""

    name: ObjectName
    """Name of the object."""
    key: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]
    """The key in its data."""


class ServiceRef(Model):
    """A Service of the cluster."""

    name: LabelName
    """Name of the Service."""
    namespace: LabelName | None = None
    """Its namespace; the hook's when absent."""
    port: Annotated[int, Field(ge=1, le=65535)] = 443
    """The port of the Service."""
    path: Annotated[str, Field(max_length=1024, pattern=r"^/")] = "/"
    """Path and query of the URL."""
    scheme: Literal["http", "https"] = "https"
    """Whether TLS is spoken."""


class Webhook(Model):
    """Where events are sent by HTTP POST, as CloudEvents 1.0 in structured mode."""

    url: (
        Annotated[
            str,
            Field(min_length=1, max_length=2048, json_schema_extra={"x-kubernetes-validations": [_URL]}),
        ]
        | None
    ) = None
    """The receiver. Link-local and metadata addresses are refused."""
    url_secret_ref: KeyRef | None = None
    """Where the URL itself is a secret."""
    service: ServiceRef | None = None
    """A receiver in the cluster."""
    signing_secret_ref: KeyRef | None = None
    """The key that deliveries are signed with (Standard Webhooks), as whsec_ and base64; without it they are not signed.
    Several, separated by spaces, all sign: while one is exchanged for another."""
    ca_config_map_ref: KeyRef | None = None
    """The PEM certificates that the receiver's certificate is checked against, instead of the system's."""
    timeout_seconds: Annotated[int, Field(ge=1, le=60)] = 10
    """How long one attempt may take."""


class JobTargetSpec(Model):
    """A Job that is created for each event, in the hook's namespace."""

    template: Annotated[
        dict[str, Any], Field(json_schema_extra={"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    ]
    """A batch/v1 JobTemplateSpec. Its containers get the event as the variables OOMREPORT_* and as the file that
    OOMREPORT_EVENT_FILE names."""
    service_account_name: ObjectName
    """The account that the Job's pods run as; the template must not name another."""


class ResizeTargetSpec(Model):
    """The killed container's memory limit is raised in place to what is recommended."""

    cooldown_seconds: Annotated[int, Field(ge=0, le=604800)] = 3600
    """No pod is resized again before so many seconds are over."""
    max_memory: Annotated[str, Field(max_length=64)] | None = None
    """No higher limit is set, whatever is recommended; a quantity such as 2Gi."""


class OOMHookSpec(Model):
    """What, which, and where."""

    events: Annotated[tuple[EventType, ...], unique(len(EventType)), Field(min_length=1)]
    """OOMKilled: a process was OOM-killed. Repeated: it happened often in a short time. RecommendationReady: there is a
    recommendation, or another one than before. Applied, Resolved, Regressed: the report's condition became true.
    NearLimit: AtRisk became true, the limit may be full within a day; once per rise."""
    repeated: Repeated | None = None
    """What Repeated means."""
    namespace_selector: LabelSelector | None = None
    """Which namespaces, by their labels; only for a hook in the controller's namespace, every other one sees its own."""
    selector: LabelSelector | None = None
    """Which reports, by their labels (oomreport.dev/workload-kind, oomreport.dev/workload, oomreport.dev/container)."""
    causes: Annotated[tuple[Cause, ...], unique(len(Cause))] = ()
    """Whose limit the kill was about; any when empty."""
    filter: Annotated[str, Field(max_length=2048)] | None = None
    """A CEL expression over `event` (the CloudEvent's data) that must be true."""
    suspend: bool = False
    """Whether nothing is delivered. What happens meanwhile is not delivered later; what was pending is."""
    rate_limit: RateLimit | None = None
    """How much is sent at most."""
    webhook: Annotated[Webhook, Field(json_schema_extra={"x-kubernetes-validations": [_ONE_PLACE]})] | None = None
    """It is sent."""
    job: JobTargetSpec | None = None
    """A Job is run."""
    resize: ResizeTargetSpec | None = None
    """The limit is raised in place."""


class OOMHookStatus(Model):
    """How deliveries go. The controller writes it."""

    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """The hook's metadata.generation that the controller last acted on."""
    delivered: Annotated[int, Field(ge=0)] = 0
    """How many deliveries were accepted."""
    failed: Annotated[int, Field(ge=0)] = 0
    """How many were given up; `oomreport redeliver` tries them again."""
    last_delivery_time: Time | None = None
    """When one was last accepted."""
    last_failure_time: Time | None = None
    """When one was last given up."""
    last_error: Sentence | None = None
    """What went wrong last, without secrets; absent once a delivery was accepted after it."""
    last_error_time: Time | None = None
    """When that was."""
    conditions: Annotated[tuple[ConditionModel, ...], keyed(MOST_CONDITIONS, "type")] = ()
    """Ready: what it refers to is there and may be used, its last attempt was not one that can never succeed, and the
    receiver has not asked for an end."""


class OOMHook(CustomResource):
    """What is done when something happens to a report: a webhook, a Job, or a resize in place.

    People write it. In the controller's namespace it sees the reports of all namespaces, elsewhere those of its own.
    """

    definition: ClassVar[Definition] = Definition(
        plural=OOM_HOOKS,
        scope="Namespaced",
        short_names=("oomh",),
        columns=(
            Column(name="EVENTS", path=".spec.events", description="What it is told of."),
            Column(
                name="READY", path='.status.conditions[?(@.type=="Ready")].status', description="Whether it can work."
            ),
            Column(name="SUSPENDED", path=".spec.suspend", type="boolean", description="Whether nothing is delivered."),
            Column(name="DELIVERED", path=".status.delivered", type="integer", description="Deliveries accepted."),
            Column(name="FAILED", path=".status.failed", type="integer", description="Deliveries given up."),
            Column(
                name="LAST", path=".status.lastDeliveryTime", type="date", description="Time since the last delivery."
            ),
            Column(name="ERROR", path=".status.lastError", wide=True, description="What went wrong last."),
            Column(
                name="AGE", path=".metadata.creationTimestamp", type="date", description="Time since it was created."
            ),
        ),
        selectable=(),
    )

    kind: Literal["OOMHook"] = OOM_HOOK
    spec: Annotated[
        OOMHookSpec, Field(json_schema_extra={"x-kubernetes-validations": [_ONE_TARGET, _REPEATED, _RESIZES]})
    ]
    """What, which, and where."""
    status: OOMHookStatus | None = None
    """How deliveries go."""
