import pytest

from oomreport.cli.logs.choice import choice
from oomreport.kernel.reading.reader import invocations_of_text

HEAD = "[ pid ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name\n"
KILLED = "Memory cgroup out of memory: Killed process 7 (a) total-vm:40kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB\n"


def said(log: str) -> str:
    (invocation,) = invocations_of_text(log.encode().split(b"\n"))
    return " ".join(choice(invocation))


def row(pid: int, adj: int = 0) -> str:
    return f"[{pid:5d}]     0 {pid:5d}     1000      100    20480        0 {adj:13d} a\n"


def test_a_lone_candidate_is_said_to_be_that_only_in_a_whole_table() -> None:
    assert "there was no other candidate" in said(HEAD + row(7) + KILLED)
    assert "no other candidate" not in said(row(7) + KILLED)
    assert "The table of candidates is cut: the log shows one of them." in said(row(7) + KILLED)


@pytest.mark.parametrize(
    ("end", "why"),
    [
        ("Out of memory: compulsory panic_on_oom is enabled", "vm.panic_on_oom is 2"),
        ("Out of memory: system-wide panic_on_oom is enabled", "vm.panic_on_oom is set"),
        ("System is deadlocked on memory", "there was nothing left to kill"),
        ("Out of memory and no killable processes...", "there was nothing left to kill"),
    ],
)
def test_a_panic_says_why_by_the_kernels_words(end: str, why: str) -> None:
    log = f"x invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\nKernel panic - not syncing: {end}\n"
    assert said(log) == f"Instead of killing a process the kernel stopped: {why}."


def test_a_selection_without_a_kill_names_whom_the_kernel_chose() -> None:
    text = said("Out of memory: Kill process 800 (svc) score 897 or sacrifice child\n")
    assert text == 'The kernel chose process 800 "svc", with a score of 897. Which process died the log does not say.'
