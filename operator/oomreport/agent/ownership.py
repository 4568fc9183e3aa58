"""The decision whether a kill is this node's own.

Nodes that share a kernel (kind) see each other's kills, and the machine's.
"""

from oomreport.agent.node.containers import NodeContainers
from oomreport.workload.container import Subject, subject_of, subjects_along


class Ownership:
    """Decides by the node's own files and cgroups, and by what they show of the kernel's paths.

    In a cgroup namespace the kernel prints longer paths than the node sees: `/docker/<id>/kubelet.slice/..` for its own
    `/kubelet.slice/..`. The first kill in a pod of this node shows the difference, the prefix. Before that, no kill
    outside pods is known to be this node's.
    """

    def __init__(self, containers: NodeContainers) -> None:
        self._containers = containers
        self._prefix: str | None = None if containers.namespaced else ""
        self._searched_at = float("-inf")

    def subject(self, path: str | None, now: float) -> Subject | None:
        """Return whom a path names: the outermost pod of it that this node knows, else the innermost.

        Below its own cgroup a container may name cgroups as it likes, so also like those of another pod.
        """
        along = subjects_along(path) if path is not None else ()
        if not along:
            return subject_of(path)
        if not self._containers.knows(along[0]):
            self._search(now)
        return next((each for each in along if self._containers.knows(each)), along[-1])

    def owns_pod(self, subject: Subject, path: str | None, now: float) -> bool:
        """Return whether a pod or container is, or was just now, this node's."""
        if not self._containers.knows(subject):
            self._search(now)
        if self._containers.knows(subject):
            return self._containers.owns(subject)
        return self.is_below_kubepods(path)

    def is_below_kubepods(self, path: str | None) -> bool:
        """Return whether a path lies below this node's kubepods, so that an unknown pod there was this node's."""
        return (
            path is not None
            and self._prefix is not None
            and any(path.startswith(f"{self._prefix}{kubepods}/") for kubepods in self._containers.kubepods)
        )

    def is_place_of(self, subject: Subject, path: str | None) -> bool:
        """Return whether a path leads to where this node sees the container's cgroup, or else the pod's."""
        container, pod = self._containers.container(subject.container_id), self._containers.pod(subject.pod_uid)
        place = (container.path if container is not None else None) or (pod.path if pod is not None else None)
        if path is None or place is None:
            return True
        if self._prefix is None:
            return f"{place}/" in f"{path}/"
        whole = f"{self._prefix}{place}"
        # A path that is longer than a record is cut at its end.
        return f"{path}/".startswith(f"{whole}/") or whole.startswith(path)

    def owns_host(self, path: str | None) -> bool:
        """Return whether a cgroup outside all pods is this node's.

        An unknown cgroup is, where no other node shares the kernel.
        """
        if path is None or self._prefix is None:
            return path is None and not self._containers.namespaced
        return path == self._prefix or path.startswith(f"{self._prefix}/")

    def learn_prefix(self, subject: Subject, path: str | None) -> None:
        """Learn from a kill that is believed."""
        known = self._containers.container(subject.container_id)
        if self._prefix is None and path is not None and known is not None and known.path is not None:
            before, own, _ = path.partition(known.path)
            self._prefix = before if own else None

    def _search(self, now: float) -> None:
        """List all pods, once for the same kill."""
        if now != self._searched_at:
            self._searched_at = now
            self._containers.look(now, search=True)
