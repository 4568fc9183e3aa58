"""Logs read in both ways: searched in chunks, and every line read."""

from collections.abc import Sequence
from dataclasses import replace

from oomreport.adapters.storage.log_file import quick_search
from oomreport.kernel.reading.reader import invocations_of_text
from oomreport.kernel.reading.scanner import Scanner
from oomreport.kernel.record import Invocation


def read(log: bytes) -> list[Invocation]:
    """Return what reading every line finds."""
    return list(invocations_of_text(log.split(b"\n")))


def searched(log: bytes, size: int = 4001) -> list[Invocation]:
    """Return what searching finds in chunks of `size` bytes."""
    scanner = Scanner(quick_search())
    found = [one for start in range(0, len(log), size) for one in scanner.feed(log[start : start + size])]
    return found + scanner.flush()


def assert_same(found: Sequence[Invocation], expected: Sequence[Invocation]) -> None:
    """Compare what searching found with what reading every line found: only loss may be less, or not known."""
    assert [replace(one, lost_before=None) for one in found] == [replace(one, lost_before=None) for one in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.lost_before is None or one.lost_before <= (other.lost_before or 0)
