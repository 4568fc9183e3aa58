"""Where a record begins in the text of syslog(2).

The kernel writes a record's prefix before each line of its text. So one record with newlines looks like several records
of the same stamp, facility and level. Its text may come from user space: a comm (at most 15 bytes), the name of a
memfd (249 bytes), the options of a mount. Such text must not begin a part of a dump.

Real records of a dump share a stamp too, where the kernel prints them within a microsecond. So a line begins a record
only where the line before it is a whole line of a dump that user space cannot make: its fixed text is longer than the
15 bytes that user space can put at the start of a record (TASK_COMM_LEN in include/linux/sched.h). What these lines
hold of user space is a comm at most, and after a newline 14 bytes are too few for any line that names a kill.
Since Linux 4.2 the name of a cgroup holds no newline (cgroup_mkdir() in kernel/cgroup/cgroup.c).
"""

from typing import TYPE_CHECKING

from oomreport.kernel import lazy_re as re
from oomreport.kernel.text.kind import Kind, kind_of

if TYPE_CHECKING:
    from oomreport.kernel.line import Line
    from oomreport.kernel.record import Stamp

_WHOLE = re.compile(
    r"(?:memory|memory\+swap|kmem|swap): usage \d+kB, limit \d+kB, failcnt \d+$|"
    r"Memory cgroup stats(?: for |:)|"
    r"Tasks state \(memory values in pages\):|"
    r"\[ *pid *\] +r?uid +tgid +total_vm |"
    r"\[ *\d+\](?: +-?\d+){7}|"
    r"[a-z_][a-z_0-9]* \d+$|"
    r" ?[a-z_]+:\d+(?: [a-z_]+:\d+)*$"
)
# They tell of no kill, and stand together at one stamp in many dumps.
_SMALL_PRINT = frozenset({Kind.CPUSET, Kind.CPU, Kind.TRACE})
_BEFORE_SMALL_PRINT = _SMALL_PRINT | {Kind.HEADER}
_COMM_BYTES = 15


class RecordBounds:
    """Follows the lines of one ring in their order, and marks those that are text inside a record."""

    def __init__(self) -> None:
        self._key: tuple[Stamp, int | None, int | None] | None = None
        self._head = ""
        self._kind: Kind | None = None
        self._whole = False

    def marked(self, line: "Line") -> "Line":
        """Return the line; `inner` is set where it resembles a part of a dump but is text of the record before it."""
        key = (line.stamp, line.facility, line.priority)
        if key != self._key or self._whole:
            self._key = key
            return self._begun(line)
        kind = kind_of(line.text)
        if len(self._head) <= _COMM_BYTES:
            # So far the record can be a comm with newlines in it, which a header begins with.
            self._head = f"{self._head}\n{line.text}"
            if kind is Kind.HEADER and kind_of(self._head) is Kind.HEADER:
                return self._begun(line._replace(text=self._head))
        if kind is None:
            return line
        if kind in _SMALL_PRINT and self._kind in _BEFORE_SMALL_PRINT:
            return line
        return line._replace(inner=True)

    def _begun(self, line: "Line") -> "Line":
        self._head, self._kind = line.text, kind_of(line.text)
        self._whole = self._kind is not None and _WHOLE.match(line.text) is not None
        # A comm of 15 bytes at the start of a record can look like the beginning of a row, never like a whole one.
        return line if self._whole or self._kind is not Kind.ROW else line._replace(inner=True)
