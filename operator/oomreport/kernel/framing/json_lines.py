"""JSON over several lines, as programs print it for people: journalctl -o json-pretty, dmesg --json, aws, gcloud, ..

Each element of a list is an entry of its own, whatever it stands in, so that of a document of any size only one entry is
held. An object that stands in no list is an entry too. What an entry's own lists of objects hold is not kept.
"""

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from oomreport.kernel import lazy_re as re

_MEMBER = re.compile(rb'\s*("(?:[^"\\]|\\.)*")\s*:\s*(.*?)\s*$', re.DOTALL)
_BRACKETS = re.compile(rb"[\s\[\]{},]*$")
_BEGIN = re.compile(rb"\s*(?:\},? *)?[\[{]\s*$")
_PAIR = frozenset({"field", "key", "name", "value"})
_MOST_LINES = 5_000
_MOST_DEPTH = 64


class PrettyJson:
    """Gathers the entries of one document."""

    def __init__(self) -> None:
        """Start outside any document."""
        self._open: list[tuple[str | None, dict[str, Any] | list[Any]]] = []
        self._lines = 0

    @property
    def open(self) -> bool:
        """Whether a document has begun."""
        return bool(self._open)

    @property
    def idle(self) -> bool:
        """Whether no entry is half read."""
        if not self._open:
            return True
        values = [value for _, value in self._open]
        inside = any(isinstance(a, list) and isinstance(b, dict) for a, b in pairwise(values))
        return values[-1] == [] and not inside

    def reset(self) -> None:
        """Forget the document."""
        self._open.clear()

    def feed(self, raw: bytes) -> list[Mapping[str, Any]] | None:
        """Take a line in and return the entries that it completes; None where it is no line of such a document."""
        if not self._open:
            if not _BEGIN.match(raw):
                return None
            raw = raw.lstrip().lstrip(b"},")
        self._lines += 1
        try:
            done = self._taken(raw)
        except ValueError:
            done = None
        if done is None or self._lines > _MOST_LINES or len(self._open) > _MOST_DEPTH:
            self.reset()
            return None
        return done

    def _taken(self, raw: bytes) -> list[Mapping[str, Any]] | None:
        if _BRACKETS.match(raw):
            return self._brackets(raw, None)
        member = _MEMBER.match(raw)
        inside = self._open[-1][1]
        if member is None or isinstance(inside, list):
            if isinstance(inside, list):
                inside.append(json.loads(raw.strip().rstrip(b",").decode("utf-8", "replace"), strict=False))
                return []
            return None
        name, rest = json.loads(member.group(1).decode("utf-8", "replace")), member.group(2)
        if rest[:1] in (b"{", b"[") and _BRACKETS.match(rest):
            return self._brackets(rest, name)
        inside[name] = json.loads(rest.rstrip(b",").decode("utf-8", "replace"), strict=False)
        return []

    def _brackets(self, raw: bytes, name: str | None) -> list[Mapping[str, Any]] | None:
        done: list[Mapping[str, Any]] = []
        for byte in raw.decode("ascii", "replace"):
            if byte in "{[":
                self._open.append((name, {} if byte == "{" else []))
                name = None
            elif byte in "}]":
                if not self._open or isinstance(self._open[-1][1], dict) != (byte == "}"):
                    return None
                done += self._closed(*self._open.pop())
        return done

    def _closed(self, name: str | None, value: dict[str, Any] | list[Any]) -> list[Mapping[str, Any]]:
        self._lines = 0 if len(self._open) < 2 or isinstance(self._open[-1][1], list) else self._lines
        parent = self._open[-1][1] if self._open else None
        if isinstance(parent, dict) and name is not None:
            if value:
                parent[name] = value
            return []
        if isinstance(parent, list) and isinstance(value, dict) and "value" in value and _PAIR.issuperset(value):
            parent.append(value)
            return []
        if isinstance(value, dict):
            return [value] if value else []
        return [{"rows": [value]}] if value and len(value) > 1 else []
