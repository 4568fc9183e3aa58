"""Entries as `journalctl -o export` and `-o verbose` print them.

    __CURSOR=s=..                       Fri 2024-01-05 12:00:00 UTC [s=..;i=..]
    _TRANSPORT=kernel                       _TRANSPORT=kernel
    MESSAGE=text                            MESSAGE=text
    <empty line>

In the export format a field whose value holds a newline is its name alone, then the length as 8 bytes, little endian,
then the value (systemd.io, Journal Export Formats). This reads it line by line too, counting bytes.
"""

from oomreport.kernel import lazy_re as re
from oomreport.kernel.framing.json_fields import item_of_entry
from oomreport.kernel.framing.stage import Item

_FIELD = re.compile(rb"(?: {4})?([A-Z_][A-Z0-9_]{0,63})=(.*)", re.DOTALL)
_NAME = re.compile(rb"[A-Z_][A-Z0-9_]{0,63}")
_FIRST = re.compile(rb"__CURSOR=|__REALTIME_TIMESTAMP=\d+$")
_VERBOSE = re.compile(rb"\S{2,12} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S* \S+ \[s=[0-9a-f]+;i=")
_MOST_FIELDS = 2_000
_MOST_BYTES = 1 << 20
_MOST_CHARACTERS = 64 * 1024


class JournalEntries:
    """Gathers the fields of one entry."""

    def __init__(self) -> None:
        """Start outside any entry."""
        self._fields: dict[str, str] | None = None
        self._verbose = False
        self._last = ""
        self._begun = False
        self._binary: tuple[str, bytearray] | None = None

    @property
    def idle(self) -> bool:
        """Whether the log is none of entries: a program's message may hold lines that look like anything."""
        return not self._begun

    def feed(self, item: Item) -> list[Item] | None:
        """Take a physical line in; return the entry that it ends, or None where it is no line of an entry."""
        if not isinstance(item, bytes):
            return None
        if self._binary is not None:
            return self._feed_binary(item)
        verbose = _VERBOSE.match(item) is not None
        if self._fields is not None and not (verbose and self._verbose):
            return self._feed_field(item)
        if not verbose and not _FIRST.match(item):
            return None
        done = self.flush()
        self._fields, self._verbose, self._begun = {}, verbose, True
        if not verbose:
            self._feed_field(item)
        return done

    def flush(self) -> list[Item]:
        """End the entry and return what it says."""
        fields, self._fields, self._binary = self._fields, None, None
        item = item_of_entry(fields) if fields else None
        return [] if item is None else [item]

    def _feed_field(self, raw: bytes) -> list[Item] | None:
        assert self._fields is not None
        if not raw:
            return self.flush()
        field = _FIELD.match(raw)
        if field is not None:
            if len(self._fields) < _MOST_FIELDS:
                self._last = field.group(1).decode()
                self._fields[self._last] = field.group(2).decode("utf-8", "replace")
            return []
        if not self._verbose and _NAME.fullmatch(raw):
            self._binary = (raw.decode(), bytearray())
            return []
        if self._verbose and raw.startswith(b"     ") and self._last:
            if len(self._fields[self._last]) < _MOST_CHARACTERS:
                self._fields[self._last] += "\n" + raw[5 + len(self._last) :].decode("utf-8", "replace")
            return []
        return [*self.flush(), raw]

    def _feed_binary(self, raw: bytes) -> list[Item]:
        assert self._binary is not None
        name, data = self._binary
        data += raw + b"\n"
        size = int.from_bytes(data[:8], "little")
        if len(data) >= 8 and len(data) >= min(8 + size + 1, _MOST_BYTES):
            if self._fields is not None:
                self._fields[name] = data[8 : 8 + size].decode("utf-8", "replace")
            self._binary = None
        return []
