"""Names of pods and containers in the lines of a node's log.

The kubelet and the container runtimes write the names beside the UIDs and IDs that the kernel's paths hold:

    kubelet      "web-7d9c_shop(<uid>)"
                 pod="shop/web-7d9c" podUID="<uid>" containerName="api" containerID="containerd://<id>"
                 pod="shop/web-7d9c" event={"ID":"<uid>","Type":"ContainerDied","Data":"<id>"}
    containerd   RunPodSandbox for &PodSandboxMetadata{Name:web-7d9c,Uid:<uid>,Namespace:shop,Attempt:0,}
                 CreateContainer within sandbox .. for &ContainerMetadata{Name:api,..} returns container id "<id>"
    CRI-O        Created container <id>: shop/web-7d9c/api
    Docker       k8s_api_web-7d9c_shop_<uid>_0

They are names and nothing else: no line of them is evidence of a kill. Any program may write such a line, so two names
for one UID or ID name nothing.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple, TypeVar

_POD = r"(?P<pod>[a-z0-9][a-z0-9.-]{0,252})"
_NAMESPACE = r"(?P<namespace>[a-z0-9][a-z0-9-]{0,62})"
_CONTAINER = r"(?P<container>[a-z0-9][a-z0-9-]{0,62})"
# A static pod has the hash of its manifest for a UID.
_UID = r"(?P<uid>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32})"
_ID = r"(?P<container_id>[0-9a-f]{64})"
_FORMS = (
    # Of the kubelet, before and since its structured log (1.19).
    re.compile(rf"(?<![a-z0-9.-]){_POD}_{_NAMESPACE}\({_UID}\)"),
    re.compile(
        rf'\bpod="{_NAMESPACE}/{_POD}" podUID="?{_UID}"?(?: containerName="{_CONTAINER}"(?: containerID="[a-z-]+://{_ID}")?)?'
    ),
    re.compile(rf'\bpod="{_NAMESPACE}/{_POD}" event=&?\{{"?ID"?:"?{_UID}"?[ ,]"?Type"?:"?\w+"?[ ,]"?Data"?:"?{_ID}'),
    # Of containerd and CRI-O.
    re.compile(
        rf"PodSandboxMetadata\{{Name:{_POD},Uid:{_UID},Namespace:{_NAMESPACE},Attempt:\d+,?\}}"
        rf'(?: returns sandbox id "{_ID})?'
    ),
    re.compile(
        rf'CreateContainer within sandbox "[0-9a-f]{{64}}" for (?:container )?&ContainerMetadata\{{Name:{_CONTAINER},Attempt:\d+,?\}}'
        rf' returns container id "{_ID}'
    ),
    re.compile(rf"(?:Created|Started|Stopped|Removed) container {_ID}: {_NAMESPACE}/{_POD}/{_CONTAINER}(?![a-z0-9.-])"),
    # Of Docker's shim.
    re.compile(
        rf"(?:\b{_ID} \([^()]{{0,400}}?name=)?\bk8s_(?P<container>POD|[a-z0-9][a-z0-9-]{{0,62}})_{_POD}_{_NAMESPACE}_{_UID}_\d"
    ),
)  # fmt: skip
# A failure to start names the container, and not its ID.
_FAILED = re.compile(rf'failed to "[A-Z]\w+" for "{_CONTAINER}" with ')
_SANDBOX = "POD"
# Two are a contradiction already; whoever writes more of them fills no memory.
_MOST_NAMES = 5
_Name = TypeVar("_Name")


class PodName(NamedTuple):
    """A pod by namespace and name."""

    namespace: str
    pod: str

    def __str__(self) -> str:
        """Return namespace and name as Kubernetes writes them."""
        return f"{self.namespace}/{self.pod}"


class LogNames:
    """Learns names from the lines of a log, in any order: those of the UIDs and IDs in `wanted`."""

    def __init__(self, wanted: Iterable[str] = ()) -> None:
        """Start without any name."""
        self.wanted = set(wanted)
        self._pods: dict[str, set[PodName]] = {}
        self._containers: dict[str, set[str]] = {}
        self._of_pod: dict[str, set[str]] = {}

    def learn(self, line: str) -> None:
        """Take a line of a program in: the kernel's own lines hold names that containers chose."""
        text = line.replace("\\", "")
        for form in _FORMS:
            for found in form.finditer(text):
                self._note(**{"uid": None, "container_id": None, "container": None, **found.groupdict()})
                failed = _FAILED.search(text)
                if failed is not None:
                    self._add(self._of_pod, found.groupdict().get("uid"), failed["container"])

    def pods(self, uid: str | None, container_id: str | None) -> frozenset[PodName]:
        """Return every pod that the lines name for a UID, or for the ID of its container."""
        return frozenset(self._pods.get(uid or "", set()) | self._pods.get(container_id or "", set()))

    def container(self, uid: str | None, container_id: str | None, *, is_only: bool) -> str | None:
        """Return the name of a container, where the lines agree on it.

        `is_only` says that the pod has no other: then the one name that stands beside the pod is its name.
        """
        by_id = self._containers.get(container_id or "", set())
        if not by_id and is_only:
            by_id = self._of_pod.get(uid or "", set())
        return next(iter(by_id)) if len(by_id) == 1 else None

    def _note(
        self,
        *,
        uid: str | None,
        container_id: str | None,
        container: str | None,
        namespace: str | None = None,
        pod: str | None = None,
    ) -> None:
        if namespace and pod:
            self._add(self._pods, uid, PodName(namespace, pod))
            self._add(self._pods, container_id, PodName(namespace, pod))
        if container is not None and container != _SANDBOX:
            self._add(self._containers, container_id, container)
            self._add(self._of_pod, uid, container)

    def _add(self, names: dict[str, set[_Name]], key: str | None, name: _Name) -> None:
        if key in self.wanted and len(known := names.setdefault(key or "", set())) < _MOST_NAMES:
            known.add(name)
