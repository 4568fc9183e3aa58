import pytest

from oomreport.kernel.dump.entry import entry_of
from oomreport.kernel.dump.facts import facts_of
from oomreport.kernel.dump.fast_path import Whole, whole_of
from oomreport.kernel.text.kind import Kind

_LINES = (
    "node invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=939",
    "CPU: 0 PID: 212 Comm: node Not tainted 6.1.0 #1",
    "Call Trace:",
    " ? dump_header+0x4a/0x200",
    "memory: usage 57344kB, limit 57344kB, failcnt 24",
    "Memory cgroup stats for /kubepods/pod1/c:",
    "anon 57610240\\x0afile 12288",
    "Tasks state (memory values in pages):",
    "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
    "[    212]     0   212    14924    13669   151552        0           939 node",
    "[    213]     0   213    14924    13669   151552        0           939 a\\x0ab",
    "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/c,task_memcg=/c,task=a,pid=212,uid=0",
    "Memory cgroup out of memory: Killed process 212 (node) total-vm:59696kB, anon-rss:53948kB, file-rss:0kB",
)


def whole(*texts: str, numbers: range | None = None, step: int = 7) -> Whole | None:
    block = b"".join(
        b"6,%d,%d,-;%s\n" % (number, 5_000_000 + n * step, text.encode())
        for n, (number, text) in enumerate(zip(numbers or range(100, 200), texts, strict=False))
    )
    return whole_of(block + b"6,300,5001000,-;eth0: link\n", 0, len(block))


def test_a_plain_dump_is_taken_from_its_header_to_its_kill() -> None:
    found = whole(*_LINES)
    assert found is not None
    facts = found.facts()
    assert facts is not None
    assert facts == facts_of(found.entries())
    assert (found.pid, facts.first.sequence, facts.last.sequence) == (212, 100, 112)
    assert facts.log == "\n".join(_LINES[:2] + _LINES[4:]).replace("\\x0a", "\n")
    assert facts.memory is not None
    assert facts.memory.stat == {"anon": 57610240, "file": 12288}
    assert [entry.kind for entry in found.entries()] == [
        Kind.HEADER, Kind.CPU, Kind.TRACE, Kind.TRACE, Kind.USAGE, Kind.STATS, Kind.STAT, Kind.TABLE_TITLE, Kind.TABLE_HEAD, Kind.ROW, Kind.ROW,
        Kind.SUMMARY, Kind.KILLED,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (3, "usb 1-1: new device"),
        (10, "x invoked oom-killer: gfp_mask=0x0"),
        (10, "[    214]     0   214    14924    13669   151552        0           939 a\\x69b"),
        (12, "Memory cgroup out of memory: Killed process 213 (node) total-vm:59696kB"),
    ],
)
def test_what_is_not_plain_is_left_to_be_read_line_by_line(place: int, line: str) -> None:
    assert whole(*_LINES[:place], line, *_LINES[place:]) is None


def test_a_name_too_long_for_a_comm_begins_no_dump() -> None:
    assert whole("a name of a program" + _LINES[0].removeprefix("node"), *_LINES[1:]) is None


@pytest.mark.parametrize(
    "line", [" invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0", _LINES[0]]
)
def test_neither_a_name_nor_the_line_of_the_processor_need_be_there(line: str) -> None:
    found = whole(line, *_LINES[2:])
    assert found is not None
    assert (found.first.text, found.pid) == (line, 212)


def test_a_missing_number_or_a_long_pause_is_no_plain_dump() -> None:
    assert whole(*_LINES, numbers=range(100, 200, 2)) is None
    assert whole(*_LINES, step=-1) is None
    assert whole(*_LINES, step=300_000) is None
    assert whole(*_LINES[:-1]) is None


def test_names_with_parentheses_and_commas_are_read_at_once_as_well() -> None:
    lines = [line.replace("(node)", "(a (b), c)").replace("task=a,", "task=a (b), c,") for line in _LINES]
    found = whole(*lines)
    assert found is not None
    facts = found.facts()
    assert facts is not None
    assert facts == facts_of(found.entries())
    assert (facts.kills[0].comm, facts.summary.comm) == ("a (b), c", "a (b), c")


def test_a_release_is_read_only_where_it_stands() -> None:
    found = whole(_LINES[0], "CPU: 0 PID: 212 Comm: node Not tainted ,6.1.0-9 #1 Debian 6.1.1-1", *_LINES[2:])
    assert found is not None
    facts = found.facts()
    assert facts is not None
    assert facts.release == facts_of(found.entries()).release


def test_a_killed_thread_whose_row_names_the_process_of_the_summary_is_read_at_once() -> None:
    row = "[    214]     0   212    14924    13669   151552        0           939 VM Thread"
    kill = _LINES[-1].replace("212 (node)", "214 (VM Thread)")
    found = whole(*_LINES[:9], row, *_LINES[11:-1], kill)
    assert found is not None
    facts = found.facts()
    assert facts is not None
    assert (found.pid, found.victim, facts.kills[0].pid) == (212, 214, 214)
    assert facts == facts_of(found.entries())
    assert whole(*_LINES[:9], row.replace(" 212 ", " 214 "), *_LINES[11:-1], kill) is None


def test_the_others_of_a_group_and_the_reaper_may_stand_behind_it() -> None:
    found = whole(*_LINES)
    assert found is not None
    later = []
    for n, text in enumerate(
        (
            "Tasks in /c are going to be killed due to memory.oom.group set",
            _LINES[-1],
            _LINES[-1].replace("212 (node)", "213 (sh)"),
            "oom_reaper: reaped process 212 (node), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB",
        )
    ):
        line = found.last._replace(text=text, sequence=113 + n)
        assert line.kind is not None
        later.append(entry_of(line.kind, line))
    facts = found.facts(later)
    assert facts is not None
    assert ([kill.pid for kill in facts.kills], facts.group_kill, facts.reaped) == ([212, 213], True, frozenset({212}))
    assert facts == facts_of([*found.entries(), *later])
    cut = found.last._replace(text="Memory cgroup out of memory: Killed process 21")
    assert found.facts([*later, entry_of(Kind.KILLED, cut)]) is None
