"""What is said of an OOM, and what is not, on the lines that a claim needs and no more."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

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
    assert '300 400 KiB - 0 200 "parent"' in text


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
    assert "What was killed held less than 0.1 % of the 1.9 GiB: most of the memory is elsewhere." in told(usage + kill)
    assert "elsewhere" not in told(usage + kill.replace("anon-rss:400kB", "anon-rss:1900000kB"))


MEM_INFO = """\
Mem-Info:
active_anon:100 inactive_anon:20000 isolated_anon:0
 active_file:0 inactive_file:0 isolated_file:0
 slab_reclaimable:8000 slab_unreclaimable:{slab}
 free:{free} free_pcp:30 free_cma:0
"""
TOTALS = "Total swap = 0kB\n1048576 pages RAM\n40000 pages reserved\n"


def asked(order: int = 0, mask: str = "0x140cca") -> str:
    return f"app invoked oom-killer: gfp_mask={mask}(GFP_X), order={order}, oom_score_adj=0\n"


def test_kernel_memory_that_no_statistic_lists_is_named(told: Told) -> None:
    log = (
        "Task in /kubepods/pod1/a killed as a result of limit of /kubepods/pod1/a\n"
        "memory: usage 1048576kB, limit 1048576kB, failcnt 81\n"
        "Memory cgroup stats for /kubepods/pod1/a: cache:4000KB rss:{rss}KB rss_huge:0KB shmem:0KB mapped_file:0KB\n"
        "Memory cgroup out of memory: Kill process 50 (manage) score 95 or sacrifice child\n"
        "Killed process 50 (manage) total-vm:2000000kB, anon-rss:{held}kB, file-rss:0kB, shmem-rss:0kB\n"
    )
    text = told(log.format(rss=100000, held=100000))
    assert "kernel, not itemized 922 MiB 90.1 %" in text
    # Statistics that lack what a process is known to hold are cut: then nothing tells what the rest is.
    assert "not itemized" not in told(log.format(rss=100, held=1048576))


def test_slab_that_filled_the_node_is_named(told: Told) -> None:
    text = told(
        asked() + MEM_INFO.format(slab=900000, free=8000) + TOTALS + HEAD + row(500, "big", 0) + GLOBAL + KILLED
    )
    assert "Most of the memory was slab, unreclaimable: 3.4 GiB of 3.8 GiB. No process is the cause." in text
    assert "All candidates together held 400 KiB." in text
    assert "Look at the kernel's slab: `slabtop -s c`" in text
    assert "Look at the largest processes" not in text


@pytest.mark.parametrize(("order", "free", "is_told"), [(3, 500000, True), (3, 8000, False), (0, 500000, False)])
def test_free_memory_in_pieces_is_no_lack_of_it(order: int, free: int, is_told: bool, told: Told) -> None:  # noqa: FBT001
    text = told(asked(order) + MEM_INFO.format(slab=100, free=free) + TOTALS + GLOBAL + KILLED)
    assert ("was killed: no 8 free pages in a row were left (order 3)" in text) is is_told
    assert ("The whole node" in text) is not is_told
    assert ("/proc/buddyinfo" in text) is is_told


def test_much_free_memory_denies_that_all_of_it_ran_short_where_the_request_is_lost(told: Told) -> None:
    text = told(MEM_INFO.format(slab=100, free=500000) + GLOBAL + KILLED)
    assert "was killed: part of the memory ran short (a zone, or pages in a row)" in text
    assert "The whole node" not in text
    assert "part of the memory" not in told(MEM_INFO.format(slab=100, free=8000) + GLOBAL + KILLED)


def test_blocks_of_the_wanted_size_deny_fragmentation(told: Told) -> None:
    zone = "Node 0 Normal free:90000kB min:4000kB low:5000kB high:6000kB free_cma:0kB\nlowmem_reserve[]: 0 0\n"
    small = "Node 0 Normal: 22500*4kB (U) 0*8kB 0*16kB 0*32kB = 90000kB\n"
    large = "Node 0 Normal: 0*4kB 0*8kB 0*16kB 2812*32kB (UM) = 89984kB\n"
    info = asked(3) + MEM_INFO.format(slab=100, free=22500) + zone
    assert "memory is fragmented" in told(info + small + TOTALS + GLOBAL + KILLED)
    assert "fragmented" not in told(info + large + TOTALS + GLOBAL + KILLED)


def test_low_memory_runs_out_while_high_memory_is_free(told: Told) -> None:
    normal = "Normal free:3000kB min:4000kB low:5000kB high:6000kB\nlowmem_reserve[]: 0 0 8000\n"
    high = "HighMem free:900000kB min:512kB low:900kB high:1200kB\nlowmem_reserve[]: 0 0 0\n"
    info = MEM_INFO.format(slab=100, free=225000) + normal + high + TOTALS + GLOBAL + KILLED
    assert "was killed: the zone Normal (low memory) ran out of memory" in told(asked(mask="0xcc0") + info)
    assert "was killed: the node ran out of memory" in told(asked(mask="0x140cca") + info)


def test_what_other_numa_nodes_had_free_is_said(told: Told) -> None:
    zones = "".join(
        f"Node {n} Normal free:{free}kB min:40kB low:50kB high:60kB\n" for n, free in ((0, 30), (1, 900000))
    )
    summary = GLOBAL.replace("CONSTRAINT_NONE", "CONSTRAINT_CPUSET")
    text = told(asked() + MEM_INFO.format(slab=1, free=225000) + zones + summary + KILLED)
    assert "On other NUMA nodes 879 MiB were free." in text


def test_a_panic_for_want_of_a_victim_is_one_oom(told: Told) -> None:
    text = told(
        "[    1.0] Out of memory and no killable processes...\n"
        "[    1.0] Kernel panic - not syncing: System is deadlocked on memory\n"
    )
    assert "1. The kernel ran out of memory and stopped" in text
    assert "2. " not in text
    assert "there was nothing left to kill" in text


def test_the_oldest_kernels_know_the_node_only(told: Told) -> None:
    text = told("Mar 10 22:02:34 h kernel: Out of Memory: Killed process 475 (identd).\n")
    assert '"identd" (pid 475) was killed: the node ran out of memory' in text


def test_a_part_of_a_dump_is_told_as_a_part(told: Told) -> None:
    text = told(
        "[   9.000001] CPU: 1 PID: 900 Comm: svc Tainted: G           O      4.19.81 #1\n[   9.000002] Call Trace:\n"
        "[   9.000004]  dump_header+0x66/0x28e\n[   9.000005]  oom_kill_process+0x251/0x270\n"
        "[   9.000007]  mem_cgroup_out_of_memory+0xb0/0xd0\n"
    )
    assert "1. The OOM killer ran: a cgroup's memory limit was reached 9.000001 s after boot, kernel 4.19.81" in text
    assert '"svc" (pid 900) asked for memory.' in text
    assert "does not say: how full the cgroup was, the candidates, whose limit it was, the kill itself." in text
    text = told(HEAD + row(300, "guard", -1000))
    assert "holds a part of an OOM dump; the lines that say who was killed cannot be read in it" in text
    text = told(row(300, "guard", -1000) + row(301, "worker", 0))
    assert "rows of an OOM dump's table of candidates. The lines that say who was killed are not here." in text


def test_a_panic_that_somebody_asked_for_says_so(told: Told) -> None:
    text = told(
        "[  910.064760] SysRq : Manual OOM execution\n"
        "[  910.113950] Kernel panic - not syncing: Out of memory: compulsory panic_on_oom is enabled\n"
        "[  910.113950] \n[  910.113960] CPU: 0 PID: 17 Comm: kworker/0:1 Not tainted 4.4.0-21-generic #37-Ubuntu\n"
    )
    assert "The kernel stopped when somebody asked it for an OOM kill (SysRq f)" in text
    assert "kernel 4.4.0-21-generic" in text
    assert "Nothing need have been full" in text
    assert "vm.panic_on_oom is 2" in text
    assert "ran out of memory" not in text


def test_the_second_line_of_an_event_is_no_record(told: Told) -> None:
    text = told(
        "kernel-monitor, node-1\t\tWarning\t\tOOMKilling\tMemory cgroup out of memory: Kill process 1371 (node) score 2081"
        " or sacrifice child\nKilled process 1371 (node) total-vm:783352kB, anon-rss:201844kB, file-rss:22852kB\n"
    )
    assert "No OOM kill can be read" in text
    assert "The log names OOMKilling: a pod's status or an event." in text


@pytest.mark.parametrize(
    ("log", "answer"),
    [
        (
            "    Reason:       OOMKilled\n",
            "The log names OOMKilled: a pod's status or an event. The kernel's record is in",
        ),
        (
            "systemd-oomd[1]: Killed /user.slice due to memory pressure\n",
            "The log names systemd-oomd, which kills from",
        ),
        (
            "slurmstepd: error: Detected 1 oom-kill event(s) in StepId=191.batch cgroup.\n",
            "Slurm counted kills by the kernel in a step's cgroup. The kernel's record is in",
        ),
        (
            'user: warning: [2026-01-12T20:27:31.9Z]: [talos] Sending SIGKILL to cgroup {"controller": "runtime.OOMController"}',
            "The log names Talos' OOMController, which kills a cgroup's processes from user space",
        ),
        (
            "[Wed Feb 13 04:32:04 2019] adb: page allocation failure: order:8, mode:0x24040c0\n",
            "The log holds an allocation failure: a request for memory failed, and the kernel killed nothing for it.",
        ),
        ("", "The input is empty."),
    ],
)
def test_other_killers_are_not_denied(log: str, answer: str, told: Told) -> None:
    text = told(log)
    assert text.startswith("No OOM kill by the kernel found.")
    assert answer in text


def test_json_notes_what_a_log_without_a_record_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_text("    Reason:       OOMKilled\n")
    assert main(["explain", "-o", "json", str(tmp_path / "log")]) == 0
    as_json = json.loads(capsys.readouterr().out)
    assert as_json["items"] == []
    assert as_json["notes"][0].startswith("The log names OOMKilled: a pod's status or an event.")
    assert main(["explain", "-o", "yaml", str(tmp_path / "log")]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == as_json
    (tmp_path / "log").write_text(GLOBAL + KILLED)
    assert main(["explain", "-o", "json", str(tmp_path / "log")]) == 0
    assert "notes" not in json.loads(capsys.readouterr().out)


def test_less_than_the_limit_in_use_is_said(told: Told) -> None:
    kill = "Memory cgroup out of memory: Killed process 5 (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB\n"
    assert "In use were 500 MiB, less than the limit allows" in told(
        "memory: usage 512000kB, limit 1024000kB, failcnt 0\n" + kill
    )
    assert "less than the limit" not in told("memory: usage 1023000kB, limit 1024000kB, failcnt 7\n" + kill)


def test_what_to_look_at_is_advice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_text(GLOBAL + KILLED)
    assert main(["explain", "--no-advice", "--html", str(tmp_path / "page"), str(tmp_path / "log")]) == 0
    assert "What to look at" not in capsys.readouterr().out + (tmp_path / "page").read_text()


def test_a_beancounter_of_openvz_is_a_containers_limit(told: Told) -> None:
    text = told(
        "Nov 24 12:17:04 h kernel: [758955.653313] Out of memory in UB 77: OOM killed process 1000 (php-cgi) score 3"
        " vm:281988kB, rss:17004kB, swap:0kB\n"
    )
    assert '"php-cgi" (pid 1000) was killed: the memory limit of OpenVZ container 77 was reached' in text
    assert "with a score of 3" in text
    assert "holding 16.6 MiB" in text
    assert "That limit is set on the host: physpages and swappages of the OpenVZ container 77." in text
    assert "no limit is known" not in text
    assert "whether a limit" not in text


def test_of_several_files_each_kill_names_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(tmp_path / "one"), str(tmp_path / "two")]
    for file in files:
        Path(file).write_text(GLOBAL + KILLED)
    assert main(["explain", "--html", str(tmp_path / "page"), *files]) == 0
    printed = capsys.readouterr().out
    assert all(f'{file}:1: "big" (pid 500)' in printed for file in files)
    assert f'in "{files[1]}"' in printed
    assert all(f"{file}:1: &quot;big&quot; (pid 500)" in (tmp_path / "page").read_text() for file in files)
    assert main(["explain", "-o", "json", *files]) == 0
    assert [item["source"] for item in json.loads(capsys.readouterr().out)["items"]] == [
        {"file": f, "line": 1} for f in files
    ]


@pytest.mark.parametrize(
    "prefix", ["апр 28 01:23:30 h kernel: ", "févr. 28 01:23:30 h kernel: ", "[dim. 28 avril 01:23:30 2026] "]
)
def test_a_time_in_another_language_is_told(prefix: str, told: Told) -> None:
    assert "28 01:23:30" in told(prefix + KILLED)


def test_nobody_is_said_to_have_held_most_where_the_table_is_cut(told: Told) -> None:
    others = row(300, "small", 0) + row(301, "smaller", 0)
    assert "Most was held" not in told(others + GLOBAL + KILLED)
    assert "Most was held" not in told(HEAD + others + BIG + GLOBAL + KILLED)
    killed = KILLED.replace("anon-rss:3600000kB", "anon-rss:4kB").replace("500 (big)", "300 (small)")
    summary = GLOBAL.replace("task=big,pid=500", "task=small,pid=300")
    assert 'Most was held by "big" (pid 500)' in told(HEAD + others + BIG + summary + killed)


def test_a_broken_kill_line_claims_no_size(told: Told) -> None:
    assert "holding" not in told("Out of memory: Killed process 5 (x) total-vm:8kB, anon-rss:832856k, file-rss:4kB\n")
    assert "holding 8 KiB" in told("Out of memory: Killed process 5 (x) total-vm:8kB, anon-rss:4kB, file-rss:4kB\n")


STATISTICS = (
    "Memory cgroup stats for /kubepods/burstable/pod11111111-2222-3333-4444-555555555555/" + "a" * 64 + ": cache:0KB"
    " rss:900KB\n"
)


def test_statistics_of_one_container_are_not_the_limit_where_the_table_holds_the_sandbox(told: Told) -> None:
    text = told(STATISTICS + HEAD + row(300, "pause", -998) + row(301, "node", 999))
    assert "a cgroup's memory limit was reached" in text
    assert "Container aaaaaaaaaaaa of pod UID 11111111-2222-3333-4444-555555555555 is in it." in text
    assert "processes (anonymous)" not in text
    assert "the memory limit of the container was reached" in told(STATISTICS + HEAD + row(301, "node", 999))


@pytest.mark.parametrize("caller", ["try_charge_memcg+0x82a/0xa90", "try_charge+0x79a/0x7d0"])
def test_an_inlined_function_of_the_trace_is_known_by_its_caller(told: Told, caller: str) -> None:
    text = told(
        "x invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\nCall Trace:\n"
        f" oom_kill_process+0x10a/0x220\n out_of_memory+0x3bc/0x5a0\n ? mem_cgroup_iter+0x1ca/0x240\n {caller}\n"
    )
    assert "a cgroup's memory limit was reached" in text


def test_androids_driver_and_its_daemon_are_told_apart(told: Told) -> None:
    """Both print "lowmemorykiller", the driver over several lines of the kernel's log (Linux 3.10 on a phone)."""
    driver = "lowmemorykiller: Killing '.networkupgrade' (6924), adj 705,\n   to free 20968kB on behalf of 'kswapd0' (543) because\n"
    assert "Android's driver that kills before the OOM killer does" in told(driver)
    assert "user space" not in told(driver)
    assert "in user space: `logcat` says why" in told("I lowmemorykiller: Killing 'a.b' (4563), uid 10010, adj 906\n")


def test_a_small_score_says_that_the_memory_is_elsewhere(told: Told) -> None:
    """On a router whose log ends within the kill line, 11 of 1000 points."""
    table = "[ 2737]     0  2737     2362     1506       8       0        0             {} dhcpd\n"
    killed = "Out of memory: Kill process 2737 (dhcpd) score {} or sacrifice child\nKilled process 2737 (dhcpd) total-vm:9448kB, a\n"
    elsewhere = "held less than a tenth of the memory: most of the memory is elsewhere"
    assert elsewhere in told(table.format(0) + killed.format(11))
    assert elsewhere not in told(table.format(0) + killed.format(411))
    assert elsewhere not in told(table.format(-300) + killed.format(11))


def test_processes_of_all_numa_nodes_did_not_fill_one(told: Told) -> None:
    bound = GLOBAL.replace("CONSTRAINT_NONE,nodemask=(null)", "CONSTRAINT_MEMORY_POLICY,nodemask=1")
    table = HEAD + BIG + row(300, "small", 0)
    assert "100.0 %" not in told(table + bound + KILLED)
    assert "100.0 %" in told(table + GLOBAL + KILLED)


POD = "/kubepods/burstable/pod11111111-2222-3333-4444-555555555555"
V1 = (
    f"Task in {POD}/{'a' * 64} killed as a result of limit of {POD}\n"
    "memory: usage 122880kB, limit 122880kB, failcnt 83\n"
    "memory+swap: usage 122880kB, limit 9007199254740988kB, failcnt 0\n"
    "kmem: usage 0kB, limit 9007199254740988kB, failcnt 0\n"
    f"Memory cgroup stats for {POD}: cache:0KB rss:0KB swap:0KB active_anon:0KB\n"
)


def test_statistics_that_the_log_cuts_off_are_no_kernel_memory(told: Told) -> None:
    text = told(V1)
    assert "the memory limit of the pod was reached: 120 MiB" in text.replace("The memory", "the memory")
    assert "kernel, not itemized" not in text
    assert "the kernel's own memory" not in text


def test_nobody_can_raise_a_pods_limit_on_cgroup_v1(told: Told) -> None:
    text = told(V1)
    assert "Raise the pod's memory limit" not in text
    assert "raise the limit of the container that needs more" in text
    assert "Raise the pod's memory limit" in told(V1.replace("memory+swap", "swap"))


def test_a_limit_of_memory_and_swap_together_is_told_as_that(told: Told) -> None:
    """From a node whose containers had both: memory had never been at its own limit (failcnt 0)."""
    text = told(
        f"Task in {POD}/{'a' * 64} killed as a result of limit of {POD}/{'a' * 64}\n"
        "memory: usage 32461120kB, limit 33554432kB, failcnt 0\n"
        "memory+swap: usage 35651584kB, limit 35651584kB, failcnt 24892068\n"
        "Memory cgroup out of memory: Killed process 7093 (java) total-vm:11451920kB, anon-rss:1968776kB, file-rss:0kB\n"
    )
    assert "The memory limit of the container was reached: 34 GiB for memory and swap together." in text
    assert "reached its own limit of 34Gi for memory and swap together" in text
    assert "Swap was full" not in text


def test_a_child_that_died_was_not_the_kernels_choice(told: Told) -> None:
    text = told(
        "Out of memory: Kill process 19961 (python) score 17 or sacrifice child\n"
        "Killed process 31357 (sh) total-vm:5400kB, anon-rss:252kB, file-rss:4kB, shmem-rss:0kB\n"
    )
    assert "the kernel killed 'sh' (pid 31357)" in text
    assert "chose 'sh'" not in text


@pytest.mark.parametrize(
    "trace",
    [
        # ppc64le, 4.18
        (
            " [c0000000015bc450] [c0000000004aa438] out_of_memory+0x278/0x930\n"
            " [c0000001cb1638a0] [c0000000004bd6c8] __alloc_pages_nodemask+0x1ab8/0x1b70\n"
        ),
        # ARM, 6.1
        " out_of_memory from __alloc_pages+0xe9c/0xfe8\n __alloc_pages from __folio_alloc+0x1c/0x58\n",
        # ARM, 4.19
        (
            "[<c033eddc>] (out_of_memory) from [<c03451a0>] (__alloc_pages_nodemask+0xfc0/0x1180)\n"
            "[<c03451a0>] (__alloc_pages_nodemask) from [<c084c0a8>] (alloc_skb_with_frags+0xe4/0x1b4)\n"
        ),
    ],
)
def test_call_traces_of_other_machines_say_that_the_node_was_full(trace: str, told: Told) -> None:
    head = "x invoked oom-killer: gfp_mask=0x6200ca(GFP_HIGHUSER_MOVABLE), order=0, oom_score_adj=0\nCall Trace:\n"
    assert "1. The OOM killer ran: the node ran out of memory" in told(head + trace)


def test_an_old_kernels_kill_by_sysrq_is_known_by_its_worker(told: Told) -> None:
    text = told(
        "[  171.720193] kworker/2:9 invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0\n"
        "[  171.724603] CPU: 2 PID: 11016 Comm: kworker/2:9 Not tainted 4.1.0-rc7 #3\n"
        "[  171.729727] Workqueue: events moom_callback\n"
    )
    assert "somebody asked the kernel for it (SysRq f)" in text
    assert "asked for memory" not in text
