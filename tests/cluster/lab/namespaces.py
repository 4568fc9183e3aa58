"""The node's own mount, network and host-name namespaces, held by one sleeping process.

Nothing in them listens on the machine's network, and no mount shows outside, so two clusters can run side by side and
all mounts and devices are gone when the last process is. Folders under /var and /run that a kubelet, a container
runtime and CNI share on a machine are the cluster's own there.
"""

import os
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from . import cgroups
from .errors import ClusterError
from .places import cache, states
from .processes import Process, alive, spawn, tail
from .state import State, load, locked, names

ADDRESS = "10.99.0.1"
POD_NETWORK = "10.244.77.0/24"
POD_GATEWAY = "10.244.77.1/24"
SERVICE_NETWORK = "10.96.0.0/16"
SERVICE_ADDRESS = "10.96.0.1"

# Paths of a node that are taken as fixed: sockets, logs, the kubelet's device plugins, what CNI and our agent keep.
OWN_FOLDERS = ("/run", "/var/log", "/var/lib/kubelet", "/var/lib/cni", "/var/lib/oomreport")
# The kubelet sets these for the whole machine; it sees files that hold what it wants, and the machine's stay.
KUBELET_SYSCTLS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


def group(state: State) -> str:
    """The name of the cluster's cgroup, below the root of every hierarchy."""
    return f"oomreport-{state.name}"


def enter(pid: int) -> list[str]:
    """The command prefix that runs a command inside, in the folder where it was called."""
    return ["nsenter", f"--target={pid}", "--mount", "--net", "--uts", "--"]


def create(state: State, *, node: str) -> None:
    """Start the holder and set the namespaces up."""
    # Saved before anything starts, so that `down` finds the cgroup whatever happens from here on.
    state.save()
    with locked(cache() / "locks" / "mount-points", waiting_for="another cluster that starts or stops"):
        _make_mount_points()
        _hold(state)
        script = "\n".join([*_mounts(state.folder), *_network(), f"hostname {shlex.quote(node)}"])
        assert state.holder is not None
        inside = [*enter(state.holder.pid), "sh", "-euc", script]
        answer = subprocess.run(inside, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise ClusterError(f"the node's namespaces cannot be set up: {answer.stderr.strip()}")


def _hold(state: State) -> None:
    """Start the process that the namespaces live by."""
    cgroups.create(group(state))
    log = state.folder / "holder.log"
    command = f"{cgroups.joining(group(state))}; exec unshare --mount --net --uts --propagation private sleep infinity"
    state.holder = spawn(["sh", "-euc", command], log=log, environment=os.environ, folder=Path("/"))
    state.save()
    deadline = time.monotonic() + 10
    # unshare(1) has done all it does (mounts made private, last) once it has become sleep(1).
    while _name(state.holder.pid) != "sleep":
        if not alive(state.holder) or time.monotonic() > deadline:
            raise ClusterError(f"namespaces cannot be made: {tail(log)}")
        time.sleep(0.005)


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def start(state: State, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Process:
    """Start a daemon inside, in the cluster's cgroup; its output goes to <folder>/log/<name>.log."""
    assert state.holder is not None
    logs = state.folder / "log"
    logs.mkdir(exist_ok=True)
    inner = " ".join(map(shlex.quote, [*enter(state.holder.pid), *command]))
    script = f"{cgroups.joining(group(state))}; ulimit -n $(ulimit -Hn); exec {inner}"
    return spawn(["sh", "-euc", script], log=logs / f"{name}.log", environment=environment, folder=state.folder)


def _mounts(folder: Path) -> list[str]:
    lines: list[str] = []
    for point in OWN_FOLDERS:
        if point == "/run":
            lines.append("mount -t tmpfs -o mode=755 tmpfs /run && mkdir -p /run/lock /run/netns")
            continue
        own = shlex.quote(str(folder / "private" / point.strip("/").replace("/", "-")))
        lines.append(f"mkdir -p {own} && mount --bind {own} {point}")
    lines.append("mkdir -p /var/log/pods /var/log/containers")
    sysctls = folder / "sysctl"
    for name, value in KUBELET_SYSCTLS.items():
        file = shlex.quote(str(sysctls / name.replace("/", ".")))
        lines.append(
            f"if [ -e /proc/sys/{name} ]; then mkdir -p {shlex.quote(str(sysctls))}; echo {value} >{file}; mount --bind {file} /proc/sys/{name}; fi"
        )
    # Volumes mounted by the kubelet must reach the containers.
    kubelet = shlex.quote(str(folder / "kubelet"))
    lines.append(f"mkdir -p {kubelet} && mount --bind {kubelet} {kubelet} && mount --make-rshared {kubelet}")
    return lines


def _network() -> list[str]:
    return [
        "ip link set lo up",
        "ip link add node0 type veth peer name node0p",
        f"ip address add {ADDRESS}/24 dev node0",
        "ip link set node0 up",
        "ip link set node0p up",
        "ip route add default dev node0",
        # Made here: two pods that start at once race in the bridge plugin ("could not set bridge's mac").
        "ip link add cni0 type bridge",
        f"ip address add {POD_GATEWAY} brd + dev cni0",
        "ip link set cni0 up",
        "echo 1 >/proc/sys/net/ipv4/ip_forward",
    ]


def _made() -> Path:
    return states() / "mount-points"


def _make_mount_points() -> None:
    for point in OWN_FOLDERS:
        try:
            Path(point).mkdir(parents=True)
        except FileExistsError:
            continue
        with _made().open("a") as file:
            file.write(f"{point}\n")


def remove_mount_points() -> None:
    """Remove the empty folders made to mount on, when no cluster with namespaces is left.

    Not before: removing a folder detaches what another namespace has mounted on it.
    """
    with locked(cache() / "locks" / "mount-points", waiting_for="another cluster that starts or stops"):
        others = [load(name) for name in names()]
        if any(other and other.provider == "native" for other in others) or not _made().exists():
            return
        for point in _made().read_text().splitlines():
            with suppress(OSError):
                Path(point).rmdir()
        _made().unlink()
    with suppress(OSError):
        states().rmdir()
