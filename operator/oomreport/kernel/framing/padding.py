"""Lines that a terminal broke and filled with blanks, copied as one.

    [86120.080694] Killed process 6155 (python) total-vm:1054044kB, anon-rss:832856k   (130 blanks)   B, file-rss:..

So stands a log of a Raspberry Pi in a public issue.
"""

from oomreport.kernel import lazy_re as re
from oomreport.kernel.text.kind import Kind, kind_of

# The kernel's widest column has 13 characters and its longest comm 15, so that no line of its own has so many blanks.
_PADDING = re.compile(r"(?<=\S) {40,}(?=\S)")
# Lines without a path: the name of a cgroup may hold any blanks.
# A row of the table needs no joining: blanks stand between its columns.
_BROKEN = frozenset({Kind.HEADER, Kind.CHOSEN, Kind.KILLED})


def parts_of(text: str, kernel_text: str) -> list[str]:
    """Return the parts of a line that a terminal broke; the line alone where it did not. `kernel_text` ends it."""
    if " " * 40 not in kernel_text or kind_of(kernel_text) not in _BROKEN:
        return [text]
    return _PADDING.split(text)
