"""Processes that outlive the command that started them, and are only ever ended by their own pids.

A pid alone is not an identity: it is used again. With the start time beside it, it is.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .errors import ClusterError

PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process by pid and start time: clock ticks since boot where /proc tells, else what `ps` prints."""

    pid: int
    started: str


def start_time(pid: int) -> str | None:
    """When `pid` started; None when there is no such process, or only what is left of it (a zombie)."""
    if PROC.joinpath("self/stat").exists():
        try:
            stat = PROC.joinpath(str(pid), "stat").read_bytes()
        except OSError:
            return None
        # The name in parentheses may hold anything, parentheses too: fields count from the last one.
        state, *fields = stat.rpartition(b")")[2].split()
        return None if state in (b"Z", b"X") else fields[18].decode()
    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None


def alive(process: Process) -> bool:
    """Whether this very process still runs."""
    return start_time(process.pid) == process.started


def spawn(command: Sequence[str], *, log: Path, environment: Mapping[str, str], folder: Path) -> Process:
    """Start a process in a session of its own, its output in `log`."""
    try:
        with log.open("ab") as output:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=folder,
                start_new_session=True,
            )
    except OSError as error:
        raise ClusterError(f"cannot start {command[0]}: {error.strerror}") from error
    started = start_time(child.pid)
    if started is None:
        raise ClusterError(f"{command[0]} ended at once with status {child.wait()}: {tail(log)}")
    # Popen warns when it is dropped while the child runs, which is what is wanted here.
    child.returncode = 0
    return Process(pid=child.pid, started=started)


def stop(processes: Iterable[Process], *, patience: float = 10) -> None:
    """End processes: SIGTERM to all, and SIGKILL to those still there after `patience` seconds."""
    left = [process for process in processes if _send(process, signal.SIGTERM)]
    deadline = time.monotonic() + patience
    while (left := [process for process in left if alive(process)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    for process in left:
        _send(process, signal.SIGKILL)
    while any(alive(process) for process in left):
        time.sleep(0.02)


def _send(process: Process, number: signal.Signals) -> bool:
    if not alive(process):
        return False
    with suppress(ProcessLookupError):
        os.kill(process.pid, number)
    # A child of this very command stays a zombie until it is waited for; start_time() takes it as gone.
    return True


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log file, for a message."""
    try:
        text = log.read_text(errors="replace")
    except OSError as error:
        return f"(no log: {error})"
    return "\n".join(text.splitlines()[-lines:])
