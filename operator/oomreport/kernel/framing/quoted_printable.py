"""Lines of a mail in quoted-printable.

A `=` at the end of a line means that the line goes on, and `=3D` is a `=` (RFC 2045, section 6.7).
"""

import quopri

from oomreport.kernel import lazy_re as re
from oomreport.kernel.framing.stage import Item

# A line has at most 76 characters; Python's own encoder, and others, count the newline or the mark on top of that.
_LEAST, _MOST = 60, 78
_ENCODED = re.compile(rb"[^=]*(?:=[0-9A-F]{2}[^=]*)*=?")
_MOST_BYTES = 64 * 1024  # far more than a line of the kernel's


class QuotedPrintable:
    """Joins the lines of an encoded line and decodes it."""

    def __init__(self) -> None:
        """Start with nothing held."""
        self._held = b""

    @property
    def idle(self) -> bool:
        """Whether no line is half read."""
        return not self._held

    def feed(self, item: Item) -> list[Item] | None:
        """Take a physical line in; return the decoded line, nothing where it goes on, None where it is not encoded."""
        if not isinstance(item, bytes) or not (self._held or item[-1:] == b"=" or b"=3D" in item):
            return None
        if not _ENCODED.fullmatch(item):
            held = self.flush()
            return [*held, item] if held else None
        if item[-1:] == b"=" and _LEAST <= len(item) <= _MOST and len(self._held) < _MOST_BYTES:
            self._held += item[:-1]
            return []
        line, self._held = self._held + item, b""
        return [quopri.decodestring(line)] if b"=3D" in line or line != item else None

    def flush(self) -> list[Item]:
        """Return the beginning of a line whose end did not come."""
        held, self._held = self._held, b""
        return [held] if held else []
