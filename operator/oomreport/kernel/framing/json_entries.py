r"""Log entries in JSON, on one line or on several.

    {"MESSAGE":"..","_TRANSPORT":"kernel",..}                       journalctl -o json, json-sse, json-seq
    {                                                               journalctl -o json-pretty
            "MESSAGE" : "..", ..
    }
    {"log":"..\n","stream":"stdout","time":".."}                    Docker's json-file
    {"events": [{"timestamp": 1700000000000, "message": ".."}, ..   aws logs get-log-events

No store is known by name: whatever object has a text is an entry. An object in a list is an entry of its own, whatever
it stands in, so that of a document of any size only one entry is held.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from oomreport.kernel import lazy_re as re
from oomreport.kernel.framing.json_fields import ENTRY_KEYS, is_event, item_of_entry
from oomreport.kernel.framing.stage import Item

_TOKEN = re.compile(
    rb'[\s,:]*(?:([\[{])|([\]}])|"[^"\\]*(?:\\.[^"\\]*)*"|(?:true|false|null|-?\d[\d.eE+-]*)(?!\w))', re.DOTALL
)
_END = re.compile(rb"[\s,:]*$")
# A document begins with an object, or with a list whose first element begins here or on the next line: `[ 12.345678]`
# is the kernel's time. A reader that begins in the middle of a list meets `},{`.
_BEGIN = re.compile(rb"\s*(?:\},?\s*)?(?:\{|\[\s*(?:[\[{]|$))")
_OPENS = {b"}": b"{", b"]": b"["}
_NOTHING: Mapping[str, Any] = {}
# Server-sent events and RFC 7464, as journalctl prints them.
_MARKS = (b"data: ", b"\x1e")
# Of an entry over several lines; of a document on one line the framer holds more.
_MOST_BYTES = 64 * 1024
_MOST_DEPTH = 64
_MOST_NESTED = 16
# Of a field that an entry has from the object around it: a host, a time, a unit (255 characters in systemd).
_MOST_AROUND = 256


class JsonEntries:
    """Gathers the lines of one document until an entry in it is whole."""

    def __init__(self) -> None:
        """Start outside any document."""
        self._open: list[tuple[bytes, int]] = []
        self._lines: list[bytes] = []
        self._text = b""
        self._at = 0

    @property
    def idle(self) -> bool:
        """Whether no entry is half read: nothing is open, or only lists and what they stand in."""
        kinds = b"".join(kind for kind, _ in self._open)
        return not kinds or (kinds.endswith(b"[") and b"[{" not in kinds)

    def feed(self, item: Item) -> list[Item] | None:
        """Take a physical line in; return the entries that it ends, or None where it is no line of JSON."""
        if not isinstance(item, bytes):
            return None
        raw = item
        if not self._open:
            for mark in _MARKS:
                raw = raw.removeprefix(mark)
            if not _BEGIN.match(raw):
                return None
            whole = _value_of(raw)
            if whole is not None:
                return list(_items_in(whole))
        return self._gathered(raw)

    def flush(self) -> list[Item]:
        """Forget the document, and return its lines that no entry was made of."""
        lines, self._lines, self._open, self._text, self._at = self._lines, [], [], b"", 0
        return list(lines)

    def _gathered(self, raw: bytes) -> list[Item] | None:
        """Take a line of a document in; where it is none, give back the lines that are held."""
        done: list[Item] = []
        self._lines.append(raw)
        # In pieces, since the text is copied for each entry in it.
        for begin in range(0, len(raw) + 1, _MOST_BYTES):
            is_last = begin + _MOST_BYTES > len(raw)
            self._text += raw[begin : begin + _MOST_BYTES] + (b"\n" if is_last else b"")
            done += self._tokens()
            if len(self._open) > _MOST_DEPTH or len(self._text) > 2 * _MOST_BYTES:
                break
        if not _END.match(self._text, self._at) or len(self._open) > _MOST_DEPTH or len(self._text) > _MOST_BYTES:
            lines = self.flush()
            return [*done, *lines] if done or len(lines) > 1 else None
        if not self._open:
            self.flush()
        return done

    def _tokens(self) -> list[Item]:
        """Read on in the text; return the entries that end in it."""
        done: list[Item] = []
        while (token := _TOKEN.match(self._text, self._at)) is not None:
            self._at = token.end()
            if token.group(1):
                self._open.append((token.group(1), token.start(1)))
            elif token.group(2):
                done += self._closed(token.group(2))
        return done

    def _closed(self, bracket: bytes) -> list[Item]:
        """Close what is open; return the entries of an object that stands in a list or in nothing."""
        if not self._open or self._open[-1][0] != _OPENS[bracket]:
            self._open = []  # the reader began in the middle of a document
            return []
        kind, start = self._open.pop()
        if kind == b"[" or (self._open and self._open[-1][0] == b"{"):
            return []
        value = _value_of(self._text[start : self._at])
        # What was read is left out of its list, so that the text of a long list stays short.
        kept = self._text[: self._open[-1][1] + 1] + b"null" if self._open else b""
        self._text, self._at = kept + self._text[self._at :], len(kept)
        self._lines = self._lines[-1:]
        return list(_items_in(value))


def _value_of(raw: bytes) -> object:
    """Return the object or list that a text is, None where it is none that can be read."""
    try:
        value = json.loads(raw.strip(b" \t\r\n,").decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def _items_in(value: object, around: Mapping[str, Any] = _NOTHING, depth: int = 0) -> Iterator[Item]:
    """Yield the entries in a value, in their order; `around` are the plain fields of the objects that it stands in.

    Only what an entry is asked for: all the fields of an object for each entry in it would be quadratic.
    """
    if depth > _MOST_NESTED:
        return
    if isinstance(value, list):
        for one in value:
            yield from _items_in(one, around, depth + 1)
    elif isinstance(value, dict) and not is_event(value):
        item = item_of_entry({**around, **value})
        if item is not None:
            yield item
            return
        plain = {name: value[name] for name in ENTRY_KEYS & value.keys() if _is_short(value[name])}
        for one in value.values():
            yield from _items_in(one, {**around, **plain}, depth + 1)


def _is_short(value: object) -> bool:
    return len(value) <= _MOST_AROUND if isinstance(value, str) else not isinstance(value, dict | list)
