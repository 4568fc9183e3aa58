"""What is said of an OOM, and what is not, on the lines that a claim needs and no more."""

from collections.abc import Callable
from pathlib import Path

import pytest

from oomreport.cli.main import main

HEAD = "[ pid ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name\n"
GLOBAL = "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/system.slice/big.service,task=big,pid=500,uid=0\n"
KILLED = "Out of memory: Killed process 500 (big) total-vm:4000000kB, anon-rss:3600000kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:8000kB oom_score_adj:0\n"
BIG = "[    500]     0   500  1000000   900000  8000000        0             0 big\n"
Told = Callable[[str], str]


@pytest.fixture
def told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    def explain(log: str) -> str:
        (tmp_path / "log").write_text(log)
        assert main(["explain", str(tmp_path / "log")]) == 0
        return " ".join(capsys.readouterr().out.split())

    return explain


def row(pid: int, comm: str, adj: int) -> str:
    return f"[{pid:7d}]     0 {pid:5d}     1000      100    20480        0 {adj:13d} {comm}\n"


def test_nothing_to_kill_is_no_proof_of_protection(told: Told) -> None:
    end = "Out of memory and no killable processes...\n"
    text = told(HEAD + row(300, "guard", -1000) + row(301, "worker", 999) + end)
    assert "found no process that it could kill" in text
    assert '"worker" (pid 301) allows a kill: the process was exiting' in text
    assert "protected" not in text
    assert "protected by oom_score_adj -1000" in told(HEAD + row(300, "guard", -1000) + end)
    assert "protected" not in told(row(300, "guard", -1000) + end)
    assert "protected" not in told(end)


def test_a_kill_line_alone_claims_no_limit(told: Told) -> None:
    text = told(
        "Mar  2 17:35:10 h kernel: Killed process 700, UID 27, (mysqld) total-vm:7823732kB, anon-rss:2539268kB\n"
    )
    assert '1. "mysqld" (pid 700) was killed by the OOM killer' in text
    assert "whether a limit or the node ran out of memory" in text
    assert "limit was reached" not in text
    assert "how full the cgroup was" not in text


def test_a_binding_to_numa_nodes_is_not_the_whole_node(told: Told) -> None:
    text = told(
        "oom-kill:constraint=CONSTRAINT_CPUSET,nodemask=(null),cpuset=emulator,mems_allowed=0,global_oom,"
        "task_memcg=/machine.slice/m.scope,task=qemu,pid=600,uid=0\n"
        "Out of memory: Killed process 600 (qemu) total-vm:19200000kB, anon-rss:16400000kB, file-rss:0kB, shmem-rss:0kB,"
        " UID:0 pgtables:32768kB oom_score_adj:0\n"
    )
    assert "was killed: the NUMA node 0, which the cpuset allows, ran out of memory" in text
    assert "the node ran out" not in text
    assert "Other NUMA nodes may have free memory" in text
    assert "kubelet" not in text


def test_of_a_cut_table_nothing_is_said_of_all_candidates(told: Told) -> None:
    text = told(BIG + GLOBAL + KILLED)
    assert "no other candidate" not in text
    assert "The table of candidates is cut: the log shows one of them." in text
    assert "%" not in text
    assert "there was no other candidate" in told(HEAD + BIG + GLOBAL + KILLED)


def test_no_container_is_spoken_of_where_there_is_none(told: Told) -> None:
    for text in (told(GLOBAL + KILLED), told(KILLED)):
        assert "container" not in text
        assert "kubelet" not in text
        assert "whose limit it was" not in text


def test_a_node_of_kubernetes_is_known_by_its_paths_or_processes(told: Told) -> None:
    assert "kubelet's reserved memory" in told(HEAD + BIG + row(9, "kubelet", -999) + GLOBAL + KILLED)
    assert "kubelet's reserved memory" in told(GLOBAL.replace("/system.slice/big", "/kubepods/big") + KILLED)


def test_an_adj_of_1000_alone_makes_no_pod(told: Told) -> None:
    text = told(KILLED.replace("oom_score_adj:0", "oom_score_adj:1000"))
    assert "makes the process the first to be killed" in text
    assert "BestEffort" not in text


def test_the_unit_whose_limit_was_reached_is_named(told: Told) -> None:
    text = told(
        "memory: usage 2000kB, limit 2000kB, failcnt 3\n"
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/lxc/ns/pulse.service,"
        "task_memcg=/lxc/ns/pulse.service,task=pulse,pid=5,uid=0\n"
        "Memory cgroup out of memory: Killed process 5 (pulse) total-vm:9kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB\n"
    )
    assert '"pulse" (pid 5) was killed: the memory limit of "pulse.service" was reached' in text
    assert "was reached: 2.0 MiB" in text


def test_a_selection_without_a_kill_names_who_was_chosen(told: Told) -> None:
    text = told("[  5.0] Out of memory: Kill process 800 (svc) score 897 or sacrifice child\n")
    assert '1. The OOM killer chose "svc" (pid 800): the node ran out of memory' in text
    assert "with a score of 897" in text
    assert "the kernel chose a process" not in text


def test_the_score_of_a_chosen_parent_is_not_its_childs(told: Told) -> None:
    text = told(
        HEAD + row(200, "parent", 0) + row(201, "child", -500)
        + "Memory cgroup out of memory: Kill process 200 (parent) score 300 or sacrifice child\n"
        "Killed process 201 (child) total-vm:36000kB, anon-rss:4000kB, file-rss:0kB, shmem-rss:0kB\n"
    )  # fmt: skip
    assert 'chose process 200 "parent", with a score of 300. Its child "child" (pid 201) was killed' in text


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("Out of memory: compulsory panic_on_oom is enabled", "vm.panic_on_oom is 2"),
        ("Out of memory: system-wide panic_on_oom is enabled", "vm.panic_on_oom is set"),
        ("Out of memory and no killable processes...", "there was nothing left to kill"),
    ],
)
def test_a_panic_says_why(line: str, why: str, told: Told) -> None:
    assert f"the kernel stopped: {why}." in told(f"[  910.113950] Kernel panic - not syncing: {line}\n")


def test_who_writes_a_limit_does_not_ask_for_memory(told: Told) -> None:
    head = (
        "bash invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n"
        "CPU: 0 PID: 9 Comm: bash Not tainted 6.1.0 #1\nCall Trace:\n mem_cgroup_out_of_memory+0x1/0x2\n"
    )
    rest = "memory: usage 4000kB, limit 4000kB, failcnt 3\nMemory cgroup out of memory: Killed process 7 (app) total-vm:9kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB\n"
    text = told(f"{head} memory_max_write+0x1/0x2\n{rest}")
    assert "wrote a lower limit; it did not ask for memory" in text
    assert "asked for memory." in told(f"{head} try_charge+0x1/0x2\n{rest}")
    assert "asked for memory." in told(f"{head} ? memory_max_write+0x1/0x2\n{rest}")


def test_what_holds_little_is_not_the_cause(told: Told) -> None:
    usage = "memory: usage 2000000kB, limit 2000000kB, failcnt 3\n"
    kill = "Memory cgroup out of memory: Killed process 7 (app) total-vm:900kB, anon-rss:400kB, file-rss:0kB, shmem-rss:0kB\n"
    assert "What was killed held 0.0 % of the 1.9 GiB: most of the memory is elsewhere." in told(usage + kill)
    assert "elsewhere" not in told(usage + kill.replace("anon-rss:400kB", "anon-rss:1900000kB"))
