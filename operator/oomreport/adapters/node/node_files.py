"""The names of pods and containers, from the kubelet's log folders.

    /var/log/pods/<namespace>_<pod>_<uid>/<container>/<restart>.log
    /var/log/containers/<pod>_<namespace>_<container>-<64 hex>.log -> /var/log/pods/<..>/<container>/<restart>.log

Namespace, pod and container names hold no underscore. The UID of a static pod is its config hash, as in its cgroup.
The kubelet cuts the name of the link to 251 characters and `.log`, and what it cuts is the end of the container ID
(legacyLogSymlink() in pkg/kubelet/kuberuntime): a pod with a long name leaves a part of the ID, or nothing of it. The
link's target still tells pod, UID and container.
"""

import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

_POD_FOLDER = re.compile(r"([^_/]+)_([^_/]+)_([0-9a-zA-Z-]+)")
_LINK = re.compile(r"([^_/]+)_([^_/]+)_(.+)\.log")
_FULL_ID = re.compile(r"(.+)-([0-9a-f]{64})")
_TARGET = re.compile(r"/([^_/]+)_([^_/]+)_([0-9a-zA-Z-]+)/([^/]+)/[^/]+\.log$")
# A change of a folder within the clock tick in which it was read leaves its mtime as it was.
_SETTLED_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PodNames:
    """A pod of this node."""

    namespace: str
    pod: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerNames:
    """A container of this node. `id_start` is the container ID or, for very long names, its first digits."""

    namespace: str
    pod: str
    container: str
    pod_uid: str | None
    id_start: str


@dataclass(slots=True)
class _Folder:
    """A folder that is listed again only when it changed."""

    path: str
    mtime: float = -1.0
    read_at: float = 0.0
    known: set[str] = field(default_factory=set)

    def new_names(self) -> list[str]:
        try:
            mtime = Path(self.path).stat().st_mtime
        except OSError:
            return []
        if mtime == self.mtime and self.read_at - mtime > _SETTLED_SECONDS:
            return []
        self.mtime, self.read_at = mtime, time.time()
        try:
            names = set(os.listdir(self.path))  # noqa: PTH208 - names only, no Path for each of hundreds
        except OSError:
            return []
        new = names - self.known
        self.known = names
        return sorted(new)


class NodeFiles:
    """The log folders below `log_root`, usually /var/log.

    Removed logs are not reported: callers keep the names that they got.
    """

    def __init__(self, log_root: Path) -> None:
        self._pods = _Folder(str(log_root / "pods"))
        self._containers = _Folder(str(log_root / "containers"))

    def new_pods(self) -> dict[str, PodNames]:
        """Return the pods that appeared since the last call, by UID."""
        found = ((_POD_FOLDER.fullmatch(name)) for name in self._pods.new_names())
        return {pod[3]: PodNames(namespace=pod[1], pod=pod[2]) for pod in found if pod}

    def new_containers(self) -> list[ContainerNames]:
        """Return the containers whose log appeared since the last call."""
        found = []
        for name in self._containers.new_names():
            names = self._names_of_link(name)
            if names is not None:
                found.append(names)
        return found

    def _names_of_link(self, name: str) -> ContainerNames | None:
        link = _LINK.fullmatch(name)
        if link is None:
            return None
        target = self._target(name)
        full = _FULL_ID.fullmatch(link[3])
        if full is not None:
            uid = target[3] if target else None
            return ContainerNames(namespace=link[2], pod=link[1], container=full[1], pod_uid=uid, id_start=full[2])
        if target is None or not link[3].startswith(f"{target[4]}-"):
            return None
        id_start = link[3].removeprefix(f"{target[4]}-")
        return ContainerNames(
            namespace=target[1], pod=target[2], container=target[4], pod_uid=target[3], id_start=id_start
        )

    def _target(self, name: str) -> re.Match[str] | None:
        try:
            return _TARGET.search(os.readlink(f"{self._containers.path}/{name}"))  # noqa: PTH115 - as above
        except OSError:
            return None
