from oomreport.kernel.dump.dump import Dump
from oomreport.kernel.dump.entry import entry_of
from oomreport.kernel.dump.facts import DumpFacts, facts_of
from oomreport.kernel.line import Line
from oomreport.kernel.record import Part

_SUMMARY = "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a/b,task=x,pid=7,uid=5"


def facts(*texts: str) -> DumpFacts:
    dump = Dump()
    for text in texts:
        line = Line(text)
        assert line.kind is not None
        dump.add(entry_of(line.kind, line))
    return facts_of(dump.entries)


def test_the_header_gets_its_pid_from_the_cpu_line() -> None:
    found = facts(
        "node invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=939",
        "CPU: 0 PID: 212 Comm: node Not tainted 6.1.0 #1",
    )
    assert found.trigger is not None
    assert (found.trigger.pid, found.release) == (212, "6.1.0")


def test_a_process_that_is_named_twice_died_once() -> None:
    line = "Memory cgroup out of memory: Killed process 7 (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB"
    found = facts(line, "Tasks in /a are going to be killed due to memory.oom.group set", line)
    assert [kill.pid for kill in found.kills] == [7]
    assert found.group_kill


def test_a_kill_line_that_ends_within_the_pid_has_the_summarys() -> None:
    summary = _SUMMARY.replace("pid=7", "pid=712")
    assert [kill.pid for kill in facts(summary, "Memory cgroup out of memory: Killed process 71").kills] == [712]
    assert facts(summary, "Memory cgroup out of memory: Killed process 8").kills == ()


def test_statistics_of_the_cgroups_below_add_up() -> None:
    found = facts(
        "anon 99",
        "memory: usage 8kB, limit 8kB, failcnt 1",
        "Memory cgroup stats for /a: cache:1KB rss:2KB",
        "Memory cgroup stats for /a/b: cache:4KB rss:8KB",
    )
    assert found.memory is not None
    assert found.memory.stat == {"cache": 5 * 1024, "rss": 10 * 1024}


def test_the_limit_is_whose_statistics_come_first_where_the_line_is_cut() -> None:
    found = facts(
        "Task in /a/b killed as a result of limit of /",
        "memory: usage 8kB, limit 8kB, failcnt 1",
        "Memory cgroup stats for /a: cache:1KB rss:2KB",
    )
    assert (found.summary.oom_memcg, found.summary.task_memcg) == ("/a", "/a/b")


def test_what_a_summary_does_not_say_the_kill_line_may_say() -> None:
    node = facts("Out of memory: Killed process 7 (x) total-vm:8kB")
    assert (node.is_global, node.summary.constraint) == (True, "CONSTRAINT_NONE")
    cpuset = facts("No available memory in cpuset: Kill process 7 (x) score 5 or a child")
    assert (cpuset.is_global, cpuset.summary.constraint) == (True, "CONSTRAINT_CPUSET")
    cgroup = facts("Memory cgroup out of memory: Killed process 7 (x) total-vm:8kB")
    assert (cgroup.is_global, cgroup.summary.constraint) == (False, "CONSTRAINT_MEMCG")


def test_the_call_trace_tells_where_no_other_line_does() -> None:
    header = "x invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0"
    assert facts(header, " mem_cgroup_out_of_memory+0xb0/0xd0").summary.constraint == "CONSTRAINT_MEMCG"
    assert facts(header, " ? mem_cgroup_out_of_memory+0xb0/0xd0").summary.constraint is None
    node = facts(header, " __alloc_pages_slowpath+0x1/0x2")
    assert (node.is_global, node.summary.constraint) == (True, None)
    assert " __alloc" not in node.log


def test_what_the_log_does_not_hold_is_missing() -> None:
    assert facts(_SUMMARY).missing == {Part.HEADER, Part.MEMORY_USAGE, Part.TASK_TABLE, Part.KILL_LINE}
    panic = facts("Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled")
    assert panic.panicked
    assert Part.KILL_LINE not in panic.missing
