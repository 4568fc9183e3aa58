"""Entries as documents of YAML, as `gcloud logging read` prints them: the little of YAML that it takes.

---
insertId: 1x2y
jsonPayload:
  MESSAGE: 'oom-kill:constraint=CONSTRAINT_MEMCG,..'
  _TRANSPORT: kernel
timestamp: '2026-02-27T23:58:41.120000Z'
"""

import json
from collections.abc import Mapping
from typing import Any

from oomreport.kernel import lazy_re as re

_BEGIN = re.compile(rb"---\s*$")
_FIRST = re.compile(r"(?:insertId|jsonPayload|textPayload|labels|logName|protoPayload|receiveTimestamp|resource):")
_MEMBER = re.compile(r"( *)([\w./@-]+):(?: (.*))?$", re.DOTALL)
_MOST_LINES = 1_000


class YamlEntries:
    """Gathers one document at a time."""

    def __init__(self) -> None:
        """Start outside any document."""
        self._lines: list[str] | None = None

    @property
    def idle(self) -> bool:
        """Whether no document is half read."""
        return self._lines is None

    def feed(self, raw: bytes) -> list[Mapping[str, Any]] | None:
        """Take a line in and return the entry that it completes; None where it is no line of such a document."""
        if raw[:3] == b"---" and _BEGIN.match(raw):
            done = self.flush()
            self._lines = []
            return done
        if self._lines is None:
            return None
        text = raw.decode("utf-8", "replace")
        fits = _FIRST.match(text) if not self._lines else text[:1] == " " or not text or _MEMBER.match(text)
        if not fits or len(self._lines) >= _MOST_LINES:
            done = self.flush()
            return done or None
        self._lines.append(text)
        return []

    def flush(self) -> list[Mapping[str, Any]]:
        """End the document and return its entry."""
        lines, self._lines = self._lines, None
        entry = _entry_of(lines) if lines else None
        return [entry] if entry else []


def _entry_of(lines: list[str]) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    at = 0
    while at < len(lines):
        member = _MEMBER.match(lines[at])
        at += 1
        if member is None:
            continue
        indent, name, value = len(member[1]), member[2], member[3] or ""
        rest = at
        while rest < len(lines) and (_indent(lines[rest]) > indent or not lines[rest]):
            rest += 1
        if value[:1] in "|>" and value:
            entry[name] = "\n".join(line[indent + 2 :] for line in lines[at:rest])
            at = rest
        elif value:
            entry[name] = _scalar(" ".join([value, *(line.strip() for line in lines[at:rest])]))
            at = rest
    return entry


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _scalar(text: str) -> str:
    if text[:1] == "'" and text.endswith("'") and len(text) > 1:
        return text[1:-1].replace("''", "'")
    if text[:1] == '"':
        try:
            value = json.loads(text, strict=False)
        except ValueError:
            return text
        return value if isinstance(value, str) else text
    return text
