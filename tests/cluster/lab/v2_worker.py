"""A worker with cgroup v2 and systemd for the native cluster, as a virtual machine: the node most people have.

It has another kernel than this machine, a kernel log of its own, and can be rebooted or lose its power. Each boot is
Ready 20 to 40 s later where the processor is emulated.
"""

import json
import os
import platform
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import certificates, namespaces, v2_guest, v2_images, v2_shell
from .access import run
from .errors import CannotRunHereError, ClusterError, GuestPanicError
from .processes import tail
from .say import say, step
from .state import State
from .v2_files import NODE, kubelet_changes, kubelet_configuration, node_files, wanted_certificates
from .v2_image import Image, image

MEMORY, LEAST_MEMORY = 2048, 768
READY_SECONDS, SHUTDOWN_SECONDS = 300, 90
CLOCK_TOLERANCE, CLOCK_TRIES = 0.05, 4
PANIC = "Kernel panic - not syncing"
USUALLY = "30 s, longer on a busy machine"
# What the state keeps of the guest, so that a later start finds it.
KEPT_MEMORY, KEPT_KUBELET, KEPT_IMAGE, KEPT_BOOT = "v2-memory", "v2-kubelet", "v2-image", "v2-boot"
BOOTING = "v2-booting"


def up(state: State, *, memory: str | None, kubelet: str | None) -> None:
    """Start the worker, or bring a running one to these settings; those left out stay as they are.

    `memory` is in MiB; `kubelet` is a JSON object laid over the kubelet's configuration.
    """
    if state.provider != "native":
        raise ClusterError(f"a cgroup v2 worker needs the native provider; cluster {state.name} has {state.provider}")
    settings = _settings(state, memory=memory, kubelet=kubelet)
    before = {key: state.facts.get(key) for key in settings}
    changes = kubelet_changes(settings[KEPT_KUBELET])
    _require_machine()
    built = _image(state)
    state.facts |= settings
    state.save()
    if not v2_guest.running(state):
        _start(state, built, changes)
    elif settings[KEPT_MEMORY] != before[KEPT_MEMORY]:
        say(f"{NODE} gets {settings[KEPT_MEMORY]} MiB of memory, by a reboot")
        _reboot(state, built, changes)
    elif settings[KEPT_KUBELET] != before[KEPT_KUBELET]:
        _reconfigure(state, changes)
    elif BOOTING in state.facts:
        _await_boot(state, changes)
    else:
        say(f"{NODE} runs already")
    copy_images(state)


def reboot(state: State) -> None:
    """Shut down in order and start again."""
    _known(state)
    _reboot(state, _image(state), kubelet_changes(state.facts[KEPT_KUBELET]))
    copy_images(state)


def power_off(state: State) -> None:
    """Cut the power: no process is told, what is not on the disk is lost. `up --v2-worker` starts it again."""
    _known(state)
    if not v2_guest.running(state):
        say(f"{NODE} is off already")
        return
    v2_guest.power_cut(state)
    say(f"{NODE} has no power; `cluster up --v2-worker` starts it again")


def copy_images(state: State) -> None:
    """Bring the first node's images to the guest, if it runs; else it gets them when it starts."""
    if v2_guest.running(state):
        with step(f"Bringing {NODE} the images it lacks", usually="3 s, a minute for a large layer"):
            v2_images.copy(state)


def restore(state: State) -> None:
    """Start a worker that should run and does not, as after a crash of QEMU."""
    if v2_guest.process(state) is not None and not v2_guest.running(state):
        up(state, memory=None, kubelet=None)


def problems(state: State) -> list[str]:
    """What is wrong with a worker that should run."""
    if v2_guest.process(state) is None:
        return []
    if not v2_guest.running(state):
        return [f"the virtual machine of {NODE} has ended, see: cluster logs v2-console"]
    return [] if _ready(_status(state)) else [f"node {NODE} is not Ready, see: cluster v2 -- journalctl --unit=kubelet"]


def logs(state: State) -> dict[str, Path]:
    """What the guest's kernel and systemd printed."""
    console = v2_guest.folder(state) / "console.log"
    return {"v2-console": console} if console.exists() else {}


def _known(state: State) -> None:
    if KEPT_IMAGE not in state.facts:
        raise ClusterError(f"cluster {state.name} has no cgroup v2 worker; start one: cluster up --v2-worker")


def _settings(state: State, *, memory: str | None, kubelet: str | None) -> dict[str, str]:
    chosen = memory or os.environ.get("OOMREPORT_V2_MEMORY") or state.facts.get(KEPT_MEMORY) or str(MEMORY)
    if not chosen.isdecimal() or int(chosen) < LEAST_MEMORY:
        raise ClusterError(f"the guest's memory is a number of MiB, {LEAST_MEMORY} at least, not {chosen!r}")
    text = kubelet if kubelet is not None else os.environ.get("OOMREPORT_V2_KUBELET")
    changes = kubelet_changes(text if text is not None else state.facts.get(KEPT_KUBELET, ""))
    return {KEPT_MEMORY: chosen, KEPT_KUBELET: json.dumps(changes)}


def _require_machine() -> None:
    if platform.machine() != "x86_64":
        raise CannotRunHereError(f"the cgroup v2 worker is made for x86_64, this machine is {platform.machine()}")
    if not Path("/dev/net/tun").exists():
        raise CannotRunHereError("the cgroup v2 worker needs /dev/net/tun (modprobe tun)")


def _image(state: State) -> Image:
    """The image the guest's disk lies on; a new one where there is no disk, or where its image has left the cache."""
    if kept := state.facts.get(KEPT_IMAGE):
        found = Image.at(Path(kept))
        if found.disk.exists():
            return found
        say(f"the image of {NODE} has left the cache; it starts on a new disk")
        v2_guest.forget_disk(state)
    built = image()
    state.facts[KEPT_IMAGE] = str(built.disk.parent)
    return built


def _start(state: State, built: Image, changes: dict[str, Any]) -> None:
    pki = state.folder / "pki"
    if not (pki / "v2-kubelet.kubeconfig").exists():
        certificates.sign(pki, wanted_certificates())
        certificates.write_kubeconfig(pki, "v2-kubelet", url=f"https://{namespaces.ADDRESS}:6443")
    files = node_files(pki=pki, authorized_key=v2_shell.authorized_key(state), cluster=state.name, changes=changes)
    say(f"starting {NODE}, a virtual machine with cgroup v2")
    try:
        _boot(state, built, files, changes)
    except GuestPanicError as panic:
        # An emulated kernel dies at one boot of a great many, a real one at each.
        say(f"{panic}\n{NODE} starts once more")
        _boot(state, built, files, changes)


def _boot(state: State, built: Image, files: dict[str, bytes], changes: dict[str, Any]) -> None:
    state.facts[BOOTING] = "yes"
    v2_guest.start(state, built, files=files, memory=int(state.facts[KEPT_MEMORY]))
    _await_boot(state, changes)


def _await_boot(state: State, changes: dict[str, Any]) -> None:
    with step(f"Waiting until {NODE} is Ready", usually=USUALLY) as progress:
        progress.detail = lambda: _stage(_status(state))
        _await(state, lambda: _came_up(state), what=f"node {NODE}")
        v2_shell.open_channel(state)
        _set_clock(state)
    state.facts[KEPT_BOOT] = _status(state)["nodeInfo"]["bootID"]
    del state.facts[BOOTING]
    state.save()
    _check(state, changes)


def _reboot(state: State, built: Image, changes: dict[str, Any]) -> None:
    if v2_guest.running(state):
        with step(f"Shutting {NODE} down", usually="10 s"):
            _shut_down(state)
    _start(state, built, changes)


def _shut_down(state: State) -> None:
    """Have systemd stop everything and reboot, at which QEMU ends: resetting a running one takes minutes."""
    known = v2_guest.process(state)
    # ssh is cut off before it can tell how it went.
    complaint = subprocess.run(
        v2_shell.shell(state, ["systemctl", "reboot"]), capture_output=True, text=True, check=False
    ).stderr
    if known is not None and not v2_guest.ended(known, SHUTDOWN_SECONDS):
        raise ClusterError(f"{NODE} does not shut down: {complaint.strip()}\n{_diagnosis(state)}")


def _reconfigure(state: State, changes: dict[str, Any]) -> None:
    with step(f"Restarting the kubelet of {NODE} with {json.dumps(changes) if changes else 'its own settings'}"):
        script = "cat >/etc/kubernetes/kubelet.json && systemctl restart kubelet"
        v2_shell.output(state, ["sh", "-c", script], text=kubelet_configuration(changes))
        _await(state, lambda: bool(_kubelet(state)), what=f"the kubelet of {NODE}")
    _check(state, changes)


def _kubelet(state: State) -> dict[str, Any]:
    """The configuration the kubelet runs with, as it tells; empty while it does not."""
    answer = run(state, ["kubectl", "get", "--raw", f"/api/v1/nodes/{NODE}/proxy/configz"])
    configuration: dict[str, Any] = json.loads(answer.stdout)["kubeletconfig"] if answer.returncode == 0 else {}
    return configuration


def _check(state: State, changes: dict[str, Any]) -> None:
    """Say which settings the kubelet did not take: it passes over what it does not know."""
    if changes:
        _await(state, lambda: bool(_kubelet(state)), what=f"the kubelet of {NODE}")
        # What is empty is left out of what it tells.
        unknown = [key for key, value in changes.items() if value and key not in _kubelet(state)]
        if unknown:
            raise ClusterError(f"the kubelet does not know these settings: {' '.join(unknown)}")


def _await(state: State, reached: Callable[[], bool], *, what: str) -> None:
    """Look once a second: each look costs a tenth of it, on processors that the guest is waiting for."""
    deadline = time.monotonic() + READY_SECONDS
    while not reached():
        if not v2_guest.running(state) or time.monotonic() > deadline:
            panicked = not v2_guest.running(state) and PANIC in tail(v2_guest.folder(state) / "console.log", 6)
            error = GuestPanicError if panicked else ClusterError
            raise error(f"{what} did not become ready.\n{_diagnosis(state)}")
        time.sleep(1)


def _status(state: State) -> dict[str, Any]:
    answer = run(state, ["kubectl", "get", "node", NODE, "-o", "jsonpath={.status}"])
    status: dict[str, Any] = json.loads(answer.stdout) if answer.returncode == 0 and answer.stdout else {}
    return status


def _came_up(state: State) -> bool:
    """Whether the node is Ready since this boot: for 40 s after it vanished, it still says that it is."""
    status = _status(state)
    boot = status.get("nodeInfo", {}).get("bootID")
    return _ready(status) and boot != state.facts.get(KEPT_BOOT)


def _stage(status: dict[str, Any]) -> str:
    """How far it is, for somebody who waits."""
    if not status:
        return "booting"
    return next((one["message"] for one in status.get("conditions", ()) if one["type"] == "Ready"), "registered")


def _ready(status: dict[str, Any]) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions", ()))


def _set_clock(state: State) -> None:
    """The guest reads a clock that counts whole seconds, and would be up to one off."""
    lead = 0.0
    for _ in range(CLOCK_TRIES):
        v2_shell.output(state, ["date", f"--set=@{time.time() + lead:.3f}"])
        before = time.time()
        guest = float(v2_shell.output(state, ["date", "+%s.%N"]))
        off = guest - (before + time.time()) / 2
        if abs(off) < CLOCK_TOLERANCE:
            return
        lead -= off


def _diagnosis(state: State) -> str:
    # A panic's cause stands some 40 lines above its end.
    console = tail(v2_guest.folder(state) / "console.log", 60)
    if not v2_guest.running(state):
        return f"QEMU has ended: {tail(state.folder / 'log' / 'v2-guest.log', 3)}\nits console:\n{console}"
    try:
        kubelet = v2_shell.output(state, ["journalctl", "--unit=kubelet", "--lines=15", "--no-pager", "--output=cat"])
    except ClusterError as error:
        return f"{error}\nits console:\n{console}"
    return f"the kubelet in the guest:\n{kubelet}"
