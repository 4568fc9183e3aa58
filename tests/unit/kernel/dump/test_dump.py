import pytest

from oomreport.kernel.dump.dump import Dump, microseconds_between
from oomreport.kernel.dump.entry import Entry, entry_of
from oomreport.kernel.line import Line
from oomreport.kernel.record import Stamp
from oomreport.kernel.text.table import CutRow, Row

_HEADER = "node invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=939"
_HEAD = "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name"
_SUMMARY = "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a,task=x,pid={},uid=0"
_KILLED = "Memory cgroup out of memory: Killed process {} (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB"
_GROUP = "Tasks in /a are going to be killed due to memory.oom.group set"


def entry(text: str, at: int = 5_000_000) -> Entry:
    line = Line(text, Stamp(at))
    assert line.kind is not None
    return entry_of(line.kind, line)


def dump(*texts: str) -> Dump:
    made = Dump()
    for text in texts:
        made.add(entry(text))
    return made


def test_a_kill_of_the_summarys_pid_belongs_to_the_dump_and_any_other_does_not() -> None:
    one = dump(_HEADER, _SUMMARY.format(7))
    assert one.accepts(entry(_KILLED.format(7)))
    assert not dump(_HEADER, _HEAD, "[  8]     0     8 1 1 4096 0 0 x", _SUMMARY.format(7)).accepts(
        entry(_KILLED.format(8))
    )


def test_the_leader_of_the_summarys_thread_may_die_for_it() -> None:
    assert dump(_HEADER, _HEAD, "[  8]     0     7 1 1 4096 0 0 x", _SUMMARY.format(7)).accepts(
        entry(_KILLED.format(8))
    )


def test_a_header_begins_another_dump() -> None:
    assert not dump(_HEADER).accepts(entry(_HEADER))


def test_what_comes_earlier_in_a_dump_begins_another_one_unless_it_is_a_repeat() -> None:
    one = dump(_HEADER, "memory: usage 8kB, limit 8kB, failcnt 1", _HEAD)
    assert one.accepts(entry("memory: usage 8kB, limit 8kB, failcnt 1"))
    assert not one.accepts(entry("memory: usage 9kB, limit 9kB, failcnt 1"))


def test_a_group_adds_victims() -> None:
    one = dump(_HEADER, _SUMMARY.format(7), _KILLED.format(7), _GROUP)
    assert one.accepts(entry(_KILLED.format(9)))
    assert one.without_next_victim() is None


def test_a_kill_line_before_the_next_group_is_given_away() -> None:
    one = dump(_KILLED.format(7), _GROUP, _KILLED.format(7), _KILLED.format(9))
    given = one.without_next_victim()
    assert given == entry(_KILLED.format(9))
    assert one.victims == {7}


@pytest.mark.parametrize(("at", "belongs"), [(34_000_000, True), (36_000_000, False), (3_000_000, False)])
def test_time_ends_a_dump_that_has_not_killed(at: int, *, belongs: bool) -> None:
    assert dump(_HEADER).accepts(entry(_SUMMARY.format(7), at)) is belongs


def test_behind_a_cut_a_shorter_time_ends_it() -> None:
    later = entry(_SUMMARY.format(7), 9_000_000)
    assert dump(_HEADER).accepts(later)
    assert not dump(_HEADER).accepts(later._replace(line=later.line._replace(behind_cut=True)))


def test_rows_are_read_by_the_head_above_them() -> None:
    one = dump(
        _HEADER,
        _HEAD,
        "[    212]     0   212    14924    13669   151552        0           939 node",
        "[  8]     0     8 1 1 ",
    )
    assert [type(each.value) for each in one.entries[2:]] == [Row, CutRow]
    assert one.tgids == {212: 212, 8: 8}


def test_the_rest_of_a_split_record_is_read_with_it() -> None:
    one = dump(_HEADER, _SUMMARY.format(7).partition(",task=")[0])
    assert one.summary_pid is None
    one.extend_last(",task=x,pid=7,uid=0")
    assert one.summary_pid == 7
    assert len(one.entries) == 2


def test_lines_that_share_no_clock_have_no_time_between_them() -> None:
    assert microseconds_between(Line("", Stamp(1)), Line("", Stamp(4))) == 3
    assert microseconds_between(Line(""), Line("", Stamp(4))) is None
