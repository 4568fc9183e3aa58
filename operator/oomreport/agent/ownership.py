"""Whether a kill is this node's own: nodes that share a kernel (kind) see each other's kills, and the machine's."""

from oomreport.agent.containers import NodeContainers
from oomreport.workload.container import Subject


class Ownership:
    """Tells by the node's own files and cgroups, and by what they teach of the kernel's paths.

    Within a cgroup namespace the kernel prints longer paths than the node sees: `/docker/<id>/kubelet.slice/..` for its
    own `/kubelet.slice/..`. The first kill in a pod of its own shows the difference, the prefix; before that no kill
    outside pods can be told to be its own.
    """

    def __init__(self, containers: NodeContainers) -> None:
        self._containers = containers
        self._prefix: str | None = None if containers.namespaced else ""

    def owns_pod(self, subject: Subject, path: str | None, now: float) -> bool:
        """Return whether a pod or container is, or was just now, this node's."""
        if not self._containers.knows(subject):
            self._containers.look(now, search=True)
        if self._containers.knows(subject):
            self._learn_prefix(subject, path)
            return self._containers.owns(subject)
        # A pod that was gone before the agent started is in no file; the path below the node's own kubepods tells.
        return (
            path is not None
            and self._prefix is not None
            and any(path.startswith(f"{self._prefix}{kubepods}/") for kubepods in self._containers.kubepods)
        )

    def owns_host(self, path: str | None) -> bool:
        """Return whether a cgroup outside all pods is this node's; an unknown one only where the kernel is not shared."""
        if path is None or self._prefix is None:
            return path is None and not self._containers.namespaced
        return path == self._prefix or path.startswith(f"{self._prefix}/")

    def _learn_prefix(self, subject: Subject, path: str | None) -> None:
        known = self._containers.container(subject.container_id)
        if self._prefix is None and path is not None and known is not None and known.path is not None:
            before, own, _ = path.partition(known.path)
            self._prefix = before if own else None
