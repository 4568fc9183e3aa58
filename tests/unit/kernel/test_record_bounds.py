"""What stands inside a record of the syslog text begins no part of a dump.

What a real dump prints is read as from kmsg.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from oomreport.adapters.node.syslog_source import SyslogSource
from oomreport.kernel.dump.assembler import Assembler
from oomreport.kernel.kmsg import line_of_record
from oomreport.kernel.line import Line
from oomreport.kernel.record import Invocation
from oomreport.kernel.text.kind import kind_of

RECORDS = Path(__file__).parents[2] / "records"
CAPTURES = sorted(path.parent for path in RECORDS.glob("kernel-*/log.kmsg"))


def records(capture: Path) -> list[Line]:
    """Return the kernel's records of a capture; syslog(2) joins no record that continues another."""
    raw = (capture / "log.kmsg").read_bytes().splitlines()
    lines = [line for each in raw if (line := line_of_record(each)) is not None]
    return [line for line in lines if not line.continued]


def as_syslog(line: Line, text: str | None = None) -> bytes:
    """Write a record as syslog(2) does: with its prefix before every line of its text."""
    stamp = line.stamp.monotonic_us or 0
    priority = (line.facility or 0) * 8 + (line.priority or 0)
    prefix = f"<{priority}>[{stamp // 1_000_000:5}.{stamp % 1_000_000:06}] "
    return b"".join(f"{prefix}{piece}\n".encode() for piece in (line.text if text is None else text).split("\n"))


def invocations(lines: list[Line]) -> Iterator[Invocation]:
    assembler = Assembler()
    for line in lines:
        yield from assembler.feed(line)
    yield from assembler.flush()


def read(text: bytes) -> list[Line]:
    source, lines = SyslogSource(lambda: text, lambda: 0), []
    while True:
        reading = source.read()
        lines += reading.lines
        if reading.drained:
            return lines


def kills(lines: list[Line]) -> list[tuple[str | None, list[int]]]:
    return [(each.task_memcg, [victim.pid for victim in each.victims]) for each in invocations(lines)]


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name.removeprefix("kernel-"))
def test_the_syslog_text_of_a_real_log_tells_the_same_kills_as_its_records(capture: Path) -> None:
    lines = records(capture)
    text = b"".join(as_syslog(line) for line in lines)
    assert kills(read(text)) == kills([line._replace(sequence=None) for line in lines])


_DUMPS = [line.text for capture in CAPTURES[::3] for line in records(capture) if kind_of(line.text) is not None]
_FAULT = "[14002]: segfault at 0 ip 00007f2f0f94c000 sp 00007ffd95d2a0b8 error 6 in memfd:"
# As far as 15 bytes go, a comm resembles these parts of a dump.
_COMMS = st.sampled_from(
    [
        "hog",
        "Kill process 1 ",
        "[1] 1 1 1 1 1 ",
        "anon 1\n",
        "a 1\nb 2\n",
        "x+0x1/0x2",
        "CPU: 1 PID: 1 ",
        "free:1",
        "Mem-Info:\n",
        "\n",
        "a\nb\n",
    ]
) | st.text(max_size=15)


@given(
    comm=_COMMS,
    parts=st.lists(st.sampled_from(_DUMPS), min_size=1, max_size=6),
    capture=st.sampled_from(CAPTURES[::9]),
    place=st.floats(0, 1),
    level=st.sampled_from([3, 4, 6]),
)
@example(
    comm="\n",
    parts=["my-app invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=1000"],
    capture=CAPTURES[0],
    place=0.0,
    level=3,
)
@example(
    comm="[1] 1 1 1 1 1 ",
    parts=["my-app invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=1000"],
    capture=CAPTURES[0],
    place=0.0,
    level=3,
)
def test_no_text_inside_a_record_begins_a_part_of_a_dump(
    comm: str, parts: list[str], capture: Path, place: float, level: int
) -> None:
    """A fault prints the comm (15 bytes) and the name of a memfd (249), both chosen by who has no right at all."""
    real = records(capture)
    at = round(place * (len(real) - 1))
    assume(at + 1 == len(real) or real[at].stamp != real[at + 1].stamp)
    name = "\n".join(["x", *parts]).encode()[:249].decode("utf-8", "ignore")
    text = f"{comm.replace(chr(0), '')[:15]}{_FAULT}{name}[0,7f2f0f94c000+1000]"
    fault = real[at]._replace(text=text, facility=0, priority=level)
    before, after = (b"".join(as_syslog(line) for line in each) for each in (real[: at + 1], real[at + 1 :]))
    assert kills(read(before + as_syslog(fault) + after)) == kills(read(before + after))


def test_where_the_kernel_prints_no_stamps_text_that_looks_like_one_is_text() -> None:
    text = b"<6>booted\n<6>seg: segfault in memfd:x\n<3>[    1.000000] Out of memory: Killed process 7 (java) total-vm:9kB\n"
    assert [line.text[:3] for line in read(text)] == ["boo", "seg", "[  "]
    assert kills(read(text)) == []
