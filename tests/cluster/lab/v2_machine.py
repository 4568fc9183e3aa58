"""How QEMU runs the guest's kernel: by KVM where that works, else by emulating a processor."""

import hashlib
import json
import os
import subprocess
from pathlib import Path

from .places import cache
from .say import say
from .v2_image import Image

# An x86 computer with what is named on the command line and nothing else; at a reset QEMU ends.
MACHINE = ["-machine", "q35,hpet=off", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
# `rep movs` is emulated byte by byte, so the kernel is told that it is slow. 5-level page tables make misses dearer.
# QEMU 7.2 emulates cmpxchg16b wrongly: kernel 6.12 ends in a double fault in its allocator.
EMULATED = ["-accel", "tcg,thread=multi,tb-size=1024", "-cpu", "max,la57=off,-erms,-fsrm,-cx16"]
# Where this is a virtual machine itself, the register that this feature brings may not be there to be set.
KVM = ["-accel", "kvm", "-cpu", "host,-arch-capabilities"]
TRIAL_SECONDS = 10
NO_DISK = b"Unable to mount root fs"


def processor(image: Image) -> list[str]:
    """QEMU's options; whether KVM works is found out once for every boot of this machine.

    That /dev/kvm opens says little: some hypervisors offer one that runs only kernels made for it.
    """
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return EMULATED
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    key = f"{boot} {hashlib.sha256(image.kernel.read_bytes()).hexdigest()}"
    known = cache() / "v2" / "kvm.json"
    try:
        answers = json.loads(known.read_text())
    except (OSError, ValueError):
        answers = {}
    if key not in answers:
        answers = {kept: value for kept, value in answers.items() if kept.startswith(boot)}
        answers[key] = _reaches_its_end(image)
        known.write_text(json.dumps(answers))
        say(f"  KVM {'runs' if answers[key] else 'does not run'} the guest's kernel on this machine")
    return KVM if answers[key] else EMULATED


def _reaches_its_end(image: Image) -> bool:
    """Whether the kernel under KVM comes as far as to miss a disk, which takes a second."""
    options = ["-m", "512", "-serial", "stdio", "-kernel", str(image.kernel), "-append", "console=ttyS0 panic=-1"]
    command = ["qemu-system-x86_64", *MACHINE, *KVM, *options]
    try:
        answer = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TRIAL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return NO_DISK in answer.stdout
