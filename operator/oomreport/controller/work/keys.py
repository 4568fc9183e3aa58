"""The keys of the work queue."""

from dataclasses import dataclass, field

from oomreport.controller.work.queue import QueueLine
from oomreport.incident.witness.evidence import HOST_CONTAINER, UNKNOWN_CONTAINER
from oomreport.workload.owner import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKey:
    """A record whose report is to be found."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PodKey:
    """A pod that shows something new."""

    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeKey:
    """A node with records that name no container."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyKey:
    """A namespace whose pods are to be listed."""

    namespace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportKey:
    """A container of a workload. The version of the workload's API group does not tell reports apart."""

    namespace: str
    group: str
    kind: str
    name: str
    container: str
    api_version: str = field(compare=False)

    @property
    def workload(self) -> Workload:
        """Return the workload."""
        return Workload(api_version=self.api_version, kind=self.kind, name=self.name)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.kind}/{self.name}/{self.container}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkKey:
    """A record whose own status is to say that it was used."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PodNoteKey:
    """A pod whose annotations are to be written."""

    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventKey:
    """An Event that is to be sent."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HookKey:
    """A hook whose status is to be written."""

    name: str


def line_of(key: object) -> QueueLine:
    """Return where a key stands: who counts goes before who tells of what is counted, and a listing is long."""
    match key:
        case RecordKey() | PodKey():
            return QueueLine.FIND
        case MarkKey() | PodNoteKey() | EventKey() | HookKey() | SurveyKey():
            return QueueLine.TELL
        case _:
            return QueueLine.COUNT


def report_key(namespace: str, workload: Workload, container: str) -> ReportKey:
    """Return the key of the report on a workload's container."""
    return ReportKey(
        namespace=namespace,
        group=workload.group,
        kind=workload.kind,
        name=workload.name,
        container=container,
        api_version=workload.api_version,
    )


def node_report_key(namespace: str, node: str, *, host: bool) -> ReportKey:
    """Return the key of the report on a node: on its own processes, or on those of no known container."""
    workload = Workload(api_version="v1", kind="Node", name=node)
    return report_key(namespace, workload, HOST_CONTAINER if host else UNKNOWN_CONTAINER)
