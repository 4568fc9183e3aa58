from oomreport.kernel.dump.dump import Dump
from oomreport.kernel.dump.entry import entry_of
from oomreport.kernel.dump.invocation import invocation_of
from oomreport.kernel.line import Line
from oomreport.kernel.record import ChosenProcess, Invocation, ScoreSource, Stamp

_SUMMARY = "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a/b,task=x,pid=7,uid=5"
_KILLED = "Memory cgroup out of memory: Killed process 7 (x) total-vm:65536kB, anon-rss:4kB, file-rss:0kB"
_HEAD = "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name"


def invocation(*texts: str, lost_before: int | None = 0) -> Invocation:
    dump = Dump(lost_before=lost_before)
    for number, text in enumerate(texts):
        line = Line(text, Stamp(1000 + number), 50 + number)
        assert line.kind is not None
        dump.add(entry_of(line.kind, line))
    return invocation_of(dump)


def test_a_victim_that_only_the_summary_names_is_one() -> None:
    (victim,) = invocation(_SUMMARY).victims
    assert (victim.pid, victim.comm, victim.uid) == (7, "x", 5)


def test_what_the_kill_line_leaves_out_the_summary_and_the_table_add() -> None:
    found = invocation(
        _HEAD, "[  7]     3     7    16384       90     4096        0           -17 x", _SUMMARY, _KILLED
    )
    (victim,) = found.victims
    assert (victim.uid, victim.oom_score_adj, victim.total_vm_bytes) == (3, -17, 64 << 20)
    assert (found.task_count, found.killed, found.first) == (1, Stamp(1003), Stamp(1000))
    assert (found.sequence_first, found.sequence_last) == (50, 53)


def test_the_page_size_is_what_the_kill_line_and_the_table_agree_on() -> None:
    found = invocation(
        _HEAD, "[  7]     3     7     1024       90     4096        0             0 x", _SUMMARY, _KILLED
    )
    assert found.tasks[0].rss_bytes == 90 * 65536


def test_a_printed_score_is_told_from_a_computed_one() -> None:
    found = invocation(
        "Memory cgroup out of memory: Kill process 7 (x) score 786 or sacrifice child", "Killed process 7 (x) total-vm:8kB"
    )  # fmt: skip
    (victim,) = found.victims
    assert (victim.oom_score, victim.oom_score_source) == (786, ScoreSource.PRINTED)


def test_negative_loss_is_none_and_loss_of_lines_that_were_not_read_unknown() -> None:
    assert invocation(_KILLED, lost_before=-3).lost_before == 0
    assert invocation(_KILLED, lost_before=None).lost_before is None
    assert invocation(_KILLED, lost_before=2**70).lost_before == 2**63 - 1


_PARENT = "Memory cgroup out of memory: Kill process 200 (parent) score 300 or sacrifice child"
_CHILD = "Killed process 201 (child) total-vm:36000kB, anon-rss:4000kB, file-rss:0kB"


def test_the_score_is_the_chosen_process_s_where_the_table_says_that_its_child_died() -> None:
    found = invocation(
        "[ pid ]   uid  tgid total_vm      rss nr_ptes nr_pmds swapents oom_score_adj name",
        "[  200]     0   200    10000     3000      20       4        0             0 parent",
        "[  201]     0   201     9000     1000      20       4        0          -500 child",
        _PARENT,
        _CHILD,
    )
    (victim,) = found.victims
    assert (victim.pid, victim.oom_score, victim.oom_score_source, victim.oom_score_adj) == (201, None, None, -500)
    assert found.chosen == ChosenProcess(pid=200, comm="parent", oom_score=300)


def test_the_score_of_a_thread_is_its_process_s() -> None:
    found = invocation(
        "[ pid ]   uid  tgid total_vm      rss nr_ptes nr_pmds swapents oom_score_adj name",
        "[  200]     0   201    10000     3000      20       4        0             0 parent",
        _PARENT,
        _CHILD,
    )
    assert found.victims[0].oom_score == 300


def test_who_was_chosen_is_known_where_the_kill_line_is_lost() -> None:
    found = invocation("Out of memory: Kill process 800 (svc) score 897 or sacrifice child")
    assert found.victims == ()
    assert found.chosen == ChosenProcess(pid=800, comm="svc", oom_score=897)


def test_a_chosen_process_that_died_is_told_once() -> None:
    assert invocation(_PARENT, _CHILD.replace("201", "200")).chosen is None


def test_openvz_prints_the_score_on_the_kill_line() -> None:
    (victim,) = invocation(
        "Out of memory in UB 77: OOM killed process 1000 (php-cgi) score 3 vm:281988kB, rss:17004kB, swap:0kB"
    ).victims
    assert (victim.oom_score, victim.oom_score_source) == (3, ScoreSource.PRINTED)
    assert victim.total_vm_bytes == 281988 * 1024


def test_the_nodes_that_bound_the_allocation_are_known() -> None:
    found = invocation(
        "oom-kill:constraint=CONSTRAINT_MEMORY_POLICY,nodemask=1,cpuset=/,mems_allowed=0-1,global_oom,"
        "task_memcg=/a,task=x,pid=7,uid=5"
    )
    assert (found.nodemask, found.mems_allowed) == ("1", "0-1")
