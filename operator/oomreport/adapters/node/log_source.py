"""The interface of a kernel log source.

A source is read in a loop: `wait` until there may be something, `read` what there is. It starts at the oldest message
that the kernel still holds, or behind a position that an earlier process kept.
"""

from dataclasses import dataclass
from typing import Protocol

from oomreport.incident.oom_record import Source
from oomreport.kernel.line import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPosition:
    """How far a kernel log was read, within one boot.

    `sequence` is that of the last record, None where the source has none. `stamp_us` is its stamp. `tail` is the last
    text read, by which the next reading of a ring without sequence numbers is joined on.
    """

    sequence: int | None = None
    stamp_us: int | None = None
    tail: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Lines read at once, oldest first.

    `lost` counts messages overwritten before they could be read; a source without sequence numbers cannot count and
    says 1. `drained` is true where the log was read to its end.
    """

    lines: tuple[Line, ...]
    lost: int = 0
    drained: bool = True


class LogSource(Protocol):
    """A kernel log that is open for reading."""

    @property
    def name(self) -> Source:
        """Which source it is, in the API's words."""

    @property
    def position(self) -> LogPosition:
        """How far it was read."""

    def wait(self, seconds: float, wake_fd: int | None = None) -> bool:
        """Wait at most `seconds`, or until `wake_fd` is readable; return whether there may be something to read."""

    def read(self) -> Reading:
        """Return what is new, without waiting. Raises OSError where the log became unreadable."""

    def close(self) -> None:
        """Give the log back."""
