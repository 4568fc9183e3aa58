"""The workload that controls a pod.

Two controllers stand between: a Deployment's pods are controlled by a ReplicaSet, a CronJob's by a Job. Every other
controller of pods is the workload itself. The kubelet names the Node as the owner of static pods; such a pod is its own
workload, like a pod without an owner.

The Deployment controller labels a ReplicaSet's pods `pod-template-hash: H` and names the ReplicaSet `<deployment>-H`.
So the Deployment's name can be read from a pod whose ReplicaSet is gone.
"""

from dataclasses import dataclass

from oomreport.workload.pod import OwnerReference, PodFacts

_BETWEEN = {("apps", "ReplicaSet"): "Deployment", ("batch", "Job"): "CronJob"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """The object that a report is about. The same workload can be met at several versions of its API group."""

    api_version: str
    kind: str
    name: str

    @property
    def group(self) -> str:
        """Return the API group, empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def identity(self) -> tuple[str, str, str]:
        """Return what distinguishes this workload from every other of its namespace."""
        return (self.group, self.kind, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """The object whose own controller must be looked up."""

    reference: OwnerReference


def workload_or_lookup(pod: PodFacts) -> Workload | Lookup:
    """Return the workload of a pod, or the one object that has to be asked for it."""
    if pod.owner is None or (pod.owner.kind == "Node" and pod.owner.api_version == "v1"):
        return Workload(api_version="v1", kind="Pod", name=pod.name)
    if _key(pod.owner) in _BETWEEN:
        return Lookup(reference=pod.owner)
    return _by_reference(pod.owner)


def workload_above(between: OwnerReference, controller: OwnerReference | None) -> Workload:
    """Return the workload of a ReplicaSet or Job: its controller, or itself where nothing controls it."""
    return _by_reference(controller or between)


def workload_of_vanished(pod: PodFacts, between: OwnerReference) -> Workload:
    """Return the workload where the ReplicaSet or Job no longer exists, as far as the pod shows it."""
    suffix = f"-{pod.template_hash}"
    if _key(between) == ("apps", "ReplicaSet") and pod.template_hash and between.name.endswith(suffix):
        return Workload(api_version=between.api_version, kind="Deployment", name=between.name.removesuffix(suffix))
    return _by_reference(between)


def perhaps_named(owner: OwnerReference | None, pod_name: str) -> frozenset[str]:
    """Return the names that a pod's workload can have. It is cheap and asks nobody: pods come by the thousand.

    A ReplicaSet and a Job that something else controls are named <its name>-<suffix>.
    """
    if owner is None or owner.kind == "Node":
        return frozenset({pod_name})
    return frozenset({owner.name, owner.name.rpartition("-")[0]} - {""})


def _key(reference: OwnerReference) -> tuple[str, str]:
    return (reference.api_version.rpartition("/")[0], reference.kind)


def _by_reference(reference: OwnerReference) -> Workload:
    return Workload(api_version=reference.api_version, kind=reference.kind, name=reference.name)
