"""A line that stands twice, as two log shippers write it."""

from oomreport.kernel.line import Line
from oomreport.kernel.text.kind import Kind


def is_told_twice(before: Line | None, kind: Kind, line: Line) -> bool:
    """Whether the line is the one before once more, as of two shippers whose lines alternate.

    Headers of two dumps may be the same: then two clocks have to tell that two shippers wrote them, or one that it is
    the same moment.
    """
    if before is None or before.text != line.text:
        return False
    a, b = before.stamp.monotonic_us, line.stamp.monotonic_us
    if a is not None and b is not None:
        return a == b
    return kind is not Kind.HEADER or (a is None) != (b is None)
