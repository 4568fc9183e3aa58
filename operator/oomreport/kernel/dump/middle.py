r"""The middle of a dump, from the line behind its header to the last row of its table, read at once.

A dump is some fifty records in a row, and most of its middle is a call trace. Where all of it is as the kernel prints it
on a quiet machine, one pattern takes it:

    4,1943,35433440,-;CPU: 0 PID: 212 Comm: node Not tainted ..
    4,1944,35433441,-;Call Trace: ..                                      and so on: only its extent matters
    6,1970,35433470,-;memory: usage 57344kB, limit 57344kB, failcnt 24    and swap, kmem
    6,1973,35433474,-;Memory cgroup stats for /kubepods.slice/..:
    6,1974,35433474,-;anon 57610240\x0afile 12288 ..                      or a record each
    6,1978,35433478,-;Mem-Info: ..                                        on a global OOM, instead of the cgroup's figures
    6,1980,35433480,-;Tasks state (memory values in pages):
    6,1981,35433481,-;[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name
    6,1982,35433481,-;[    212]     0   212    14924    13669   151552        0           939 node

Anything else has no middle, and its lines are read one by one: another program's record in between, a missing number, a
clock that steps back. Both ways say the same.
"""

from typing import NamedTuple

from oomreport.kernel import lazy_re as re
from oomreport.kernel.kmsg import unescaped
from oomreport.kernel.line import Line
from oomreport.kernel.record import Stamp
from oomreport.kernel.text.kind import Kind

_PREFIX = rb"[0-7],\d{1,20},\d{1,20},-(?:,caller=[TC]\d+)?;"
_PLAIN = rb"[ -\[\]-~]*+"
# Only what the kernel escapes: a letter that is escaped might be one of "invoked oom-killer".
_TEXT = _PLAIN + rb"(?:\\x(?:[01][0-9a-f]|5c|7f|[89a-f][0-9a-f])" + _PLAIN + rb")*+\n"
_PLAIN_TEXT = _PLAIN + rb"\n"
_NUMBER = rb"[a-z_]++[a-z_0-9]*+(?:\([a-z_]+\))? \d++"
_ROWS = rb"((?:" + _PREFIX + rb"\[ *+\d++\] ++\d++ ++\d++ ++\d++ ++\d++ " + _TEXT + rb")*+)"
_NEXT = rb"(?=[0-7],\d{1,20},\d{1,20},-)"
_MIDDLE = re.compile(
    _PREFIX + rb"(CPU: \d++ (?:UID: \d++ )?PID: \d++ " + _TEXT + rb")"
    rb"((?:" + _PREFIX + rb"(?:Call Trace:|Hardware name: |Workqueue: |RIP: |RSP: |R[A-DS1-9BIP][0-9XIP]: |Code: |ORIG_RAX|"
    rb" </?(?:TASK|IRQ|NMI|SOFTIRQ)>| (?:\? )?[\w.$]++\+0x[0-9a-f]++/0x[0-9a-f]++|Tainted: )"
    + _PLAIN_TEXT + rb")*+)"
    rb"((?:" + _PREFIX + rb"(?:memory|memory\+swap|kmem|swap): usage \d++kB, limit \d++kB, failcnt \d++\n)*+)"
    rb"(?:" + _PREFIX + rb"(Memory cgroup stats for " + _TEXT + rb")"
    rb"((?:" + _PREFIX + _NUMBER + rb"(?:\\x0a" + _NUMBER + rb")*+(?:\\x0a)?\n)*+))?"
    rb"((?:" + _PREFIX + rb"(?:Mem-Info:|active_anon:\d|Node \d++ |lowmem_reserve\[\]:|\d++ (?:total pagecache pages|pages )|"
    rb"Swap cache stats:|(?:Free|Total) swap ++=|Memory cgroup min protection )" + _TEXT + rb")*+)"
    rb"(?:" + _PREFIX + rb"(Tasks state \(memory values in pages\):\n)"
    + _PREFIX + rb"(\[ {0,4}pid {0,4}\] ++uid " + _TEXT + rb")" + _ROWS + rb")?" + _NEXT
)  # fmt: skip
_ONLY_ROWS = re.compile(_ROWS + _NEXT)
_EACH = re.compile(rb"^\d,(\d+),(\d+),", re.MULTILINE)
_TEXTS = re.compile(rb"^[^;]*+;(.*)", re.MULTILINE)
_PLAIN_TEXTS = re.compile(r"^[^;]*+;(.*)", re.MULTILINE)
_PID_AND_TGID = re.compile(rb"^[^;]*+;\[ *(\d+)\] +\d+ +(\d+) ", re.MULTILINE)
_HEADER = b"invoked oom-killer"
# Within this time lines belong to one dump whatever was lost between them.
LONGEST_US = 3_000_000


class Middle(NamedTuple):
    """Lines that belong to a dump for certain, by what they are: a run of statistics is one line of several texts.

    All have the number and the stamp of the last of them. `trace` is the call trace as it stands in the log, `end` the
    place behind the last line.
    """

    entries: list[tuple[Kind, Line]]
    row_pids: dict[int, int | None]
    trace: bytes
    end: int


def middle_of(block: bytes, at: int, end: int, after: Line) -> Middle | None:
    """Return what is between `at` and `end` of the middle of a dump whose header is `after`, the line right before."""
    whole = _MIDDLE.match(block, at, end)
    if whole is None:
        return None
    last = _last_of(block, at, whole.end(), after)
    if last is None:
        return None
    cpu, trace, usages, stats, numbers, info, title, head, rows = whole.groups()
    texts = [(Kind.CPU, _text_of(cpu))]
    if usages:
        texts += [(Kind.USAGE, text) for text in _texts_of(usages)]
    if stats is not None:
        texts.append((Kind.STATS, _text_of(stats)))
    if numbers:
        texts.append((Kind.STAT, "\n".join(_texts_of(numbers))))
    if info:
        texts += [(Kind.MEM_INFO, text) for text in _texts_of(info)]
    if title is not None:
        texts += ((Kind.TABLE_TITLE, _text_of(title)), (Kind.TABLE_HEAD, _text_of(head)))
        texts += [(Kind.ROW, text) for text in _texts_of(rows)]
    return _middle(texts, rows or b"", last, trace, whole.end())


def rows_of(block: bytes, at: int, end: int, after: Line) -> Middle | None:
    """Return the rows from `at` on, of a table whose head is `after`, the line right before."""
    whole = _ONLY_ROWS.match(block, at, end)
    rows = whole.group(1) if whole is not None else b""
    last = _last_of(block, at, at + len(rows), after) if rows else None
    if last is None:
        return None
    return _middle([(Kind.ROW, text) for text in _texts_of(rows)], rows, last, b"", at + len(rows))


def _last_of(block: bytes, at: int, end: int, after: Line) -> Line | None:
    """Return number and stamp of the last line; None where a line is not plainly of the dump that `after` is of."""
    if block.find(_HEADER, at, end) >= 0 or after.stamp.monotonic_us is None or after.sequence is None:
        return None
    numbers = _EACH.findall(block, at, end)
    first, step = after.sequence + 1, after.stamp.monotonic_us
    if [number for number, _ in numbers] != [b"%d" % number for number in range(first, first + len(numbers))]:
        return None
    times = [int(stamp) for _, stamp in numbers]
    if times != sorted(times) or not step <= times[0] or times[-1] > step + LONGEST_US:
        return None
    return Line("", Stamp(times[-1]), first + len(numbers) - 1, 0)


def _text_of(line: bytes) -> str:
    return unescaped(line[:-1]).decode("utf-8", "replace")


def _texts_of(run: bytes) -> list[str]:
    if b"\\" in run:
        return [unescaped(text).decode("utf-8", "replace") for text in _TEXTS.findall(run)]
    return _PLAIN_TEXTS.findall(run.decode("ascii"))


def _middle(texts: list[tuple[Kind, str]], rows: bytes, last: Line, trace: bytes, end: int) -> Middle:
    _, stamp, sequence, *_ = last
    entries = [(kind, Line(text, stamp, sequence, 0)) for kind, text in texts]
    return Middle(entries, {int(pid): int(tgid) for pid, tgid in _PID_AND_TGID.findall(rows)}, trace, end)
