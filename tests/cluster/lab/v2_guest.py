"""The virtual machine of the cgroup v2 worker: QEMU in the cluster's network, and commands inside it by SSH."""

import hashlib
import json
import os
import shlex
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from . import namespaces
from .errors import ClusterError
from .places import cache, search_path
from .processes import Process, alive, stop, tail
from .say import say
from .state import State
from .v2_cpio import cpio
from .v2_files import ADDRESS, POD_NETWORK
from .v2_image import Image

PROCESS = "v2-process"
TAP, HARDWARE_ADDRESS = "v2tap", "52:54:00:00:00:02"
# Under emulation `rep movs` runs byte by byte, so the kernel is told that it is slow; 5-level page tables cost a step.
EMULATED = ["-accel", "tcg,thread=multi,tb-size=1024", "-cpu", "max,la57=off,-erms,-fsrm,-cx16"]
# Some nested hypervisors refuse the one MSR that a guest's copy of this feature needs.
KVM = ["-accel", "kvm", "-cpu", "host,-arch-capabilities"]
KVM_SECONDS = 10
CONSOLE = "console=ttyS0 loglevel=7"
KERNEL_OPTIONS = (
    f"{CONSOLE} root=/dev/vda rw panic=5 net.ifnames=0 mitigations=off nokaslr audit=0 init_on_alloc=0 apparmor=0"
    " selinux=0 tsc=reliable no_timer_check systemd.show_status=0 systemd.getty_auto=0 cgroup_no_v1=all"
)
MACHINE = ["-machine", "q35,hpet=off", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
# A unix socket's path has room for 107 bytes, and ssh appends 17 while it makes one.
CHANNEL_LIMIT = 90
LETTERBOX, LETTERBOX_SIZE = "/dev/vdb", 4 << 30
PRIVATE_FILES = ("etc/kubernetes/kubelet.kubeconfig", "etc/kubernetes/pki/kubelet.key", "root/.ssh/authorized_keys")


def folder(state: State) -> Path:
    """What the guest has in the cluster's folder: its disk, RAM disk, key and monitor."""
    return state.folder / "v2"


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
    ramdisk.write_bytes(cpio(own, modes={f"node/{path}": 0o600 for path in PRIVATE_FILES}) + image.ramdisk.read_bytes())
    assert state.holder is not None
    _run([*namespaces.enter(state.holder.pid), "sh", "-euc", "\n".join(_network())])
    (where / "monitor").unlink(missing_ok=True)
    # The connection to the machine as it ran before; who uses it would wait for its end.
    _channel(state).unlink(missing_ok=True)
    command = [
        "qemu-system-x86_64",
        *MACHINE,
        *(KVM if kvm_works(image) else EMULATED),
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
        "-serial",
        f"file:{where / 'console.log'}",
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
        if not _ended(known, 10):
            stop([known])


def shut_down(state: State) -> None:
    """Have systemd stop everything and reboot; returns when QEMU has ended, which it does in place of a reset.

    A reset of a running QEMU leads to a boot that takes minutes.
    """
    known = process(state)
    assert known is not None
    answer = subprocess.run(shell(state, ["systemctl", "reboot"]), capture_output=True, text=True, check=False)
    if not _ended(known, 90):
        raise ClusterError(
            f"the guest does not shut down ({answer.stderr.strip()}); its console:\n{tail(folder(state) / 'console.log')}"
        )


def shell(state: State, command: list[str]) -> list[str]:
    """The command line that runs `command` in the guest: ssh passes streams and exit code through."""
    if state.holder is None or not running(state):
        raise ClusterError("the cgroup v2 worker does not run; start it: cluster up --v2-worker")
    return [*namespaces.enter(state.holder.pid), *_ssh(state), "--", shlex.join(command)]


def replace_by(state: State, command: list[str]) -> int:
    """Become the command in the guest; returns only when it cannot be started."""
    line = shell(state, command)
    try:
        os.execvp(line[0], line)
    except OSError as error:
        raise ClusterError(f"cannot run {line[0]}: {error.strerror}") from error


def _ssh(state: State) -> list[str]:
    options = {
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": "/dev/null",
        "LogLevel": "ERROR",
        "BatchMode": "yes",
        "ConnectTimeout": "10",
        "ServerAliveInterval": "10",
        # What a new client prefers guards against quantum computers, and costs the guest's processor more.
        "KexAlgorithms": "curve25519-sha256",
    }
    settings = [f"-o{key}={value}" for key, value in options.items()]
    return [
        "ssh",
        "-F",
        "none",
        "-i",
        str(folder(state) / "key"),
        "-S",
        str(_channel(state)),
        *settings,
        f"root@{ADDRESS}",
    ]


def write_letterbox(state: State, write: Callable[[IO[bytes]], None]) -> int:
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


def open_channel(state: State) -> None:
    """Keep one SSH connection open, for the others to use: a handshake costs an emulated processor half a second.

    It ends by itself when the guest has been silent for half a minute, and with the cluster.
    """
    if len(str(_channel(state))) > CHANNEL_LIMIT:
        return
    environment = {"PATH": search_path([]), "HOME": os.environ.get("HOME", "/")}
    namespaces.start(state, "v2-ssh", [*_ssh(state), "-M", "-N"], environment)


def _channel(state: State) -> Path:
    return folder(state) / "ssh"


def authorized_key(state: State) -> str:
    """The public half of the key that opens the guest, made where it is not there."""
    key = folder(state) / "key"
    if not key.exists():
        key.parent.mkdir(exist_ok=True)
        _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "cluster", "-f", str(key)])
    return key.with_suffix(".pub").read_text()


def kvm_works(image: Image) -> bool:
    """Whether KVM runs this kernel, found out once for every boot of this machine.

    That /dev/kvm opens says little: some hypervisors offer one that runs only kernels made for it.
    """
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    known = cache() / "v2" / "kvm.json"
    key = f"{boot} {hashlib.sha256(image.kernel.read_bytes()).hexdigest()}"
    try:
        answer = json.loads(known.read_text())
    except (OSError, ValueError):
        answer = {}
    if key not in answer:
        answer = {key: _kernel_panics_under_kvm(image)}
        known.write_text(json.dumps(answer))
        say(f"  KVM {'runs' if answer[key] else 'does not run'} the guest's kernel on this machine")
    return bool(answer[key])


def _kernel_panics_under_kvm(image: Image) -> bool:
    """Without a disk the kernel ends in a panic after a second; where KVM does not run it, nothing ends."""
    command = ["qemu-system-x86_64", *MACHINE, *KVM, "-m", "512", "-kernel", str(image.kernel), "-append", "panic=-1"]
    try:
        return subprocess.run(command, capture_output=True, timeout=KVM_SECONDS, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


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


def _ended(known: Process, seconds: float) -> bool:
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
