"""The pods that matter.

Those are pods with a sign of a kill, pods that a record spoke of, and pods that went a while ago. Of every other pod
nothing is kept. A record may arrive after its pod is gone, so the last state of deleted pods is kept
for a while; a deletion that falls into a relist of the watch is never told, so what is known is swept as well.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from oomreport.workload.owner import Workload, perhaps_named
from oomreport.workload.pod import (
    ContainerFacts,
    OwnerReference,
    PodFacts,
    controller_of,
    instances_of,
    shows_a_possible_kill,
)

_REMEMBER = timedelta(minutes=15)
_CONFIRM = timedelta(hours=1)
_MOST_GONE = 20_000
# An end waits for its record for 15 seconds (`Patience.grace`), and for its turn in a long queue.
_REMEMBER_END = timedelta(minutes=5)
# A kubelet starts a container again at once, then after 10, 20, 40, 80 and 160 seconds: six ends in that time.
_MOST_EARLIER_ENDS = 8
_Identity = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    pod: PodFacts
    at: datetime


class PodCache:
    """What is remembered of pods. Times are arguments."""

    def __init__(self) -> None:
        self._known: dict[str, _Seen] = {}
        self._gone: OrderedDict[str, _Seen] = OrderedDict()
        self._by_hash: dict[str, str] = {}
        self._workloads: dict[str, Workload] = {}
        self._of_workload: defaultdict[tuple[str, tuple[str, str, str]], set[str]] = defaultdict(set)
        self._watched: set[str] = set()
        # By namespace and workload: the containers whose reports its pods can tell something new.
        self._followed: defaultdict[str, dict[_Identity, tuple[Workload, set[str]]]] = defaultdict(dict)
        self._listed: set[tuple[str, _Identity]] = set()
        # By namespace, workload and container: when its report was deleted, which had told of the ends before.
        self._told_until: dict[tuple[str, _Identity, str], datetime] = {}
        self._agents: dict[str, tuple[str, datetime]] = {}
        # By the agent's pod: whether it is ready.
        self._agent_pods: dict[str, bool] = {}
        self.first_seen: dict[str, datetime] = {}

    def wants(self, pod: Mapping[str, Any]) -> bool:
        """Return whether a pod, as the API server sends it, is worth remembering."""
        if pod["metadata"].get("uid") in self._known or shows_a_possible_kill(pod):
            return True
        return self.follows(pod) or (bool(self._watched) and not self._watched.isdisjoint(instances_of(pod)))

    def put(self, pod: PodFacts, *, now: datetime) -> bool:
        """Remember a pod's state; return whether it tells something new.

        An older state than the known one does not, nor do annotations: they are what was told here.
        """
        before = self._known.get(pod.uid)
        if pod.uid in self._gone or (before and _version(pod) < _version(before.pod)):
            return False
        pod = replace(
            pod,
            containers=tuple(
                self._with_earlier_ends(self._as_seen(container, now), before.pod if before else None, now)
                for container in pod.containers
            ),
        )
        if pod.config_hash:
            self._by_hash[pod.config_hash] = pod.uid
        if pod.deleted:
            self._known.pop(pod.uid, None)
            self._gone[pod.uid] = _Seen(pod=pod, at=now)
            if len(self._gone) > _MOST_GONE:
                self._forget(self._gone.popitem(last=False)[1].pod)
        else:
            self._known[pod.uid] = _Seen(pod=pod, at=now)
        return before is None or _told(pod) != _told(before.pod)

    def _as_seen(self, container: ContainerFacts, now: datetime) -> ContainerFacts:
        """Note when each termination was seen first; a node whose clock is ahead says that it is yet to come."""
        terminations = tuple(
            each.seen_at(self.first_seen.setdefault(each.container_id, now)) for each in container.terminations
        )
        return replace(container, terminations=terminations)

    def _with_earlier_ends(self, container: ContainerFacts, before: PodFacts | None, now: datetime) -> ContainerFacts:
        """Keep the OOM kills of instances that status showed lately, and shows no more.

        Status has the last end only, and a container that is killed again within seconds takes the one before from it,
        which still waits for its record.
        """
        known = before.container(container.name) if before else None
        shown = set(container.container_ids)
        kept = tuple(
            end
            for end in (known.terminations if known else ())
            if end.oom_killed
            and end.container_id not in shown
            and now - self.first_seen.get(end.container_id, now) < _REMEMBER_END
        )
        return replace(container, terminations=container.terminations + kept[:_MOST_EARLIER_ENDS])

    def get(self, uid: str) -> PodFacts | None:
        """Return a pod by its UID or config hash, also one that went a while ago."""
        uid = self._by_hash.get(uid, uid)
        seen = self._known.get(uid) or self._gone.get(uid)
        return seen.pod if seen else None

    def on_node(self, node: str) -> Iterator[PodFacts]:
        """Return the remembered pods of a node."""
        return (seen.pod for seen in (*self._known.values(), *self._gone.values()) if seen.pod.node == node)

    def of_workload(self, namespace: str, workload: tuple[str, str, str]) -> tuple[PodFacts, ...]:
        """Return the remembered pods of a workload, in a fixed order."""
        uids = sorted(self._of_workload.get((namespace, workload), ()))
        return tuple(pod for uid in uids if (pod := self.get(uid)))

    def of_report(self, namespace: str, workload: _Identity, container: str) -> tuple[PodFacts, ...]:
        """Return the remembered pods of a report's workload, in a fixed order.

        A report that was deleted, as with its namespace, had told of the ends before: of pods that are deleted too, the
        next report of the same workload does not tell them again.
        """
        pods, until = self.of_workload(namespace, workload), self._told_until.get((namespace, workload, container))
        if until is None:
            return pods
        return tuple(_without_ends(pod, container, until) if pod.deleted else pod for pod in pods)

    def set_told(self, namespace: str, workload: _Identity, container: str, *, now: datetime) -> None:
        """Take note that a container's report is deleted."""
        self._told_until[namespace, workload, container] = now

    def follow(self, namespace: str, workload: Workload, container: str) -> bool:
        """Want every pod of a workload; return whether its pods have to be listed."""
        containers = self._followed[namespace].setdefault(workload.identity, (workload, set()))[1]
        containers.add(container)
        return (namespace, workload.identity) not in self._listed

    def unfollow(self, namespace: str, workload: Workload, container: str) -> None:
        """Want the pods of a workload no more, unless another container of it is followed."""
        identity = workload.identity
        known = self._followed.get(namespace, {}).get(identity)
        if known is None:
            return
        known[1].discard(container)
        if known[1]:
            return
        del self._followed[namespace][identity]
        if not self._followed[namespace]:
            del self._followed[namespace]
        self._listed.discard((namespace, identity))
        for pod in self.of_workload(namespace, identity):
            ends = any(one.terminations for one in pod.containers)
            if not ends and not any(self.watches(pod, one.name) for one in pod.containers):
                self.drop(pod)

    def follows(self, pod: Mapping[str, Any]) -> bool:
        """Return whether a pod, as the API server sends it, may be one of a followed workload; cheap."""
        metadata = pod["metadata"]
        known = self._followed.get(metadata.get("namespace", ""))
        return known is not None and self._follows(known, controller_of(pod), metadata.get("name", ""))

    def perhaps_follows(self, pod: PodFacts) -> bool:
        """Return whether a pod may be one of a followed workload."""
        known = self._followed.get(pod.namespace)
        return known is not None and self._follows(known, pod.owner, pod.name)

    @staticmethod
    def _follows(known: Iterable[_Identity], owner: OwnerReference | None, pod_name: str) -> bool:
        names = perhaps_named(owner, pod_name)
        return any(identity[2] in names for identity in known)

    def followed_in(self, namespace: str) -> tuple[Workload, ...]:
        """Return the followed workloads of a namespace."""
        return tuple(workload for workload, _ in self._followed.get(namespace, {}).values())

    def followed_containers(self) -> Iterator[tuple[str, Workload, str]]:
        """Return all containers that are followed, with their namespace and workload."""
        for namespace, workloads in self._followed.items():
            for workload, containers in workloads.values():
                yield from ((namespace, workload, container) for container in containers)

    def followed(self, namespace: str, identity: _Identity) -> tuple[tuple[Workload, str], ...]:
        """Return the containers of a workload that are followed."""
        workload, containers = self._followed.get(namespace, {}).get(identity, (None, ()))
        return tuple((workload, container) for container in sorted(containers)) if workload else ()

    def set_listed(self, namespace: str, identity: _Identity) -> None:
        """Take note that all pods of a followed workload are known by now."""
        if identity in self._followed.get(namespace, {}):
            self._listed.add((namespace, identity))

    def is_listed(self, namespace: str, identity: _Identity) -> bool:
        """Return whether all pods of a workload are known."""
        return (namespace, identity) in self._listed

    def unheard_of_since(self, namespace: str, time: datetime) -> list[PodFacts]:
        """Return the pods of a namespace's followed workloads, as it seems, that told nothing since a time."""
        return [
            seen.pod
            for seen in self._known.values()
            if seen.at < time and seen.pod.namespace == namespace and self.perhaps_follows(seen.pod)
        ]

    def workload(self, uid: str) -> Workload | None:
        """Return the workload of a pod, where that was found out before."""
        return self._workloads.get(uid)

    def set_workload(self, pod: PodFacts, workload: Workload) -> None:
        """Remember whose pod this is."""
        self._workloads[pod.uid] = workload
        self._of_workload[pod.namespace, workload.identity].add(pod.uid)

    def watch(self, container_id: str | None) -> None:
        """Want every pod that shows this container instance."""
        if container_id:
            self._watched.add(container_id)

    def watches(self, pod: PodFacts, container: str) -> bool:
        """Return whether an instance of a pod's container is watched."""
        found = pod.container(container)
        return found is not None and not self._watched.isdisjoint(found.container_ids)

    def unwatch(self, container_id: str) -> None:
        """Forget about a container instance."""
        self._watched.discard(container_id)

    def set_agent(self, pod: PodFacts) -> None:
        """Take note of an agent's pod: since when its node is watched without a gap."""
        if pod.node is None:
            return
        self._agent_pods[pod.uid] = pod.ready_since is not None
        if pod.deleted:
            del self._agent_pods[pod.uid]
        if pod.ready_since and not pod.deleted:
            self._agents[pod.node] = (pod.uid, pod.ready_since)
        elif self._agents.get(pod.node, ("", None))[0] == pod.uid:
            del self._agents[pod.node]

    def healthy_since(self) -> Mapping[str, datetime]:
        """Return the nodes with a ready agent, and since when it is."""
        return {node: since for node, (_, since) in self._agents.items()}

    def agents(self) -> tuple[int, int]:
        """Return how many agents' pods are bound to a node, and how many of them are ready."""
        return len(self._agent_pods), sum(self._agent_pods.values())

    def unconfirmed(self, *, now: datetime) -> list[PodFacts]:
        """Return pods of which nothing was heard for a while; they may be gone."""
        return [seen.pod for seen in self._known.values() if now - seen.at > _CONFIRM]

    def drop(self, pod: PodFacts) -> None:
        """Forget a pod that turned out to matter no longer."""
        self._known.pop(pod.uid, None)
        self._agent_pods.pop(pod.uid, None)
        self._forget(pod)

    def sweep(self, *, now: datetime) -> None:
        """Forget pods that went long ago, and what is left of them."""
        while self._gone and now - next(iter(self._gone.values())).at > _REMEMBER:
            self._forget(self._gone.popitem(last=False)[1].pod)
        shown = {
            instance
            for seen in (*self._known.values(), *self._gone.values())
            for container in seen.pod.containers
            for instance in container.container_ids
        }
        self.first_seen = {instance: at for instance, at in self.first_seen.items() if instance in shown}
        self._told_until = {key: at for key, at in self._told_until.items() if now - at <= _REMEMBER}

    def _forget(self, pod: PodFacts) -> None:
        if pod.config_hash and self._by_hash.get(pod.config_hash) == pod.uid:
            del self._by_hash[pod.config_hash]
        if workload := self._workloads.pop(pod.uid, None):
            key = (pod.namespace, workload.identity)
            self._of_workload[key].discard(pod.uid)
            if not self._of_workload[key]:
                del self._of_workload[key]


def _without_ends(pod: PodFacts, name: str, until: datetime) -> PodFacts:
    containers = tuple(
        replace(
            one, terminations=tuple(end for end in one.terminations if end.finished is None or end.finished > until)
        )
        if one.name == name
        else one
        for one in pod.containers
    )
    return replace(pod, containers=containers)


def _told(pod: PodFacts) -> PodFacts:
    return replace(pod, resource_version="", annotations=())


def _version(pod: PodFacts) -> int:
    """Resource versions of one kind of object are comparable numbers; where one is not, the later message wins."""
    return int(pod.resource_version) if pod.resource_version.isdigit() else 0
