"""Names and limits of pods, from a cluster or a file.

The file is one that `kubectl get pods -A -o json` (or yaml) wrote.
"""

# ruff: noqa: PLC0415 - what only some runs need is imported by them, so that starting is quick

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oomreport.errors import InputUnreadable, LogUnreadable
from oomreport.incident.oom_record import RecordSpec
from oomreport.incident.witness.pod_statistics import is_only_container
from oomreport.workload.pod import PodFacts, pod_facts
from oomreport.workload.quantity import format_quantity, parse_quantity

_PAGE = 500

if TYPE_CHECKING:
    from oomreport.workload.log_names import LogNames

NO_NAME: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A pod, and the container of it that was hit where that is known. `facts` is all that the advice asks of it.

    `by_log` says that lines of the log itself name it, which say nothing of its limits and settings.
    """

    namespace: str
    pod: str
    node: str | None = None
    container: str | None = None
    limits: tuple[tuple[str, int | None], ...] = ()
    facts: PodFacts | None = None
    by_log: bool = False

    def of(self, spec: RecordSpec) -> RecordSpec:
        """Return the pod's record with its names."""
        assert spec.subject is not None
        subject = spec.subject.named(namespace=self.namespace, pod=self.pod, container=self.container)
        return replace(spec, subject=subject)

    def sentence(self) -> str:
        """Return where the victim was, in words."""
        where = f"container {self.container} of pod {self.namespace}/{self.pod}" if self.container else (
            f"pod {self.namespace}/{self.pod}"
        )  # fmt: skip
        if self.by_log:
            return f"The victim was in {where}, by the lines of the kubelet and the runtime in this log."
        on = f" on node {self.node}" if self.node else ""
        limits = ", ".join(f"{name} {format_quantity(size) if size else 'none'}" for name, size in self.limits)
        return f"The victim was in {where}{on}. Memory limits of its containers: {limits or 'none'}."


def named_by_log(spec: RecordSpec, names: "LogNames") -> tuple[Named | None, tuple[str, ...]]:
    """Return the pod that the log itself names for a record; where it gives several names, none, and the names."""
    uid, container_id = (spec.subject.pod_uid, spec.subject.container_id) if spec.subject is not None else (None, None)
    found = names.pods(uid, container_id)
    if len(found) != 1:
        return None, tuple(sorted(map(str, found)))
    (pod,) = found
    container = names.container(uid, container_id, is_only=is_only_container(spec))
    return Named(namespace=pod.namespace, pod=pod.pod, container=container, by_log=True), NO_NAME


class PodIndex:
    """Finds the pod of a record by its UID, a static pod also by its config hash."""

    def __init__(self, items: Iterable[Mapping[str, Any]]) -> None:
        """Index pods as the API writes them."""
        self._by_uid: dict[str, Mapping[str, Any]] = {}
        for item in items:
            metadata = item.get("metadata") or {}
            mirror = (metadata.get("annotations") or {}).get("kubernetes.io/config.hash")
            for uid in (metadata.get("uid"), mirror):
                if uid:
                    self._by_uid[str(uid)] = item

    def named(self, spec: RecordSpec) -> Named | None:
        """Return the pod of a record; None where it is not among them."""
        subject = spec.subject
        pod = self._by_uid.get(subject.pod_uid or "") if subject else None
        if subject is None or pod is None:
            return None
        metadata, status = pod.get("metadata") or {}, pod.get("status") or {}
        return Named(
            namespace=str(metadata.get("namespace", "default")),
            pod=str(metadata.get("name", "")),
            node=(pod.get("spec") or {}).get("nodeName"),
            container=_container_name(status, subject.container_id),
            limits=tuple(_limits(pod.get("spec") or {})),
            facts=pod_facts(pod),
        )


def pods_of_file(path: str) -> PodIndex:
    """Return the pods of a file. Raises LogUnreadable where it cannot be read or holds no pods."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise LogUnreadable(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise LogUnreadable(f"{path}: neither JSON nor YAML: {error}") from error
    from oomreport.cli.documents import documents_in

    try:
        documents = documents_in(text, path)
    except InputUnreadable as error:
        raise LogUnreadable(str(error)) from error
    items = [item for document in documents for item in _items_of(document)]
    pods = [item for item in items if isinstance(item, dict) and item.get("kind", "Pod") == "Pod"]
    for pod in pods:
        if wrong := next(
            (key for key in ("metadata", "spec", "status") if not isinstance(pod.get(key) or {}, dict)), None
        ):
            raise LogUnreadable(f"{path}: {wrong} of a pod is no object; write it with: kubectl get pods -A -o json")
    if not pods and (items or not documents):
        raise LogUnreadable(f"{path}: holds no pods; write it with: kubectl get pods -A -o json")
    return PodIndex(pods)


def _items_of(document: object) -> list[Any]:
    """Return the items of a list, as the API writes it, or the one object that is no list."""
    if isinstance(document, dict) and str(document.get("kind", "")).endswith("List"):
        items = document.get("items") or []
        return items if isinstance(items, list) else [items]
    return [document]


def pods_of_cluster(context: str) -> PodIndex:
    """Return the pods of a cluster, by a context of the kubeconfig ('' is the current one). Raises ApiError."""
    from oomreport.adapters.cluster.connection import connection_of
    from oomreport.adapters.cluster.transport import items_of

    transport = connection_of(context=context or None, kubeconfig=None).transport
    return PodIndex(items_of(transport, "/api/v1/pods", what="pods of all namespaces", page=_PAGE))


def _container_name(status: Mapping[str, Any], container_id: object) -> str | None:
    if not container_id:
        return None
    for kind in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for found in status.get(kind) or []:
            ended = [(found.get(state) or {}).get("terminated") or {} for state in ("state", "lastState")]
            ids = [found.get("containerID"), *(end.get("containerID") for end in ended)]
            if any(str(one).endswith(f"//{container_id}") for one in ids if one):
                return str(found.get("name"))
    return None


def _limits(spec: Mapping[str, Any]) -> Iterable[tuple[str, int | None]]:
    for container in spec.get("containers") or []:
        limit = ((container.get("resources") or {}).get("limits") or {}).get("memory")
        yield str(container.get("name")), parse_quantity(limit) if limit is not None else None
