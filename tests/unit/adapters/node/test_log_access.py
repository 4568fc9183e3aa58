import errno
import os
from pathlib import Path

import pytest

from oomreport.adapters.node.log_access import opened_source, why_unreadable
from oomreport.adapters.node.proc_files import ProcFiles
from oomreport.errors import SourceUnavailable


def proc(folder: Path, *, capable: bool, restricted: bool = True) -> ProcFiles:
    (folder / "self").mkdir(parents=True)
    (folder / "sys/kernel").mkdir(parents=True)
    (folder / "self/status").write_text(f"Name:\tx\nCapEff:\t{(1 << 34) * capable:016x}\n")
    (folder / "sys/kernel/dmesg_restrict").write_text(f"{restricted:d}\n")
    return ProcFiles(folder)


def why(name: str, number: int, proc: ProcFiles, tmp_path: Path) -> str:
    return why_unreadable(name, OSError(number, os.strerror(number)), proc=proc, lockdown=str(tmp_path / "lockdown"))


def test_a_missing_capability_is_named(tmp_path: Path) -> None:
    words = why("syslog", errno.EPERM, proc(tmp_path / "proc", capable=False), tmp_path)
    assert "CAP_SYSLOG is missing" in words


def test_a_device_cgroup_is_named_where_the_capability_is_there(tmp_path: Path) -> None:
    words = why("kmsg", errno.EPERM, proc(tmp_path / "proc", capable=True), tmp_path)
    assert "device cgroup" in words
    assert "privileged" in words
    assert "CAP_SYSLOG" not in words


def test_a_seccomp_profile_is_suspected_where_nothing_else_is_left(tmp_path: Path) -> None:
    assert "seccomp" in why("syslog", errno.EPERM, proc(tmp_path / "proc", capable=True), tmp_path)


def test_a_missing_device_is_named(tmp_path: Path) -> None:
    assert "mount" in why("kmsg", errno.ENOENT, proc(tmp_path / "proc", capable=True), tmp_path)


def test_a_lockdown_is_named(tmp_path: Path) -> None:
    (tmp_path / "lockdown").write_text("none [integrity] confidentiality\n")
    assert "lockdown is integrity" in why("kmsg", errno.EPERM, proc(tmp_path / "proc", capable=True), tmp_path)
    (tmp_path / "lockdown").write_text("[none] integrity confidentiality\n")
    assert "lockdown" not in why("kmsg", errno.EIO, ProcFiles(tmp_path / "proc"), tmp_path)


def test_an_unreadable_source_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"kmsg .*/nowhere/kmsg.* cannot be read: No such file"):
        opened_source("kmsg", proc=ProcFiles(Path("/proc")), device="/nowhere/kmsg")


def test_an_unknown_source_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="journal"):
        opened_source("journal", proc=ProcFiles(Path("/proc")))
