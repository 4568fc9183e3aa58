"""What is read at once says what the same lines say one by one, whatever happens to them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from oomreport.kernel.dump.dump import Dump
from oomreport.kernel.dump.facts import said_by_lines
from oomreport.kernel.dump.fast_facts import said_at_once
from oomreport.kernel.dump.fast_path import whole_of
from oomreport.kernel.kmsg import line_of_record
from oomreport.kernel.text import killed, summary, table
from records.records import FOLDERS, log_of
from support.logs import assert_same, read, searched

_DUMPS = [
    [record.split(b";", 1)[1] for record in log_of(folder).split(b"\n") if line_of_record(record)]
    for folder in FOLDERS
    if folder.name.startswith("kernel-") and b"invoked oom-killer" in log_of(folder)
]
_DUMPS = [dump for dump in _DUMPS if len(dump) < 400]
_TEXTS = [text.decode("utf-8", "replace") for dump in _DUMPS for text in dump]
_SUMMARIES = [text for text in _TEXTS if text.startswith("oom-kill:")]
_KILLS = [text for text in _TEXTS if ": Killed process" in text]
_HEADS = sorted({text for text in _TEXTS if text.startswith("[  pid")})
_ROWS = [text for text in _TEXTS if text[:2] == "[ " and text not in _HEADS]
_PIECES = st.sampled_from(
    [b",", b"=", b" ", b")", b"(", b"\\", b"\\x0a", b"\\x69", b"/", b"0", b"a", b"\xff", b"\r", b"\0", b"\t", b";", b"kB",
     b",pid=1", b"uid=0", b"task=", b" invoked oom-killer: ", b": Killed process ", b"oom_memcg=/", b"\\x5c", b"-"]
)  # fmt: skip


def records(texts: list[bytes], number: int, stamp: int) -> list[bytes]:
    return [b"4,%d,%d,-;%s" % (number + n, stamp + n * 20, text) for n, text in enumerate(texts)]


def changed(text: bytes, draw: st.DrawFn) -> bytes:
    at, until = draw(st.integers(0, len(text))), draw(st.integers(0, 3))
    return text[:at] + draw(_PIECES) + text[at + until :]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return two captures behind a quiet record, some of whose records were changed, lost, moved, or joined by others."""
    lines = [b"6,1,1,-;eth0: link becomes ready"]
    for turn in range(2):
        dump = list(draw(st.sampled_from(_DUMPS)))
        for _ in range(draw(st.integers(0, 2))):
            place = draw(st.integers(0, len(dump) - 1))
            dump[place] = changed(dump[place], draw).replace(b"\n", b"")
        lines += records(dump, 100 + 1000 * turn, draw(st.sampled_from([5_000_000, 5_900_000])) + turn * 1_000_000)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(1, len(lines) - 1))
        change = draw(st.sampled_from(["lose", "double", "swap", "byte", "insert", "late"]))
        if change == "lose":
            del lines[place]
        elif change == "double":
            lines.insert(place, lines[place])
        elif change == "swap":
            lines[place], lines[place - 1] = lines[place - 1], lines[place]
        elif change == "byte":
            lines[place] = changed(lines[place], draw)
        elif change == "insert":
            _, sequence, stamp, _ = (*lines[place].split(b",", 3), b"", b"", b"")[:4]
            rest = draw(st.sampled_from([b"14,%s,%s,-;x", b"4,%s,%s,c;x", b"4,%s,%s,-,caller=T1;x", b"6,%s,%s,-;usb"]))
            lines.insert(place, rest % (sequence, stamp))
        else:
            pid = draw(st.sampled_from([b"1", b"104", b"212"]))
            lines.append(b"6,2990,7000000,-;oom_reaper: reaped process %s (x), now anon-rss:0kB, file-rss:0kB" % pid)
        lines = lines if len(lines) > 1 else [*lines, b"6,2,2,-;x"]
    return b"\n".join(lines) + b"\n"


@given(damaged(), st.sampled_from([1 << 20, 4096, 30_000]))
@settings(max_examples=150, deadline=None)
def test_a_dump_read_at_once_says_what_its_lines_say(log: bytes, size: int) -> None:
    assert_same(searched(log, size), read(log))


def test_most_captures_are_read_at_once_and_say_the_same() -> None:
    whole = 0
    for dump in _DUMPS:
        log = b"\n".join([b"6,1,1,-;eth0: link", *records(dump, 2, 5_000_000), b""])
        assert_same(searched(log, 1 << 20), read(log))
        begin = log.rfind(b"\n", 0, log.find(b"invoked oom-killer")) + 1
        whole += whole_of(log, begin, len(log)) is not None
    assert whole > 0.8 * len(_DUMPS)


def test_most_whole_captures_say_at_once_what_their_lines_say() -> None:
    whole = []
    for dump in _DUMPS:
        log = b"\n".join([*records(dump, 2, 5_000_000), b""])
        begin = log.rfind(b"\n", 0, log.find(b"invoked oom-killer")) + 1
        if (found := whole_of(log, begin, len(log))) is not None:
            whole.append(Dump.of_whole(found, lost_before=0))
    at_once = [(dump, said) for dump in whole if (said := said_at_once(dump)) is not None]
    assert [said for _, said in at_once] == [
        by_lines._replace(mem_info=list(by_lines.mem_info)) for by_lines in (said_by_lines(dump) for dump, _ in at_once)
    ]
    assert len(at_once) > 0.8 * len(whole)


@st.composite
def garbled(draw: st.DrawFn, texts: list[str]) -> str:
    text = draw(st.sampled_from(texts)).encode("utf-8", "replace")
    for _ in range(draw(st.integers(0, 3))):
        text = changed(text, draw)
    return text.decode("utf-8", "replace").replace("\\x0a", "\n")


@given(garbled(_SUMMARIES), st.booleans(), st.sampled_from([frozenset(), frozenset({"app"}), frozenset({"", "1"})]))
@settings(max_examples=600, deadline=None)
def test_a_plain_summary_says_what_any_summary_says(text: str, limited: bool, comms: frozenset[str]) -> None:  # noqa: FBT001
    plain = summary.plain_summary(text)
    limit = text.partition(",oom_memcg=")[2].partition(",")[0] if limited else None
    assert plain is None or plain == summary._summary_of(text, comms, limit)


@given(garbled(_KILLS))
@settings(max_examples=600, deadline=None)
def test_a_plain_kill_line_says_what_any_kill_line_says(text: str) -> None:
    plain = killed.plain_killed(text)
    assert plain is None or plain == killed._killed_of(text)


def test_lines_of_all_captures_are_mostly_plain() -> None:
    assert sum(summary.plain_summary(text) is not None for text in _SUMMARIES) > 0.8 * len(_SUMMARIES)
    assert sum(killed.plain_killed(text) is not None for text in _KILLS) > 0.8 * len(_KILLS)


@given(st.lists(garbled(_ROWS), max_size=8), st.sampled_from(_HEADS))
@settings(max_examples=300, deadline=None)
def test_rows_read_together_say_what_each_says(texts: list[str], head: str) -> None:
    columns = table.columns_of(head)
    alone = [row for row in (table.row_of(text, columns) for text in texts) if row is not None]
    assert table.rows_of(texts, columns) == alone
