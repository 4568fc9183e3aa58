"""Physical lines of any log become lines of kernel text.

A `Framer` is fed one physical line at a time, without its newline, and returns what it completes: mostly one line,
nothing while an entry of several physical lines is being gathered (journal export, pretty JSON, partial CRI lines).
Which framing a log has is never asked: every line is looked at by itself, since pasted logs mix them.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from oomreport.kernel import lazy_re as re
from oomreport.kernel.framing.clipboard import mended
from oomreport.kernel.framing.csv_logfmt import Cell, Rows, lines_of, logfmt_message
from oomreport.kernel.framing.fragments import Pieces
from oomreport.kernel.framing.journal import Entries
from oomreport.kernel.framing.json_documents import entries_in, entries_of_text
from oomreport.kernel.framing.json_fields import line_of_object
from oomreport.kernel.framing.learned_prefix import LearnedPrefix
from oomreport.kernel.framing.learned_suffix import LearnedSuffix
from oomreport.kernel.framing.line_joiner import Joiner
from oomreport.kernel.framing.prefix import Prefixed, unprefixed
from oomreport.kernel.kmsg import line_of_record
from oomreport.kernel.line import NO_STAMP, Line
from oomreport.kernel.record import Stamp
from oomreport.kernel.text.kind import Kind, kind_of

# netconsole puts the kernel's release in front where asked to.
_KMSG = re.compile(rb"[ \t>|]*(?:\d{1,3}\.\d{1,3}[^,;\s]{0,100},)?(?=\d{1,10},\d{1,20},\d{1,20},[^;\n]{0,200};)")
# Colours, a window's title, and what a build server puts before each line.
_ANSI = re.compile(rb"\x1b\[[0-9;]*[mKGHF]|\x1b[\]_][^\x07\x1b]*(?:\x07|\x1b\\)")
_OCTAL = re.compile(r"#(0[0-3][0-7]|177)")
_NOQA = re.compile(r"\s+# (?:noqa|type:|pylint:).*$")
_FLUENT = re.compile(r'[\[{,] ?"(?:msg|MESSAGE|message|log)"=>"((?:[^"\\]|\\.)*)"')
_FLUENT_PRIORITY = re.compile(r'"priority"=>(\d+)')
_FLUENT_FOREIGN = re.compile(r'"_TRANSPORT"=>"(?!kernel")|"SYSLOG_FACILITY"=>"(?!0")')
_HOLE = re.compile(rb"[ \t>#*]*(?:--|\.\.\.|\[\.\.\.\]|\[snip\]|\xe2\x80\xa6)[ \t]*$")
_MOST_BYTES = 1 << 20
_LONGEST_ROW = 64 * 1024
_LONG = 200
_MOST_NESTED = 3


class Framer:
    """Turns the physical lines of one log into lines of kernel text."""

    def __init__(self) -> None:
        """Start at the beginning of a log."""
        self._entries = Entries()
        self._learned = LearnedPrefix()
        self._suffix = LearnedSuffix()
        self._joiner = Joiner()
        self._pieces = Pieces()
        self._rows = Rows()
        self._row = ""
        self._hole = False

    @property
    def idle(self) -> bool:
        """Whether nothing is being gathered that the next physical line may belong to."""
        return self._joiner.idle and self._entries.idle and self._pieces.idle and not self._row and not self._hole

    def feed(self, raw: bytes) -> list[Line]:
        """Take one physical line in, without its newline."""
        raw = raw[:_MOST_BYTES].rstrip(b"\r\x00")
        whole = self._pieces.feed(raw)
        if whole is None:
            return []
        return self._of_whole(whole)

    def _of_whole(self, raw: bytes) -> list[Line]:
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
        if self._row:
            return self._rest_of_row(raw.decode("utf-8", "replace"))
        gathered = self._entries.feed(raw)
        if gathered is not None:
            return self._of_documents(gathered)
        if b"\x1b" in raw:
            raw = _ANSI.sub(b"", raw)
        return self._lines(mended(raw.decode("utf-8", "replace")))

    def _rest_of_row(self, text: str) -> list[Line]:
        """Take in a line that a row of CSV goes on with, since a cell of it holds newlines."""
        self._row += "\n" + text
        cell = self._rows.cell_of(self._row)
        if cell is not None and cell.open and len(self._row) < _LONGEST_ROW:
            return []
        self._row = ""
        return [] if cell is None else self._of_cell(cell)

    def flush(self) -> list[Line]:
        """End the log and return what was still being gathered."""
        held = self._pieces.flush()
        lines = self._of_whole(held) if held else []
        cell = self._rows.cell_of(self._row) if self._row else None
        self._row = ""
        lines += self._of_cell(cell) if cell is not None else []
        lines += self._of_documents(self._entries.flush())
        return lines + self._joiner.flush()

    def _lines(self, text: str, depth: int = 0, outer: Line | None = None) -> list[Line]:
        """Return the lines of a physical line, or of the text that an entry `outer` carries."""
        entries = None
        if text[:1] in "{\x1e" or text[:2] in ("[{", "[[") or text.startswith("data: {"):
            entries = entries_of_text(text.lstrip("\x1e").removeprefix("data: "))
        if entries is None:
            found = unprefixed(text)
            if found.text[:1] == "{" and found.kernel:
                entries = entries_of_text(found.text)
        if entries is not None:
            return self._of_entries(entries, depth)
        if outer is None and self._rows.columns is None and depth == 0:
            self._rows.learn(text)
        return self._lines_behind(found, text, depth, outer)

    def _lines_behind(self, found: Prefixed, text: str, depth: int, outer: Line | None) -> list[Line]:
        """Return the lines of a text whose prefix was taken off."""
        if '"=>"' in found.text:
            return self._fluent(found.text, depth)
        if outer is None and found.kernel and not found.settled:
            embedded = self._embedded(text, found)
            if embedded is not None:
                return embedded
        several = self._several(text, found) if len(text) > _LONG and depth < _MOST_NESTED else None
        if several is not None:
            return [line for piece in several for line in self._lines(piece, depth + 1, outer)]
        line = self._line(text, self._learned.taken_off(found), outer)
        kernel_text = self._suffix.taken_off(kind_of(line.text), line.text)
        if len(kernel_text) < len(line.text):
            text = text[: len(text) - len(line.text) + len(kernel_text)]
            line = line._replace(text=kernel_text)
        return self._joiner.feed(self._after_hole(line), text)

    @staticmethod
    def _several(text: str, found: Prefixed) -> list[str] | None:
        """Return the lines of a text that lost its newlines, None for one line.

        Other lines of the kernel hold what users wrote, which may be anything; a header holds a comm of 15 bytes.
        """
        kind = kind_of(found.text)
        if kind is Kind.HEADER or (kind is None and not found.dated):
            return lines_of(text)
        return None

    def _embedded(self, text: str, found: Prefixed) -> list[Line] | None:
        """Return the lines of a row of CSV or a line of logfmt, None where the text is neither."""
        if '="' in text:
            message = logfmt_message(text)
            if message is not None:
                return self._joined(Line(text=message, stamp=Stamp(wall=found.wall), host=found.host, framed=False), 1)
        if "," not in text or (text[0] != '"' and ',"' not in text and kind_of(found.text) is not None):
            return None
        cell = self._rows.cell_of(text)
        if cell is None:
            return None
        if cell.open:
            self._row = text
            return self._joiner.flush()
        return self._of_cell(cell)

    def _of_cell(self, cell: Cell) -> list[Line]:
        return self._joined(Line(text=cell.text, framed=False), 1) if cell.kernel else []

    def _of_documents(self, documents: Iterable[Mapping[str, Any]]) -> list[Line]:
        return self._of_entries(entry for fields in documents for entry in entries_in(fields))

    def _of_entries(self, entries: Iterable[Mapping[str, Any]], depth: int = 0) -> list[Line]:
        return [line for entry in entries for line in self._joined(line_of_object(entry), depth)]

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
        if (
            value is None
            or depth >= _MOST_NESTED
            or _FLUENT_FOREIGN.search(text)
            or (priority and int(priority.group(1)) >= 8)
        ):
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
