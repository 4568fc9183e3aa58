"""OOMPolicy: the rules of advice, retention and annotations.

Without a policy the defaults of incident/witness/policy.py hold.

A policy holds for its namespace; in the controller's namespace it is the cluster's default. What the nearer one leaves
unset, the cluster's decides.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from pydantic.config import JsonDict

from oomreport.api.resource import Column, CustomResource, Definition, GivenQuantity, Model, Name, atomic
from oomreport.names import OOM_POLICIES, OOM_POLICY

MOST_OVERRIDES = 64
MOST_REPORT_DAYS = 365

# A text that is no quantity is refused at its own field; these rules must not fail over it.
_BOTH = "has(self.minMemory) && has(self.maxMemory) && isQuantity(string(self.minMemory)) && isQuantity(string(self.maxMemory))"
_BOUNDS: JsonDict = {
    "rule": f"!({_BOTH}) || !quantity(string(self.minMemory)).isGreaterThan(quantity(string(self.maxMemory)))",
    "message": "minMemory must not be greater than maxMemory",
}


def _if_given(field: str, condition: str) -> str:
    is_given = f"has(self.{field}) && isQuantity(string(self.{field}))"
    return f"(!({is_given}) || quantity(string(self.{field})).{condition})"


_POSITIVE: JsonDict = {
    "rule": " && ".join(
        (
            _if_given("minMemory", "isGreaterThan(quantity('0'))"),
            _if_given("maxMemory", "isGreaterThan(quantity('0'))"),
            _if_given("roundTo", "compareTo(quantity('1Mi')) >= 0"),
        )
    ),
    "message": "minMemory and maxMemory must be greater than 0, roundTo at least 1Mi",
}
_NAMED: JsonDict = {
    "rule": "has(self.kind) || has(self.name) || has(self.container)",
    "message": "an override must name a kind, a name or a container",
}
_NAME_WITH_KIND: JsonDict = {"rule": "!has(self.name) || has(self.kind)", "message": "a name needs its kind"}


class RecommendationRules(Model):
    """How a number is found; what is unset is decided by the cluster's policy, then by default."""

    enabled: bool | None = None
    """Whether anything is recommended at all (default: true). Findings are reported in any case."""
    headroom_percent: Annotated[int, Field(ge=5, le=300)] | None = None
    """By how much of itself a limit is raised, in percent. By default by 50 % and by 100Mi at least, or to 2.5 times at
    the first kill after steady growth."""
    min_memory: GivenQuantity | None = None
    """No lower limit is recommended."""
    max_memory: GivenQuantity | None = None
    """No higher limit is recommended; where it is reached, the report says so."""
    round_to: GivenQuantity | None = None
    """Limits are rounded up to a multiple of this; 16Mi by default."""
    request: Literal["KeepShare", "EqualLimit", "Unchanged"] | None = None
    """What becomes of the request when a limit is raised. KeepShare (default): the same share of the limit as before.
    EqualLimit: the limit. Unchanged: nothing is recommended for it."""
    max_raises: Annotated[int, Field(ge=1, le=20)] | None = None
    """So often a limit is raised within a report's life before a person has to look (default: 6)."""


class Override(Model):
    """Rules for some workloads; of several that fit, the later one in the list wins."""

    kind: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """Kind of the workload, such as Deployment; any when absent."""
    name: Annotated[Name, Field(min_length=1)] | None = None
    """Name of the workload; any when absent."""
    container: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """Name of the container; any when absent."""
    recommendation: Annotated[
        RecommendationRules, Field(json_schema_extra={"x-kubernetes-validations": [_BOUNDS, _POSITIVE]})
    ]
    """What differs for them."""


_OVERRIDE_RULES = Field(json_schema_extra={"x-kubernetes-validations": [_NAMED, _NAME_WITH_KIND]})


class RetentionModel(Model):
    """How long what was found is kept."""

    report_days: Annotated[int, Field(ge=1, le=MOST_REPORT_DAYS)] | None = None
    """So many days a report is kept after its last kill; by default 7, or what the controller's option --report-age says."""


_DURATION: JsonDict = {
    "pattern": r"^([0-9]{1,6}(\.[0-9]{1,3})?[hms]){1,3}$",
    "x-kubernetes-validations": [
        {
            "rule": "duration(self) >= duration('1s') && duration(self) <= duration('8760h')",
            "message": "must be a duration from 1s to 8760h, such as 24h or 1h30m",
        }
    ],
}


class ReviewRules(Model):
    """What comes after a recommendation."""

    resolve_after: Annotated[str, Field(max_length=32, json_schema_extra=_DURATION)] | None = None
    """An applied recommendation that holds this long without a kill has resolved its report, and longer where kills were
    further apart: three times the mean interval between them. Hours, minutes and seconds, such as 24h or 1h30m; by default
    24h, or what the controller's option --resolve-after says. It ends before the report is old enough to be deleted."""


class OOMPolicySpec(Model):
    """How to recommend, what to keep, and what to write on pods."""

    recommendation: Annotated[
        RecommendationRules | None, Field(json_schema_extra={"x-kubernetes-validations": [_BOUNDS, _POSITIVE]})
    ] = None
    """For every container of the namespace."""
    overrides: Annotated[tuple[Annotated[Override, _OVERRIDE_RULES], ...], atomic(MOST_OVERRIDES)] = ()
    """For some of them."""
    retention: RetentionModel | None = None
    """How long reports are kept."""
    review: ReviewRules | None = None
    """What comes after a recommendation."""
    annotate_pods: bool | None = None
    """Whether the last kill is written on the pod, as annotations of oomreport.dev (default: true). Turning it off leaves
    those that are there."""


class OOMPolicy(CustomResource):
    """How kills are dealt with in a namespace: how to recommend limits, how long to keep reports, what pods show.

    A policy in the controller's namespace holds for the whole cluster.
    People write it. No object is needed: every value has a default.
    """

    definition: ClassVar[Definition] = Definition(
        plural=OOM_POLICIES,
        scope="Namespaced",
        short_names=("oomp",),
        columns=(
            Column(
                name="HEADROOM",
                path=".spec.recommendation.headroomPercent",
                type="integer",
                description="By how much of itself a limit is raised, in percent.",
            ),
            Column(name="MAX", path=".spec.recommendation.maxMemory", description="No higher limit is recommended."),
            Column(
                name="AGE", path=".metadata.creationTimestamp", type="date", description="Time since it was created."
            ),
        ),
        selectable=(),
    )

    kind: Literal["OOMPolicy"] = OOM_POLICY
    spec: OOMPolicySpec
    """How to recommend, what to keep, and what to write on pods."""
