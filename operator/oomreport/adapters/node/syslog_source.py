"""The kernel log by syslog(2), the whole ring at each call.

It needs CAP_SYSLOG and nothing else: no device, no privilege. In return there is nothing to wait on and there are no
sequence numbers, so two things are made here:

When to read. `oom_kill` of /proc/vmstat moves just before the kernel prints a kill, and reading it costs 30
microseconds against more than a millisecond for the ring. So it is looked at five times a second, ten times where
something was killed just now, and the ring is read when it moved, again and again until nothing more comes, and every
few seconds for what no counter shows (the killer ran and found no victim) and before the ring wraps.

What is new. Stamps are not unique and lines may be identical, so the end of the text seen last is searched in the new
text, and what follows it is new. Where it is gone, the ring was overwritten (or cleared by `dmesg --clear`, which hides
messages from READ_ALL) since the last reading: that is a loss of unknown size.

Where a record begins. The text does not say, and any container can have the kernel print a newline: so lines of one
stamp are marked (kernel/record_bounds.py). Without stamps (printk.time=0) this cannot be told, and the counters alone
refuse what is forged.
"""

import ctypes
import mmap
import os
import select
import time
from collections.abc import Callable
from typing import Protocol

from oomreport.adapters.node.log_source import LogPosition, Reading
from oomreport.incident.oom_record import Source
from oomreport.kernel.kmsg import has_stamps, line_of_syslog
from oomreport.kernel.line import Line
from oomreport.kernel.record import Stamp
from oomreport.kernel.record_bounds import RecordBounds

_READ_ALL = 3
_SIZE_BUFFER = 10
# Enough lines that no dump repeats them, stamps and all.
_TAIL_BYTES = 2048

_MOST_READ_BYTES = 16 * 1024
# A wake-up and a look at the count cost some 200 microseconds when nothing is in the caches. It hurries only where a
# cgroup's counter may be all that tells of a kill: the kernel leaves dumps out beyond ten kills in five seconds, so not
# for the first after a while.
_TICK_SECONDS_IDLE = 0.2
_TICK_SECONDS = 0.1
_HURRIED_SECONDS = 10.0
_TICK_SECONDS_AFTER_KILL = 0.05
# After a kill the ring is read at each tick until this many readings brought nothing new.
_QUIET_READINGS = 4


class KernelRing:
    """The kernel's ring by klogctl(3), of which glibc and musl have the same."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        # The text is longer than the ring where messages are short, since each gets a prefix of some 20 bytes.
        self._size = 2 * self._call(_SIZE_BUFFER, None, 0)
        # Private anonymous memory: the kernel fills only the pages that the text needs, and they can be given back.
        self._buffer = mmap.mmap(-1, self._size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)

    def text(self) -> "RingText":
        """Return the whole text, which holds until the next call. Raises OSError."""
        view = (ctypes.c_char * self._size).from_buffer(self._buffer)
        return RingText(self._buffer, self._call(_READ_ALL, view, self._size))

    def release(self) -> None:
        """Give the memory of the text back."""
        self._buffer.madvise(mmap.MADV_DONTNEED)

    def _call(self, action: int, buffer: object, size: int) -> int:
        result: int = self._libc.klogctl(action, buffer, size)
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), f"syslog({action})")
        return result


class Text(Protocol):
    """What is asked of a text; bytes can it, and the kernel's ring without a copy of it."""

    def __len__(self) -> int:
        """Return its length."""

    def __getitem__(self, part: slice, /) -> bytes:
        """Return a part of it."""

    def find(self, what: bytes, start: int = ..., end: int = ..., /) -> int:
        """Return where something stands first, -1 for nowhere."""

    def rfind(self, what: bytes, start: int = ..., end: int = ..., /) -> int:
        """Return where something stands last, -1 for nowhere."""


class RingText:
    """The text in a buffer, which is not copied: with a ring of 16 MiB a copy is half of what the agent may use."""

    def __init__(self, buffer: mmap.mmap, size: int) -> None:
        self._buffer, self._size = buffer, size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        start, end, _ = part.indices(self._size)
        return self._buffer[start:end]

    def find(self, what: bytes, start: int = 0, end: int | None = None) -> int:
        """Return where something stands first, -1 for nowhere."""
        return self._buffer.find(what, start, self._size if end is None else min(end, self._size))

    def rfind(self, what: bytes, start: int = 0, end: int | None = None) -> int:
        """Return where something stands last, -1 for nowhere."""
        return self._buffer.rfind(what, start, self._size if end is None else min(end, self._size))


class SyslogSource:
    """The lines of the ring, those after a position first.

    `ring` returns its text, `kills` the machine's count of kills or None where it is not counted: then the ring is
    read `poll_seconds` apart; `release` is called when a text is no longer needed. Raises OSError where the ring
    cannot be read.
    """

    name = Source.SYSLOG

    def __init__(
        self,
        ring: Callable[[], Text],
        kills: Callable[[], int | None],
        *,
        release: Callable[[], None] = lambda: None,
        after: LogPosition | None = None,
        slow_seconds: float = 5.0,
        poll_seconds: float = 0.25,
    ) -> None:
        self._ring = ring
        self._kills = kills
        self._release = release
        self._after = after or LogPosition()
        self._position = self._after
        self._joined = False
        self._head, self._size = b"", 0
        self._text: Text = b""
        self._at = 0
        self._filtering = False
        self._count = kills()
        self._quiet = 0
        self._moved_at = float("-inf")
        self._slow_seconds = slow_seconds if self._count is not None else poll_seconds
        self._read_at = float("-inf")
        self._made_up_us = 0
        self._stamped = True
        self._bounds = RecordBounds()
        for raw in self._after.tail.split(b"\n"):
            if (line := line_of_syslog(raw)) is not None:
                self._bounds.marked(line)
        ring()

    @property
    def position(self) -> LogPosition:
        """The stamp of the last line read and the end of the text."""
        return self._position

    def wait(self, seconds: float, wake_fd: int | None = None) -> bool:
        """Wait until something was killed, or until the ring is due to be read in any case; not while text waits."""
        if self._at < len(self._text):
            return True
        end = time.monotonic() + seconds
        while True:
            count, now = self._kills(), time.monotonic()
            if count != self._count:
                self._count, self._moved_at = count, now
                self._quiet = _QUIET_READINGS
                return True
            if now >= self._read_at + (_TICK_SECONDS_AFTER_KILL if self._quiet else self._slow_seconds):
                return True
            if now >= end:
                return False
            tick = self._tick(now) if count is not None else self._slow_seconds
            if select.select([] if wake_fd is None else [wake_fd], [], [], min(tick, end - now))[0]:
                return False

    def _tick(self, now: float) -> float:
        if self._quiet:
            return _TICK_SECONDS_AFTER_KILL
        return _TICK_SECONDS if now - self._moved_at < _HURRIED_SECONDS else _TICK_SECONDS_IDLE

    def read(self) -> Reading:
        """Return lines that came since the last reading, at most 16 KiB of them at once."""
        lost = 0
        if self._at >= len(self._text):
            self._text = self._ring()
            self._stamped = has_stamps(self._text[:_TAIL_BYTES])
            self._read_at = time.monotonic()
            self._at, lost = self._fresh(self._text)
            fresh_text = self._at < len(self._text)
            self._quiet = _QUIET_READINGS if fresh_text and self._quiet else max(0, self._quiet - 1)
        text = self._text
        end = text.find(b"\n", self._at + _MOST_READ_BYTES) + 1 or len(text)
        fresh, self._at = text[self._at : end], end
        drained = end >= len(text)
        if drained:
            self._text, self._at = b"", 0
            self._release()
        lines = [line for raw in fresh.split(b"\n") if raw and (line := self._line(raw)) is not None]
        if lost and lines:
            lines[0] = lines[0]._replace(behind_cut=True)
        if fresh:
            seen = b"" if lost else self._position.tail
            tail = (seen + fresh)[-_TAIL_BYTES:]
            if len(seen) + len(fresh) > _TAIL_BYTES:
                tail = tail[tail.find(b"\n") + 1 :] or tail
            stamp = lines[-1].stamp.monotonic_us if lines else self._position.stamp_us
            self._position = LogPosition(stamp_us=stamp, tail=tail)
        return Reading(lines=tuple(lines), lost=lost, drained=drained)

    def close(self) -> None:
        """Nothing is held."""

    def _fresh(self, text: Text) -> tuple[int, int]:
        """Return where what was not read yet begins, and whether something before it was lost."""
        tail = self._position.tail
        joined, self._joined = self._joined, True
        head, size = self._head, self._size
        self._head, self._size = text[:_TAIL_BYTES], len(text)
        self._filtering = False
        if not tail:
            self._filtering = True
            return 0, 0
        if joined and _starts(text, head) and _starts(text, tail, size - len(tail)):
            # Nothing was overwritten, so what is new begins where the text ended.
            return size, 0
        if _starts(text, tail):
            return len(tail), 0
        seen = text.rfind(tail)
        if seen >= 0:
            return seen + len(tail), 0
        # The ring may have wrapped within the tail: then it starts with the rest of it and nothing is lost.
        start = tail.find(b"\n") + 1
        while 0 < start < len(tail):
            if _starts(text, tail[start:]):
                return len(tail) - start, 0
            start = tail.find(b"\n", start) + 1
        self._filtering = not joined
        return 0, 1

    def _line(self, raw: bytes) -> Line | None:
        """Return a line. A kernel that prints no stamps (printk.time=0) gets the time of reading, each line its own."""
        line = line_of_syslog(raw, stamped=self._stamped)
        if line is None or (self._filtering and self._is_older(line)):
            return None
        if line.stamp.monotonic_us is not None:
            return self._bounds.marked(line)
        self._made_up_us = max(self._made_up_us + 1, time.monotonic_ns() // 1000)
        return line._replace(stamp=Stamp(monotonic_us=self._made_up_us))

    def _is_older(self, line: Line) -> bool:
        """Return whether a line is older than a stamp that another process, or another source, kept."""
        known, stamp = self._after.stamp_us, line.stamp.monotonic_us
        return known is not None and stamp is not None and stamp < known


def _starts(text: Text, what: bytes, at: int = 0) -> bool:
    return at >= 0 and text[at : at + len(what)] == what
