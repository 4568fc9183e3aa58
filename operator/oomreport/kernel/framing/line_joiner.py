r"""Lines that a mail program or a terminal broke in two.

    Oct 03 06:22:43 kernel: oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=ollama.service,
      mems_allowed=0,oom_memcg=/system.slice/ollama.service,task=ollama,pid=1639807,uid=995

The second part of a broken line has no prefix. It is joined where more fields can be read from the line then: with
nothing between (a terminal breaks anywhere) or with a blank (a mail program breaks at blanks). A backslash at the end
asks for joining. If the first part is quoted, so is the second. A newline in a comm breaks a line too: journalctl
indents the second part by the width of its prefix; dmesg and syslog repeat the prefix with the same time.
"""

from collections.abc import Callable, Iterator

from oomreport.kernel import lazy_re as re
from oomreport.kernel.framing.stage import Item, TextLine
from oomreport.kernel.line import Line
from oomreport.kernel.record import Stamp
from oomreport.kernel.text.kind import Kind, kind_of
from oomreport.kernel.text.table import columns_of

_KEYS = re.compile(r"(?:constraint|nodemask|cpuset|mems_allowed|oom_memcg|task_memcg|task|pid|uid)=|global_oom")
_SUMMARY_END = re.compile(r",\s*pid=\d+,\s*uid=(\d+)[\s\"'`.]*$")
_FIGURES = re.compile(
    r"(?<=[ ,])(?:total-vm|vsz|anon-rss|file-rss|shmem-rss|pgtables|UID|oom_score_adj):-?\d+(?:kB)?(?=[, ]|\s*$)"
)
_HEADER = re.compile(r"(?:gfp_mask|nodemask|order|oom_score_adj)=\S")
_LONG_HEADER = re.compile(r"oom_score_adj=(-?\d+)$")
_RELEASE = re.compile(r"ainted.* \d+\.\d+\.\d+\S* #")
_COLUMNS = frozenset(
    [
        "uid",
        "tgid",
        "total_vm",
        "rss",
        "nr_ptes",
        "nr_pmds",
        "nr_puds",
        "pgtables_bytes",
        "swapents",
        "oom_score_adj",
        "name",
        "rss_anon",
        "rss_file",
        "rss_shmem",
        "cpu",
        "oom_adj",
    ]
)
_ROW = re.compile(r"\[ *\d+\]((?: +-?\d+)+)(?: (\S.*))?$", re.DOTALL)
_BEGINNING = re.compile(
    r"(?:M|Me|Mem|Memo|Memor|Memory|Memory c\w*|Memory cgroup .*|Out|Out o.*|O|Ou)$|Tasks? in(?: /|$)|Tasks? i?$|"
    r"\[ *$|Kill|oom-|oom$|oo?$|Task|memory|swap|kmem|.{1,15} invoked(?: o.*)?$|.{1,15} inv?o?k?e?$",
    re.DOTALL,
)
_GOES_ON = frozenset(
    {Kind.SUMMARY, Kind.KILLED, Kind.TASK_IN, Kind.STATS, Kind.HEADER, Kind.CHOSEN, Kind.GROUP, Kind.USAGE, Kind.CPU}
)
# What the rest of a broken line may look like.
_AMBIGUOUS = (None, Kind.TRACE, Kind.STAT)
_QUOTE = re.compile(r"(?:[ \t]*[>|\u2502#*/;%+\u2022-])+")
_MOST_PIECES = 40
_MOST_CHARACTERS = 20_000


class LineJoiner:
    """Holds one line back until the next one shows whether it goes on."""

    def __init__(self) -> None:
        """Start with nothing held."""
        self._held: Line | None = None
        self._raw = ""
        self._width = 0
        self._pieces = 0
        self._columns = 0

    @property
    def idle(self) -> bool:
        """Whether nothing is held back."""
        return self._held is None

    def feed(self, item: Item) -> list[Item] | None:
        """Take a line in; return those that are whole."""
        if isinstance(item, Line):
            return [item] if self._held is None else [*self.flush(), item]
        if not isinstance(item, TextLine):
            return None
        line, raw = item
        width = max(len(raw) - len(line.text), 0)
        held = self._held
        if held is None:
            return self._hold_or_pass(line, raw, width)
        joined = self._joined(held, *self._unquoted(line, raw)) if self._pieces < _MOST_PIECES else None
        if joined is not None:
            self._held = joined
            self._pieces += 1
            return []
        return [*self.flush(), *self._hold_or_pass(line, raw, width)]

    def flush(self) -> list[Item]:
        """Return the line that is held back."""
        held, self._held = self._held, None
        if held is None:
            return []
        if held.kind is Kind.TABLE_HEAD:
            self._columns = len(columns_of(held.text).names or ())
        return [held]

    def _unquoted(self, line: Line, raw: str) -> tuple[Line, str]:
        """Return a line without the quotes that it shares with the one that is held."""
        # A line of the kernel is itself, whatever stands before it.
        is_itself = line.framed or line.kind not in _AMBIGUOUS
        quote = _QUOTE.match(self._raw) if not is_itself else None
        if quote is None or not raw.startswith(quote.group()):
            return line, raw
        rest = raw[quote.end() :].removeprefix(" ")
        return line._replace(text=rest.strip()), rest

    def _hold_or_pass(self, line: Line, raw: str, width: int) -> list[Item]:
        kind = line.kind
        if kind is Kind.TABLE_HEAD:
            self._columns = len(columns_of(line.text).names or ())
        if line.kernel and self._may_go_on(line, kind):
            self._held, self._raw, self._width, self._pieces = line, raw, width, 0
            return []
        return [line]

    def _may_go_on(self, line: Line, kind: Kind | None) -> bool:
        text = line.text
        if kind is Kind.ROW:
            return not self._is_whole_row(text)
        if kind is Kind.TABLE_HEAD:
            return not text.rstrip().endswith(" name")
        if kind is not None:
            return kind in _GOES_ON
        return may_begin(text, framed=line.framed)

    def _joined(self, held: Line, line: Line, raw: str) -> Line | None:
        rest = line.text.strip()
        if not rest or len(held.text) > _MOST_CHARACTERS:
            return None
        if held.text.endswith("\\") and not line.framed:
            return held._replace(text=held.text[:-1].rstrip(" ") + rest)
        if line.kind not in _AMBIGUOUS:
            return line._replace(stamp=held.stamp, host=held.host) if _is_only_prefix(held, line) else None
        worth = self._worth(held.text)
        best: tuple[tuple[int, int], str] | None = None
        for text in self._candidates(held, line, raw):
            candidate = self._worth(text)
            if candidate > worth and (best is None or candidate > best[0]):
                best = (candidate, text)
        return None if best is None else held._replace(text=best[1])

    def _candidates(self, held: Line, line: Line, raw: str) -> Iterator[str]:
        if line.framed:
            if line.stamp == held.stamp != Stamp() and line.host == held.host:
                yield held.text + "\n" + line.text
            return
        indent = len(raw) - len(raw.lstrip(" "))
        if self._width and indent == self._width:
            yield held.text + "\n" + raw[indent:]
        yield held.text + raw
        yield held.text.rstrip() + line.text.strip()
        yield held.text.rstrip() + " " + line.text.strip()

    def _worth(self, text: str) -> tuple[int, int]:
        """Return how many fields can be read from a line: joining was right where it is more."""
        kind = kind_of(text)
        if kind is None:
            return (0, len(text)) if _BEGINNING.match(text) else (0, 0)
        if kind is Kind.ROW:
            return (1, 1000 if self._is_whole_row(text) else len(text) if _ROW.match(text) else 0)
        measure = _MEASURES.get(kind)
        return (1, measure(text) if measure else 0)

    def _is_whole_row(self, text: str) -> bool:
        row = _ROW.match(text)
        if row is None or row.group(2) is None:
            return False
        return not self._columns or len(row.group(1).split()) >= self._columns


def may_begin(text: str, *, framed: bool) -> bool:
    """Return whether a text that is no line of a dump may be the first part of one."""
    return text.endswith("\\") or bool(_BEGINNING.match(text)) or (framed and not text.strip())


def _is_only_prefix(held: Line, line: Line) -> bool:
    """Return whether the line was broken between its prefix and its text: `line` is the text then."""
    return held.framed and not held.text.strip() and not line.framed


def _summary_worth(text: str) -> int:
    end = _SUMMARY_END.search(text)
    return len(_KEYS.findall(text)) * 100_000 + (
        50_000 + len(end.group(1)) if end else min(len(text) - text.count(" "), 40_000)
    )


def _path_worth(text: str) -> int:
    """Return the length of the path that ends the line: it goes on where it was cut."""
    last = text.rsplit(" ", 1)[-1]
    return len(last) if last.startswith("/") else 0


def _header_worth(text: str) -> int:
    adj = _LONG_HEADER.search(text)
    return len(_HEADER.findall(text)) * 10 + (len(adj.group(1)) if adj else 0)


_MEASURES: dict[Kind, Callable[[str], int]] = {
    Kind.SUMMARY: _summary_worth,
    Kind.KILLED: lambda text: len(_FIGURES.findall(text)) * 2 + (")" in text),
    Kind.CHOSEN: lambda text: int(text.rstrip().endswith(" child")),
    Kind.HEADER: _header_worth,
    Kind.TASK_IN: _path_worth,
    Kind.STATS: _path_worth,
    Kind.CPU: lambda text: 2 * bool(_RELEASE.search(text)) + (" Comm: " in text),
    Kind.TABLE_HEAD: lambda text: sum(name in _COLUMNS for name in text.split()),
}
