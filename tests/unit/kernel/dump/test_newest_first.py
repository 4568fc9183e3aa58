"""What runs backwards is turned round; what only looks so is not."""

from oomreport.kernel.reading.reader import invocations_of_text

_SUMMARY = "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a/{0},task=x,pid={0},uid=0"
_KILLED = "Memory cgroup out of memory: Killed process {} (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB"
_HEADER = "x invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0"


def said(*lines: str) -> list[tuple[list[int], str | None, bool]]:
    found = invocations_of_text([line.encode() for line in lines])
    return [([victim.pid for victim in one.victims], one.task_memcg, one.trigger is not None) for one in found]


def test_a_kill_line_in_front_of_its_summary_is_one_kill() -> None:
    assert said(
        f"[    9.000003] {_KILLED.format(5)}", f"[    9.000002] {_SUMMARY.format(5)}", f"[    9.000001] {_HEADER}"
    ) == [([5], "/a/5", True)]


def test_a_line_of_the_second_dump_is_not_of_the_first_where_the_clock_stands_still() -> None:
    assert said(
        f"Jan  2 03:04:05 n kernel: {_KILLED.format(5)}",
        f"Jan  2 03:04:05 n kernel: {_SUMMARY.format(6)}",
        f"Jan  2 03:04:05 n kernel: {_KILLED.format(6)}",
    ) == [([5], None, False), ([6], "/a/6", False)]


def test_a_later_dump_is_a_dump_of_its_own() -> None:
    assert said(
        f"[    9.000001] {_KILLED.format(5)}",
        f"[    9.000002] {_SUMMARY.format(6)}",
        f"[    9.000003] {_KILLED.format(6)}",
    ) == [([5], None, False), ([6], "/a/6", False)]
