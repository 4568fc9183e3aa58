"""The kernel log by /dev/kmsg: one read(2) is one record.

Facts (Documentation/ABI/testing/dev-kmsg and kernel/printk/printk.c): opening places the reader at the oldest record;
EPIPE says that records were overwritten before they were read, and the next read goes on at the oldest that is left;
sequence numbers count the records of kernel and user space alike, so a jump counts the loss. Opening needs CAP_SYSLOG
where kernel.dmesg_restrict is 1, and a device cgroup that admits the character device 1:11, which in a container
means `privileged`.
"""

import os
import select
import stat

from oomreport.adapters.node.log_source import LogPosition, Reading
from oomreport.incident.oom_record import Source
from oomreport.kernel.kmsg import line_of_record
from oomreport.kernel.line import Line

# The kernel refuses a read (EINVAL) into less than a record: at most 2 KiB of text that escaping makes 8 KiB, plus
# its properties.
_MOST_RECORD = 32 * 1024
# Few enough that the lines of a reading are small beside the process.
_MOST_RECORDS = 200


class KmsgSource:
    """The records of /dev/kmsg, those after a position first. `descriptor` must not block; the source closes it."""

    name = Source.KMSG

    def __init__(self, descriptor: int, *, after: LogPosition | None = None) -> None:
        self._descriptor = descriptor
        self._after = after or LogPosition()
        self._position = self._after
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)
        self._wake_fd: int | None = None

    @classmethod
    def opened(cls, device: str = "/dev/kmsg", *, after: LogPosition | None = None) -> "KmsgSource":
        """Return a source on a device. Raises OSError where it cannot be opened or is no character device."""
        descriptor = os.open(device, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        if not stat.S_ISCHR(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise NotADirectoryError(0, "not a character device", device)
        return cls(descriptor, after=after)

    @property
    def position(self) -> LogPosition:
        """The sequence number and the stamp of the last record read, of whichever facility."""
        return self._position

    def wait(self, seconds: float, wake_fd: int | None = None) -> bool:
        """Wait until the kernel has a record that was not read yet."""
        if wake_fd is not None and wake_fd != self._wake_fd:
            self._poll.register(wake_fd, select.POLLIN)
            self._wake_fd = wake_fd
        return any(descriptor == self._descriptor for descriptor, _ in self._poll.poll(seconds * 1000))

    def read(self) -> Reading:
        """Return the next records, at most 200 at once so that the caller gets to act on them."""
        lines: list[Line] = []
        lost = 0
        for _ in range(_MOST_RECORDS):
            try:
                record = os.read(self._descriptor, _MOST_RECORD)
            except BlockingIOError:
                return Reading(lines=tuple(lines), lost=lost)
            except BrokenPipeError:
                continue
            line = line_of_record(record)
            if line is None or line.sequence is None or self._seen_before(line):
                continue
            if self._position.sequence is not None:
                lost += max(0, line.sequence - self._position.sequence - 1)
            self._position = LogPosition(sequence=line.sequence, stamp_us=line.stamp.monotonic_us)
            lines.append(line)
        return Reading(lines=tuple(lines), lost=lost, drained=False)

    def close(self) -> None:
        """Close the device."""
        os.close(self._descriptor)

    def _seen_before(self, line: Line) -> bool:
        if self._after.sequence is not None:
            return line.sequence is not None and line.sequence <= self._after.sequence
        if self._after.stamp_us is not None:
            # Kept by a source without sequence numbers. Stamps of several CPUs may be a little out of order: what has
            # the very same stamp is read again, which creates nothing twice.
            return line.stamp.monotonic_us is not None and line.stamp.monotonic_us < self._after.stamp_us
        return False
