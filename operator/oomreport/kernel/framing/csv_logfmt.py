r"""The kernel's text inside a line of another notation.

    "2026-02-27 23:58:41","node-1","oom-kill:constraint=..,task=""x"",pid=1,uid=0"     CSV of Grafana, Splunk, Kibana, ..
    ts=2026-02-27T23:58:41Z level=warn transport=kernel msg="Memory cgroup out .."     logfmt
    [1.0] first line\n[1.1] second line\n..                                            newlines written out
    [1.000001] first line [1.000002] second line ..                                    newlines lost

A program's own message may repeat what the kernel said: `msg=` is read where the line says that it is the kernel's, or
its text has the kernel's own stamp.
"""

import json
from typing import NamedTuple

from oomreport.kernel import lazy_re as re
from oomreport.kernel.framing.json_fields import is_kernel
from oomreport.kernel.framing.prefix import unprefixed
from oomreport.kernel.text.kind import Kind, kind_of

_CELL = re.compile(r'"([^"]*(?:""[^"]*)*)"(?=,|\s*$)|([^",]*)(?=,|\s*$)')
_LOGFMT = re.compile(r'(?:^|\s)(?:msg|message|MESSAGE|line|log|text)=("[^"\\]*(?:\\.[^"\\]*)*")')
_OF_THE_KERNEL = re.compile(
    r"\b_?(?:transport|TRANSPORT|facility|ident|identifier|SYSLOG_IDENTIFIER|syslog_identifier|program|app|appname|tag|"
    r"job|source|service)=\"?(?:kernel|kern|kmsg|dmesg)\b"
)
_STAMP = re.compile(r"\s*\[ {0,5}\d{1,8}\.\d{6}\]")
_BEFORE_STAMP = re.compile(r"(?<=\s)(?=\[ {0,5}\d{1,8}\.\d{6}\][ \[])")
_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
_NAME = re.compile(r"[@_A-Za-z][\w.@ -]{0,60}")
_TEARABLE = (Kind.STATS, Kind.SUMMARY, Kind.KILLED, Kind.HEADER)
_MOST_CELLS = 200
_FEWEST_LINES = 3


class Cell(NamedTuple):
    """The text in a row of CSV; `open` says that its quote is not closed, so that the next line goes on with it.

    `kernel` is false where another column, by its name, says that the text is not the kernel's.
    """

    text: str
    open: bool = False
    kernel: bool = True


class Rows:
    """Rows of CSV in one log; `columns` are their names, where the log's first line was a head."""

    def __init__(self) -> None:
        """Start at the beginning of a log."""
        self.columns: tuple[str, ...] | None = None

    def learn(self, line: str) -> None:
        """Take in the first line of the log, which is the head where there is one."""
        cells = _cells_of(line)
        names = [cell.text.strip() for cell, _ in cells or ()]
        self.columns = tuple(names) if names and all(_NAME.fullmatch(name) for name in names) else ()

    def cell_of(self, line: str) -> Cell | None:
        """Return the cell of a row that reads as a part of a dump, None where the line is no row that has one."""
        cells = _cells_of(line)
        if cells is None:
            return None
        for place in range(len(cells) - 1, -1, -1):
            cell, quoted = cells[place]
            kind = kind_of(unprefixed(cell.text).text)
            if kind is None or (cell.open and kind not in _TEARABLE):
                continue
            # The kernel's own commas would have been quoted; they have a blank behind them, but for the summary's.
            behind = cells[place + 1][0].text if place + 1 < len(cells) else ""
            torn = kind is Kind.SUMMARY or " " in (cell.text[:1], behind[:1])
            if quoted or not torn:
                return cell._replace(kernel=self._is_of_the_kernel(cells))
        return None

    def _is_of_the_kernel(self, cells: list[tuple[Cell, bool]]) -> bool:
        if not self.columns or len(self.columns) != len(cells):
            return True
        fields = {name: cell.text for name, (cell, _) in zip(self.columns, cells, strict=True)}
        short = {name.rsplit(".", 1)[-1]: text for name, text in fields.items() if "syslog" in name}
        return is_kernel({**short, **fields})


def _cells_of(line: str) -> list[tuple[Cell, bool]] | None:
    """Return the cells of a row, each with whether it was quoted; None where the line is no row of several."""
    cells: list[tuple[Cell, bool]] = []
    at = 0
    while len(cells) < _MOST_CELLS:
        found = _CELL.match(line, at)
        if found is None:
            if line[at : at + 1] != '"' or not cells:
                return None
            cells.append((Cell(line[at + 1 :].replace('""', '"'), open=True), True))
            break
        quoted = found.group(1) is not None
        cells.append((Cell(found.group(1).replace('""', '"') if quoted else found.group(2)), quoted))
        at = found.end() + 1
        if at > len(line):
            break
    return cells if len(cells) > 1 else None


def logfmt_message(line: str) -> str | None:
    """Return the message of a line of logfmt that is the kernel's, else None."""
    found = _LOGFMT.search(line)
    if found is None:
        return None
    try:
        message = json.loads(found.group(1), strict=False)
    except ValueError:
        return None
    rest = line[: found.start()] + line[found.end() :]
    return message if _STAMP.match(message) or _OF_THE_KERNEL.search(rest) else None


def lines_of(text: str) -> list[str] | None:
    r"""Return the lines of a text whose newlines are written `\n` or `<br>`, or are lost, None where it is one line."""
    for pieces in (text.split("\\n"), _BREAK.split(text), _BEFORE_STAMP.split(text)):
        if len(pieces) < _FEWEST_LINES:
            continue
        kinds = [kind for kind in (kind_of(unprefixed(piece).text) for piece in pieces) if kind is not None]
        if len(kinds) >= _FEWEST_LINES and kinds[0] is Kind.HEADER:
            return pieces
    return None
