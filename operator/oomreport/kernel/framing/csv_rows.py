"""Rows of CSV that hold the kernel's text in a cell.

    2026-02-27T23:58:41+00:00,node-1,kern,"oom-kill:constraint=..,task=""x"",pid=1,uid=0"

Where the log's first line names the columns, they say who wrote a row.
"""

import csv

from oomreport.kernel import lazy_re as re
from oomreport.kernel.framing.json_fields import is_kernel
from oomreport.kernel.framing.prefix import unprefixed
from oomreport.kernel.framing.stage import EntryText, Item
from oomreport.kernel.line import Line
from oomreport.kernel.text.kind import Kind, kind_of

_NAME = re.compile(r"[@_A-Za-z][\w.@ -]{0,60}")
_MOST_CHARACTERS = 64 * 1024


class CsvRows:
    """Gathers the lines of one row: a cell may hold newlines."""

    def __init__(self) -> None:
        """Start at the beginning of a log."""
        self._columns: list[str] = []
        self._begun = False
        self._lines: list[str] = []
        self._size = self._quotes = 0

    @property
    def idle(self) -> bool:
        """Whether no row is half read, and the log has no columns: in a row, a cell of a program may hold anything."""
        return not self._lines and not self._columns

    def feed(self, item: Item) -> list[Item] | None:
        """Take a physical line in; return the kernel's text in the row that it ends, None where it is no such row."""
        if not isinstance(item, bytes):
            return None
        text = item.decode("utf-8", "replace")
        if not self._begun:
            self._begun = True
            names = text.split(",")
            self._columns = names if len(names) > 1 and all(_NAME.fullmatch(name) for name in names) else []
        if not self._lines and ("," not in text or not _may_be_row(text)):
            return None
        self._lines.append(text)
        self._size += len(text)
        self._quotes += text.count('"')
        if self._quotes % 2 and self._size < _MOST_CHARACTERS and (self._columns or _has_open_cell(self._lines[0])):
            return []
        row = self._row()
        return self._items_of(row, _cells_of(row))

    def flush(self) -> list[Item]:
        """Return the lines of a row whose end did not come."""
        return [line.encode() for line in self._row().split("\n")] if self._lines else []

    def _row(self) -> str:
        row = "\n".join(self._lines)
        self._lines, self._size, self._quotes = [], 0, 0
        return row

    def _items_of(self, row: str, cells: list[str]) -> list[Item] | None:
        is_named = bool(self._columns) and len(cells) == len(self._columns)
        cell = _kernel_cell(row, cells)
        if cell is not None:
            is_own = not is_named or is_kernel(dict(zip(self._columns, cells, strict=True)))
            return [EntryText(cell, Line(text=cell, kernel=is_own))]
        if is_named:
            return []
        return [line.encode() for line in row.split("\n")] if "\n" in row else None


def _may_be_row(text: str) -> bool:
    """Return whether a line may be a row: one that the kernel stamped itself is its own text, quotes or not."""
    found = unprefixed(text)
    if found.settled or not found.kernel:
        return False
    return text[0] == '"' or ',"' in text or kind_of(found.text) is None


def _cells_of(row: str) -> list[str]:
    """Return the cells of a row, none where it cannot be read."""
    try:
        return next(csv.reader([row], strict=True), [])
    except csv.Error:
        return []


def _has_open_cell(row: str) -> bool:
    """Return whether the row ends within a quoted cell that begins as a line of a dump which holds a newline."""
    _, quote, cell = row.rpartition(',"') if ',"' in row else ("", row[:1], row[1:])
    kinds = (Kind.STATS, Kind.STAT, Kind.SUMMARY, Kind.KILLED, Kind.HEADER)
    return quote in (',"', '"') and kind_of(unprefixed(cell.partition("\n")[0]).text) in kinds


def _kernel_cell(row: str, cells: list[str]) -> str | None:
    """Return the last cell that reads as a part of a dump.

    A cell that was not quoted is a whole line only where the kernel's own commas do not end it: those have a blank
    behind them, but for the summary's.
    """
    for place in range(len(cells) - 1, -1, -1):
        cell = cells[place]
        kind = kind_of(unprefixed(cell).text)
        if kind is None:
            continue
        behind = cells[place + 1] if place + 1 < len(cells) else ""
        is_torn = kind is Kind.SUMMARY or " " in (cell[:1], behind[:1])
        if not is_torn or '"' + cell.replace('"', '""') + '"' in row:
            return cell
    return None
