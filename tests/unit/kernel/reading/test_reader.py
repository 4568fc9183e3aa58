from oomreport.kernel.reading.reader import Reader, invocations_of_records, invocations_of_text

_KILLED = "Memory cgroup out of memory: Killed process {} (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB"


def test_a_log_of_several_machines_is_taken_apart_by_their_names() -> None:
    header = "x invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0"
    lines = [(host, text) for text in (header, _KILLED) for host in ("one", "two")]
    log = [f"Nov 21 01:00:00 {host} kernel: {text.format(len(host) + ord(host[0]))}" for host, text in lines]
    found = list(invocations_of_text(line.encode() for line in log))
    assert [([victim.pid for victim in one.victims], one.trigger is not None) for one in found] == [
        ([114], True),
        ([119], True),
    ]


def test_a_machine_whose_lines_begin_behind_what_was_not_read_has_lost_nothing_that_is_known() -> None:
    reader = Reader()
    reader.passed_over()
    found = reader.feed(f"3,9,1,-;{_KILLED.format(5)}".encode()) + reader.flush()
    assert [one.lost_before for one in found] == [None]


def test_what_is_no_record_is_passed_over() -> None:
    log = [b"text", f"3,9,1,-;{_KILLED.format(5)}".encode(), b" SUBSYSTEM=net"]
    assert [one.victims[0].pid for one in invocations_of_records(log)] == [5]


def test_a_paste_may_name_its_only_machine_on_some_lines_alone() -> None:
    log = [
        "[   65.470256] oom-kill:constraint=CONSTRAINT_CPUSET,mems_allowed=0,global_oom,task_memcg=/s,task=x,pid=5,uid=0",
        "Apr  4 09:08:53 debian kernel: [   65.481992] Out of memory: Killed process 5 (x) total-vm:8kB, anon-rss:4kB",
    ]
    (found,) = invocations_of_text(line.encode() for line in log)
    assert (found.constraint, found.victims[0].anon_rss_bytes) == ("CONSTRAINT_CPUSET", 4096)
