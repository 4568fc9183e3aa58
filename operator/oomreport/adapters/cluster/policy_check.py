"""The reports that each OOMPolicy holds for, and overrides that name nothing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from oomreport.errors import ApiError
from oomreport.incident.witness.policy import fits
from oomreport.names import API_VERSION, OOM_POLICIES, OOM_REPORTS
from oomreport.workload.owner import Workload

# The kinds that Kubernetes itself makes pods of, with where they are and where their pod's spec is.
_KINDS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "deployment": ("/apis/apps/v1", "deployments", ("template", "spec")),
    "statefulset": ("/apis/apps/v1", "statefulsets", ("template", "spec")),
    "daemonset": ("/apis/apps/v1", "daemonsets", ("template", "spec")),
    "replicaset": ("/apis/apps/v1", "replicasets", ("template", "spec")),
    "job": ("/apis/batch/v1", "jobs", ("template", "spec")),
    "cronjob": ("/apis/batch/v1", "cronjobs", ("jobTemplate", "spec", "template", "spec")),
    "pod": ("/api/v1", "pods", ()),
}


class PolicyReader(Protocol):
    """What the check asks."""

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """Return an object or a list. Raises ApiError."""


class PolicyCheck:
    """Compares the policies of a cluster with its reports, both as they are now. Raises ApiError."""

    def __init__(self, ask: PolicyReader) -> None:
        """Read the policies and the reports."""
        self._ask = ask
        self._policies, self._reports = _items(ask, OOM_POLICIES), _items(ask, OOM_REPORTS)

    def policies_and_their_reports(self) -> dict[str, int]:
        """Return how many reports each policy is about, by namespace/name; one of a namespace is about its own."""
        return {
            f"{policy['metadata']['namespace']}/{policy['metadata']['name']}": sum(
                one["metadata"]["namespace"] == policy["metadata"]["namespace"] for one in self._reports
            )
            for policy in self._policies
        }

    def idle_overrides(self, system: str) -> Iterator[str]:
        """Yield the overrides that name nothing that is there. `system` is where a policy is the cluster's."""
        for policy in self._policies:
            metadata = policy["metadata"]
            namespace = metadata["namespace"]
            for number, override in enumerate((policy.get("spec") or {}).get("overrides") or ()):
                if any(
                    namespace in (system, one["metadata"]["namespace"]) and _holds(override, one)
                    for one in self._reports
                ):
                    continue
                if why := _missing(self._ask, override, None if namespace == system else namespace):
                    yield f"OOMPolicy {namespace}/{metadata['name']}, overrides[{number}]: {why}"


def _items(ask: PolicyReader, kind: str) -> Sequence[dict[str, Any]]:
    return ask.get(f"/apis/{API_VERSION}/{kind}").get("items") or ()


def _holds(override: Mapping[str, Any], report: Mapping[str, Any]) -> bool:
    spec = report["spec"]
    reference = spec["workloadRef"]
    workload = Workload(api_version=reference["apiVersion"], kind=reference["kind"], name=reference["name"])
    return fits(override, workload, spec["container"])


def _missing(ask: PolicyReader, override: Mapping[str, Any], namespace: str | None) -> str | None:
    """Return what an override names that is not there; None where it is, or where only a kill will show."""
    kind, name, container = (override.get(key) for key in ("kind", "name", "container"))
    if not kind or not name or namespace is None:
        return None
    known = _KINDS.get(str(kind).lower())
    if known is None:
        return None
    root, plural, path = known
    try:
        found = ask.get(f"{root}/namespaces/{namespace}/{plural}/{name}")
    except ApiError as error:
        return f"there is no {kind} {name} in namespace {namespace}" if error.is_not_found else None
    spec = found.get("spec") or {}
    for key in path:
        spec = spec.get(key) or {}
    names = [one.get("name") for place in ("initContainers", "containers") for one in spec.get(place) or ()]
    if container and names and container not in names:
        return f"{kind} {name} has no container {container}, but {', '.join(map(str, names))}"
    return None
