"""Lines of plain text, without colours and prefixes."""

from oomreport.kernel import lazy_re as re
from oomreport.kernel.framing.learned_prefix import LearnedPrefix
from oomreport.kernel.framing.lost_newline import end_of_summary
from oomreport.kernel.framing.padding import parts_of
from oomreport.kernel.framing.prefix import Prefixed, unprefixed
from oomreport.kernel.framing.stage import EntryText, Item, TextLine
from oomreport.kernel.line import LONGEST_TEXT, NO_STAMP, Line
from oomreport.kernel.record import Stamp
from oomreport.kernel.text.kind import Kind, kind_of

# A line that is a comment of source code may end with a comment for a linter, behind two blanks.
_COMMENT = re.compile(r"[ \t]*(#|//) ")
_COMMENT_BEHIND = re.compile(r"(?<! ) {2,}(#|//) ?[A-Za-z][\w:, -]{0,60}$")
# An event of Kubernetes, of the reason OOMKilling, repeats two records of the kernel, with the newline between them.
_CHOSEN_IN_EVENT = re.compile(r"\bKill process \d{1,10} \(.{0,60}\) score -?\d{1,10} or sacrifice child$")
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[mKGHF]|\x1b[\]_][^\x07\x1b]*(?:\x07|\x1b\\)")


class TextLines:
    """Takes prefixes off; learns one that it does not know."""

    idle = True

    def __init__(self) -> None:
        """Start at the beginning of a log."""
        self._learned = LearnedPrefix()
        # The width of the prefix of a program's line: journalctl indents the further lines of its message more.
        self._foreign = 0
        # How far an event was seen: its reason, then its first record. The second record is not the kernel's.
        self._event = self._half_event = False

    def feed(self, item: Item) -> list[Item] | None:
        """Return the line, or the lines of the text of an entry."""
        if isinstance(item, bytes):
            text = item[: 4 * LONGEST_TEXT].decode("utf-8", "replace")
            if "\x1b" in text:
                text = _ESCAPES.sub("", text)
            return self._lines(text[:LONGEST_TEXT], None)
        if not isinstance(item, EntryText):
            return None
        texts = item.text.split("\n")
        if not item.entry.kernel or (len(texts) > 1 and not _is_several(texts)):
            return [item.entry]
        return [line for text in texts for line in self._lines(text[:LONGEST_TEXT], item.entry)]

    def flush(self) -> list[Item]:
        """Return nothing: no line is held."""
        return []

    def _lines(self, text: str, entry: Line | None) -> list[Item]:
        first = self._line(text, entry)
        parts = parts_of(text, first.line.text)
        if len(parts) > 1:
            return [self._line(part, entry) for part in parts]
        end = end_of_summary(first.line.text) if first.line.kind is Kind.SUMMARY else None
        if end is None:
            return [first]
        summary, rest = first.line.text[:end], first.line.text[end:]
        return [TextLine(first.line._replace(text=summary), text), self._line(rest, entry)]

    def _line(self, text: str, entry: Line | None) -> TextLine:
        text = _without_comment_behind(text)
        found = self._learned.taken_off(unprefixed(text))
        if self._is_rest_of_event(found):
            return TextLine(_line_of(found, entry)._replace(kernel=False), text)
        indent = len(text) - len(text.lstrip(" "))
        if self._foreign and indent > self._foreign and not found.dated:
            return TextLine(_line_of(found, entry)._replace(kernel=False), text)
        self._foreign = 0 if found.kernel else len(text) - len(found.text)
        return TextLine(_line_of(found, entry), text)

    def _is_rest_of_event(self, found: Prefixed) -> bool:
        """Whether the line is the second record that the event before it repeats."""
        text = found.text
        if "OOMKilling" in text:
            self._event = True
        if not self._event:
            return False
        kind = kind_of(text)
        if kind is None:
            self._half_event = self._half_event or _CHOSEN_IN_EVENT.search(text) is not None
        elif kind in (Kind.CHOSEN, Kind.KILLED):
            is_rest, self._event, self._half_event = self._half_event, False, False
            return is_rest and not found.dated and text.startswith("Killed process ")
        return False


def _without_comment_behind(text: str) -> str:
    begins = _COMMENT.match(text)
    behind = _COMMENT_BEHIND.search(text) if begins is not None else None
    return text[: behind.start()] if begins and behind and begins[1] == behind[1] else text


def _line_of(found: Prefixed, entry: Line | None) -> Line:
    stamp = entry.stamp if entry else NO_STAMP
    if found.monotonic_us is not None or found.wall is not None:
        stamp = Stamp(
            monotonic_us=stamp.monotonic_us if found.monotonic_us is None else found.monotonic_us,
            wall=found.wall or stamp.wall,
        )
    return Line(
        text=found.text,
        stamp=stamp,
        facility=found.facility,
        kernel=found.kernel and (entry is None or entry.kernel),
        host=found.host or (entry.host if entry else None),
        framed=found.dated or entry is not None,
    )


def _is_several(texts: list[str]) -> bool:
    """Return whether the text of an entry is several lines of a log, rather than one that holds newlines."""
    if unprefixed(texts[0]).dated:
        return True
    return any(kind_of(text) not in (None, Kind.STAT) for text in texts[1:])
