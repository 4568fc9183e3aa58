"""A log says the same in whatever framing it comes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from oomreport.kernel.kmsg import line_of_record
from oomreport.kernel.line import Line
from oomreport.kernel.reading.reader import invocations, invocations_of_text
from oomreport.kernel.record import Invocation, Stamp
from property import exports, framings, pastes
from property.framings import KernelLine, Log
from records.records import FOLDERS, log_of
from support.logs import assert_same, read, searched

Framing = Callable[[Log], bytes]
# Scenarios whose names hold newlines or control characters, or whose records were lost: only framings in which a record
# is an entry of its own keep those apart.
_HOSTILE = ("comm-", "hostile", "overrun", "flood", "spoofed", "longer-than-a-record", "overflowing")
_CAPTURES = [folder for folder in FOLDERS if folder.name.startswith("kernel-")]
PLAIN = [folder for folder in _CAPTURES if not any(word in folder.name for word in _HOSTILE)][::6]
_FEW = PLAIN[::3]
_COMMS = [folder for folder in _CAPTURES if "comm-" in folder.name and "all-in-one" not in folder.name][::3]


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
    """What a record says, without when it was printed and how its lines were numbered."""
    left_out = {"first", "killed", "sequence_first", "sequence_last", "lost_before", "log"}
    return {name: getattr(invocation, name) for name in invocation.__slots__ if name not in left_out}


def without_release(said: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in said.items() if name != "kernel_release"}


def truth(lines: list[KernelLine]) -> list[dict[str, object]]:
    direct = (Line(text=line.text, stamp=Stamp(monotonic_us=line.micros)) for line in lines)
    return [essence(one) for one in invocations(direct)]


@pytest.mark.parametrize("framing", framings.EXACT + framings.LINES, ids=lambda framing: framing.__name__)
def test_a_log_says_the_same_in_every_framing(framing: Framing) -> None:
    for folder in PLAIN:
        lines = kernel_lines(folder)
        said = [essence(one) for one in invocations_of_text(framing(lines).split(b"\n"))]
        assert said == truth(lines), folder.name


@pytest.mark.parametrize("framing", framings.EXACT + framings.LINES, ids=lambda framing: framing.__name__)
def test_searching_gives_what_reading_every_line_gives_in_every_framing(framing: Framing) -> None:
    quiet = [KernelLine(text=f"eth0: link {turn}", micros=1000 + turn, level=6) for turn in range(300)]
    for folder in PLAIN[::2]:
        lines = kernel_lines(folder)
        later = [KernelLine(text=f"eth0: link {turn}", micros=lines[-1].micros + turn, level=6) for turn in range(300)]
        log = framing([*quiet, *lines, *later])
        assert_same(searched(log), read(log))


_SHIPPED = exports.JSON_EXPORTS + exports.TEXT_EXPORTS + exports.CSV_EXPORTS
_PASTED = pastes.ALIKE


@pytest.mark.parametrize("framing", _SHIPPED + _PASTED, ids=lambda framing: framing.__name__)
def test_a_log_says_the_same_however_it_was_shipped_or_pasted(framing: Framing) -> None:
    for folder in _FEW:
        lines = kernel_lines(folder)
        log = framing(lines)
        said = list(invocations_of_text(log.split(b"\n")))
        assert [essence(one) for one in said] == truth(lines), folder.name
        assert_same(searched(log), said)


@pytest.mark.parametrize("framing", pastes.PARTLY, ids=lambda framing: framing.__name__)
def test_what_an_editor_made_of_a_log_still_names_victim_and_limit(framing: Framing) -> None:
    for folder in PLAIN:
        lines = kernel_lines(folder)
        said = [(one.oom_memcg, one.constraint, one.victims and one.victims[0].pid) for one in
                invocations_of_text(framing(lines).split(b"\n"))]  # fmt: skip
        assert said == [(one["oom_memcg"], one["constraint"], one["victims"] and one["victims"][0].pid)  # type: ignore[index]
                        for one in truth(lines)], folder.name  # fmt: skip


@pytest.mark.parametrize("framing", pastes.REPEATS, ids=lambda framing: framing.__name__)
def test_a_kill_that_a_log_tells_twice_counts_once(framing: Framing) -> None:
    for folder in PLAIN:
        lines = exports.split(kernel_lines(folder))
        log = framing(lines)
        said = list(invocations_of_text(log.split(b"\n")))
        assert [essence(one) for one in said] == truth(list(lines)), folder.name
        assert_same(searched(log), said)


@pytest.mark.parametrize("framing", framings.EXACT, ids=lambda framing: framing.__name__)
def test_no_name_leaves_the_entry_it_is_in(framing: Framing) -> None:
    for folder in _COMMS:
        lines = kernel_lines(folder)
        said = [essence(one) for one in invocations_of_text(framing(lines).split(b"\n"))]
        assert said == truth(lines), folder.name


@pytest.mark.parametrize(
    "framing",
    [one for one in framings.WRAPPED if one not in (framings.terminal_wrapped, framings.wrapped_indented)],
    ids=lambda framing: framing.__name__,
)
def test_a_log_that_was_wrapped_says_the_same(framing: Framing) -> None:
    for folder in PLAIN:
        if "global" in folder.name or "constraint" in folder.name:
            continue  # the zones of Mem-Info are not put together again: the total of the scores is unknown then
        lines = kernel_lines(folder)
        said = [without_release(essence(one)) for one in invocations_of_text(framing(lines).split(b"\n"))]
        assert said == [without_release(one) for one in truth(lines)], folder.name


@pytest.mark.parametrize(
    "framing", [framings.terminal_wrapped, framings.wrapped_indented], ids=lambda framing: framing.__name__
)
def test_a_log_that_a_terminal_broke_still_names_victim_and_limit(framing: Framing) -> None:
    for folder in PLAIN:
        lines = kernel_lines(folder)
        said = [(one.oom_memcg, one.constraint, [v.pid for v in one.victims]) for one in
                invocations_of_text(framing(lines).split(b"\n"))]  # fmt: skip
        assert said == [(one["oom_memcg"], one["constraint"], [v.pid for v in one["victims"]])  # type: ignore[attr-defined]
                        for one in truth(lines)], folder.name  # fmt: skip
