"""Physical lines of any log become lines of kernel text.

A `Framer` is fed one physical line at a time, without its newline, and returns what it completes: mostly one line,
nothing while an entry of several physical lines is being gathered (journal export, pretty JSON, partial CRI lines).
Which framing a log has is never asked: every line is looked at by itself, since pasted logs mix them.
"""

import json
import re

from oomreport.kernel.entries import Entries
from oomreport.kernel.kind import Kind, kind_of
from oomreport.kernel.kmsg import line_of_record
from oomreport.kernel.learned import LearnedPrefix
from oomreport.kernel.line import NO_STAMP, Line
from oomreport.kernel.pasted import mended
from oomreport.kernel.prefix import Prefixed, unprefixed
from oomreport.kernel.record import Stamp
from oomreport.kernel.structured import json_object, line_of_object
from oomreport.kernel.suffix import LearnedSuffix
from oomreport.kernel.wrapped import Joiner

_KMSG = re.compile(rb"[ \t>|]*(?=\d{1,10},\d{1,20},\d{1,20},[^;\n]{0,200};)")
_ANSI = re.compile(rb"\x1b\[[0-9;]*[mKGHF]|\x1b\][^\x07]*\x07")
_OCTAL = re.compile(r"#(0[0-3][0-7]|177)")
_NOQA = re.compile(r"\s+# (?:noqa|type:|pylint:).*$")
_FLUENT = re.compile(r'[\[{,] ?"(?:msg|MESSAGE|message|log)"=>"((?:[^"\\]|\\.)*)"')
_FLUENT_PRIORITY = re.compile(r'"priority"=>(\d+)')
_CRI = re.compile(rb"\d{4}-\d\d-\d\dT\S+ (stdout|stderr) ([FP]) (.*)", re.DOTALL)
_HOLE = re.compile(rb"[ \t>#*]*(?:--|\.\.\.|\[\.\.\.\]|\[snip\]|\xe2\x80\xa6)[ \t]*$")
_MOST_BYTES = 1 << 20
_MOST_NESTED = 3


class Framer:
    """Turns the physical lines of one log into lines of kernel text."""

    def __init__(self) -> None:
        """Start at the beginning of a log."""
        self._entries = Entries()
        self._learned = LearnedPrefix()
        self._suffix = LearnedSuffix()
        self._joiner = Joiner()
        self._partial = b""
        self._hole = False

    @property
    def idle(self) -> bool:
        """Whether nothing is being gathered that the next physical line may belong to."""
        return self._joiner.idle and self._entries.idle and not self._partial and not self._hole

    def feed(self, raw: bytes) -> list[Line]:  # noqa: C901 - one look after the other
        """Take one physical line in, without its newline."""
        raw = raw[:_MOST_BYTES].rstrip(b"\r\x00")
        if b" std" in raw[:64]:
            partial = _CRI.match(raw)
            if partial is not None:
                if partial.group(2) == b"P":
                    self._partial += partial.group(3) if self._partial else raw
                    return [] if len(self._partial) < _MOST_BYTES else self._end_partial()
                if self._partial:
                    raw, self._partial = self._partial + partial.group(3), b""
        line = line_of_record(raw) if raw[:1].isdigit() else None
        if line is None:
            record = _KMSG.match(raw)
            line = line_of_record(raw[record.end() :]) if record is not None else None
        if line is not None:
            return [*self._joiner.flush(), self._after_hole(line)]
        if raw[:1] == b" " and self._joiner.idle and raw[1:2].isupper() and b"=" in raw[:40]:
            return []  # a property of a /dev/kmsg record
        if _HOLE.match(raw):
            self._hole = True
            return self._joiner.flush()
        gathered = self._entries.feed(raw)
        if gathered is not None:
            return [line for fields in gathered for line in self._joined(line_of_object(fields), 0)]
        if b"\x1b" in raw:
            raw = _ANSI.sub(b"", raw)
        return self._lines(mended(raw.decode("utf-8", "replace")))

    def _end_partial(self) -> list[Line]:
        raw, self._partial = self._partial, b""
        return self._lines(raw.decode("utf-8", "replace")) if raw else []

    def flush(self) -> list[Line]:
        """End the log and return what was still being gathered."""
        lines = self._end_partial()
        lines += [line for fields in self._entries.flush() for line in self._joined(line_of_object(fields), 0)]
        return lines + self._joiner.flush()

    def _lines(self, text: str, depth: int = 0, outer: Line | None = None) -> list[Line]:
        """Return the lines of a physical line, or of the text that an entry `outer` carries."""
        if text[:1] in "{\x1e" or text.startswith("data: {"):
            fields = json_object(text.lstrip("\x1e").removeprefix("data: "))
            if fields is not None:
                return self._joined(line_of_object(fields), depth)
        found = unprefixed(text)
        if found.text[:1] == "{" and found.kernel:
            fields = json_object(found.text)
            if fields is not None:
                return self._joined(line_of_object(fields), depth)
        if '"=>"' in found.text:
            return self._fluent(found.text, depth)
        line = self._line(text, self._learned.taken_off(found), outer)
        kernel_text = self._suffix.taken_off(kind_of(line.text), line.text)
        if len(kernel_text) < len(line.text):
            text = text[: len(text) - len(line.text) + len(kernel_text)]
            line = line._replace(text=kernel_text)
        return self._joiner.feed(self._after_hole(line), text)

    def _joined(self, line: Line | None, depth: int) -> list[Line]:
        """Return an entry's line: as it is where the entry is the kernel's own, else by its text's own framing."""
        if line is None:
            return []
        if line.framed or not line.kernel:
            return [*self._joiner.flush(), self._after_hole(line)]
        if depth >= _MOST_NESTED:
            return []
        pieces = line.text.split("\n")
        if len(pieces) > 1 and not _is_several(pieces):
            return [*self._joiner.flush(), self._after_hole(line)]
        return [inner for text in pieces for inner in self._lines(text, depth + 1, line)]

    def _fluent(self, text: str, depth: int) -> list[Line]:
        value = _FLUENT.search(text)
        priority = _FLUENT_PRIORITY.search(text)
        if value is None or depth >= _MOST_NESTED or (priority and int(priority.group(1)) >= 8):
            return []
        try:
            inner = json.loads(f'"{value.group(1)}"', strict=False)
        except ValueError:
            return []
        line = Line(text=inner, framed=priority is not None)
        return self._joined(line, depth)

    def _line(self, text: str, found: Prefixed, outer: Line | None) -> Line:
        kernel_text = found.text
        if text[:1] == "#":
            kernel_text = _NOQA.sub("", kernel_text)
        if found.dated and "#" in kernel_text and found.host is not None:
            kernel_text = _OCTAL.sub(lambda code: chr(int(code.group(1), 8)), kernel_text)
        stamp = outer.stamp if outer else NO_STAMP
        if found.monotonic_us is not None or found.wall is not None:
            stamp = Stamp(
                monotonic_us=stamp.monotonic_us if found.monotonic_us is None else found.monotonic_us,
                wall=found.wall or stamp.wall,
            )
        return Line(
            text=kernel_text,
            stamp=stamp,
            facility=found.facility,
            kernel=found.kernel and (outer is None or outer.kernel),
            host=found.host or (outer.host if outer else None),
            framed=found.dated or outer is not None,
        )

    def _after_hole(self, line: Line) -> Line:
        if not self._hole:
            return line
        self._hole = False
        return line._replace(hole=True)


def _is_several(pieces: list[str]) -> bool:
    """Whether the text of an entry is several lines of a log, rather than one that holds newlines."""
    if unprefixed(pieces[0]).dated:
        return True
    return any(kind_of(piece) not in (None, Kind.STAT) for piece in pieces[1:])
