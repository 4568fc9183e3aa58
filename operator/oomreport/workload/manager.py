"""The tool that keeps a workload's manifest, by its marks.

A change in the cluster lasts until somebody puts the manifest back. The marks that the tools leave on the object:

    an operator  an owner reference with `controller: true` to an object of its own kind
    Argo CD      annotation argocd.argoproj.io/tracking-id: <application>:<group>/<kind>:<namespace>/<name>. An
                 application outside Argo CD's own namespace is written <its namespace>_<its name>. Older versions
                 write the name into a label of free choice, by default app.kubernetes.io/instance; Helm charts set
                 that label too
    Flux         labels kustomize.toolkit.fluxcd.io/name and /namespace, or helm.toolkit.fluxcd.io/name and /namespace
    Helm         label app.kubernetes.io/managed-by: Helm with annotations meta.helm.sh/release-name and -namespace

Marks get copied: operators hand labels down to what they create, people copy manifests. A tracking-id names its object,
so a copy is recognized. Where there are no marks, `metadata.managedFields` names the client that wrote a field last.
The client chooses that name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from oomreport.workload.pod import controller_of

_TRACKING_ID = "argocd.argoproj.io/tracking-id"
_ARGO_INSTANCE = "argocd.argoproj.io/instance"
_INSTANCE = "app.kubernetes.io/instance"
_ARGO_MANAGERS = frozenset({"argocd-controller", "argocd-application-controller"})
_RELEASE_NAME, _RELEASE_NAMESPACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"
# What the API server writes for a client that gives no name.
_UNNAMED = "unknown"
_MOST_NAME, _MOST_KIND = 253, 63
# The path to a pod's spec, in the words of managedFields; in a Pod it is the spec itself.
_POD_SPECS: Mapping[str, Sequence[str]] = {
    "Pod": ("f:spec",),
    "CronJob": ("f:spec", "f:jobTemplate", "f:spec", "f:template", "f:spec"),
}
_TEMPLATE = ("f:spec", "f:template", "f:spec")


class Tool(StrEnum):
    """A tool that keeps or wrote a manifest."""

    ARGO_CD = "ArgoCD"
    FLUX = "Flux"
    HELM = "Helm"
    OPERATOR = "Operator"
    TERRAFORM = "Terraform"
    KUBECTL = "Kubectl"
    OTHER = "Other"


# Those that put a manifest back by themselves, all the time.
_RECONCILING = frozenset({Tool.ARGO_CD, Tool.FLUX, Tool.OPERATOR})
_BY_FIELD_MANAGER = {
    **dict.fromkeys(_ARGO_MANAGERS, Tool.ARGO_CD),
    "kustomize-controller": Tool.FLUX,
    "helm-controller": Tool.FLUX,
    "helm": Tool.HELM,
    "Terraform": Tool.TERRAFORM,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """The tool and the object that keep a manifest.

    tool             which tool
    kind             of the object that holds the manifest: Application, Kustomization, HelmRelease, Release (of Helm
                     itself), or the kind of the operator's resource; None where no mark names one
    name, namespace  of that object; the namespace is None where the mark leaves it out
    field_manager    the client that wrote the container's memory limit last
    """

    tool: Tool
    kind: str | None = None
    name: str | None = None
    namespace: str | None = None
    field_manager: str | None = None

    @property
    def reconciles(self) -> bool:
        """Return whether a controller undoes changes in the cluster: a fix belongs at the source."""
        return self.tool in _RECONCILING

    def as_json(self) -> dict[str, str]:
        """Return it as status.managedBy holds it."""
        found = {
            "tool": self.tool,
            "kind": self.kind,
            "name": self.name,
            "namespace": self.namespace,
            "fieldManager": self.field_manager,
        }
        return {key: value for key, value in found.items() if value is not None}


def manager_of(workload: Mapping[str, Any], container: str | None = None) -> Manager | None:
    """Return the tool that keeps a workload's manifest; None where nothing shows it.

    `workload` is the whole object as the API server sends it. `field_manager` is about the memory limit of `container`.
    An operator comes before the marks that it may have handed down from its own resource.
    """
    writer = _writer_of_limit(workload, container) if container else None
    tool = _tool_of(writer) if writer else None
    for found in (_operator, _argo_cd, _flux, _helm):
        if marked := found(workload):
            return replace(marked, field_manager=writer)
    return Manager(tool=tool, field_manager=writer) if tool else None


def _operator(workload: Mapping[str, Any]) -> Manager | None:
    owner = controller_of(workload)
    # A Deployment controls ReplicaSets, a CronJob Jobs, a Node static pods. These are Kubernetes' own objects: they
    # have no manifest.
    if owner is None or owner.api_version in ("v1", "apps/v1", "batch/v1"):
        return None
    namespace = _text(_metadata(workload).get("namespace"))
    return Manager(tool=Tool.OPERATOR, kind=owner.kind[:_MOST_KIND], name=_text(owner.name), namespace=namespace)


def _argo_cd(workload: Mapping[str, Any]) -> Manager | None:
    labels, annotations = _labels(workload), _annotations(workload)
    application = _tracked_by(workload, _text(annotations.get(_TRACKING_ID)))
    if application is None:
        marked = _ARGO_MANAGERS & {entry.get("manager") for entry in _managed_fields(workload)}
        key = _ARGO_INSTANCE if _ARGO_INSTANCE in labels else _INSTANCE if marked else ""
        application = _text(labels.get(key)) or _text(annotations.get(_ARGO_INSTANCE))
    if application is None:
        return None
    namespace, underscore, name = application.partition("_")
    if not underscore:
        namespace, name = "", application
    return Manager(tool=Tool.ARGO_CD, kind="Application", name=name, namespace=namespace or None)


def _tracked_by(workload: Mapping[str, Any], tracking_id: str | None) -> str | None:
    """Return the application that a tracking-id names, if it is about this very object."""
    application, _, rest = (tracking_id or "").partition(":")
    group_kind, _, place = rest.partition(":")
    metadata = _metadata(workload)
    group = str(workload.get("apiVersion", "")).rpartition("/")[0]
    own = f"{group}/{workload.get('kind', '')}"
    is_own = group_kind == own and place == f"{metadata.get('namespace')}/{metadata.get('name')}"
    return application if application and is_own else None


def _flux(workload: Mapping[str, Any]) -> Manager | None:
    labels = _labels(workload)
    # What a HelmRelease renders is its own, also where a Kustomization has handed its labels down.
    for controller, kind in (("helm", "HelmRelease"), ("kustomize", "Kustomization")):
        if name := _text(labels.get(f"{controller}.toolkit.fluxcd.io/name")):
            namespace = _text(labels.get(f"{controller}.toolkit.fluxcd.io/namespace"))
            return Manager(tool=Tool.FLUX, kind=kind, name=name, namespace=namespace)
    return None


def _helm(workload: Mapping[str, Any]) -> Manager | None:
    annotations = _annotations(workload)
    name = _text(annotations.get(_RELEASE_NAME))
    if name is None or _labels(workload).get("app.kubernetes.io/managed-by") != "Helm":
        return None
    return Manager(tool=Tool.HELM, kind="Release", name=name, namespace=_text(annotations.get(_RELEASE_NAMESPACE)))


def _writer_of_limit(workload: Mapping[str, Any], container: str) -> str | None:
    """Return the client that wrote a container's memory limit last, or else the pod's; several can own one value."""
    path = _POD_SPECS.get(str(workload.get("kind")), _TEMPLATE)
    item = f'k:{{"name":"{container}"}}'
    limit = ("f:resources", "f:limits", "f:memory")
    own = [(*path, kind, item, *limit) for kind in ("f:containers", "f:initContainers")]
    return _last_writer(workload, own) or _last_writer(workload, [(*path, *limit)])


def _last_writer(workload: Mapping[str, Any], paths: Sequence[Sequence[str]]) -> str | None:
    owners = [
        (_text(entry.get("time")) or "", name)
        for entry in _managed_fields(workload)
        if (name := _text(entry.get("manager"))) not in (None, _UNNAMED)
        and any(_holds(entry.get("fieldsV1"), one) for one in paths)
    ]
    return max(owners)[1] if owners else None


def _tool_of(writer: str) -> Tool:
    if writer in _BY_FIELD_MANAGER:
        return _BY_FIELD_MANAGER[writer]
    return Tool.KUBECTL if writer == "kubectl" or writer.startswith("kubectl-") else Tool.OTHER


def _holds(fields: object, path: Sequence[str]) -> bool:
    for key in path:
        if not isinstance(fields, Mapping) or key not in fields:
            return False
        fields = fields[key]
    return True


def _managed_fields(workload: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    entries = _metadata(workload).get("managedFields")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping):
            yield entry


def _metadata(workload: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping(workload.get("metadata"))


def _labels(workload: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping(_metadata(workload).get("labels"))


def _annotations(workload: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping(_metadata(workload).get("annotations"))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    """Return a name, cut to the length of a name: annotations hold anything."""
    return value[:_MOST_NAME] or None if isinstance(value, str) else None
