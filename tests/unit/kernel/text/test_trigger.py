import pytest

from oomreport.kernel.record import Trigger
from oomreport.kernel.text.trigger import cpu_of, trigger_of


def test_a_header_names_the_task_whose_allocation_failed() -> None:
    assert trigger_of("node invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=939") == Trigger(
        comm="node", gfp_mask="0xcc0", order=0, oom_score_adj=939
    )
    assert trigger_of("eth0: link becomes ready") is None


def test_of_a_cut_header_what_is_whole_is_read() -> None:
    cut = trigger_of("node invoked oom-killer: gfp_mask=0xcc")
    assert cut == Trigger(comm="node")
    assert trigger_of("node invoked oom-killer: gfp_mask=0xcc0, order=0, oom_score_adj=93...") == Trigger(
        comm="node", gfp_mask="0xcc0", order=0
    )


def test_a_number_of_too_many_digits_is_not_read() -> None:
    found = trigger_of(f"node invoked oom-killer: gfp_mask=0xcc0(A), order={'7' * 5000}, oom_score_adj={'7' * 5000}")
    assert found == Trigger(comm="node", gfp_mask="0xcc0")


@pytest.mark.parametrize(
    ("text", "pid", "release"),
    [
        (
            "CPU: 0 PID: 212 Comm: node Not tainted 6.1.0-56-cloud-amd64 #1  Debian 6.1.192-2",
            212,
            "6.1.0-56-cloud-amd64",
        ),
        ("CPU: 1 UID: 0 PID: 9 Comm: x Tainted: G           O      4.19.81 #1", 9, "4.19.81"),
        ("Pid: 7, comm: httpd Not tainted 2.6.32-431.el6.x86_64 #1", 7, "2.6.32-431.el6.x86_64"),
        ("Pid: 7, comm: httpd Not tainted (2.6.18-8.el5 #1)", 7, "2.6.18-8.el5"),
        ("CPU: 0 PID: 212 Comm: node Not tainted", 212, None),
        ("CPU: 0 PID: 212 Comm: node Not tainted 6.1.0-5", 212, None),  # cut, perhaps
        ("CPU: 0 PID: " + "7" * 11 + " Comm: x", None, None),
    ],
)
def test_the_cpu_line_has_the_pid_and_the_release(text: str, pid: int | None, release: str | None) -> None:
    assert cpu_of(text)[:2] == (pid, release)


@pytest.mark.parametrize(
    ("text", "comm"),
    [
        ("CPU: 1 PID: 9 Comm: tmux: server Tainted: G           O      4.19.81 #1", "tmux: server"),
        ("CPU: 1 PID: 9 Comm: x Kdump: loaded Not tainted 4.18.0 #1", "x"),
        ("CPU: 1 PID: 9 Comm: a Not tainted Not tainted 4.19.81 #1", "a Not tainted"),
        ("Pid: 7, comm: httpd Not tainted 2.6.32-431.el6.x86_64 #1", "httpd"),
        ("CPU: 0 PID: 212 Comm: no", None),  # cut, perhaps
    ],
)
def test_the_cpu_line_names_its_task(text: str, comm: str | None) -> None:
    assert cpu_of(text).comm == comm
