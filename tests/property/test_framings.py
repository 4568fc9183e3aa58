"""A log says the same in whatever framing it comes."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from oomreport.kernel.kmsg import line_of_record
from oomreport.kernel.line import Line
from oomreport.kernel.reading.reader import invocations
from oomreport.kernel.record import Invocation, Stamp
from property import framings
from property.framings import KernelLine, Log
from records.records import FOLDERS, log_of
from support.logs import assert_same, read, searched

Framing = Callable[[Log], bytes]
# Scenarios whose names hold newlines or control characters, or whose records were lost: only framings in which a record
# is an entry of its own keep those apart.
_HOSTILE = ("comm-", "hostile", "overrun", "flood", "spoofed", "longer-than-a-record", "overflowing")
_CAPTURES = [folder for folder in FOLDERS if folder.name.startswith("kernel-")]
PLAIN = [folder for folder in _CAPTURES if not any(word in folder.name for word in _HOSTILE)][::6]
_COMMS = [folder for folder in _CAPTURES if "comm-" in folder.name and "all-in-one" not in folder.name][::3]
ALL = framings.EXACT + framings.LINES + framings.WRAPPED
_EVERY = "OOMREPORT_EXAMPLES" in os.environ  # make laws


def some(folders: Sequence[Path], framing: Framing) -> Sequence[Path]:
    """Return one capture, another one for each framing; all of them where all laws are tried."""
    place = ALL.index(framing) % len(folders)
    return folders if _EVERY else folders[place : place + 1]


def kernel_lines(folder: Path) -> list[KernelLine]:
    lines: list[KernelLine] = []
    for record in log_of(folder).split(b"\n"):
        line = line_of_record(record)
        if line is None or not line.kernel:
            continue
        if line.continued and lines:
            last = lines.pop()
            lines.append(KernelLine(text=last.text + line.text, micros=last.micros, level=last.level))
        else:
            assert line.stamp.monotonic_us is not None
            lines.append(KernelLine(text=line.text, micros=line.stamp.monotonic_us, level=line.priority or 0))
    return lines


def essence(invocation: Invocation) -> dict[str, object]:
    """What a record says, without when and where it was printed and how its lines were numbered."""
    left_out = {"first", "killed", "sequence_first", "sequence_last", "lost_before", "log", "place"}
    return {name: getattr(invocation, name) for name in invocation.__slots__ if name not in left_out}


def without_release(found: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in found.items() if name != "kernel_release"}


def truth(lines: list[KernelLine]) -> list[dict[str, object]]:
    direct = (Line(text=line.text, stamp=Stamp(monotonic_us=line.micros)) for line in lines)
    return [essence(one) for one in invocations(direct)]


@pytest.mark.parametrize("framing", framings.EXACT + framings.LINES, ids=lambda framing: framing.__name__)
def test_a_log_says_the_same_in_every_framing(framing: Framing) -> None:
    for folder in some(PLAIN, framing):
        lines = kernel_lines(folder)
        log = framing(lines)
        found = read(log)
        assert [essence(one) for one in found] == truth(lines), folder.name
        assert_same(searched(log), found)


@pytest.mark.parametrize("framing", framings.EXACT + framings.LINES, ids=lambda framing: framing.__name__)
def test_searching_a_long_log_gives_what_reading_every_line_gives(framing: Framing) -> None:
    quiet = [KernelLine(text=f"eth0: link {turn}", micros=1000 + turn, level=6) for turn in range(300)]
    for folder in some(PLAIN, framing):
        lines = kernel_lines(folder)
        later = [KernelLine(text=f"eth0: link {turn}", micros=lines[-1].micros + turn, level=6) for turn in range(300)]
        log = framing([*quiet, *lines, *later])
        assert_same(searched(log), read(log))


@pytest.mark.parametrize("framing", framings.EXACT, ids=lambda framing: framing.__name__)
def test_no_name_leaves_the_entry_it_is_in(framing: Framing) -> None:
    for folder in some(_COMMS, framing):
        lines = kernel_lines(folder)
        found = [essence(one) for one in read(framing(lines))]
        assert found == truth(lines), folder.name


# The zones of Mem-Info are not put together again: the total of the scores is unknown then.
_WITHOUT_ZONES = [folder for folder in PLAIN if "global" not in folder.name and "constraint" not in folder.name]


@pytest.mark.parametrize(
    "framing",
    [one for one in framings.WRAPPED if one not in (framings.terminal_wrapped, framings.wrapped_indented)],
    ids=lambda framing: framing.__name__,
)
def test_a_log_that_was_wrapped_says_the_same(framing: Framing) -> None:
    for folder in some(_WITHOUT_ZONES, framing):
        lines = kernel_lines(folder)
        found = [without_release(essence(one)) for one in read(framing(lines))]
        assert found == [without_release(one) for one in truth(lines)], folder.name


@pytest.mark.parametrize(
    "framing", [framings.terminal_wrapped, framings.wrapped_indented], ids=lambda framing: framing.__name__
)
def test_a_log_that_a_terminal_broke_still_names_victim_and_limit(framing: Framing) -> None:
    for folder in some(PLAIN, framing):
        lines = kernel_lines(folder)
        found = [(one.oom_memcg, one.constraint, [v.pid for v in one.victims]) for one in read(framing(lines))]
        told = [(one["oom_memcg"], one["constraint"], one["victims"]) for one in truth(lines)]
        expected = [
            (memcg, constraint, [v.pid for v in victims])  # type: ignore[attr-defined]
            for memcg, constraint, victims in told
        ]
        assert found == expected, folder.name
