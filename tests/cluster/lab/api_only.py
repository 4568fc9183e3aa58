"""etcd and kube-apiserver alone, on free ports of the loopback interface: what the integration tests need.

No root and no namespaces. Nothing controls here: no default service accounts, no garbage collection, and a deleted
namespace stays Terminating.
"""

import socket
from pathlib import Path

from . import certificates, control_plane, packages
from .access import run
from .binaries import binaries, built, go_missing
from .daemons import Daemon, start_missing, wait_until
from .errors import ClusterError
from .processes import alive, stop
from .say import step
from .state import State

ADDRESS = "127.0.0.1"
PROGRAMS = {"kubernetes": ("kube-apiserver", "kubectl"), "etcd": ("etcd",)}


class ApiOnly:
    """The provider behind `up --api-only`."""

    def missing(self) -> list[str]:
        """Go to compile with, and openssl."""
        found: list[str] = []
        compiled = all(built(name, *programs) for name, programs in PROGRAMS.items())
        if not compiled and (problem := go_missing()):
            found.append(problem)
        if packages.missing(packages.CERTIFICATES) and not packages.obtainable():
            found.append("openssl is missing")
        return found

    def up(self, state: State) -> None:
        """Compile and start; done when the API server says that it is ready."""
        packages.install(packages.CERTIFICATES)
        folders = {name: binaries(name, *programs) for name, programs in PROGRAMS.items()}
        state.path = [str(folder) for folder in folders.values()]
        with step("Starting etcd and kube-apiserver", usually="5 s"):
            if not state.facts:
                self._prepare(state)
            folder, ports = state.folder, {name: int(port) for name, port in state.facts.items()}
            etcd = control_plane.etcd(
                program=folders["etcd"] / "etcd", folder=folder, port=ports["etcd"], peer_port=ports["etcd-peer"]
            )
            api = control_plane.api_server(
                program=folders["kubernetes"] / "kube-apiserver",
                folder=folder,
                address=ADDRESS,
                port=ports["api"],
                etcd_port=ports["etcd"],
            )
            start_missing(state, [Daemon("etcd", etcd), Daemon("apiserver", [*api, *control_plane.ALONE])])
            wait_until(state, lambda: _answers(state), what="the API server", seconds=90)
        state.ready = True
        state.save()

    def lost(self, state: State) -> bool:
        """Whether neither of the two runs."""
        return not any(alive(process) for process in state.processes.values())

    def _prepare(self, state: State) -> None:
        ports = dict(zip(("etcd", "etcd-peer", "api"), free_ports(3), strict=True))
        folder = state.folder / "pki"
        hosts = [f"IP:{ADDRESS}", "DNS:localhost", "DNS:kubernetes.default.svc"]
        wanted = [
            certificates.server("apiserver", "/CN=kube-apiserver", *hosts),
            certificates.client("admin", user="admin", group="system:masters"),
        ]
        certificates.create(folder, wanted)
        state.kubeconfig = str(certificates.write_kubeconfig(folder, "admin", url=f"https://{ADDRESS}:{ports['api']}"))
        state.facts = {name: str(port) for name, port in ports.items()}
        state.save()

    def down(self, state: State) -> None:
        """The API server first, so that it does not complain about its store."""
        for name in ("apiserver", "etcd"):
            if name in state.processes:
                stop([state.processes[name]])

    def load(self, state: State, archive: Path) -> None:
        """Nothing to load into."""
        raise ClusterError(f"cluster {state.name} has an API server only, no node to load {archive.name} into")

    def problems(self, state: State) -> list[str]:
        """Daemons that have ended."""
        return [
            f"{name} has ended, see: cluster --name {state.name} logs {name}"
            for name, process in state.processes.items()
            if not alive(process)
        ]

    def logs(self, state: State) -> dict[str, Path]:
        """One file a daemon."""
        return {file.stem: file for file in sorted((state.folder / "log").glob("*.log"))}

    def build(self, state: State, name: str, key: str) -> Path | None:
        """Nothing to run it on."""
        raise ClusterError(f"cluster {state.name} has an API server only, nothing can be deployed ({name}, {key})")


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that are free now, all different."""
    held = [socket.create_server((ADDRESS, 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in held]
    for one in held:
        one.close()
    return ports


def _answers(state: State) -> bool:
    return run(state, ["kubectl", "get", "--raw", "/readyz"]).returncode == 0
