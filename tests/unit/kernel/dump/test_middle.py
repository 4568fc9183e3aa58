import pytest

from oomreport.kernel.dump.middle import Middle, middle_of
from oomreport.kernel.kmsg import line_of_record
from oomreport.kernel.line import Line
from oomreport.kernel.text.kind import Kind

_HEADER = "node invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=939"
_LINES = (
    "CPU: 0 PID: 212 Comm: node Not tainted 6.1.0 #1",
    "Call Trace:",
    " <TASK>",
    " ? dump_header+0x4a/0x200",
    "memory: usage 57344kB, limit 57344kB, failcnt 24",
    "Memory cgroup stats for /kubepods/pod1/c:",
    "anon 57610240\\x0afile 12288",
    "Tasks state (memory values in pages):",
    "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
    "[    212]     0   212    14924    13669   151552        0           939 node",
    "[    213]     0   212    14924    13669   151552        0           939 a\\x0ab",
)
_SUMMARY = "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null)"


def records(*texts: str, number: int = 100, stamp: int = 5_000_000) -> bytes:
    return b"".join(b"6,%d,%d,-;%s\n" % (number + n, stamp + n, text.encode()) for n, text in enumerate(texts))


def middle(block: bytes) -> Middle | None:
    header = line_of_record(block[: block.find(b"\n")])
    assert isinstance(header, Line)
    return middle_of(block, block.find(b"\n") + 1, len(block), header)


def test_a_plain_middle_is_taken_up_to_the_summary() -> None:
    block = records(_HEADER, *_LINES, _SUMMARY)
    found = middle(block)
    assert found is not None
    assert block[found.end :].endswith(_SUMMARY.encode() + b"\n")
    assert found.end == block.rfind(b"\n", 0, -1) + 1
    assert [kind for kind, _ in found.entries] == [
        Kind.CPU, Kind.USAGE, Kind.STATS, Kind.STAT, Kind.TABLE_TITLE, Kind.TABLE_HEAD, Kind.ROW, Kind.ROW
    ]  # fmt: skip
    assert found.entries[3][1].text == "anon 57610240\nfile 12288"
    assert found.entries[-1][1].text.endswith(" a\nb")
    assert found.entries[-1][1].sequence == 111
    assert found.row_pids == {212: 212, 213: 212}
    assert b"dump_header" in found.trace


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (3, "usb 1-1: new device"),  # somebody else's in the trace
        (5, "x invoked oom-killer: gfp_mask=0x0"),
        (6, "Memory cgroup stats for /a\\x69nvoked oom-killer: x:"),  # a letter that is escaped
    ],
)
def test_what_is_not_plain_is_left_to_be_read_line_by_line(place: int, line: str) -> None:
    lines = [*_LINES]
    lines.insert(place, line)
    found = middle(records(_HEADER, *lines, _SUMMARY))
    assert found is None or all(line not in one.text for _, one in found.entries)
    assert found is None or Kind.ROW not in {kind for kind, _ in found.entries}


def test_a_missing_number_is_no_plain_middle() -> None:
    head = records(_HEADER, *_LINES[:4])
    assert middle(head + records(*_LINES[4:], _SUMMARY, number=106, stamp=5_000_005)) is None
    assert middle(head + records(*_LINES[4:], _SUMMARY, number=105, stamp=5_000_005)) is not None


@pytest.mark.parametrize("stamp", [4_999_999, 9_000_000])
def test_a_clock_that_steps_back_or_far_on_is_no_plain_middle(stamp: int) -> None:
    block = records(_HEADER, *_LINES[:4]) + records(*_LINES[4:], _SUMMARY, number=105, stamp=stamp)
    assert middle(block) is None


def test_a_table_whose_last_record_goes_on_is_left_to_be_read_line_by_line() -> None:
    found = middle(records(_HEADER, *_LINES) + b"6,112,5000012,c;the rest of the last row\n")
    assert found is not None
    assert found.entries[-1][0] is Kind.STAT
