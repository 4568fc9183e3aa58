"""The protocol of the stages of the framing pipeline."""

from typing import NamedTuple, Protocol

from oomreport.kernel.line import Line


class EntryText(NamedTuple):
    """The text of a log entry, which may have a prefix of its own; `entry` is what the entry's other fields say."""

    text: str
    entry: Line


class TextLine(NamedTuple):
    """A line without its prefix, and the text that it was with it."""

    line: Line
    text: str


# A physical line, the text of an entry, a line that may go on in the next one, a whole line.
Item = bytes | EntryText | TextLine | Line


class Stage(Protocol):
    """One format of a log, or one repair of its lines."""

    @property
    def idle(self) -> bool:
        """Whether the stage holds nothing that the next item may belong to."""

    def feed(self, item: Item) -> list[Item] | None:
        """Take an item in and return what the next stages get for it; None where it is not of this format."""

    def flush(self) -> list[Item]:
        """End the log and return what was held."""
