"""Entries that take several physical lines: journalctl -o export, verbose and json-pretty, dmesg --json, gcloud's YAML.

    __CURSOR=s=..                       {                                   Fri 2024-01-05 12:00:00 UTC [s=..;i=..]
    _TRANSPORT=kernel                       "_TRANSPORT" : "kernel",            _TRANSPORT=kernel
    MESSAGE=text                            "MESSAGE" : "text"                  MESSAGE=text
    <empty line>                        }

In the export format a field whose value holds a newline is its name alone, then the length as 8 bytes, little endian,
then the value: which this reads line by line too, counting bytes.
"""

from collections.abc import Mapping
from typing import Any

from oomreport.kernel import lazy_re as re
from oomreport.kernel.framing.json_lines import PrettyJson
from oomreport.kernel.framing.yaml_entries import YamlEntries

_FIELD = re.compile(rb"(?: {4})?([A-Z_][A-Z0-9_]{0,63})=(.*)", re.DOTALL)
_BARE = re.compile(rb"[A-Z_][A-Z0-9_]{0,63}")
_FIRST = re.compile(rb"__CURSOR=|__REALTIME_TIMESTAMP=\d+$")
_VERBOSE = re.compile(rb"\S{2,12} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S* \S+ \[s=[0-9a-f]+;i=")
_MOST_LINES = 2_000


class Entries:
    """Gathers entries; everything else is not its business."""

    def __init__(self) -> None:
        """Start outside any entry."""
        self._fields: dict[str, Any] | None = None
        self._verbose = False
        self._last = ""
        self._json = PrettyJson()
        self._yaml = YamlEntries()
        self._binary: tuple[str, bytes] | None = None

    @property
    def idle(self) -> bool:
        """Whether no entry is half read."""
        return self._fields is None and self._binary is None and self._json.idle and self._yaml.idle

    def feed(self, raw: bytes) -> list[Mapping[str, Any]] | None:
        """Take a physical line in; return the entries that it ends, or None where it is none of an entry."""
        if self._binary is not None:
            return self._feed_binary(raw)
        if self._fields is not None:
            return self._feed_field(raw)
        done = self._json.feed(raw)
        if done is None:
            done = self._yaml.feed(raw)
        if done is not None:
            return done
        if _FIRST.match(raw):
            self._fields, self._verbose = {}, False
            return self._feed_field(raw)
        if _VERBOSE.match(raw):
            self._fields, self._verbose = {}, True
            return []
        return None

    def flush(self) -> list[Mapping[str, Any]]:
        """End the log and return the entry that was still open."""
        fields, self._fields, self._binary = self._fields, None, None
        self._json.reset()
        return [*([fields] if fields else []), *self._yaml.flush()]

    def _feed_field(self, raw: bytes) -> list[Mapping[str, Any]] | None:
        assert self._fields is not None
        if not raw:
            return self.flush()
        if self._verbose and _VERBOSE.match(raw):
            done = self.flush()
            self._fields = {}
            return done
        field = _FIELD.match(raw)
        if field is not None:
            if len(self._fields) < _MOST_LINES:
                self._last = field.group(1).decode()
                self._fields[self._last] = field.group(2).decode("utf-8", "replace")
            return []
        if not self._verbose and _BARE.fullmatch(raw):
            self._binary = (raw.decode(), b"")
            return []
        if self._verbose and raw.startswith(b"     ") and self._last:
            self._fields[self._last] += "\n" + raw[5 + len(self._last) :].decode("utf-8", "replace")
            return []
        # Not of the export format after all: give the line back to whoever reads lines.
        self._fields = None
        return None

    def _feed_binary(self, raw: bytes) -> list[Mapping[str, Any]]:
        assert self._binary is not None
        name, data = self._binary
        data += raw + b"\n"
        size = int.from_bytes(data[:8], "little") if len(data) >= 8 else 0
        if len(data) < 8 or (len(data) < 8 + size + 1 and len(data) < (1 << 20)):
            self._binary = (name, data)
            return []
        if self._fields is not None:
            self._fields[name] = data[8 : 8 + size].decode("utf-8", "replace")
        self._binary = None
        return []
