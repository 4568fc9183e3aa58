"""The disk of the cgroup v2 worker: a Debian with systemd, its cloud kernel, and our kubelet, containerd and runc.

Made once a machine, without loop devices and without starting anything in it: debootstrap makes the tree, mkfs.ext4
fills a file system from it. What differs between clusters is not on it (see v2_files).
"""

import hashlib
import lzma
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import buildah, v2_store
from .binaries import binaries
from .errors import CannotRunHereError, ClusterError
from .packages import Need, debian_tree, install
from .places import CLUSTER, cache, which
from .say import step
from .state import locked
from .v2_cpio import cpio
from .workload_images import archive

GUEST = CLUSTER / "guest"
# Newer than most machines that compile: runc is linked with their C library, and an older one would refuse it.
SUITE = "trixie"
KERNEL = "linux-image-cloud-amd64"
PACKAGES = (
    "systemd-sysv",
    "dbus",
    "kmod",
    "iproute2",
    "procps",
    "libseccomp2",
    "dropbear-bin",
    "busybox-static",
)
NEEDS = (
    Need(package="qemu-system-x86", program="qemu-system-x86_64"),
    Need(package="qemu-utils", program="qemu-img"),
    Need(package="debootstrap", program="debootstrap"),
    Need(package="e2fsprogs", program="mkfs.ext4"),
    Need(package="openssh-client", program="ssh"),
    Need(package="util-linux", program="unshare"),
)
PROGRAMS = {
    "kubernetes": {"kubelet": "usr/local/bin"},
    "containerd": dict.fromkeys(("containerd", "containerd-shim-runc-v2", "ctr"), "usr/local/bin"),
    "runc": {"runc": "usr/local/sbin"},
    "cni": dict.fromkeys(("bridge", "host-local", "loopback"), "opt/cni/bin"),
}
NOT_NEEDED = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/info",
    "var/cache/apt",
    "var/lib/apt/lists",
)
SIZE = "8G"
# Checksums of metadata and 64-bit block numbers cost an emulated processor, and guard nothing here.
FILE_SYSTEM = ("-O", "^metadata_csum,^64bit", "-E", "lazy_itable_init=1,lazy_journal_init=1")
KEPT_IMAGES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What QEMU starts from: files in the cache, never written to once they are there."""

    disk: Path
    kernel: Path
    ramdisk: Path

    @classmethod
    def at(cls, folder: Path) -> "Image":
        """The image in a folder."""
        return cls(disk=folder / "disk.raw", kernel=folder / "vmlinuz", ramdisk=folder / "initrd")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contents:
    """What is put on a base: folders of compiled programs, image archives, and one whose large layers are wanted."""

    folders: dict[str, Path]
    images: tuple[Path, ...]
    layers: Path | None


def suite() -> str:
    """OOMREPORT_V2_SUITE, a Debian release by name, brings another kernel and another systemd."""
    return os.environ.get("OOMREPORT_V2_SUITE") or SUITE


def image() -> Image:
    """The image for what is compiled now, built where it is not in the cache."""
    install(NEEDS)
    folders = {name: binaries(name, *programs) for name, programs in PROGRAMS.items()}
    contents = _Contents(folders=folders, images=(archive("pause"), archive("hog")), layers=buildah.newest_archive())
    top = cache() / "v2"
    top.mkdir(parents=True, exist_ok=True)
    with locked(cache() / "locks" / "v2-image", waiting_for="another command that builds the guest's image"):
        base = _base(top)
        folder = top / f"image-{_key(base, contents)}"
        if not folder.exists():
            with step("Building the disk image of the cgroup v2 worker", usually="25 s"):
                _build(base, contents, folder)
        os.utime(folder)
        for old in sorted(top.glob("image-*"), key=lambda one: one.stat().st_mtime)[:-KEPT_IMAGES]:
            shutil.rmtree(old)
    return Image.at(folder)


def _key(base: Path, contents: _Contents) -> str:
    # The names of these folders and archives are made from what they hold.
    inputs = [
        base.name,
        *(folder.name for folder in contents.folders.values()),
        *(file.name for file in contents.images),
    ]
    inputs.extend(v2_store.large_layers(contents.layers) if contents.layers else ())
    digest = hashlib.sha256(repr(inputs).encode())
    for file in (*_guest_files(), Path(__file__), Path(v2_store.__file__)):
        digest.update(f"{file.name}\0{os.access(file, os.X_OK)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def _guest_files() -> Iterator[Path]:
    yield from sorted(file for file in GUEST.rglob("*") if file.is_file())


def _base(top: Path) -> Path:
    """A Debian tree with a kernel and its modules, none of it ours; from the network, so it is kept by itself."""
    key = hashlib.sha256(repr((suite(), PACKAGES, KERNEL, NOT_NEEDED)).encode()).hexdigest()[:12]
    base = top / f"base-{suite()}-{key}"
    if base.exists():
        return base
    with (
        step(f"Making a Debian {suite()} with a kernel for the cgroup v2 worker", usually="2 min, once a machine"),
        _scratch(top) as scratch,
    ):
        root = scratch / "root"
        debian_tree(root, suite(), ",".join(PACKAGES))
        _add_kernel(root)
        for name in NOT_NEEDED:
            shutil.rmtree(root / name)
        root.rename(base)
    for old in top.glob(f"base-{suite()}-*"):
        if old != base:
            shutil.rmtree(old)
    return base


def _add_kernel(root: Path) -> None:
    """Take the kernel's package apart rather than install it, which would make a RAM disk that takes seconds to
    start.
    """
    depends = r"s/^Depends: \(linux-image-[^ ,]*\).*/\1/p"
    chosen = f"$(apt-cache show --no-all-versions {KERNEL} | sed -n '{depends}')"
    fetch = (
        "apt-get -qq update",
        "mkdir /kernel && cd /kernel",
        f"apt-get -qq -o APT::Sandbox::User=root download {chosen}",
        # An index that could not be fetched is only warned of, and nothing is downloaded then.
        "ls linux-image-*.deb",
    )
    try:
        _inside(root, "; ".join(fetch))
    except ClusterError as error:
        raise CannotRunHereError(f"the package {KERNEL} of Debian {suite()} cannot be fetched: {error}") from error
    lines = (
        "cd /kernel",
        "dpkg-deb -x linux-image-*.deb .",
        "mv boot/vmlinuz-* /boot/vmlinuz",
        "mkdir -p /usr/lib/modules",
        "mv lib/modules/* usr/lib/modules/* /usr/lib/modules/ 2>/dev/null || test -e /usr/lib/modules/*/kernel",
        "rm -r /kernel",
    )
    _inside(root, "; ".join(lines))
    for module in (root / "usr/lib/modules").rglob("*.ko.xz"):
        # Unpacking them at every boot costs an emulated processor seconds.
        module.with_suffix("").write_bytes(lzma.decompress(module.read_bytes()))
        module.unlink()
    _inside(root, "depmod $(ls /usr/lib/modules)")


def _build(base: Path, contents: _Contents, folder: Path) -> None:
    with _scratch(folder.parent) as scratch:
        root, fresh = scratch / "root", scratch / "image"
        fresh.mkdir()
        _run(["cp", "--archive", str(base), str(root)])
        _install_files(root, contents.folders)
        units = " ".join(file.name for file in sorted((GUEST / "root/etc/systemd/system").glob("*.service")))
        lines = (GUEST / "masked-units").read_text().splitlines()
        masked = " ".join(line for line in lines if line and not line.startswith("#"))
        _inside(
            root,
            f"usermod --shell /bin/sh root; systemctl set-default multi-user.target; systemctl enable {units}; systemctl mask {masked}",
        )
        v2_store.fill(
            root / "var/lib/containerd",
            scratch,
            programs=contents.folders["containerd"],
            archives=contents.images,
            layers=contents.layers,
        )
        version = next((root / "usr/lib/modules").iterdir()).name
        shutil.copy(root / "boot/vmlinuz", fresh / "vmlinuz")
        (fresh / "initrd").write_bytes(_ramdisk(root, version))
        make = ["mkfs.ext4", "-q", "-F", "-L", "root", *FILE_SYSTEM, "-d", str(root), str(fresh / "disk.raw"), SIZE]
        _run([str(which(make[0])), *make[1:]])
        fresh.rename(folder)


def _install_files(root: Path, folders: dict[str, Path]) -> None:
    for name, places in PROGRAMS.items():
        for program, place in places.items():
            _copy(folders[name] / program, root / place / program)
    for file in _guest_files():
        if file.is_relative_to(GUEST / "root"):
            _copy(file, root / file.relative_to(GUEST / "root"))
    try:
        _inside(root, "/usr/local/sbin/runc --version")
    except ClusterError as error:
        raise ClusterError(f"runc, compiled on this machine, does not run on Debian {suite()}: {error}") from error


def _copy(source: Path, target: Path) -> None:
    """Contents and whether it is executable; the owner in a checkout is no user of the guest."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)


def _ramdisk(root: Path, version: str) -> bytes:
    # Some kernels have the bus built in, for which modprobe prints a line of another kind.
    wanted = _inside(root, f"modprobe --set-version {version} --show-depends --all virtio_pci virtio_blk")
    modules = dict.fromkeys(line.split()[1] for line in wanted.splitlines() if line.startswith("insmod "))
    files = {f"modules/{number:02d}.ko": (root / name.lstrip("/")).read_bytes() for number, name in enumerate(modules)}
    programs = {"init": (GUEST / "init").read_bytes(), "bin/busybox": (root / "usr/bin/busybox").read_bytes()}
    return cpio({**programs, **files}, modes=dict.fromkeys(programs, 0o755))


@contextmanager
def _scratch(top: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=top, prefix="making-") as folder:
        yield Path(folder)


def _inside(root: Path, script: str) -> str:
    """Run a script of the tree's own programs."""
    return _run(["chroot", str(root), "/bin/sh", "-euc", script])


def _run(command: list[str]) -> str:
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise ClusterError(f"{' '.join(command)} failed:\n{(answer.stderr or answer.stdout).strip()[-2000:]}")
    return answer.stdout
