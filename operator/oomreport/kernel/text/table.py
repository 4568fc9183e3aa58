"""The kernel's task table: one row per candidate, in pages.

    [ pid ]   uid  tgid total_vm      rss cpu oom_adj oom_score_adj name                        2.6.30 to 3.6
    [ pid ]   uid  tgid total_vm      rss nr_ptes [nr_pmds [nr_puds]] swapents oom_score_adj name    to 4.14
    [  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name               to 6.7
    [  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name

The head names the columns; where it is lost, their number does. The name is the rest of the row behind one blank, with
whatever blanks it starts with.
"""

from functools import lru_cache
from typing import NamedTuple

from oomreport.kernel import lazy_re as re
from oomreport.kernel.text.digits import INT, PAGES

_ROW = re.compile(rf"\[ *({INT})\]((?: +-?{PAGES})+)(?: (.*))?$", re.DOTALL)
_NUMBERS = re.compile(rf" +-?{PAGES}")
_BEGUN = re.compile(rf"\[ *({INT})\] +\d+ +({INT}) ")
_OLD = ("uid", "tgid", "total_vm", "rss", "nr_ptes")
_NEW = ("uid", "tgid", "total_vm", "rss", "pgtables_bytes", "swapents", "oom_score_adj")
_SPLIT_RSS = (*_NEW[:4], "rss_anon", "rss_file", "rss_shmem", *_NEW[4:])
_PMDS = (*_OLD, "nr_pmds", "swapents", "oom_score_adj")
_PUDS = (*_OLD, "nr_pmds", "nr_puds", "swapents", "oom_score_adj")
_LAST_NUMBER = re.compile(r"-?\d+")
_LAST_WIDTH = 14
_PAGE = 4096
_MOST_COLUMNS = 32


class Row(NamedTuple):
    """A row as printed: sizes in pages, but page tables in bytes where `pagetable_pages` is None."""

    pid: int
    comm: str
    uid: int | None = None
    tgid: int | None = None
    total_vm: int | None = None
    rss: int | None = None
    swapents: int | None = None
    pagetable_bytes: int | None = None
    pagetable_pages: int | None = None
    oom_score_adj: int | None = None


class CutRow(NamedTuple):
    """A row that is cut before its name, or has not the columns of its head: `tgid` is its thread group."""

    pid: int
    tgid: int


class Columns(NamedTuple):
    """The columns between `[pid]` and `name`: all, or those that a cut head still names; none where it is lost."""

    names: tuple[str, ...] | None = None
    begun: tuple[str, ...] = ()


NO_HEAD = Columns()


def columns_of(head: str) -> Columns:
    """Return the columns that a table's head names."""
    close = head.find("]")
    names = tuple(head[close + 1 :].split()) if close >= 0 else ()
    is_whole = 2 <= len(names) <= _MOST_COLUMNS and names[0] in ("uid", "ruid") and "name".startswith(names[-1])
    return Columns(names=names[:-1]) if is_whole else Columns(begun=names[:-1])


def row_of(text: str, head: Columns = NO_HEAD) -> Row | CutRow | None:
    """Return a row of the table that `head` begins; None where `text` is no row."""
    columns = head.names
    if columns is None:
        whole = _ROW.match(text)
        # Without a name there may have been more columns.
        named = whole if whole is not None and (whole.group(3) or "").strip() else None
        columns = _columns_by_count(_NUMBERS.findall(named.group(2))) if named is not None else ()
        columns = columns if columns[: len(head.begun)] == head.begun else ()
    found = _pattern_of(columns).match(text) if columns else None
    if found is None or (found[found.re.groups] is None and _ends_in_a_number(text)):
        begun = _BEGUN.match(text)
        return None if begun is None else CutRow(int(begun[1]), int(begun[2]))
    pid, *numbers, comm = found.groups()
    if columns == _NEW:
        uid, tgid, total_vm, rss, tables, swapents, adj = map(int, numbers)
        return Row(int(pid), comm or "", uid, tgid, total_vm, rss, swapents, tables, None, adj)
    values = {name: int(number) for name, number in zip(columns, numbers, strict=True)}
    pages = [values[name] for name in ("nr_ptes", "nr_pmds", "nr_puds") if name in values]
    return Row(
        pid=int(pid),
        comm=comm or "",
        uid=values.get("uid", values.get("ruid")),
        tgid=values.get("tgid"),
        total_vm=values.get("total_vm"),
        rss=values.get("rss"),
        swapents=values.get("swapents"),
        pagetable_bytes=values.get("pgtables_bytes"),
        pagetable_pages=sum(pages) if pages else None,
        oom_score_adj=values.get("oom_score_adj"),
    )


def whole_rows(lines: str, head: Columns) -> tuple[Row, ...] | None:
    """Return the rows of whole lines under a usual head, found by one search; None where any line is no such row."""
    if head.names not in (_NEW, _SPLIT_RSS):
        return None
    found = _rows_pattern(len(head.names)).findall(lines)
    if len(found) != lines.count("\n"):
        return None
    return tuple([
        Row(int(n[0]), n[-1], int(n[1]), int(n[2]), int(n[3]), int(n[4]), int(n[-3]), int(n[-4]), None, int(n[-2]))
        for n in found
    ])  # fmt: skip


@lru_cache(maxsize=4)
def _rows_pattern(columns: int) -> re.Pattern[str]:
    return re.compile(rf"^\[ *({INT})\]" + rf" +(-?{PAGES})" * columns + r" (.*)$", re.MULTILINE)


@lru_cache(maxsize=64)
def _pattern_of(columns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\[ *({INT})\]" + rf" +(-?{PAGES})" * len(columns) + r"(?: (.*))?$", re.DOTALL)


def _ends_in_a_number(text: str) -> bool:
    """Whether a row without a name is cut within its last column, which is 14 characters wide in every kernel."""
    last = text.rpartition(" ")[2]
    before = text[: len(text) - len(last)]
    return _LAST_NUMBER.fullmatch(last) is not None and len(text) - len(before.rstrip(" ")) < _LAST_WIDTH


def _columns_by_count(numbers: list[str]) -> tuple[str, ...]:
    by_count = {7: _NEW, 8: _PMDS, 9: _PUDS, 10: _SPLIT_RSS}
    columns = by_count.get(len(numbers), ())
    if columns is _NEW and int(numbers[4]) % _PAGE:
        return (*_OLD, "swapents", "oom_score_adj")
    return columns
