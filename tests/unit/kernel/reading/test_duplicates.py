"""The same kill counts once; another one of the same program counts."""

from oomreport.kernel.reading.reader import invocations_of_text

_KILLED = "Memory cgroup out of memory: Killed process {} (x) total-vm:8kB, anon-rss:{}kB, file-rss:0kB"
_HEADER = "x invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0"


def said(*lines: str) -> list[tuple[list[int], bool]]:
    found = invocations_of_text([line.encode() for line in lines])
    return [([victim.pid for victim in one.victims], one.trigger is not None) for one in found]


def test_a_grep_before_the_whole_log_is_no_second_kill() -> None:
    assert said(
        f"[    9.000002] {_KILLED.format(5, 4)}", f"[    9.000001] {_HEADER}", f"[    9.000002] {_KILLED.format(5, 4)}"
    ) == [([5], True)]


def test_another_moment_is_another_kill() -> None:
    assert said(f"[    9.000002] {_KILLED.format(5, 4)}", f"[  900.000002] {_KILLED.format(5, 4)}") == [
        ([5], False),
        ([5], False),
    ]


def test_another_process_of_the_same_size_is_another_kill() -> None:
    assert said(_KILLED.format(5, 4), _KILLED.format(6, 4)) == [([5], False), ([6], False)]


def test_another_size_is_another_kill() -> None:
    wall = "[Fri Jan  2 03:0{}:05 2026]"
    assert said(f"{wall.format(1)} {_KILLED.format(5, 4)}", f"{wall.format(9)} {_KILLED.format(5, 8)}") == [
        ([5], False),
        ([5], False),
    ]


def test_two_headers_of_one_program_are_two_dumps() -> None:
    header = f"[Jul29 23:40] {_HEADER}"
    assert len(said(header, header)) == 2
