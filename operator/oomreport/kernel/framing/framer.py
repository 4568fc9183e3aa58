"""The framing pipeline: from physical lines to lines of kernel text.

A log does not have one format: pasted logs mix them, so each line is looked at by itself. An item goes to the first
stage that takes it. What that stage returns goes to the stages behind it. A new format is one file with a stage, and
one entry in STAGES.
"""

from collections.abc import Callable, Sequence

from oomreport.kernel.framing.csv_rows import CsvRows
from oomreport.kernel.framing.journal import JournalEntries
from oomreport.kernel.framing.json_entries import JsonEntries
from oomreport.kernel.framing.kmsg_records import KmsgRecords
from oomreport.kernel.framing.line_joiner import LineJoiner
from oomreport.kernel.framing.quoted_printable import QuotedPrintable
from oomreport.kernel.framing.stage import Item, Stage
from oomreport.kernel.framing.text_lines import TextLines
from oomreport.kernel.line import Line

STAGES: tuple[Callable[[], Stage], ...] = (
    KmsgRecords,
    QuotedPrintable,
    JournalEntries,
    JsonEntries,
    CsvRows,
    TextLines,
    LineJoiner,
)
# Only a document of JSON on one line can be longer. It is read in pieces then.
_MOST_BYTES = 1 << 20


class Framer:
    """Turns the physical lines of one log into lines of kernel text."""

    def __init__(self) -> None:
        """Start at the beginning of a log."""
        self._stages: Sequence[Stage] = [stage() for stage in STAGES]
        self._last = len(self._stages) - 1
        self._holding: int | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing is held that the next physical line may belong to."""
        return (self._holding is None or self._stages[self._holding].idle) and self._stages[self._last].idle

    def feed(self, raw: bytes) -> list[Line]:
        """Take one physical line in, without its newline; return the lines of kernel text that it completes."""
        item = raw[:_MOST_BYTES].rstrip(b"\r\x00")
        # The stage that holds the beginning of an entry is asked first: the entry may hold lines of any other format.
        return self._through(item, 0) if self._holding is None else self._through(item, self._holding, again=True)

    def flush(self) -> list[Line]:
        """End the log and return what was held."""
        lines: list[Line] = []
        for number, stage in enumerate(self._stages, 1):
            for item in stage.flush():
                lines += self._through(item, number)
        return lines

    def _through(self, item: Item, first: int, *, again: bool = False) -> list[Line]:
        """Return what the first stage that takes the item, and the stages behind it, make of it.

        With `again` the stages before `first` are asked too, if that one does not take it.
        """
        for number in range(first, self._last + 1):
            stage = self._stages[number]
            done = stage.feed(item)
            if done is not None:
                if number != self._last and not stage.idle:
                    self._holding = number
                elif number == self._holding:
                    self._holding = None
                return [line for one in done for line in self._through(one, number + 1)]
            if again:
                return self._through(item, 0)
        return [item] if isinstance(item, Line) else []
