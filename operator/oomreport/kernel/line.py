"""A line of kernel log, from whatever form of log.

`text` is what the kernel printed, unescaped exactly once, invalid UTF-8 replaced. `continued` is flag `c` of /dev/kmsg:
the record goes on where the one before ended (a printk that was longer than a record). `kernel` says whether the line
comes from the kernel. /dev/kmsg and syslog carry a facility, and only the kernel writes facility 0: so text of user
space that looks like an OOM record is known there. A line of a form without a facility (plain dmesg) counts as the
kernel's.
"""

from functools import cached_property
from typing import NamedTuple

from oomreport.kernel.record import Stamp
from oomreport.kernel.text.kind import Kind, kind_of

NO_STAMP = Stamp()
# No line of the kernel is longer. A record has at most 2048 bytes (PRINTK_MESSAGE_MAX in kernel/printk/internal.h). The
# kernel escapes a byte as 4, and a logger may double each backslash. What is behind is not looked at.
LONGEST_TEXT = 16 * 1024
# Pagers and shippers put these at the end of a line that they cut. The value before it may be half.
CUT_MARKS = ("...", "\u2026", ">")


class _Fields(NamedTuple):
    text: str
    stamp: Stamp = NO_STAMP
    sequence: int | None = None
    facility: int | None = None
    priority: int | None = None
    continued: bool = False
    kernel: bool = True
    host: str | None = None
    behind_cut: bool = False
    framed: bool = True
    inner: bool = False


class Line(_Fields):
    """One record of the kernel log, or one line of a text made from it. A tuple: logs have millions of them.

    `host` is the machine that the framing names. `behind_cut` says that somebody left lines out before it (the `--` of
    grep), so that it need not belong to what came before. `framed` says that the line had a prefix of its own, so that
    it is not the rest of a line that somebody wrapped. `inner` says that the text stands inside another record: it
    begins no part of a dump, whatever it looks like.
    """

    @cached_property
    def kind(self) -> Kind | None:
        """The part of a dump that the line is; None for any other line. The text is classified once."""
        return None if self.inner else kind_of(self.text)
