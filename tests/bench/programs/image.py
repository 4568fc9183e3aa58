"""The image of the programs: Debian's packages, and what fills them."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from cluster.lab import buildah
from cluster.lab.binaries import binaries
from cluster.lab.packages import IMAGE as TOOLS
from cluster.lab.packages import install
from cluster.lab.places import cache
from cluster.lab.state import locked

IMAGE = "docker.io/oomreport/programs:dev"
PACKAGES = (
    "gcc,gawk,libc6-dev,nginx,nodejs,openjdk-21-jdk-headless,postgresql,prometheus,"
    "python3-minimal,libpython3-stdlib,redis-server,redis-tools"
)
BASE = f"localhost/oomreport-programs:{hashlib.sha256(f'{buildah.SUITE} {PACKAGES}'.encode()).hexdigest()[:12]}"
SOURCES = Path(__file__).resolve().parent / "image"


def archive() -> Path:
    """Return the image's archive, made where it is not in the cache: five minutes the first time."""
    digest = hashlib.sha256(BASE.encode())
    for file in sorted(SOURCES.iterdir()):
        digest.update(file.name.encode() + file.read_bytes())
    path = cache() / "images" / f"programs-{digest.hexdigest()[:12]}.tar"
    if path.exists():
        return path
    install(TOOLS)
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        locked(cache() / "locks" / "buildah", waiting_for="another image build"),
        tempfile.TemporaryDirectory(prefix="programs-") as scratch,
    ):
        base = buildah.debian(BASE, PACKAGES)
        context = Path(scratch, "context")
        shutil.copytree(SOURCES, context)
        command = ["go", "build", "-trimpath", "-o", str(context / "service"), str(SOURCES / "service.go")]
        subprocess.run(command, env={**os.environ, "CGO_ENABLED": "0"}, check=True)
        buildah.write_image(context, path, name=IMAGE, base=base, runc=binaries("runc") / "runc")
    for old in path.parent.glob("programs-*.tar"):
        if old != path:
            old.unlink(missing_ok=True)
    return path
