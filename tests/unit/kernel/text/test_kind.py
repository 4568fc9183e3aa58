import pytest

from oomreport.kernel.text.kind import Kind, kind_of


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("node invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=939", Kind.HEADER),
        (" invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=939", Kind.HEADER),
        ("java cpuset=docker mems_allowed=0-1", Kind.CPUSET),
        ("CPU: 0 PID: 212 Comm: node Not tainted 6.1.0 #1", Kind.CPU),
        ("CPU: 0 UID: 0 PID: 212 Comm: node Not tainted 6.12.0 #1", Kind.CPU),
        ("Pid: 212, comm: httpd Not tainted 2.6.32", Kind.CPU),
        (" dump_header+0x4a/0x200", Kind.TRACE),
        (" [<ffffffff81127b71>] ? dump_header+0x91/0xe0", Kind.TRACE),
        ("Task in /a killed as a result of limit of /a", Kind.TASK_IN),
        ("memory+swap: usage 8kB, limit 8kB, failcnt 0", Kind.USAGE),
        ("Memory cgroup stats for /a:", Kind.STATS),
        ("anon 57610240\nfile 12288", Kind.STAT),
        ("Node 0 DMA free:15880kB min:64kB", Kind.MEM_INFO),
        ("Tasks state (memory values in pages):", Kind.TABLE_TITLE),
        ("[ pid ]   uid  tgid total_vm      rss cpu oom_adj oom_score_adj name", Kind.TABLE_HEAD),
        ("[  212]     0   212    14924    13669   151552        0           939 node", Kind.ROW),
        ("oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null)", Kind.SUMMARY),
        ("Out of memory: Kill process 12 (a) score 786 or sacrifice child", Kind.CHOSEN),
        ("Killed process 212, UID 48, (httpd) total-vm:1kB", Kind.KILLED),
        ("Out of memory in UB 101: OOM killed process 212 (php) score 0", Kind.KILLED),
        ("Tasks in /a are going to be killed due to memory.oom.group set", Kind.GROUP),
        ("Out of memory and no killable processes...", Kind.NO_VICTIM),
        ("Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled", Kind.NO_VICTIM),
        ("oom_reaper: reaped process 8 (x), now anon-rss:0kB", Kind.REAPED),
        ("eth0: link becomes ready", None),
        ("", None),
    ],
)
def test_the_start_of_a_line_says_which_part_of_a_dump_it_is(text: str, kind: Kind | None) -> None:
    assert kind_of(text) is kind


@pytest.mark.parametrize(
    "text",
    [
        "a name of a program invoked oom-killer: gfp_mask=0xcc0",
        "usb: Killed process 1 (init) total-vm:1kB",
        "Killed process " + "7" * 11 + " (x) total-vm:1kB",
        "oom_reaper: reaped process " + "7" * 11 + " (x)",
    ],
)
def test_what_no_kernel_prints_is_no_part_of_a_dump(text: str) -> None:
    assert kind_of(text) is None


def test_a_kinds_number_is_its_place_in_the_dump() -> None:
    assert Kind.HEADER < Kind.TASK_IN < Kind.USAGE < Kind.STATS < Kind.ROW < Kind.SUMMARY < Kind.KILLED < Kind.REAPED
