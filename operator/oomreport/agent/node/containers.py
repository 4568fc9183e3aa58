"""The pods and containers of this node, also those just gone.

A container's cgroup is removed within a fraction of a second after its PID 1 was killed, and its log link when the pod
is deleted. So both can be gone when the kill is examined. What was seen is kept for a quarter of an hour.

Several kubelets can run on one machine, each with a cgroup for its pods. All of them are watched: a kill in a
neighbour's pod is then known to be the neighbour's. This node's pods are those beside the agent's own pod.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from oomreport.adapters.node.cgroup_files import CgroupFiles, ContainerCgroup, PodCgroups, kill_count
from oomreport.adapters.node.node_files import ContainerNames, NodeFiles, PodNames
from oomreport.adapters.storage.checkpoint import StoredTally
from oomreport.agent.node.kill_counter import Tally, keep_times, kills_of
from oomreport.agent.node.limit_levels import LimitLevels, cgroups_above
from oomreport.agent.node.node_state import VANISHED_SECONDS, KnownContainer, KnownPod
from oomreport.incident.oom_record import LimitsHit
from oomreport.workload.container import Subject

KEPT_SECONDS = 900.0
_KUBEPODS_SECONDS = 60.0
_LIST_SECONDS = 60.0
# A kill is told within seconds; so long an agent may be away, too, that is replaced.
_KEPT_AFTER_SECONDS = 120.0
# Shorter pieces of an ID could be another container's.
_LEAST_ID_START = 8
_MOST_NAMES_SEEN = 32


class NodeContainers:
    """The pods and containers that the node's own files show.

    `cgroups` is None where there is no memory hierarchy: then only names are known. `agent_pod_uid` is the UID of the
    agent's own pod, None outside a pod.
    """

    def __init__(self, cgroups: CgroupFiles | None, files: NodeFiles, *, agent_pod_uid: str | None = None) -> None:
        self._cgroups, self._files, self._agent_pod_uid = cgroups, files, agent_pod_uid
        self._pods: dict[str, KnownPod] = {}
        self._containers: dict[str, KnownContainer] = {}
        self._partial_names: list[ContainerNames] = []
        self._kept: dict[str, StoredTally] = {}
        self._kubepods_at: float | None = None
        self._listed_at = self._seen_at = float("-inf")
        self._limits = LimitLevels(cgroups) if cgroups else None
        self._has_looked = False

    @property
    def pod_counts(self) -> bool:
        """Whether a pod's counter includes its containers', and so outlives them (v2)."""
        return self._cgroups is not None and self._cgroups.version == 2

    @property
    def namespaced(self) -> bool:
        """Whether this node sees only a part of the machine's cgroups, so that others share its kernel."""
        return self._cgroups is not None and self._cgroups.namespaced

    @property
    def kubepods(self) -> tuple[str, ...]:
        """The cgroups that hold this node's pods: one, or all that were found where it cannot be told."""
        mine = self.pod(self._agent_pod_uid)
        if mine is not None and mine.kubepods is not None:
            return (mine.kubepods,)
        return self._cgroups.kubepods if self._cgroups else ()

    def restore(self, tallies: Mapping[str, StoredTally]) -> None:
        """Take over what an earlier process had counted, before the first look."""
        self._kept = dict(tallies)

    def restore_gone(self, now: float) -> None:
        """After the first look, keep what is still unexplained of containers that went in between."""
        for key, kept in self._kept.items():
            if kept.kills > kept.explained:
                subject = Subject(
                    container_id=key,
                    pod_uid=kept.pod_uid,
                    namespace=kept.namespace,
                    pod=kept.pod,
                    container=kept.container,
                )
                known = self._containers.setdefault(key, KnownContainer(subject=subject))
                known.tally = Tally.restored(total=kept.kills, explained=kept.explained)
                known.tally.see(kept.kills, now)
                known.gone_at = known.seen_at = now
        self._kept = {}

    def glance(self, now: float) -> None:
        """Look whether anything is new, and list pods and containers anew where something can be."""
        new = self._look_at_files(now)
        if new or self._cgroups is None or now - self._listed_at > _LIST_SECONDS or not self._cgroups.unchanged():
            self.look(now)
            return
        for container in self._containers.values():
            if container.gone_at is None and container.path is not None:
                container.seen_at = now
        for pod in self._pods.values():
            if pod.path is not None and pod.seen_at == self._seen_at:
                pod.seen_at = now
        self._seen_at = now

    def look(self, now: float, *, search: bool = False) -> None:
        """List pods and containers anew, and read the counters of those that appeared.

        With `search` the kubelet's cgroup is searched too, which is done once a minute else.
        """
        self._listed_at = self._seen_at = now
        self._look_at_files(now)
        if self._cgroups is not None:
            old = self._kubepods_at is None or now - self._kubepods_at > _KUBEPODS_SECONDS
            if search or old or not self._cgroups.kubepods:
                self._cgroups.find_kubepods()
                self._kubepods_at = now
            for pod in self._cgroups.pods():
                self._take(pod, now)
        for container in self._containers.values():
            if container.path is not None and container.gone_at is None and container.seen_at < now:
                container.gone_at = now
        self._has_looked = True
        self._forget(now)

    def mark_limits(self, now: float, *, kills: int | None) -> None:
        """Compare the counters of limits from now on with what they are now, unless a kill is still to be explained.

        `kills` is the machine's count of kills, None where it has none.
        """
        if self._limits is None or not self._limits.due(now, kills):
            return
        waiting = any(one.tally.ahead for one in self._containers.values()) or any(
            one.ahead for one in self._pods.values()
        )
        if not waiting:
            self._limits.mark(self._pods.values(), self._containers.values(), now=now, kills=kills)

    def limits_hit(self, subject: Subject, *, by_cgroup: bool) -> LimitsHit:
        """Return whose limits counters show as hit since they were marked, for a kill in this pod or container.

        `by_cgroup`: the kernel said that it was a cgroup's, not the node's.
        """
        pod = self.pod(subject.pod_uid)
        if self._limits is None or pod is None:
            return LimitsHit()
        return self._limits.hit(pod, self.container(subject.container_id), by_cgroup=by_cgroup)

    def count(self, now: float) -> None:
        """Read the counters. One that cannot be read any more belongs to a container that is gone."""
        if self._cgroups is None:
            return
        for container in self._containers.values():
            if container.path is not None and container.gone_at is None:
                self._count_container(self._cgroups, container, now)
        if self.pod_counts:
            for pod in self._pods.values():
                count = self._cgroups.count(pod.path) if pod.path is not None else None
                total = kills_of(count, as_group=count.group_kills is None) if count is not None else None
                if total is not None:
                    pod.tally.see(total, now)
            self.note_surpluses(now)

    def recount(self, container_id: str | None, now: float) -> KnownContainer | None:
        """Return a container of this node, its counter read at this moment."""
        known = self.container(container_id)
        if known is not None and self._cgroups is not None and known.path is not None and known.gone_at is None:
            self._count_container(self._cgroups, known, now)
        return known

    def surpluses(self) -> dict[str, int]:
        """Return by pod UID the kills that a pod's counter shows and none of its containers: that one went unread."""
        if not self.pod_counts:
            return {}
        inside: dict[str | None, int] = {}
        for container in self._containers.values():
            uid = container.subject.pod_uid
            inside[uid] = inside.get(uid, 0) + container.tally.seen
        over = {uid: pod.tally.kills - pod.tally.explained - inside.get(uid, 0) for uid, pod in self._pods.items()}
        return {uid: surplus for uid, surplus in over.items() if surplus > 0}

    def ahead(self) -> int:
        """Return how many kills counters of this node's own pods show that are in no record yet."""
        inside = sum(one.tally.unexplained for one in self._containers.values() if self.owns(one.subject))
        return inside + sum(len(one.ahead) for one in self._pods.values() if self.owns(one.subject))

    def unread(self, pod_uid: str | None, at: float) -> KnownContainer | None:
        """Return the container in which a pod's kill was, where it came and went between two looks, its counter unread.

        That is the newest that only files told of shortly before, where all such are instances of one container.
        """
        found = [
            known
            for known in self._containers.values()
            if known.subject.pod_uid == pod_uid
            and not (known.counted or known.tally.seen)
            and known.named_at is not None
            and 0 <= at - known.named_at <= VANISHED_SECONDS
        ]
        return found[-1] if len({known.subject.container for known in found}) == 1 else None

    def agree(self) -> None:
        """Count records and counters as equal: the machine counted no kill without a record.

        A difference that remains is in a record of another container: of two that look alike, each can have got the
        other's kill. It must not claim kills to come.
        """
        for container in self._containers.values():
            tally = container.tally
            if tally.kills != tally.explained:
                tally.write_off() if container.gone_at is not None or not container.counted else tally.agree()
        if self.pod_counts:
            self.write_off_pods()

    def write_off(self) -> None:
        """Count all kills so far as explained: they happened before this node was watched."""
        for container in self._containers.values():
            container.tally.write_off()
        self.write_off_pods()

    def write_off_pods(self) -> None:
        """Take the kills of containers that were gone before the first look as explained."""
        for uid, surplus in self.surpluses().items():
            self._pods[uid].tally.explained += surplus
            self._pods[uid].ahead.clear()

    def kept_tallies(self, now: float) -> dict[str, StoredTally]:
        """Return what a later process must know, by container ID; of containers long gone that is nothing."""
        return {
            key: StoredTally(
                kills=tally.total,
                explained=max(0, tally.total - tally.unexplained),
                pod_uid=container.subject.pod_uid,
                namespace=container.subject.namespace,
                pod=container.subject.pod,
                container=container.subject.container,
            )
            for key, container in self._containers.items()
            if (tally := container.tally).total
            and (container.gone_at is None or now - container.gone_at < _KEPT_AFTER_SECONDS)
        }

    def container(self, container_id: str | None) -> KnownContainer | None:
        """Return a container of this node."""
        return self._containers.get(container_id) if container_id is not None else None

    def pod(self, uid: str | None) -> KnownPod | None:
        """Return a pod of this node."""
        return self._pods.get(uid) if uid is not None else None

    def containers(self) -> Iterator[KnownContainer]:
        """Return every container known, those just gone included."""
        return iter(self._containers.values())

    def pods(self) -> Iterator[KnownPod]:
        """Return every pod known."""
        return iter(self._pods.values())

    def named(self, subject: Subject) -> Subject:
        """Return a subject with the names that this node knows."""
        known = self.container(subject.container_id)
        if known is not None:
            return replace(
                known.subject,
                pod_uid=subject.pod_uid or known.subject.pod_uid,
                runtime=known.subject.runtime if subject.runtime in (None, "unknown") else subject.runtime,
                qos_class=subject.qos_class or known.subject.qos_class,
            )
        pod = self.pod(subject.pod_uid)
        if pod is None or pod.names is None:
            return subject
        return subject.named(namespace=pod.names.namespace, pod=pod.names.pod, container=self._partial_name(subject))

    def knows(self, subject: Subject) -> bool:
        """Return whether a pod or container is, or was just now, on this machine."""
        return subject.container_id in self._containers or subject.pod_uid in self._pods

    def owns(self, subject: Subject) -> bool:
        """Return whether a pod or container is, or was just now, this node's own."""
        container = self.container(subject.container_id)
        pod = self.pod(container.subject.pod_uid if container else subject.pod_uid) or self.pod(subject.pod_uid)
        return self.knows(subject) and (pod is None or pod.kubepods is None or pod.kubepods in self.kubepods)

    def _look_at_files(self, now: float) -> bool:
        """Take in the names that are new; return whether there were any."""
        pods, containers = self._files.new_pods(), self._files.new_containers()
        for uid, names in pods.items():
            pod = self._pods.setdefault(uid, KnownPod(subject=Subject(pod_uid=uid)))
            pod.names, pod.seen_at = names, now
        for container in containers:
            if len(container.id_start) < 64:
                self._partial_names.append(container)
                continue
            known = self._containers.setdefault(container.id_start, KnownContainer(subject=Subject()))
            known.seen_at = max(known.seen_at, now) if known.path is None else known.seen_at
            known.named_at = now if known.named_at is None else known.named_at
            known.subject = replace(
                known.subject,
                container_id=container.id_start,
                pod_uid=known.subject.pod_uid or container.pod_uid,
                namespace=container.namespace,
                pod=container.pod,
                container=container.container,
            )
        return bool(pods or containers)

    def _take(self, found: PodCgroups, now: float) -> None:
        uid = found.subject.pod_uid
        if uid is None:
            return
        pod = self._pods.setdefault(uid, KnownPod(subject=found.subject))
        if pod.path is None:
            pod.subject, pod.path, pod.kubepods = found.subject, found.path, found.kubepods
            self._begin(pod.path, is_new=self._has_looked)
            for above in cgroups_above(pod.path):
                self._begin(above, is_new=False)
        pod.seen_at = now
        for cgroup in found.containers:
            self._take_container(cgroup, pod, now)

    def _take_container(self, cgroup: ContainerCgroup, pod: KnownPod, now: float) -> None:
        assert self._cgroups is not None
        container_id = cgroup.subject.container_id or ""
        known = self._containers.setdefault(container_id, KnownContainer(subject=cgroup.subject))
        known.seen_at, known.gone_at, known.nested = now, None, cgroup.nested
        if known.path is not None:
            if known.subject.pod is None and pod.names is not None:
                known.subject = self._with_names(known.subject, pod.names)
            return
        known.path = cgroup.path
        self._begin(cgroup.path, is_new=self._has_looked)
        known.tally = self._first_tally(container_id)
        known.limit_bytes = self._cgroups.limit(cgroup.path)
        known.as_group = self._cgroups.kills_as_group(cgroup.path)
        known.subject = replace(
            known.subject,
            pod_uid=cgroup.subject.pod_uid,
            container_id=container_id,
            runtime=cgroup.subject.runtime,
            qos_class=cgroup.subject.qos_class,
        )
        if known.subject.pod is None and pod.names is not None:
            known.subject = self._with_names(known.subject, pod.names)
        self._count_container(self._cgroups, known, now)

    def _begin(self, path: str, *, is_new: bool) -> None:
        if self._limits is not None:
            self._limits.begin(path, is_new=is_new)

    def _with_names(self, subject: Subject, names: PodNames) -> Subject:
        return subject.named(namespace=names.namespace, pod=names.pod, container=self._partial_name(subject))

    def _partial_name(self, subject: Subject) -> str | None:
        for names in self._partial_names:
            if (
                names.pod_uid == subject.pod_uid
                and len(names.id_start) >= _LEAST_ID_START
                and (subject.container_id or "").startswith(names.id_start)
            ):
                return names.container
        return None

    def _first_tally(self, key: str) -> Tally:
        kept = self._kept.pop(key, None)
        return Tally.restored(total=kept.kills, explained=kept.explained) if kept else Tally()

    @staticmethod
    def _count_container(cgroups: CgroupFiles, container: KnownContainer, now: float) -> None:
        assert container.path is not None
        text = cgroups.kill_text(container.path)
        if not text:
            container.gone_at = now
            return
        # In a kill all counters are read twice, and nearly all are as they were.
        if text == container.kill_text and not container.nested:
            return
        container.kill_text = text
        count = kill_count(text)
        total = kills_of(count, as_group=container.as_group)
        if total is None:
            return
        counts = [cgroups.count(path) for path in container.nested]
        nested = sum(below.kills or 0 for below in counts if below is not None)
        total += nested
        container.counted = True
        container.processes_killed = max(container.processes_killed, (count.kills or 0) + nested)
        container.tally.see(total, now)

    def note_surpluses(self, now: float) -> None:
        """Keep of each pod when it went ahead of its containers, for each of the kills."""
        surpluses = self.surpluses()
        for uid, pod in self._pods.items():
            keep_times(pod.ahead, surpluses.get(uid, 0), now)

    def _forget(self, now: float) -> None:
        for container_id, container in list(self._containers.items()):
            gone = container.seen_at if container.gone_at is None else container.gone_at
            if now - gone > KEPT_SECONDS and (container.path is None or container.gone_at is not None):
                del self._containers[container_id]
                # Its pod's counter holds its kills as long as the pod lives.
                if (pod := self.pod(container.subject.pod_uid)) is not None:
                    pod.tally.explained += container.tally.seen
        for uid in [uid for uid, pod in self._pods.items() if now - pod.seen_at > KEPT_SECONDS]:
            del self._pods[uid]
        if len(self._partial_names) > _MOST_NAMES_SEEN:
            uids = self._pods.keys()
            self._partial_names = [names for names in self._partial_names if names.pod_uid in uids]
