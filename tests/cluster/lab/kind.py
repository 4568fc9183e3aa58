"""kind: nodes in Docker containers, for machines with Docker."""

import os
import subprocess
from pathlib import Path

from . import buildah
from .access import kubectl
from .binaries import binaries, go_missing
from .errors import CannotRunHereError, ClusterError
from .places import CLUSTER, REPOSITORY, which
from .say import say, step
from .state import State
from .workload_images import archive

CONFIG = CLUSTER / "kind.yaml"
WORKERS = "workers"


class Kind:
    """The provider for everybody with Docker."""

    def missing(self) -> list[str]:
        """A Docker engine that answers, and kind or Go to compile it."""
        found: list[str] = []
        docker = which("docker")
        if docker is None:
            found.append("Docker is not installed")
        else:
            answer = subprocess.run(
                [docker, "version", "--format", "{{.Server.Version}}"], capture_output=True, text=True, check=False
            )
            if answer.returncode != 0:
                found.append(f"no Docker engine answers: {answer.stderr.strip() or answer.stdout.strip()}")
        absent = [program for program in ("kind", "kubectl") if which(program) is None]
        if absent and (problem := go_missing()):
            found.append(f"not installed: {' '.join(absent)}; and they cannot be compiled: {problem}")
        return found

    def up(self, state: State) -> None:
        """Create the cluster where it is not there, and load the hog image."""
        state.path = [
            str(binaries(name, program))
            for name, program in (("kind", "kind"), ("kubernetes", "kubectl"))
            if which(program) is None
        ]
        state.kubeconfig = str(state.folder / "kubeconfig")
        state.facts["cluster"] = _name(state)
        state.save()
        if self.lost(state):
            node_image = os.environ.get("OOMREPORT_KIND_IMAGE")
            chosen = ["--image", node_image] if node_image else []
            with step("kind create cluster", usually="30 s, longer when the node image must be pulled"):
                self._kind(
                    state,
                    "create",
                    "cluster",
                    "--config",
                    str(_configuration(state)),
                    "--kubeconfig",
                    state.kubeconfig,
                    "--wait",
                    "180s",
                    *chosen,
                )
            # --wait looks at control-plane nodes only.
            kubectl(state, "wait", "--for=condition=Ready", "nodes", "--all", "--timeout=180s")
            self.load(state, archive("hog"))
        state.ready = True
        state.save()

    def lost(self, state: State) -> bool:
        """Whether kind does not know the cluster."""
        return _name(state) not in self._kind(state, "get", "clusters", named=False).split()

    def down(self, state: State) -> None:
        """Delete the nodes."""
        self._kind(state, "delete", "cluster", "--kubeconfig", str(state.folder / "kubeconfig"))

    def load(self, state: State, archive: Path) -> None:
        """Load into every node."""
        self._kind(state, "load", "image-archive", str(archive))

    def problems(self, state: State) -> list[str]:
        """Nodes that are not Ready."""
        if self.lost(state):
            return [f"kind has no cluster {_name(state)}"]
        lines = kubectl(state, "get", "nodes", "--no-headers").splitlines()
        return [f"node {line.split()[0]} is {line.split()[1]}" for line in lines if line.split()[1] != "Ready"]

    def logs(self, state: State) -> dict[str, Path]:
        """What kind exports, which is much: in the cluster's folder, by path."""
        exported = state.folder / "log"
        try:
            self._kind(state, "export", "logs", str(exported))
        except ClusterError as error:
            # One program that a node image lacks ends the export; what was written before is still worth reading.
            say(str(error))
        return {str(file.relative_to(exported).with_suffix("")): file for file in sorted(exported.rglob("*.log"))}

    def build(self, state: State, name: str, key: str) -> Path | None:
        """With docker build; kind takes the image from Docker. OOMREPORT_BUILDER=buildah needs no base image."""
        if os.environ.get("OOMREPORT_BUILDER") == "buildah":
            return buildah.build(name=name, key=key, runc=binaries("runc") / "runc")
        base = os.environ.get("OOMREPORT_BASE_IMAGE")
        chosen = [f"--build-arg=BASE={base}"] if base else []
        extra = os.environ.get("OOMREPORT_DOCKER_BUILD_ARGS", "").split()
        with step(f"docker build -t {name}", usually="1 min the first time, 10 s when only source changed"):
            _run(
                [
                    "docker",
                    "build",
                    *chosen,
                    *extra,
                    "--label",
                    f"dev.oomreport.inputs={key}",
                    "-t",
                    name,
                    str(REPOSITORY),
                ]
            )
        with step("kind load docker-image", usually="10 s"):
            self._kind(state, "load", "docker-image", name)
        return None

    def _kind(self, state: State, *arguments: str, named: bool = True) -> str:
        program = which("kind") or binaries("kind", "kind") / "kind"
        return _run([str(program), *arguments, *(["--name", _name(state)] if named else [])])


def _configuration(state: State) -> Path:
    """The plain configuration, with as many workers as were asked for."""
    workers = int(state.facts.get(WORKERS, "0"))
    path = state.folder / "kind.yaml"
    path.write_text(CONFIG.read_text() + "  - role: worker\n" * workers)
    return path


def _name(state: State) -> str:
    return f"oomreport-{state.name}"


def _run(command: list[str]) -> str:
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise CannotRunHereError(f"{command[0]} is not installed") from error
    if answer.returncode != 0:
        raise ClusterError(f"{' '.join(command)} failed:\n{answer.stdout[-2000:]}\n{answer.stderr[-2000:].strip()}")
    return answer.stdout
