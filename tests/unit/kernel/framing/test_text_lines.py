import pytest

from oomreport.kernel.framing.stage import EntryText, TextLine
from oomreport.kernel.framing.text_lines import TextLines
from oomreport.kernel.line import Line
from oomreport.kernel.record import Stamp


def test_colours_are_taken_off() -> None:
    (item,) = TextLines().feed(b"\x1b[32m[    9.000002] \x1b[0m\x1b[33mx invoked\x1b[0m") or ()
    assert isinstance(item, TextLine)
    assert (item.line.text, item.line.stamp.monotonic_us) == ("x invoked", 9_000_002)


def test_the_prefix_of_an_entrys_text_is_taken_off_and_the_entrys_fields_are_kept() -> None:
    entry = Line(text="", host="node-1", stamp=Stamp(monotonic_us=1))
    (item,) = TextLines().feed(EntryText("[    9.000002] text", entry)) or ()
    assert isinstance(item, TextLine)
    assert (item.line.text, item.line.host, item.line.stamp.monotonic_us) == ("text", "node-1", 9_000_002)


def test_an_entry_may_hold_several_lines_of_a_log_or_one_with_newlines() -> None:
    several = EntryText("[    9.000002] a\n[    9.000003] b", Line(text=""))
    assert [item.line.text for item in TextLines().feed(several) or () if isinstance(item, TextLine)] == ["a", "b"]
    one = Line(text="Memory cgroup stats for /a:\nanon 5")
    assert TextLines().feed(EntryText(one.text, one)) == [one]


def test_the_further_lines_of_a_programs_message_are_the_programs() -> None:
    stage = TextLines()
    killed = b"Out of memory: Killed process 5 (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB"
    kernel = []
    for raw in (b"Nov 30 10:56:53 node-1 app[1]: x", b" " * 31 + killed, b"Nov 30 10:56:53 node-1 kernel: " + killed):
        (item,) = stage.feed(raw) or ()
        assert isinstance(item, TextLine)
        kernel.append(item.line.kernel)
    assert kernel == [False, False, True]


@pytest.mark.parametrize("marker", [b"#", b"//"])
def test_a_comment_for_a_linter_behind_a_commented_line_is_no_part_of_it(marker: bytes) -> None:
    raw = (
        marker
        + b" Sep 19 08:35:40 h kernel: Memory cgroup out of memory: Kill process 5 (a) score 1 or sacrifice child"
    )
    (plain,) = TextLines().feed(raw) or ()
    (linted,) = TextLines().feed(raw + b"  " + marker + b" noqa: E501") or ()
    assert isinstance(plain, TextLine)
    assert isinstance(linted, TextLine)
    assert linted.line == plain.line


def test_the_same_words_behind_a_line_that_is_no_comment_stay() -> None:
    (item,) = TextLines().feed(b"[    9.000002] x invoked  # noqa: E501") or ()
    assert isinstance(item, TextLine)
    assert item.line.text == "x invoked  # noqa: E501"


def test_a_newline_that_got_lost_behind_a_summary_is_found() -> None:
    summary = b"oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/%b,task=x,pid=42,uid=1001"
    joined = (
        b"[   10.000001] "
        + summary % b"a"
        + b"[   10.000002] Out of memory: Kill process 42 (x) score 4 or sacrifice child"
    )
    items = [item for item in TextLines().feed(joined) or () if isinstance(item, TextLine)]
    assert [item.line.stamp.monotonic_us for item in items] == [10_000_001, 10_000_002]
    assert items[0].line.text.endswith(",uid=1001")


def test_the_rest_of_an_event_is_not_the_kernels() -> None:
    event = b"kernel-monitor\tOOMKilling\tMemory cgroup out of memory: Kill process 5 (x) score 8 or sacrifice child"
    killed = b"Killed process 6 (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB"
    stage = TextLines()
    kernel = []
    for raw in (event, killed, killed, event, b"[    9.000002] " + killed):
        (item,) = stage.feed(raw) or ()
        assert isinstance(item, TextLine)
        kernel.append(item.line.kernel)
    assert kernel == [True, False, True, True, True]
