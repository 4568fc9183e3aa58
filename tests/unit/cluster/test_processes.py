"""Processes that outlive a command: known again for certain, and ended by their own pids only."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.lab.errors import ClusterError
from cluster.lab.processes import Process, alive, spawn, start_time, stop, tail


def started(folder: Path, *command: str) -> Process:
    return spawn(command, log=folder / "log", environment=os.environ, folder=folder)


def test_a_process_is_known_again_by_pid_and_start_time(tmp_path: Path) -> None:
    process = started(tmp_path, "sleep", "60")
    assert alive(process)
    assert not alive(replace(process, started="0"))
    stop([process])
    assert not alive(process)


def test_a_process_of_the_same_pid_that_started_at_another_time_is_left_alone(tmp_path: Path) -> None:
    process = started(tmp_path, "sleep", "60")
    stop([replace(process, started="0")])
    assert alive(process)
    stop([process])


def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    process = started(tmp_path, "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done")
    while "ready" not in tail(tmp_path / "log"):
        time.sleep(0.01)
    begin = time.monotonic()
    stop([process], patience=0.3)
    assert not alive(process)
    assert time.monotonic() - begin >= 0.3


def test_a_zombie_counts_as_gone(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as child:
        while start_time(child.pid) is not None:
            time.sleep(0.01)


@pytest.mark.skipif(sys.platform != "linux", reason="names of processes are set through /proc")
def test_a_name_with_parentheses_and_spaces_does_not_shift_the_fields(tmp_path: Path) -> None:
    script = "import time; open('/proc/self/comm', 'w').write('a) Z 1 (b'); print('named', flush=True); time.sleep(60)"
    process = started(tmp_path, sys.executable, "-c", script)
    while "named" not in tail(tmp_path / "log"):
        time.sleep(0.01)
    assert Path(f"/proc/{process.pid}/comm").read_text() == "a) Z 1 (b\n"
    assert start_time(process.pid) == process.started
    stop([process])


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="no-such-program"):
        started(tmp_path, "no-such-program")
