"""The product on the cluster: the image from the Dockerfile, the CRDs, and an overlay of the manifests."""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from . import buildah
from .access import kubectl, run
from .errors import ClusterError
from .places import REPOSITORY
from .say import say, step
from .state import State

if TYPE_CHECKING:
    from .provider import Provider

IMAGE = "ghcr.io/oomreport/oomreport:dev"
SELECTOR = "app.kubernetes.io/name=oomreport"
INPUTS = ("operator", "pyproject.toml", "uv.lock", "Dockerfile", ".dockerignore")
APPLY = ("apply", "--server-side", "--force-conflicts", "--field-manager=oomreport-cluster")


def image_key(repository: Path = REPOSITORY, inputs: Iterable[str] = INPUTS) -> str:
    """What the image is made from, as 12 hex digits: its base, and names, modes and contents of the input files."""
    digest = hashlib.sha256(buildah.base_name().encode())
    for name in inputs:
        top = repository / name
        files = (
            sorted(file for file in top.rglob("*") if file.is_file()) if top.is_dir() else [top] if top.exists() else []
        )
        for file in files:
            if "__pycache__" in file.parts:
                continue
            digest.update(f"{file.relative_to(repository)}\0{file.stat().st_mode & 0o111:o}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12]


def deploy(provider: "Provider", state: State, *, overlay: str, image: str | None) -> None:
    """Image, CRDs and manifests onto the cluster; returns when both workloads have rolled out."""
    source = _overlay(overlay)
    if image is None:
        key = image_key()
        if state.loaded.get("product") != key:
            archive = provider.build(state, IMAGE, key)
            if archive is not None:
                with step("Loading the image into the node", usually="10 s"):
                    provider.load(state, archive)
            state.loaded["product"] = key
            state.save()
    else:
        key = image
    with step(f"Deploying overlay {overlay}", usually="10 s"):
        _apply(state, source, image)
        # The image keeps its name when its content changes, so nothing else would start it anew.
        workloads = deployed_workloads(state)
        if not workloads:
            raise ClusterError(f"{source} deploys no Deployment or DaemonSet with the label {SELECTOR}")
        if state.deployed.get("image") not in (None, key):
            for workload in workloads:
                kubectl(state, "rollout", "restart", *workload.reference)
        state.deployed = {"overlay": overlay, "image": key}
        state.save()
        for workload in workloads:
            answer = run(state, ["kubectl", "rollout", "status", *workload.reference, "--timeout=180s"])
            if answer.returncode != 0:
                raise ClusterError(
                    f"{workload.name} did not roll out: {answer.stderr.strip()}\n{_diagnosis(state, workload)}"
                )
    say(f"deployed: image {key}, overlay {overlay}, {', '.join(f'{one.name} in {one.namespace}' for one in workloads)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A Deployment or DaemonSet of the product; `component` is controller or agent."""

    kind: str
    namespace: str
    name: str
    component: str

    @property
    def reference(self) -> tuple[str, ...]:
        """The arguments by which kubectl finds it."""
        return (f"{self.kind.lower()}/{self.name}", f"--namespace={self.namespace}")


def deployed_workloads(state: State) -> list[Workload]:
    """What of the product is on the cluster."""
    found = json.loads(
        kubectl(state, "get", "deployments,daemonsets", "--all-namespaces", "-l", SELECTOR, "-o", "json")
    )
    return [
        Workload(
            kind=one["kind"],
            namespace=one["metadata"]["namespace"],
            name=one["metadata"]["name"],
            component=one["metadata"]["labels"].get("app.kubernetes.io/component", ""),
        )
        for one in found["items"]
    ]


def pod_logs(state: State, component: str, *, lines: int = -1) -> str:
    """The logs of all pods of a component, each line with its pod."""
    found = [one for one in deployed_workloads(state) if one.component == component]
    if not found:
        raise ClusterError(f"no {component} is deployed")
    return "".join(kubectl(state, "logs", *one.reference, "--all-pods", "--prefix", f"--tail={lines}") for one in found)


def remove(state: State) -> None:
    """Take overlay and CRDs away again."""
    source = _overlay(state.deployed["overlay"])
    kubectl(state, "delete", "--ignore-not-found", "-k", str(source))
    kubectl(state, "delete", "--ignore-not-found", *_crds())
    state.deployed = {}
    state.save()


def _overlay(overlay: str) -> Path:
    """A folder with a kustomization: of this name in manifests/overlays, or at this path when it holds a slash."""
    source = Path(overlay).absolute() if "/" in overlay else REPOSITORY / "manifests" / "overlays" / overlay
    if not (source / "kustomization.yaml").exists():
        known = sorted(file.parent.name for file in REPOSITORY.glob("manifests/overlays/*/kustomization.yaml"))
        raise ClusterError(f"no kustomization.yaml in {source}; overlays: {' '.join(known) or 'none'}")
    return source


def _crds() -> list[str]:
    files = sorted(file for file in REPOSITORY.glob("crds/*.yaml") if file.name != "kustomization.yaml")
    return [f"--filename={file}" for file in files]


def _apply(state: State, source: Path, image: str | None) -> None:
    if crds := _crds():
        kubectl(state, *APPLY, *crds)
        kubectl(state, "wait", "--for=condition=Established", "--timeout=60s", *crds)
    if image is not None:
        source = _with_image(state, source, image)
    kubectl(state, *APPLY, "-k", str(source))


def _with_image(state: State, source: Path, image: str) -> Path:
    folder = state.folder / "kustomization"
    folder.mkdir(exist_ok=True)
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(source.resolve(), folder.resolve())],
        "images": [{"name": IMAGE.rpartition(":")[0], **_reference(image)}],
    }
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization))
    return folder


def _reference(image: str) -> dict[str, str]:
    name, at, digest = image.partition("@")
    if at:
        return {"newName": name, "digest": digest}
    name, colon, tag = image.rpartition(":")
    # A colon before a slash is a registry's port.
    return {"newName": name, "newTag": tag} if colon and "/" not in tag else {"newName": image, "newTag": "latest"}


def _diagnosis(state: State, workload: Workload) -> str:
    where = f"--namespace={workload.namespace}"
    looks = (
        ["get", "pods", where, "-o", "wide"],
        ["events", where, "--types=Warning"],
        ["logs", *workload.reference, "--all-pods", "--prefix", "--tail=20"],
    )
    answers = [(look, run(state, ["kubectl", *look])) for look in looks]
    return "\n".join(f"$ kubectl {' '.join(look)}\n{answer.stdout}{answer.stderr}" for look, answer in answers)
