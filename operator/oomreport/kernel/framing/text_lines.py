"""Lines of plain text, without colours and prefixes."""

from oomreport.kernel import lazy_re as re
from oomreport.kernel.framing.learned_prefix import LearnedPrefix
from oomreport.kernel.framing.prefix import Prefixed, unprefixed
from oomreport.kernel.framing.stage import EntryText, Item, TextLine
from oomreport.kernel.line import LONGEST_TEXT, NO_STAMP, Line
from oomreport.kernel.record import Stamp
from oomreport.kernel.text.kind import Kind, kind_of

# A line that is a comment of source code may end with a comment for a linter: "# kernel: ..  # noqa: E501".
_COMMENT = re.compile(r"[ \t]*(#|//) ")
_COMMENT_BEHIND = re.compile(r" {2,}(#|//) ?[A-Za-z][\w:, -]{0,60}$")
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[mKGHF]|\x1b[\]_][^\x07\x1b]*(?:\x07|\x1b\\)")


class TextLines:
    """Takes prefixes off; learns one that it does not know."""

    idle = True

    def __init__(self) -> None:
        """Start at the beginning of a log."""
        self._learned = LearnedPrefix()
        # The width of the prefix of a program's line: journalctl indents the further lines of its message more.
        self._foreign = 0

    def feed(self, item: Item) -> list[Item] | None:
        """Return the line, or the lines of the text of an entry."""
        if isinstance(item, bytes):
            text = item[: 4 * LONGEST_TEXT].decode("utf-8", "replace")
            if "\x1b" in text:
                text = _ESCAPES.sub("", text)
            return [self._line(text[:LONGEST_TEXT], None)]
        if not isinstance(item, EntryText):
            return None
        texts = item.text.split("\n")
        if not item.entry.kernel or (len(texts) > 1 and not _is_several(texts)):
            return [item.entry]
        return [self._line(text[:LONGEST_TEXT], item.entry) for text in texts]

    def flush(self) -> list[Item]:
        """Return nothing: no line is held."""
        return []

    def _line(self, text: str, entry: Line | None) -> TextLine:
        text = _without_comment_behind(text)
        found = self._learned.taken_off(unprefixed(text))
        indent = len(text) - len(text.lstrip(" "))
        if self._foreign and indent > self._foreign and not found.dated:
            return TextLine(_line_of(found, entry)._replace(kernel=False), text)
        self._foreign = 0 if found.kernel else len(text) - len(found.text)
        return TextLine(_line_of(found, entry), text)


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
