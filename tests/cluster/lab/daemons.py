"""Starting daemons, and waiting for what they should do while watching that they live."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import namespaces
from .errors import ClusterError
from .places import search_path
from .processes import alive, spawn, tail
from .state import State


@dataclass(frozen=True, slots=True)
class Daemon:
    """A name, for logs and state, and a command line."""

    name: str
    command: list[str]


def start_missing(state: State, daemons: list[Daemon]) -> None:
    """Start those that do not run; each is in the state before the next one starts."""
    # A clean environment: a proxy or an index configured for a person has no business in a daemon.
    environment = {"PATH": search_path([Path(folder) for folder in state.path]), "HOME": os.environ.get("HOME", "/")}
    for daemon in daemons:
        running = state.processes.get(daemon.name)
        if running is not None and alive(running):
            continue
        if state.provider == "native":
            process = namespaces.start(state, daemon.name, daemon.command, environment)
        else:
            (state.folder / "log").mkdir(parents=True, exist_ok=True)
            process = spawn(
                daemon.command,
                log=state.folder / "log" / f"{daemon.name}.log",
                environment=environment,
                folder=state.folder,
            )
        state.processes[daemon.name] = process
        state.save()


def wait_until(state: State, reached: Callable[[], bool], *, what: str, seconds: float) -> None:
    """Wait for something the daemons bring about; raises ClusterError when one ends, or when it takes too long."""
    deadline = time.monotonic() + seconds
    while not reached():
        for name, process in state.processes.items():
            if not alive(process):
                log = state.folder / "log" / f"{name}.log"
                raise ClusterError(f"{name} ended while waiting for {what}; the end of {log}:\n{tail(log)}")
        if time.monotonic() > deadline:
            raise ClusterError(f"{what} is not ready after {seconds:.0f} s; logs: {state.folder / 'log'}")
        time.sleep(0.2)
