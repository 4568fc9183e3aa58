"""Where things are: the checkout, the cache that outlives clusters, and the state of one cluster."""

import os
import shutil
from pathlib import Path

CLUSTER = Path(__file__).resolve().parents[1]
MODULES = CLUSTER / "modules"
REPOSITORY = CLUSTER.parents[1]


def _xdg(variable: str, otherwise: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / otherwise).absolute()


def cache() -> Path:
    """OOMREPORT_CACHE, else oomreport/ in the user's cache: binaries, image archives, image layers, a base file
    system.
    """
    chosen = os.environ.get("OOMREPORT_CACHE")
    return Path(chosen).absolute() if chosen else _xdg("XDG_CACHE_HOME", ".cache") / "oomreport"


def states() -> Path:
    """OOMREPORT_STATE, else oomreport/ in the user's state: one folder a cluster, gone when it is down."""
    chosen = os.environ.get("OOMREPORT_STATE")
    return Path(chosen).absolute() if chosen else _xdg("XDG_STATE_HOME", ".local/state") / "oomreport"


def search_path(first: list[Path]) -> str:
    """PATH with the folders of `first` in front, and the system's own administration folders in any case."""
    known = os.environ.get("PATH", "").split(os.pathsep)
    system = ["/usr/local/sbin", "/usr/sbin", "/sbin"]
    return os.pathsep.join([*map(str, first), *known, *(folder for folder in system if folder not in known)])


def which(program: str) -> Path | None:
    """The program on PATH or in the system's administration folders, which a user's PATH often lacks."""
    found = shutil.which(program, path=search_path([]))
    return Path(found) if found else None
