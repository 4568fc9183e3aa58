"""The images of the tests: hog, which uses memory as it is told, and the pause image of the native node."""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from .archive import image
from .errors import ClusterError
from .node_files import PAUSE_IMAGE
from .packages import COMPILER, install
from .places import CLUSTER, cache

HOG_IMAGE = "docker.io/oomreport/hog:dev"
NAMES = {"hog": HOG_IMAGE, "pause": PAUSE_IMAGE}
FLAGS = ("-O2", "-static", "-Wall")


def archive(program: str) -> Path:
    """The image archive of `hog` or `pause`, compiled where it is not in the cache."""
    source = CLUSTER / "images" / f"{program}.c"
    digest = hashlib.sha256(
        repr((NAMES[program], FLAGS)).encode() + source.read_bytes() + (CLUSTER / "lab" / "archive.py").read_bytes()
    )
    path = cache() / "images" / f"{program}-{digest.hexdigest()[:12]}.tar"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        binary = Path(scratch, program)
        if sys.platform == "linux":
            install(COMPILER)
            command = ["gcc", *FLAGS, "-o", str(binary), str(source)]
        else:
            command = [
                "docker",
                "build",
                "--quiet",
                f"--build-arg=PROGRAM={program}",
                f"--output={scratch}",
                str(source.parent),
            ]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            raise ClusterError(f"{' '.join(command)} failed:\n{answer.stderr.strip()}")
        fresh = Path(scratch, "archive")
        fresh.write_bytes(image(name=NAMES[program], program=binary.read_bytes(), entrypoint=f"/{program}"))
        fresh.replace(path)
    for old in path.parent.glob(f"{program}-*.tar"):
        if old != path:
            old.unlink(missing_ok=True)
    return path
