"""Clues to the container of a kill that names none.

The clues are earlier task tables, counters and vanished cgroups.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from oomreport.agent.node.containers import NodeContainers
from oomreport.agent.node.node_state import VANISHED_SECONDS, KnownContainer
from oomreport.incident.oom_record import SubjectSource, subject_of_invocation
from oomreport.incident.witness.attribution import Anonymous, Suspect
from oomreport.kernel.record import Invocation
from oomreport.workload.container import Scope, Subject, scope_of, subject_of

# A container that got a record this long before its cgroup went ended because of that.
_EXPLAINED_SECONDS = 30.0
_MOST_PIDS = 4096
_PID_SECONDS = 900.0
_MOST_NAMES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    comm: str
    subject: Subject
    at: float


class AnonymousKillClues:
    """Collects the clues.

    The kernel uses process IDs again, so a table row is valid for a quarter of an hour, and for its comm only.
    """

    def __init__(self, containers: NodeContainers) -> None:
        self._containers = containers
        self._rows: OrderedDict[int, _Row] = OrderedDict()

    def learn(self, invocation: Invocation, now: float) -> None:
        """Remember which container, or which pod, the tasks of a table are in."""
        scope = scope_of(invocation.oom_memcg, global_oom=invocation.global_oom)
        subject = subject_of(invocation.oom_memcg)
        if subject is None or scope not in (Scope.CONTAINER, Scope.POD):
            return
        for task in invocation.tasks[:_MOST_PIDS]:
            for pid in {task.pid, task.tgid or task.pid}:
                self._rows[pid] = _Row(comm=task.comm, subject=subject, at=now)
                self._rows.move_to_end(pid)
        while len(self._rows) > _MOST_PIDS:
            self._rows.popitem(last=False)
        known = self._containers.container(subject.container_id)
        if known is not None:
            remember(known, ((task.comm, task.oom_score_adj) for task in invocation.tasks[:_MOST_NAMES]))

    def anonymous(self, invocation: Invocation, process: Subject | None, now: float) -> Anonymous:
        """Return an invocation without a cgroup in the form of the attribution.

        `process` is the container in which its process was seen.
        """
        victim, subject = invocation.victims[0], subject_of_invocation(invocation)
        row = self._rows.get(victim.pid)
        if process is not None:
            subject = process
        elif row is not None and row.comm == victim.comm and now - row.at <= _PID_SECONDS:
            subject = row.subject
        return Anonymous(
            victim=victim,
            is_global=invocation.global_oom,
            key=subject.container_id if subject else None,
            pod_uid=subject.pod_uid if subject else None,
            source=SubjectSource.PROCESS if process else SubjectSource.TASK_TABLE,
        )

    def suspects(self, now: float, asked_for: Iterable[str | None] = ()) -> list[Suspect]:
        """Return the containers that can have been hit, and of those `asked_for` also the others."""
        wanted, found = set(asked_for), []
        for container in self._containers.containers():
            key = container.subject.container_id
            if container.gone_at is not None and now - container.gone_at > VANISHED_SECONDS:
                # Its counter is gone: what it showed beyond the records is not about kills of now.
                continue
            vanished = self._has_vanished(container, now)
            if key is not None and (container.tally.unexplained or vanished or (container.counted and key in wanted)):
                found.append(_suspect(container, key, vanished=vanished))
        for pod_uid, surplus in self._containers.surpluses().items():
            found = _with_surplus(found, pod_uid, surplus)
        return found

    def subject(self, key: str | None) -> Subject | None:
        """Return the subject of a container ID or a pod UID that a suspect or a table row had."""
        container, pod = self._containers.container(key), self._containers.pod(key)
        if container is not None:
            return container.subject
        if pod is not None:
            return pod.subject
        return next((row.subject for row in self._rows.values() if key and row.subject.container_id == key), None)

    def _has_vanished(self, container: KnownContainer, now: float) -> bool:
        if container.gone_at is None or now - container.gone_at > VANISHED_SECONDS or self._containers.namespaced:
            return False
        return container.recorded_at is None or container.gone_at - container.recorded_at > _EXPLAINED_SECONDS


def remember(container: KnownContainer, tasks: Iterable[tuple[str | None, int | None]]) -> None:
    """Note the comm and the oom_score_adj of tasks that were seen in a container."""
    for comm, oom_score_adj in tasks:
        if comm is not None and len(container.comms) < _MOST_NAMES:
            container.comms.add(comm)
        if oom_score_adj is not None and len(container.oom_score_adjs) < _MOST_NAMES:
            container.oom_score_adjs.add(oom_score_adj)


def _suspect(container: KnownContainer, key: str, *, vanished: bool) -> Suspect:
    return Suspect(
        key=key,
        pod_uid=container.subject.pod_uid,
        unexplained=container.tally.unexplained,
        vanished=vanished,
        limit_bytes=container.limit_bytes,
        qos_class=container.subject.qos_class,
        comms=frozenset(container.comms),
        oom_score_adjs=frozenset(container.oom_score_adjs),
    )


def _with_surplus(suspects: list[Suspect], pod_uid: str, surplus: int) -> list[Suspect]:
    """Add the kills that only the pod's counter shows to its one vanished container, or else to the pod."""
    vanished = [suspect for suspect in suspects if suspect.pod_uid == pod_uid and suspect.vanished]
    if len(vanished) != 1:
        return [*suspects, Suspect(key=pod_uid, pod_uid=pod_uid, unexplained=surplus)]
    others = [suspect for suspect in suspects if suspect is not vanished[0]]
    return [*others, replace(vanished[0], unexplained=vanished[0].unexplained + surplus)]
