"""The product's image without Docker and without an image registry: buildah, on a Debian base made by debootstrap.

Base, layers and the archives of the last builds are kept in the cache, in a store of their own: the machine's
/var/lib/containers is not touched.
"""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .errors import ClusterError
from .packages import IMAGE, debian_tree, install
from .places import REPOSITORY, cache
from .say import step
from .state import locked

SUITE = "trixie"
# What `python:slim` has and a minimal Debian lacks.
PACKAGES = "python3,python3-venv,ca-certificates"
NOT_NEEDED = (
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/info",
    "dev",
    "proc",
    "sys",
)
# Named by what it is made from, so that another list of packages makes another base, and another image.
BASE = (
    f"localhost/oomreport-base:{SUITE}-{hashlib.sha256(repr((SUITE, PACKAGES, NOT_NEEDED)).encode()).hexdigest()[:12]}"
)
KEPT_ARCHIVES = 2
KEPT_LAYERS = 60
# Builds on this machine may need its certificates and its index; they are mounted, so no layer holds them.
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
PIP_CONFIGURATIONS = ("~/.config/pip/pip.conf", "~/.pip/pip.conf", "/etc/pip.conf")


def build(*, name: str, key: str, runc: Path) -> Path:
    """The Docker archive of the image made from the Dockerfile; from the cache when its inputs are the same."""
    folder = cache() / "images"
    archive = folder / f"oomreport-{key}.tar"
    if archive.exists():
        archive.touch()
        return archive
    install(IMAGE)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(cache() / "locks" / "buildah", waiting_for="another image build"):
        base = os.environ.get("OOMREPORT_BASE_IMAGE") or debian(BASE, PACKAGES)
        label = f"--label=dev.oomreport.inputs={key}"
        write_image(REPOSITORY, archive, name=name, base=base, runc=runc, options=[label])
        # Every build leaves its layers as images without a name. They make the next one fast, so they go rarely.
        if len(_buildah("images", "--all", "--quiet").split()) > KEPT_LAYERS:
            _buildah("rmi", "--prune")
    for old in sorted(folder.glob("oomreport-*.tar"), key=lambda file: file.stat().st_mtime)[:-KEPT_ARCHIVES]:
        old.unlink(missing_ok=True)
    return archive


def base_name() -> str:
    """The name of the base that an image is built on now."""
    return os.environ.get("OOMREPORT_BASE_IMAGE") or BASE


def newest_archive() -> Path | None:
    """The archive of the last build; None when nothing was built on this machine."""
    archives = (cache() / "images").glob("oomreport-*.tar")
    return max(archives, key=lambda file: file.stat().st_mtime, default=None)


def debian(name: str, packages: str) -> str:
    """Make an image of a minimal Debian with these packages, once, and return its name."""
    if _run(_command("images", "--quiet", name)).returncode == 0:
        return name
    with (
        step(f"Making a Debian {SUITE} with debootstrap: {name}", usually="1 to 4 min, once a machine"),
        tempfile.TemporaryDirectory(dir=cache(), prefix="base-") as scratch,
    ):
        root = Path(scratch, "root")
        debian_tree(root, SUITE, packages)
        tar = Path(scratch, "base.tar")
        left_out = [f"--exclude=./{folder}/*" for folder in NOT_NEEDED]
        answer = _run(["tar", "--create", "--numeric-owner", f"--file={tar}", f"--directory={root}", *left_out, "."])
        if answer.returncode != 0:
            raise ClusterError(f"tar failed: {answer.stderr}")
        container = _buildah("from", "scratch").strip()
        try:
            _buildah("add", container, str(tar), "/")
            _buildah("config", "--cmd=bash", container)
            _buildah("commit", "--quiet", container, name)
        finally:
            _buildah("rm", container)
    return name


def write_image(context: Path, archive: Path, *, name: str, base: str, runc: Path, options: Sequence[str] = ()) -> None:
    """Build an image from the Dockerfile of `context`, and write it as a Docker archive."""
    with step(f"Building image {name}", usually="1 min the first time, 15 s when only source changed"):
        layers = [
            "--layers",
            "--pull-never",
            "--network=host",
            f"--runtime={runc}",
            *_mounts(),
            f"--build-arg=BASE={base}",
        ]
        _buildah("build", *layers, *options, f"--tag={name}", str(context))
    with step("Writing the image archive", usually="5 s"):
        fresh = archive.with_name(f".{archive.name}")
        fresh.unlink(missing_ok=True)
        _buildah("push", "--quiet", "--disable-compression", name, f"docker-archive:{fresh}:{name}")
        fresh.replace(archive)


def _mounts() -> list[str]:
    certificates = Path(os.environ.get("SSL_CERT_FILE") or CERTIFICATES)
    mounts = [f"--volume={certificates}:{CERTIFICATES}:ro"] if certificates.is_file() else []
    for configuration in PIP_CONFIGURATIONS:
        path = Path(configuration).expanduser()
        if path.is_file():
            mounts.append(f"--volume={path}:/etc/pip.conf:ro")
            break
    return mounts


def _command(*arguments: str) -> list[str]:
    store = cache() / "buildah"
    policy = store / "policy.json"
    if not policy.exists():
        store.mkdir(parents=True, exist_ok=True)
        policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    verb, *rest = arguments
    # These verbs look at a signature policy, which a machine without container tools lacks.
    signed = [f"--signature-policy={policy}"] if verb in ("build", "push", "commit", "from") else []
    return ["buildah", f"--root={store / 'root'}", f"--runroot={store / 'run'}", verb, *signed, *rest]


def _buildah(*arguments: str) -> str:
    answer = _run(_command(*arguments))
    if answer.returncode != 0:
        raise ClusterError(f"buildah {' '.join(arguments)} failed:\n{answer.stdout[-3000:]}\n{answer.stderr[-3000:]}")
    return answer.stdout


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)
