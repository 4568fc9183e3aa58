"""Debian packages, installed when root may and something is missing. Nothing is installed unannounced."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .errors import CannotRunHereError
from .places import cache, which
from .say import step
from .state import locked


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A Debian package and what shows that it is there: a program on PATH, or a file."""

    package: str
    program: str = ""
    file: str = ""

    def met(self) -> bool:
        """Whether the machine has it already, from a package or not."""
        return which(self.program) is not None if self.program else Path(self.file).exists()


NODE = (
    Need(package="iproute2", program="ip"),
    Need(package="iptables", program="iptables"),
    Need(package="conntrack", program="conntrack"),
    Need(package="openssl", program="openssl"),
    Need(package="util-linux", program="nsenter"),
)
RUNC = (
    Need(package="gcc", program="gcc"),
    Need(package="libc6-dev", file="/usr/include/stdio.h"),
    Need(package="pkg-config", program="pkg-config"),
    Need(package="libseccomp-dev", file="/usr/include/seccomp.h"),
)
COMPILER = RUNC[:2]
IMAGE = (
    Need(package="buildah", program="buildah"),
    Need(package="debootstrap", program="debootstrap"),
)
CERTIFICATES = (Need(package="openssl", program="openssl"),)


def missing(needs: tuple[Need, ...]) -> list[str]:
    """The packages that have to be installed."""
    return [need.package for need in needs if not need.met()]


def debian_tree(root: Path, suite: str, packages: str) -> None:
    """Make a minimal Debian of a release with these packages; raises CannotRunHereError where it cannot be fetched."""
    command = ["debootstrap", "--variant=minbase", f"--include={packages}", suite, str(root)]
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        complaint = (answer.stderr.strip() or answer.stdout.strip())[-2000:]
        raise CannotRunHereError(f"Debian {suite} cannot be fetched, debootstrap failed:\n{complaint}")


def obtainable() -> bool:
    """Whether this user may install Debian packages here."""
    return os.geteuid() == 0 and which("apt-get") is not None


def install(needs: tuple[Need, ...]) -> None:
    """Install what is missing; raises CannotRunHereError, naming the packages, where that cannot be done."""
    if not missing(needs):
        return
    with locked(cache() / "locks" / "packages", waiting_for="another command that installs packages"):
        names = missing(needs)
        if not names:
            return
        if not obtainable():
            raise CannotRunHereError(
                f"missing on this machine: {' '.join(names)} (Debian's names; installing them needs root and apt-get)"
            )
        with step(f"Installing Debian packages: {' '.join(names)}", usually="20 s"):
            apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0"]
            fetch = [*apt, "install", "--yes", "--no-install-recommends", *names]
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            first = subprocess.run(fetch, env=environment, capture_output=True, text=True, check=False)
            if first.returncode != 0:
                # Mostly an index that is missing or old.
                subprocess.run([*apt, "update"], env=environment, capture_output=True, check=False)
                second = subprocess.run(fetch, env=environment, capture_output=True, text=True, check=False)
                if second.returncode != 0:
                    raise CannotRunHereError(
                        f"apt-get install {' '.join(names)} failed:\n{second.stderr.strip() or second.stdout.strip()}"
                    )
        if still := missing(needs):
            raise CannotRunHereError(f"apt-get installed {' '.join(names)}, yet nothing is found of: {' '.join(still)}")
