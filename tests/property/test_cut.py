"""Logs with cut lines: what is read is what the whole lines say, or nothing."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import pytest

from oomreport.kernel.reading.reader import invocations_of_text
from oomreport.kernel.record import ScoreSource
from property import framings
from property.test_framings import PLAIN, Framing, kernel_lines, some
from records.records import FOLDERS, log_of

_MARKS = (b"", b"...", "\u2026".encode(), b">")
_WIDTHS = range(60, 330, 7)
# Where it was cut, and what no other line repeats: the number that ends the usage, and the score that ends a header.
_LEFT_OUT = frozenset(
    {"first", "killed", "sequence_first", "sequence_last", "lost_before", "log", "missing", "tasks", "task_count", "stat",
     "failure_count", "place", "trigger.oom_score_adj"}
)  # fmt: skip
_OLD = [
    folder for folder in FOLDERS if folder.name.startswith(("public-001-", "public-003-", "public-011-", "public-071-"))
]


def cut(log: bytes, width: int, mark: bytes) -> list[bytes]:
    return [line if len(line) <= width else line[:width] + mark for line in log.split(b"\n")]


def values(one: object, name: str = "") -> Iterator[tuple[str, object]]:
    """Yield every value that a record has, by where it stands in it."""
    if isinstance(one, tuple):
        for place, part in enumerate(one):
            yield from values(part, f"{name}[{place}]")
    elif is_dataclass(one):
        for each in fields(one):
            inner = f"{name}.{each.name}".lstrip(".")
            if each.name not in _LEFT_OUT and inner not in _LEFT_OUT:
                yield from values(getattr(one, each.name), inner)
    elif one not in (None, False, "") and not isinstance(one, ScoreSource):
        yield name, one


@pytest.mark.parametrize("framing", [framings.dmesg, framings.rsyslog, framings.dmesg_notime])
def test_a_log_whose_lines_are_cut_says_nothing_else(framing: Framing) -> None:
    for folder in some(PLAIN, framing):
        _says_nothing_else(framing(kernel_lines(folder)), folder.name)


@pytest.mark.parametrize("folder", _OLD, ids=lambda folder: folder.name)
def test_an_old_kernels_log_whose_lines_are_cut_says_nothing_else(folder) -> None:  # type: ignore[no-untyped-def]
    _says_nothing_else(log_of(folder), folder.name)


def _says_nothing_else(log: bytes, name: str) -> None:
    whole = [dict(values(one)) for one in invocations_of_text(log.split(b"\n"))]
    for number, width in enumerate(_WIDTHS):
        mark = _MARKS[number % len(_MARKS)]
        found = list(invocations_of_text(cut(log, width, mark)))
        assert len(found) <= len(whole), (name, width, mark)
        if len(found) == len(whole):
            for said, truth in zip(found, whole, strict=True):
                wrong = [(key, value, truth.get(key)) for key, value in values(said) if truth.get(key) != value]
                assert not wrong, (name, width, mark)
