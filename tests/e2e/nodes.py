"""The node that the tests run on: native (this machine's kernel), v2 (a guest with cgroup v2 and systemd), or kind.

A test runs on one node: its pods are sent there, and what it observes is read on that very node. OOMREPORT_E2E_NODES
names the nodes, separated by commas; without it all that the cluster has, one after another. OOMREPORT_E2E_PATIENCE
is how many times as long everything may take where much else runs on the machine.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.lab import state, v2_files, v2_shell
from cluster.lab.state import State
from e2e import kube

KINDS = ("native", "v2", "kind")
# An emulated processor starts a pod in 5 to 14 s, and each look at the cluster costs what the guest needs.
_TIMES = {"native": 1.0, "v2": 3.0, "kind": 1.5}
_PAUSE = {"native": 0.3, "v2": 0.7, "kind": 0.3}
_TOOL = Path(__file__).resolve().parents[1] / "cluster" / "cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node. `on_node` makes of a shell script the command that runs it as root in the node's file system,
    `on_kernel` on the machine whose kernel it has: for kind, whose nodes are containers, that is another place.

    `groups` says that a container dies as a whole with any of its processes: memory.oom.group, which the kubelet sets
    on cgroup v2.
    """

    kind: str
    name: str
    groups: bool
    on_node: Callable[[str], list[str]]
    on_kernel: Callable[[str], list[str]]

    def sh(self, script: str) -> str:
        """Return what a shell script prints on the node; a failure is an AssertionError with what it complains of."""
        return output(self.on_node(script))

    def sh_on_kernel(self, script: str) -> subprocess.CompletedProcess[bytes]:
        """Run a script on the machine whose kernel the node has."""
        return subprocess.run(self.on_kernel(script), capture_output=True, check=False)


@dataclass(frozen=True, slots=True)
class Gate:
    """A file on the node that does not exist yet: `hog after` waits for it in a hostPath, which is its `parent`."""

    node: Node
    parent: str
    name: str = "open"

    def touch(self) -> None:
        """Make the file."""
        self.node.sh(f"touch {self.parent}/{self.name}")


_chosen: Node | None = None


def here() -> Node | None:
    """Return the node under test; None where nobody chose one: then pods go where the scheduler sends them."""
    return _chosen


def chosen() -> Node:
    """Return the node under test."""
    assert _chosen is not None, "no node was chosen"
    return _chosen


def choose(kind: str) -> Node:
    """Make the node of this kind the one under test."""
    global _chosen  # noqa: PLW0603 - one node is under test, as there is one cluster
    _chosen = {"native": _native, "v2": _v2, "kind": _kind}[kind]()
    patience = float(os.environ.get("OOMREPORT_E2E_PATIENCE", "1"))
    kube.set_pace(times=_TIMES[kind] * patience, pause=_PAUSE[kind])
    return _chosen


def kinds() -> tuple[str, ...]:
    """Return the kinds of nodes to test on."""
    wanted = os.environ.get("OOMREPORT_E2E_NODES")
    if wanted:
        names = tuple(wanted.split(","))
        if unknown := set(names) - set(KINDS):
            raise ValueError(f"OOMREPORT_E2E_NODES={wanted}: {' '.join(sorted(unknown))} is none of {' '.join(KINDS)}")
        return names
    known = cluster_state()
    if known is None or known.provider != "kind":
        return ("native", "v2") if known is not None and "v2-image" in known.facts else ("native",)
    return ("kind",)


def cluster_state() -> State | None:
    """Return what is known of the cluster that the tests run in; None where the tool did not bring it up."""
    name = os.environ.get("OOMREPORT_CLUSTER")
    return state.load(name) if name else None


def cluster(verb: str, *words: str) -> str:
    """Run a verb of the cluster's tool on the cluster of these tests and return what it prints."""
    return output([sys.executable, str(_TOOL), verb, "--name", os.environ["OOMREPORT_CLUSTER"], *words])


@contextmanager
def kubelet_with(**settings: object) -> Iterator[None]:
    """Lay settings over those of the v2 node's kubelet for a while."""
    cluster("up", "--v2-worker", "--v2-kubelet", json.dumps(settings))
    try:
        yield
    finally:
        cluster("up", "--v2-worker", "--v2-kubelet", "{}")


def output(command: list[str]) -> str:
    """Return what a command prints; a failure is an AssertionError with what it complains of."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _native() -> Node:
    known = cluster_state()
    name = known.facts.get("node") if known else None
    unified = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    return Node(kind="native", name=name or _names()[0], groups=unified, on_node=_locally, on_kernel=_locally)


def _v2() -> Node:
    return Node(kind="v2", name=v2_files.NODE, groups=True, on_node=_in_the_guest, on_kernel=_in_the_guest)


def _kind() -> Node:
    """The last worker, or the only node."""
    return kind_nodes()[-1]


def kind_nodes() -> list[Node]:
    """Return the nodes of a kind cluster, the control plane first.

    A node's container sees only its own processes; one that shares the machine's is started beside it.
    """
    found = []
    for name in _names():
        on_node = _docker_exec(name)
        unified = "cgroup2fs" in output(on_node("stat -fc %T /sys/fs/cgroup"))
        on_kernel = _docker_exec(_machine_container(name))
        found.append(Node(kind="kind", name=name, groups=unified, on_node=on_node, on_kernel=on_kernel))
    return found


def end_machine_container() -> None:
    """Remove what was started to observe kind's nodes."""
    if chosen().kind == "kind":
        subprocess.run(["docker", "rm", "--force", f"{_names()[0]}-machine"], capture_output=True, check=False)


def _machine_container(node: str) -> str:
    name = f"{_names()[0]}-machine"
    running = subprocess.run(["docker", "exec", name, "true"], capture_output=True, check=False).returncode == 0
    if not running:
        image = output(["docker", "inspect", "--format", "{{.Config.Image}}", node]).strip()
        options = ["--detach", "--rm", "--privileged", "--pid=host", "--network=none", "--name", name]
        output(["docker", "run", *options, "--entrypoint", "sleep", image, "infinity"])
    return name


def _names() -> list[str]:
    return sorted(one["metadata"]["name"] for one in kube.items("nodes"))


def _locally(script: str) -> list[str]:
    return ["sh", "-c", script]


def _in_the_guest(script: str) -> list[str]:
    known = cluster_state()
    assert known is not None
    return v2_shell.shell(known, ["sh", "-c", script])


def _docker_exec(container: str) -> Callable[[str], list[str]]:
    return lambda script: ["docker", "exec", container, "sh", "-c", script]
