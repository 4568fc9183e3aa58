"""One real node from plain processes: control plane, kubelet, containerd, in namespaces and a cgroup of their own."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from . import buildah, certificates, cgroups, control_plane, namespaces, node_files, packages, v2_worker
from .access import run
from .binaries import binaries, built, go_missing
from .daemons import Daemon, start_missing, wait_until
from .errors import ClusterError
from .places import which
from .processes import Process, alive, start_time, stop
from .say import say, step
from .state import State
from .workload_images import archive

COMPONENTS = ("kubernetes", "etcd", "containerd", "runc", "cni")
API_PORT, ETCD_PORT, ETCD_PEER_PORT = 6443, 2379, 2380
SOCKET_PATH_LIMIT = 107


class Native:
    """The provider for root on Linux."""

    def missing(self) -> list[str]:
        """Root, a kernel that allows what a node needs, Go, and packages."""
        if sys.platform != "linux":
            return [f"Linux is needed, this is {sys.platform}"]
        found: list[str] = []
        if os.geteuid() != 0:
            found.append("root is needed")
        compiled = all(built(name) for name in COMPONENTS)
        if not compiled and (problem := go_missing()):
            found.append(problem)
        absent = packages.missing(packages.NODE + (() if compiled else packages.RUNC))
        if absent and not packages.obtainable():
            found.append(
                f"missing programs, as Debian packages: {' '.join(absent)} (only root can install them, with apt-get)"
            )
        if os.geteuid() == 0:
            found.extend(_kernel_problems())
        return found

    def up(self, state: State) -> None:
        """Compile, start, load the pause and hog images, and wait until the node is Ready."""
        packages.install(packages.NODE)
        folders = {name: binaries(name) for name in COMPONENTS}
        images = [archive("pause"), archive("hog")]
        state.path = [str(folder) for folder in folders.values()]
        node = f"{state.name}-node"
        with step(f"Starting node {node}", usually="10 s"):
            fresh = state.holder is None
            if fresh:
                self._prepare(state, folders, node)
            daemons = self._daemons(state, folders, node)
            start_missing(state, daemons[:3])
            _await_api(state)
            start_missing(state, daemons[3:])
            for image in images if fresh else []:
                self.load(state, image)
            _await_node(state, node)
        state.ready = True
        state.save()
        v2_worker.restore(state)

    def lost(self, state: State) -> bool:
        """Whether its namespaces are gone."""
        return state.holder is None or not alive(state.holder)

    def _prepare(self, state: State, folders: dict[str, Path], node: str) -> None:
        folder = state.folder
        if len(str(node_files.socket(folder))) + len(".ttrpc") > SOCKET_PATH_LIMIT:
            raise ClusterError(f"{folder} is too long a path for unix sockets; set OOMREPORT_STATE to a shorter folder")
        namespaces.create(state, node=node)
        certificates.create(folder / "pki", _certificates(node))
        url = f"https://{namespaces.ADDRESS}:{API_PORT}"
        for user in ("admin", "kubelet", "controller-manager", "scheduler", "proxy"):
            certificates.write_kubeconfig(folder / "pki", user, url=url)
        state.kubeconfig = str(folder / "pki" / "admin.kubeconfig")
        may_lower = _may_lower_oom_score()
        snapshotter = "overlayfs" if _overlay_works(state) else "native"
        state.facts = {"node": node, "cgroup": f"/{namespaces.group(state)}", "snapshotter": snapshotter}
        (folder / "containerd.toml").write_text(
            node_files.containerd_toml(
                folder=folder,
                runc=folders["runc"],
                cni=folders["cni"],
                snapshotter=snapshotter,
                may_lower_oom_score=may_lower,
            )
        )
        (folder / "kubelet.json").write_text(
            node_files.kubelet_configuration(
                folder=folder, cgroup=namespaces.group(state), may_lower_oom_score=may_lower
            )
        )
        (folder / "cni").mkdir()
        (folder / "cni" / "10-lab.conflist").write_text(node_files.cni_conflist())
        (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        state.save()

    def _daemons(self, state: State, folders: dict[str, Path], node: str) -> list[Daemon]:
        folder, kubernetes = state.folder, folders["kubernetes"]
        api = control_plane.api_server(
            program=kubernetes / "kube-apiserver",
            folder=folder,
            address=namespaces.ADDRESS,
            port=API_PORT,
            etcd_port=ETCD_PORT,
        )
        return [
            Daemon(
                "etcd",
                control_plane.etcd(
                    program=folders["etcd"] / "etcd", folder=folder, port=ETCD_PORT, peer_port=ETCD_PEER_PORT
                ),
            ),
            Daemon("containerd", [str(folders["containerd"] / "containerd"), f"--config={folder / 'containerd.toml'}"]),
            Daemon("apiserver", [*api, *control_plane.kubelet_access(folder)]),
            Daemon(
                "controller-manager",
                control_plane.controller_manager(program=kubernetes / "kube-controller-manager", folder=folder),
            ),
            Daemon("scheduler", control_plane.scheduler(program=kubernetes / "kube-scheduler", folder=folder)),
            Daemon("kubelet", control_plane.kubelet(program=kubernetes / "kubelet", folder=folder, node=node)),
            Daemon("proxy", control_plane.kube_proxy(program=kubernetes / "kube-proxy", folder=folder, node=node)),
        ]

    def down(self, state: State) -> None:
        """Kill what runs in the cluster's cgroup, which is all of it; mounts and devices go with the namespaces."""
        group = namespaces.group(state)
        if state.holder is not None and alive(state.holder):
            if _network(os.getpid()) == _network(state.holder.pid):
                raise ClusterError(
                    "down ends what runs in the cluster's namespaces, so it cannot be run by `cluster exec`"
                )
            stop(_visitors(state.holder, group))
        cgroups.kill(group)
        cgroups.remove(group)

    def load(self, state: State, archive: Path) -> None:
        """Import into containerd's namespace of Kubernetes, on the second node too where there is one."""
        command = [
            "ctr",
            "--address",
            str(node_files.socket(state.folder)),
            "--namespace",
            "k8s.io",
            "images",
            "import",
        ]
        answer = run(state, [*command, "--snapshotter", state.facts["snapshotter"], str(archive)])
        if answer.returncode != 0:
            raise ClusterError(f"containerd does not take {archive}: {answer.stderr.strip()}")
        v2_worker.copy_images(state)

    def problems(self, state: State) -> list[str]:
        """Daemons that have ended, and nodes that are not Ready."""
        if state.holder is None or not alive(state.holder):
            return ["its namespaces are gone: it was stopped, or the machine restarted"]
        found = [
            f"{name} has ended, see: cluster logs {name}"
            for name, process in state.processes.items()
            if not alive(process)
        ]
        if not found and _ready(state, state.facts["node"]) != "True":
            found.append(f"node {state.facts['node']} is not Ready, see: cluster logs kubelet")
        return [*found, *v2_worker.problems(state)]

    def logs(self, state: State) -> dict[str, Path]:
        """One file a daemon."""
        files = (state.folder / "log").glob("*.log")
        return {**{file.stem: file for file in sorted(files)}, **v2_worker.logs(state)}

    def build(self, state: State, name: str, key: str) -> Path | None:
        """With buildah, from a Debian base made here."""
        return buildah.build(name=name, key=key, runc=binaries("runc") / "runc")


def _certificates(node: str) -> list[certificates.Certificate]:
    addresses = [f"IP:{address}" for address in ("127.0.0.1", namespaces.ADDRESS, namespaces.SERVICE_ADDRESS)]
    hosts = [
        f"DNS:{name}"
        for name in (
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
        )
    ]
    return [
        certificates.server("apiserver", "/CN=kube-apiserver", *hosts, *addresses),
        certificates.server("kubelet-server", f"/CN={node}", f"DNS:{node}", f"IP:{namespaces.ADDRESS}"),
        certificates.client("admin", user="admin", group="system:masters"),
        certificates.client("kubelet-client", user="kube-apiserver-kubelet-client", group="system:masters"),
        certificates.client("kubelet", user=f"system:node:{node}", group="system:nodes"),
        certificates.client("controller-manager", user="system:kube-controller-manager"),
        certificates.client("scheduler", user="system:kube-scheduler"),
        certificates.client("proxy", user="system:kube-proxy"),
    ]


def _kernel_problems() -> list[str]:
    found: list[str] = []
    answer = subprocess.run(
        ["unshare", "--mount", "--net", "--uts", "true"], capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        found.append(f"this root may not make namespaces ({answer.stderr.strip()})")
    roots = cgroups.hierarchies()
    if not roots:
        found.append("no cgroup hierarchy is mounted below /sys/fs/cgroup")
    elif any(not os.access(root, os.W_OK) for root in roots):
        found.append("this root may not make cgroups below /sys/fs/cgroup")
    if cgroups.unified() and "memory" not in Path("/sys/fs/cgroup/cgroup.controllers").read_text():
        found.append("the memory controller is not available in /sys/fs/cgroup")
    if which("unshare") is None or which("nsenter") is None:
        found.append("unshare and nsenter (util-linux) are missing")
    return found


def _may_lower_oom_score() -> bool:
    answer = subprocess.run(["sh", "-c", "echo -1 >/proc/self/oom_score_adj"], capture_output=True, check=False)
    return answer.returncode == 0


def _overlay_works(state: State) -> bool:
    """Whether the folder's file system can be the upper layer of an overlay: it cannot in a container's own root."""
    where = state.folder / "overlay-trial"
    for part in ("lower", "upper", "work", "merged"):
        (where / part).mkdir(parents=True)
    options = f"lowerdir={where}/lower,upperdir={where}/upper,workdir={where}/work"
    return run(state, ["mount", "-t", "overlay", "-o", options, "overlay", f"{where}/merged"]).returncode == 0


def _await_api(state: State) -> None:
    wait_until(
        state,
        lambda: run(state, ["kubectl", "get", "--raw", "/readyz"]).returncode == 0,
        what="the API server",
        seconds=90,
    )


def _ready(state: State, node: str) -> str:
    path = '{.status.conditions[?(@.type=="Ready")].status}'
    return run(state, ["kubectl", "get", "node", node, "-o", f"jsonpath={path}"]).stdout


def _await_node(state: State, node: str) -> None:
    wait_until(state, lambda: _ready(state, node) == "True", what=f"node {node}", seconds=90)
    account = ["kubectl", "get", "serviceaccount", "default", "--namespace", "default"]
    wait_until(state, lambda: run(state, account).returncode == 0, what="the default service account", seconds=60)


def _network(pid: int) -> str:
    """The network namespace of a process; empty when the process is gone."""
    try:
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    except OSError:
        return ""


def _visitors(holder: Process, group: str) -> list[Process]:
    """Commands that `cluster exec` started and that still run: in the namespaces, yet not in the cgroup."""
    network = _network(holder.pid)
    found: list[Process] = []
    for entry in Path("/proc").glob("[0-9]*"):
        pid = int(entry.name)
        with suppress(OSError):
            visits = _network(pid) == network and f":/{group}/" not in (entry / "cgroup").read_text()
            if visits and (started := start_time(pid)):
                say(f"ending process {pid}, which `cluster exec` started")
                found.append(Process(pid=pid, started=started))
    return found
