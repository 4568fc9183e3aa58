"""The virtual machine of the cgroup v2 worker: QEMU in the cluster's namespaces, its disks and its network."""

import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from . import namespaces, v2_machine
from .errors import ClusterError
from .places import search_path
from .processes import Process, alive, stop
from .say import say
from .state import State
from .v2_cpio import cpio
from .v2_files import ADDRESS, POD_NETWORK, PRIVATE
from .v2_image import Image

PROCESS = "v2-process"
TAP, HARDWARE_ADDRESS = "v2tap", "52:54:00:00:00:02"
KERNEL_OPTIONS = (
    "console=ttyS0 loglevel=7 root=/dev/vda rw panic=5 net.ifnames=0 mitigations=off nokaslr audit=0 init_on_alloc=0"
    " apparmor=0 selinux=0 tsc=reliable no_timer_check systemd.show_status=0 systemd.getty_auto=0 cgroup_no_v1=all"
)
LETTERBOX, LETTERBOX_SIZE = "/dev/vdb", 4 << 30


def folder(state: State) -> Path:
    """What the guest has in the cluster's folder: its disk, RAM disk, key and monitor."""
    return state.folder / "v2"


def channel(state: State) -> Path:
    """The socket of the SSH connection that is kept open."""
    return folder(state) / "ssh"


def process(state: State) -> Process | None:
    """The virtual machine as it was started, whether it still runs or not; None when it is not meant to run."""
    pid, _, started = state.facts.get(PROCESS, "").partition(" ")
    return Process(pid=int(pid), started=started) if pid else None


def running(state: State) -> bool:
    """Whether the virtual machine runs."""
    known = process(state)
    return known is not None and alive(known)


def start(state: State, image: Image, *, files: dict[str, bytes], memory: int) -> None:
    """Start the machine, with `memory` MiB; its disk is made when it has none."""
    where = folder(state)
    where.mkdir(exist_ok=True)
    disk, ramdisk, letterbox = where / "disk.qcow2", where / "initrd", where / "letterbox"
    if not disk.exists():
        _run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(image.disk), "-F", "raw", str(disk)])
    if not letterbox.exists():
        empty_letterbox(state)
    own = {f"node/{path}": content for path, content in files.items()}
    ramdisk.touch(mode=0o600)
    ramdisk.write_bytes(cpio(own, modes={f"node/{path}": 0o600 for path in PRIVATE}) + image.ramdisk.read_bytes())
    assert state.holder is not None
    _run([*namespaces.enter(state.holder.pid), "sh", "-euc", "\n".join(_network())])
    (where / "monitor").unlink(missing_ok=True)
    # The connection to the machine as it ran before; who uses it would wait for its end.
    channel(state).unlink(missing_ok=True)
    command = [
        "qemu-system-x86_64",
        *v2_machine.MACHINE,
        *v2_machine.processor(image),
        "-smp",
        str(min(os.cpu_count() or 1, 4)),
        "-m",
        str(memory),
        "-kernel",
        str(image.kernel),
        "-initrd",
        str(ramdisk),
        "-append",
        KERNEL_OPTIONS,
        "-drive",
        f"file={disk},format=qcow2,if=none,id=disk,cache=unsafe,discard=unmap",
        "-device",
        "virtio-blk-pci,drive=disk",
        "-drive",
        f"file={letterbox},format=raw,if=none,id=letterbox,readonly=on,file.locking=off",
        "-device",
        "virtio-blk-pci,drive=letterbox",
        "-netdev",
        f"tap,id=network,ifname={TAP},script=no,downscript=no",
        "-device",
        f"virtio-net-pci,netdev=network,mac={HARDWARE_ADDRESS},romfile=",
        "-device",
        "virtio-rng-pci",
        # What the last boot printed at its end is there after the next start.
        "-chardev",
        f"file,id=console,path={where / 'console.log'},append=on",
        "-serial",
        "chardev:console",
        "-monitor",
        f"unix:{where / 'monitor'},server=on,wait=off",
    ]
    environment = {"PATH": search_path([]), "HOME": os.environ.get("HOME", "/")}
    started = namespaces.start(state, "v2-guest", command, environment)
    state.facts[PROCESS] = f"{started.pid} {started.started}"
    state.save()


def forget_disk(state: State) -> None:
    """The next start makes a new disk."""
    (folder(state) / "disk.qcow2").unlink(missing_ok=True)


def power_cut(state: State) -> None:
    """End the machine as a power cut does: what it has not written to its disk is lost."""
    known = process(state)
    state.facts.pop(PROCESS, None)
    state.save()
    if known is not None and alive(known):
        _monitor(state, "quit")
        if not ended(known, 10):
            stop([known])


def write_letterbox(state: State, write: Callable[[IO[bytes]], object]) -> int:
    """Write into the disk by which files come into the guest; the number of bytes written.

    What SSH encrypts, an emulated processor reads at 2 to 10 MB/s.
    """
    path = folder(state) / "letterbox"
    with path.open("r+b") as output:
        write(output)
        size = output.tell()
    if size > LETTERBOX_SIZE:
        empty_letterbox(state)
        raise ClusterError(f"{size >> 20} MiB are too much for the guest at once; {LETTERBOX_SIZE >> 20} MiB fit")
    return size


def empty_letterbox(state: State) -> None:
    """Give its blocks back; its size, which the guest knows, stays."""
    with (folder(state) / "letterbox").open("wb") as file:
        file.truncate(LETTERBOX_SIZE)


def _network() -> list[str]:
    """A link of the guest's own, with routes to it. No bridge with the node's link: where bridges are filtered, what
    passes one is lost when kube-proxy's rules send it elsewhere.
    """
    return [
        f"ip link show {TAP} >/dev/null 2>&1 || ip tuntap add {TAP} mode tap",
        f"ip link set {TAP} up",
        f"ip route replace {ADDRESS}/32 dev {TAP} src {namespaces.ADDRESS}",
        f"ip route replace {POD_NETWORK} via {ADDRESS}",
    ]


def _monitor(state: State, command: str) -> None:
    """Say something to QEMU; what it answers is not waited for, since after `quit` there is no answer."""
    path = folder(state) / "monitor"
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(path))
            connection.sendall(f"{command}\n".encode())
            while connection.recv(4096):
                pass
    except OSError as error:
        say(f"  QEMU's monitor does not answer ({error})")


def ended(known: Process, seconds: float) -> bool:
    """Wait for its end, so long; whether it came."""
    deadline = time.monotonic() + seconds
    while alive(known):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _run(command: list[str]) -> None:
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise ClusterError(f"{' '.join(command)} failed: {answer.stderr.strip()}")
