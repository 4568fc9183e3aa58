"""The part of a report that a manifest can answer.

Reports are read as the API server or `kubectl get oomreports -o yaml` gives them, so any tool can carry them. Only the
fields used here are read; fields of a later version are ignored.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oomreport.errors import InputUnreadable
from oomreport.incident.advice.raising import REQUEST_NOW
from oomreport.incident.report.rollout_conditions import APPLIED, RESIZED_IN_PLACE
from oomreport.incident.report.status import ReportStatus
from oomreport.names import OOM_REPORT
from oomreport.workload.quantity import parse_quantity

# What no line of a manifest answers.
_NO_MANIFEST = {
    "FixLeak": "the recommendation is to fix a leak, not to change a limit",
    "LimitTmpfs": "the recommendation is a sizeLimit for a memory-backed volume, of no fixed size: choose it by hand",
    "ReviewNode": "the recommendation is to review the node, not the workload",
    "None": "nothing is recommended",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A container of a workload; without a container, its pod."""

    namespace: str
    group: str
    kind: str
    name: str
    container: str | None

    def __str__(self) -> str:
        """Return it as people name it."""
        return f"{self.namespace} {self.kind}/{self.name} " + (
            f"container {self.container}" if self.container else "pod"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A recommendation and its report. Sizes are quantities as the report has them.

    `decision` is about this recommendation: one about another that stood there before counts as Pending.
    """

    report: Mapping[str, Any]
    namespace: str
    name: str
    api_version: str
    kind: str
    workload: str
    container: str
    action: str
    limit: str | None
    request: str | None
    previous_limit: str | None
    confidence: str | None
    basis: str
    decision: str
    reviewer: str
    note: str
    kills: int
    status: ReportStatus

    @property
    def target(self) -> Target:
        """Return whose limit is meant."""
        return Target(
            namespace=self.namespace,
            group=self.api_version.rpartition("/")[0],
            kind=self.kind,
            name=self.workload,
            container=None if self.action == "RaisePodLimit" else self.container,
        )

    @property
    def changes(self) -> bool:
        """Whether a manifest can answer it."""
        return self.action not in _NO_MANIFEST and (self.limit is not None or self.request is not None)

    @property
    def lowers(self) -> bool:
        """Whether the limit is to be lowered."""
        return self.action == "LowerLimit"

    @property
    def is_applied(self) -> bool:
        """Whether the controller has seen the recommended value in the workload.

        A resize in place ends with its pod.
        """
        found = self.status.condition(APPLIED)
        return found is not None and found.is_true and found.reason != RESIZED_IN_PLACE

    @property
    def previous_request(self) -> str | None:
        """Return the request that the pod had, where the recommendation says it."""
        return next((one.value for one in self.status.advice.inputs if one.name == REQUEST_NOW), None)

    @property
    def why_not(self) -> str:
        """Return why a manifest has nothing to answer."""
        return _NO_MANIFEST.get(self.action, f"the recommendation {self.action} names no number")

    @property
    def annotations(self) -> Mapping[str, Any]:
        """Return the report's annotations."""
        return (self.report.get("metadata") or {}).get("annotations") or {}


def reports_in(data: Sequence[object], where: str) -> list[dict[str, Any]]:
    """Return the reports in documents. Raises InputUnreadable for what is neither a report nor a list of some."""
    found: list[dict[str, Any]] = []
    for number, document in enumerate(data, 1):
        if document is None:
            continue
        at = f"{where}: document {number}" if len(data) > 1 else where
        found += _reports_of(document, at)
    if not found and all(document is None for document in data):
        raise InputUnreadable(f"{where}: is empty; write it with: oomreport export")
    return found


def _reports_of(document: object, at: str) -> Iterator[dict[str, Any]]:
    if isinstance(document, list):
        listed: list[Any] | None = document
    elif isinstance(document, dict):
        kind = str(document.get("kind", ""))
        listed = (document.get("items") or []) if kind.endswith("List") else None
    else:
        raise InputUnreadable(f"{at}: holds no reports; write it with: oomreport export")
    if listed is None:
        yield _checked(document, at)
        return
    if not isinstance(listed, list):
        raise InputUnreadable(f"{at}: items is no list")
    for number, item in enumerate(listed, 1):
        yield _checked(item, f"{at}: item {number}")


def _checked(report: object, at: str) -> dict[str, Any]:
    if not isinstance(report, dict):
        raise InputUnreadable(f"{at}: is no object")
    if report.get("kind") != OOM_REPORT:
        raise InputUnreadable(f"{at}: is of kind {report.get('kind')!r}, not {OOM_REPORT}")
    advice_of(report, at)
    return report


def advice_of(report: Mapping[str, Any], at: str = "report") -> Advice:
    """Return what a report asks for. Raises InputUnreadable, which says which field is missing or wrong."""
    metadata, spec, status = (_object(report, key, at) for key in ("metadata", "spec", "status"))
    name, namespace = metadata.get("name"), metadata.get("namespace")
    at = f"{at} ({namespace}/{name})"
    workload = _object(spec, "workloadRef", f"{at}: spec")
    recommendation = _object(status, "recommendation", f"{at}: status")
    review = _object(spec, "review", f"{at}: spec")
    texts = {
        "metadata.name": name,
        "metadata.namespace": namespace,
        "spec.workloadRef.apiVersion": workload.get("apiVersion"),
        "spec.workloadRef.kind": workload.get("kind"),
        "spec.workloadRef.name": workload.get("name"),
        "spec.container": spec.get("container"),
    }
    for field, value in texts.items():
        if not isinstance(value, str) or not value:
            raise InputUnreadable(f"{at}: {field} is {'missing' if value is None else f'{value!r}, not a text'}")
    known = ReportStatus.of(status)
    decision = "Pending" if _is_outdated(metadata, known) else str(review.get("decision", "Pending"))
    return Advice(
        report=report,
        namespace=str(namespace),
        name=str(name),
        api_version=str(workload["apiVersion"]),
        kind=str(workload["kind"]),
        workload=str(workload["name"]),
        container=str(spec["container"]),
        action=known.advice.action,
        limit=_size(recommendation, "memoryLimit", at),
        request=_size(recommendation, "memoryRequest", at),
        previous_limit=_size(recommendation, "previousLimit", at),
        confidence=known.advice.confidence,
        basis=known.advice.basis,
        decision=decision,
        reviewer=str(review.get("reviewer", "")),
        note=str(review.get("note", "")),
        kills=known.kills,
        status=known,
    )


def _is_outdated(metadata: Mapping[str, Any], status: ReportStatus) -> bool:
    """Return whether the controller says that the decision was about another recommendation than the present one.

    What it says of an older generation says nothing of a decision that was made since.
    """
    reviewed = status.condition("Reviewed")
    if reviewed is None or reviewed.reason != "RecommendationChanged":
        return False
    return reviewed.observed_generation in (None, metadata.get("generation"))


def _object(value: Mapping[str, Any], key: str, at: str) -> Mapping[str, Any]:
    found = value.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InputUnreadable(f"{at}: {key} is no object")
    return found


def _size(recommendation: Mapping[str, Any], key: str, at: str) -> str | None:
    value = recommendation.get(key)
    if value is None:
        return None
    size = parse_quantity(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
    if size is None or size <= 0:
        raise InputUnreadable(f"{at}: status.recommendation.{key} is {value!r}, not a quantity of memory")
    return str(value)
