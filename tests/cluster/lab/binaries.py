"""Kubernetes, etcd, containerd, runc, the CNI plugins and what checks the chart, compiled from the Go modules beside
this package.

Each is a module of its own (their dependencies clash) that names its programs by `tool` directives, so go.sum pins
every byte. A program is built once a machine, into the cache, in a folder named by a hash of what it is made from.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .errors import CannotRunHereError, ClusterError
from .packages import RUNC, install
from .places import MODULES, cache, which
from .say import Step, step
from .state import locked

GO_MINIMUM = (1, 26)
KUBERNETES = "v1.36.3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A Go module under modules/ and how it is built. `programs` maps a program's name to its package."""

    name: str
    programs: dict[str, str]
    usually: str
    flags: tuple[str, ...] = ("-ldflags", "-s -w")
    cgo: bool = False


def _kubernetes_ldflags() -> str:
    # Without a version the programs call themselves v0.0.0-master, and clients stumble.
    major, minor, _ = KUBERNETES.removeprefix("v").split(".")
    values = {
        "gitVersion": KUBERNETES,
        "gitMajor": major,
        "gitMinor": minor,
        "gitCommit": "0" * 40,
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",
    }
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return " ".join(
        ["-s", "-w", *(f"-X {package}.{key}={value}" for package in packages for key, value in values.items())]
    )


_CNI = "github.com/containernetworking/plugins/plugins"
_CONTAINERD = "github.com/containerd/containerd/v2/cmd"
_KUBERNETES = "k8s.io/kubernetes/cmd"

MODULE = {
    module.name: module
    for module in (
        Module(
            name="kubernetes",
            programs={
                name: f"{_KUBERNETES}/{name}"
                for name in (
                    "kube-apiserver",
                    "kube-controller-manager",
                    "kube-scheduler",
                    "kube-proxy",
                    "kubelet",
                    "kubectl",
                )
            },
            usually="10 min the first time on two cores",
            flags=("-ldflags", _kubernetes_ldflags()),
        ),
        Module(name="etcd", programs={"etcd": "go.etcd.io/etcd/server/v3"}, usually="100 s the first time"),
        Module(
            name="containerd",
            programs={name: f"{_CONTAINERD}/{name}" for name in ("containerd", "containerd-shim-runc-v2", "ctr")},
            usually="3 min the first time",
        ),
        # Without seccomp every pod sandbox fails: "config provided but seccomp not supported".
        Module(
            name="runc",
            programs={"runc": "github.com/opencontainers/runc"},
            usually="15 s",
            flags=("-ldflags", "-s -w", "-tags", "seccomp"),
            cgo=True,
        ),
        Module(
            name="cni",
            programs={
                "bridge": f"{_CNI}/main/bridge",
                "loopback": f"{_CNI}/main/loopback",
                "host-local": f"{_CNI}/ipam/host-local",
                "portmap": f"{_CNI}/meta/portmap",
            },
            usually="10 s",
        ),
        Module(name="kind", programs={"kind": "sigs.k8s.io/kind"}, usually="20 s"),
        # What checks the chart, the alerts and the workflows; no cluster needs them.
        Module(name="helm", programs={"helm": "helm.sh/helm/v3/cmd/helm"}, usually="4 min the first time"),
        # Service discovery is most of it, and checks of rules need none.
        Module(
            name="promtool",
            programs={"promtool": "github.com/prometheus/prometheus/cmd/promtool"},
            usually="5 min the first time",
            flags=("-ldflags", "-s -w", "-tags", "remove_all_sd"),
        ),
        Module(
            name="helm-unittest",
            programs={"helm-unittest": "github.com/helm-unittest/helm-unittest/cmd/helm-unittest"},
            usually="2 min the first time",
        ),
        Module(
            name="kubeconform", programs={"kubeconform": "github.com/yannh/kubeconform/cmd/kubeconform"}, usually="20 s"
        ),
        Module(
            name="actionlint", programs={"actionlint": "github.com/rhysd/actionlint/cmd/actionlint"}, usually="20 s"
        ),
    )
}


def key(module: Module, folder: Path) -> str:
    """What the programs of a module are made from, as 12 hex digits: its go.mod, its go.sum and the flags."""
    digest = hashlib.sha256()
    for file in ("go.mod", "go.sum"):
        digest.update(hashlib.sha256((folder / file).read_bytes()).digest())
    digest.update(repr((module.flags, module.cgo)).encode())
    return digest.hexdigest()[:12]


def go_missing() -> str | None:
    """Why Go cannot be used here; None when it can."""
    go = which("go")
    if go is None:
        return "Go is not installed (1.26 or newer is needed to compile Kubernetes)"
    answer = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout.strip()
    found = re.match(r"go(\d+)\.(\d+)", answer)
    if found is None or tuple(map(int, found.groups())) < GO_MINIMUM:
        return f"Go 1.26 or newer is needed, {go} is {answer or 'of unknown version'}"
    return None


def built(name: str, *programs: str) -> bool:
    """Whether these programs of a module (all of them when none is named) are in the cache."""
    folder = _folder(MODULE[name])
    return all((folder / program).exists() for program in programs or MODULE[name].programs)


def _folder(module: Module) -> Path:
    return cache() / f"bin-{module.name}-{key(module, MODULES / module.name)}"


def binaries(name: str, *programs: str) -> Path:
    """The folder that holds these programs of a module (all of them when none is named), built where needed."""
    module = MODULE[name]
    wanted = programs or tuple(module.programs)
    folder = _folder(module)
    if built(name, *wanted):
        return folder
    if problem := go_missing():
        raise CannotRunHereError(problem)
    if module.cgo:
        install(RUNC)
    with locked(cache() / "locks" / f"bin-{name}", waiting_for=f"another command that compiles {name}"):
        absent = [program for program in wanted if not (folder / program).exists()]
        if absent:
            with step(f"Compiling {name}: {' '.join(absent)}", usually=module.usually) as progress:
                _build(module, source=MODULES / name, folder=folder, programs=absent, progress=progress)
    return folder


def _build(module: Module, *, source: Path, folder: Path, programs: list[str], progress: Step) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache(), prefix="build-") as scratch:
        packages = [module.programs[program] for program in programs]
        command = ["go", "build", "-v", "-trimpath", *module.flags, "-o", f"{scratch}/", *packages]
        environment = {**os.environ, "CGO_ENABLED": "1" if module.cgo else "0", "GOWORK": "off"}
        lines: list[str] = []
        progress.detail = lambda: (
            f"{len(lines)} packages compiled" if lines else "fetching modules, or linking what is compiled already"
        )
        with subprocess.Popen(command, cwd=source, env=environment, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            lines.extend(line.rstrip() for line in process.stderr)
        if process.returncode != 0:
            raise ClusterError(f"go build in {source} failed:\n" + "\n".join(lines[-15:]))
        for program in programs:
            built = Path(scratch, re.sub(r"/v\d+$", "", module.programs[program]).rpartition("/")[2])
            # Within one file system, so another command sees a whole program or none.
            shutil.move(built, folder / f".{program}")
            (folder / f".{program}").replace(folder / program)
