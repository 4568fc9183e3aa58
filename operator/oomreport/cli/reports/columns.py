"""A table for a terminal, as kubectl prints one.

Three blanks stand between columns; nothing is cut off.
"""

from collections.abc import Sequence
from datetime import datetime

from oomreport.cli.terminal import printable


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return lines; a value that is None or empty is left blank."""
    cells = [[printable(str(cell)) if cell is not None else "" for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = ("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells)
    return "\n".join(lines) + "\n"


def age(time: datetime | None, now: datetime) -> str:
    """Return how long ago a time was, as kubectl shows it."""
    if time is None:
        return ""
    seconds = max(0, int((now - time).total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
