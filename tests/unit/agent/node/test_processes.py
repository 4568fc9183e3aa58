from pathlib import Path

import pytest

from oomreport.adapters.node.memory_files import MemoryFiles
from oomreport.adapters.node.proc_files import ProcFiles
from oomreport.agent.node.processes import Processes
from support.node import ID, OTHER_ID, OTHER_UID, UID, Desk
from support.node_files import V1, V2


class Listed(Desk):
    """A desk whose containers' processes are listed."""

    def __init__(self, folder: Path, version: int = V2) -> None:
        super().__init__(folder, version)
        self.proc = folder / "proc"
        files = MemoryFiles(str(self.node.root), version)
        self.processes = Processes(self.containers, files, ProcFiles(self.proc))

    def list(self, *, seconds: float = 6.0, killed: bool = False) -> None:
        self.look(seconds)
        self.processes.look(self.now, killed=killed)

    def container_of(self, pid: int) -> str | None:
        subject = self.processes.subject(pid)
        return subject.container_id if subject else None

    def process(self, pid: int, cgroup: str) -> None:
        (self.proc / str(pid)).mkdir(parents=True, exist_ok=True)
        (self.proc / str(pid) / "cgroup").write_text(cgroup)


@pytest.mark.parametrize("version", [V1, V2])
def test_a_process_that_is_gone_is_where_it_was_listed(tmp_path: Path, version: int) -> None:
    desk = Listed(tmp_path, version)
    path, other = desk.node.container(UID, ID), desk.node.container(OTHER_UID, OTHER_ID)
    desk.node.processes(path, 17, 100)
    desk.node.processes(other, 7, 1700)
    desk.list()
    desk.node.processes(path, 100)
    desk.list()

    assert {pid: desk.container_of(pid) for pid in (17, 100, 7, 1700)} == {17: ID, 100: ID, 7: OTHER_ID, 1700: OTHER_ID}
    assert [desk.container_of(pid) for pid in (1, 10, 170, 0)] == [None] * 4
    desk.list()
    assert desk.container_of(17) is None


def test_processes_that_came_and_went_between_two_rounds_are_known_by_the_lists_that_kills_cause(
    tmp_path: Path,
) -> None:
    desk = Listed(tmp_path)
    path = desk.node.container(UID, ID)
    desk.node.processes(path, 1)
    desk.list()
    for pid in range(2, 8):
        desk.node.processes(path, 1, pid)
        desk.list(seconds=0.2, killed=True)

    assert [desk.container_of(pid) for pid in range(1, 8)] == [ID] * 7


def test_a_process_whose_number_is_in_two_lists_is_in_neither(tmp_path: Path) -> None:
    desk = Listed(tmp_path)
    path, other = desk.node.container(UID, ID), desk.node.container(OTHER_UID, OTHER_ID)
    desk.node.processes(path, 7)
    desk.node.processes(other, 7)
    desk.list()
    assert desk.container_of(7) is None


def test_the_process_itself_says_it_best_also_below_its_container(tmp_path: Path) -> None:
    desk = Listed(tmp_path)
    path = desk.node.container(UID, ID)
    desk.list()
    desk.process(9, f"0::{path}/init.scope\n")
    desk.process(10, f"12:pids:/other\n4:cpu,memory:{path}\n1:name=systemd:/elsewhere\n")
    desk.process(11, "4:memory:/\n")
    desk.process(12, "0::/system.slice/cron.service\n")
    assert [desk.container_of(pid) for pid in (9, 10, 11, 12)] == [ID, ID, None, None]


def test_the_processes_of_a_container_that_went_are_forgotten_before_their_numbers_come_again(tmp_path: Path) -> None:
    desk = Listed(tmp_path)
    path = desk.node.container(UID, ID)
    desk.node.processes(path, 7)
    desk.list()
    desk.node.vanish(path)
    desk.list()
    assert desk.container_of(7) == ID
    desk.list(seconds=31)
    assert desk.container_of(7) is None


def test_only_the_machines_own_pid_namespace_has_the_kernels_numbers(tmp_path: Path) -> None:
    link = tmp_path / "self" / "ns" / "pid"
    link.parent.mkdir(parents=True)
    proc = ProcFiles(tmp_path)
    assert not proc.shows_all_processes()
    link.symlink_to("pid:[4026532222]")
    assert not proc.shows_all_processes()
    link.unlink()
    link.symlink_to("pid:[4026531836]")
    assert proc.shows_all_processes()
