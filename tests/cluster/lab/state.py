"""What is known of one cluster between two commands: a JSON file in the cluster's folder, replaced as a whole."""

import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .errors import ClusterError
from .places import cache, states
from .processes import Process
from .say import say

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?")


@dataclass(slots=True, kw_only=True)
class State:
    """One cluster. `ready` is set when `up` has run to its end; `facts` are a provider's own notes."""

    name: str
    provider: str
    ready: bool = False
    kubeconfig: str = ""
    context: str = ""
    path: list[str] = field(default_factory=list)
    holder: Process | None = None
    processes: dict[str, Process] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    loaded: dict[str, str] = field(default_factory=dict)
    deployed: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where the cluster keeps everything it makes."""
        return folder(self.name)

    def save(self) -> None:
        """Write the state; a reader sees the old or the new one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        fresh = self.folder / "cluster.json.new"
        fresh.write_text(json.dumps(asdict(self), indent=1))
        fresh.replace(self.folder / "cluster.json")

    def forget(self) -> None:
        """Remove everything the cluster kept on disk."""
        shutil.rmtree(self.folder)
        for empty in (self.folder.parent, states()):
            try:
                empty.rmdir()
            except OSError:
                return


def folder(name: str) -> Path:
    """The folder of the cluster `name`."""
    if not NAME.fullmatch(name):
        raise ClusterError(f"cluster name {name!r}: 1 to 20 lower-case letters, digits and dashes are allowed")
    return states() / "clusters" / name


def load(name: str) -> State | None:
    """The state of the cluster `name`; None when there is none."""
    file = folder(name) / "cluster.json"
    try:
        values: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ClusterError(
            f"{file} is damaged ({error}); the cluster's processes are in its cgroup, see status"
        ) from error
    holder = values.pop("holder")
    processes = {key: Process(**value) for key, value in values.pop("processes").items()}
    return State(holder=Process(**holder) if holder else None, processes=processes, **values)


def known(name: str) -> State:
    """The state of a cluster that is up; raises ClusterError when it is not."""
    found = load(name)
    if found is None:
        others = " ".join(names())
        raise ClusterError(
            f"no cluster {name!r} is up" + (f" (up: {others})" if others else "; run: tests/cluster/cluster up")
        )
    return found


def names() -> list[str]:
    """The clusters that are there."""
    return sorted(file.parent.name for file in states().glob("clusters/*/cluster.json"))


@contextmanager
def locked(file: Path, *, waiting_for: str) -> Iterator[None]:
    """Hold an exclusive lock on `file`; say so when another command holds it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for {waiting_for} ...")
            start = time.monotonic()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            say(f"  waited {time.monotonic() - start:.1f} s")
        yield
    finally:
        os.close(descriptor)


@contextmanager
def cluster_lock(name: str) -> Iterator[None]:
    """One changing command at a time for a cluster."""
    folder(name)
    with locked(cache() / "locks" / f"cluster-{name}", waiting_for=f"another command on cluster {name}"):
        yield
