"""What is read at once says what the same lines say one by one, whatever happens to them."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oomreport.kernel.dump.facts import facts_of
from oomreport.kernel.dump.fast_path import Whole, whole_of
from oomreport.kernel.kmsg import line_of_record
from records.records import FOLDERS, log_of
from support.logs import assert_same, read, searched

_DUMPS = [
    [record.split(b";", 1)[1] for record in log_of(folder).split(b"\n") if line_of_record(record)]
    for folder in FOLDERS
    if folder.name.startswith("kernel-") and b"invoked oom-killer" in log_of(folder)
]
_DUMPS = [dump for dump in _DUMPS if len(dump) < 400]
_PLAIN = [dump for dump in _DUMPS if dump[0].endswith(b"oom_score_adj=939")][::5] or _DUMPS[::5]
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
    """Return two captures behind a quiet record, some of whose records were changed, lost, moved, or joined by
    others.
    """
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


def whole_from(dump: list[bytes]) -> Whole | None:
    log = b"\n".join([*records(dump, 2, 5_000_000), b""])
    return whole_of(log, max(log.rfind(b"\n", 0, log.find(b"invoked oom-killer")) + 1, 0), len(log))


def test_most_whole_captures_say_at_once_what_their_lines_say() -> None:
    whole = [found for dump in _DUMPS if (found := whole_from(dump)) is not None]
    at_once = [(found, facts) for found in whole if (facts := found.facts()) is not None]
    assert [facts for _, facts in at_once] == [facts_of(found.entries()) for found, _ in at_once]
    assert len(at_once) > 0.8 * len(whole)


@st.composite
def garbled(draw: st.DrawFn) -> list[bytes]:
    """Return a capture in which one of the lines that the fast path reads by a pattern of its own was changed."""
    dump = list(draw(st.sampled_from(_PLAIN)))
    begins = draw(st.sampled_from([b"oom-kill:", b"Memory cgroup out", b"[ ", b"memory: ", b"anon ", dump[0][:8]]))
    places = [place for place, text in enumerate(dump) if text.startswith(begins)]
    place = draw(st.sampled_from(places or [len(dump) - 1]))
    for _ in range(draw(st.integers(1, 3))):
        dump[place] = changed(dump[place], draw).replace(b"\n", b"")
    return dump


@given(garbled())
@settings(max_examples=600, deadline=None)
def test_a_garbled_line_says_at_once_what_it_says_alone(dump: list[bytes]) -> None:
    found = whole_from(dump)
    facts = found.facts() if found is not None else None
    assert found is None or facts is None or facts == facts_of(found.entries())


_CONTINUED = [folder for folder in FOLDERS if folder.name.startswith("kernel-") and "cgroup-path" in folder.name]
_THREADS = [
    folder for folder in FOLDERS if folder.name.startswith("kernel-") and "threads-leader-exited" in folder.name
]


def plain_records(log: bytes) -> list[bytes]:
    """Return a capture's records of the kernel, without their properties."""
    return [record for record in log.split(b"\n") if record[:1].isdigit() and int(record.split(b",")[0]) < 8]


@pytest.mark.parametrize("folder", [*_CONTINUED, *_THREADS], ids=lambda folder: folder.name)
def test_records_in_pieces_and_killed_threads_are_read_at_once_and_say_the_same(folder: Path) -> None:
    records_of_one = plain_records(log_of(folder))
    heads, rest = zip(*(record.split(b",", 3)[::3] for record in records_of_one), strict=True)
    log = b"6,1,1,-;eth0: link\n" + b"".join(
        b"%s,%d,%d,%s\n" % (head, n, 5_000_000 + n, text)
        for n, (head, text) in enumerate(zip(heads, rest, strict=True), 2)
    )
    begin = log.rfind(b"\n", 0, log.find(b"invoked oom-killer")) + 1
    found = whole_of(log, begin, len(log))
    assert found is not None
    facts = found.facts()
    assert facts is not None
    assert facts == facts_of(found.entries())
    assert_same(searched(log, 1 << 20), read(log))


@given(st.sampled_from([*_CONTINUED, *_THREADS]), st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_record_in_pieces_says_what_its_lines_say(folder: Path, data: st.DataObject) -> None:
    lines = plain_records(log_of(folder))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(max(len(lines) - 9, 0), len(lines) - 1))
        change = data.draw(st.sampled_from(["lose", "swap", "byte", "flag"]))
        if change == "lose":
            del lines[place]
        elif change == "swap":
            lines[place], lines[place - 1] = lines[place - 1], lines[place]
        elif change == "flag":
            lines[place] = (
                lines[place].replace(b",-;", b",c;", 1)
                if b",-;" in lines[place]
                else lines[place].replace(b",c;", b",-;", 1)
            )
        else:
            lines[place] = changed(lines[place], data.draw).replace(b"\n", b"")
    numbered = []
    for n, line in enumerate(lines):
        head, _, _, rest = (*line.split(b",", 3), b"", b"", b"")[:4]
        numbered.append(b"%s,%d,%d,%s" % (head, 10 + n, 5_000_000 + n, rest))
    log = b"\n".join([b"6,1,1,-;eth0: link", *numbered, b""])
    assert_same(searched(log, 1 << 20), read(log))
