r"""A whole dump, from its header to the line that names its victim, read at once.

On a quiet machine a dump is a run of records that nothing interrupts: numbered without a gap, at most a few seconds
long, in the order in which the kernel prints its parts. One pattern knows such a run; anything else has no whole and is
read line by line, with the same result.

    4,1942,35433440,-;node invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=939
    4,1943,35433440,-;CPU: 0 PID: 212 Comm: node Not tainted ..
    ..                                                            what is between: see `middle`
    6,1983,35433481,-;oom-kill:constraint=CONSTRAINT_MEMCG,..,task=node,pid=212,uid=0
    3,1984,35433490,-;Memory cgroup out of memory: Killed process 212 (node) total-vm:..
"""

from itertools import chain
from typing import NamedTuple

from oomreport.kernel import lazy_re as re
from oomreport.kernel.kind import Kind, kind_of
from oomreport.kernel.kmsg import unescaped
from oomreport.kernel.line import Line
from oomreport.kernel.middle import LONGEST_US
from oomreport.kernel.parts import Parts
from oomreport.kernel.record import Stamp
from oomreport.kernel.summary import summary_pid

_RECORD = re.compile(rb"^[0-7],(\d{1,20}),(\d{1,20}),-(?:,caller=[TC]\d{1,20})?;([^\n]*+)\n", re.MULTILINE)
_TEXT = r"[ -~]*+\n"
_NUMBER = r"[a-z_]++[a-z_0-9]*+(?:\([a-z_]+\))? \d++"
_WHOLE = re.compile(
    r"([ -~]{1,60} invoked oom-killer: " + _TEXT + r")"
    r"(CPU: \d++ (?:UID: \d++ )?PID: \d++ " + _TEXT + r")"
    r"((?:(?:Call Trace:|Hardware name: |Workqueue: |RIP: |RSP: |R[A-DS1-9BIP][0-9XIP]: |Code: |ORIG_RAX|"
    r" </?(?:TASK|IRQ|NMI|SOFTIRQ)>| (?:\? )?[\w.$]++\+0x[0-9a-f]++/0x[0-9a-f]++|Tainted: )" + _TEXT + r")*+)"
    r"((?:(?:memory|memory\+swap|kmem|swap): usage \d++kB, limit \d++kB, failcnt \d++\n)*+)"
    r"(?:(Memory cgroup stats for " + _TEXT + r")"
    r"((?:" + _NUMBER + r"(?:\\x0a" + _NUMBER + r")*+(?:\\x0a)?\n)*+))?"
    r"((?:(?:Mem-Info:|active_anon:\d|Node \d++ |lowmem_reserve\[\]:|\d++ (?:total pagecache pages|pages )|"
    r"Swap cache stats:|(?:Free|Total) swap ++=|Memory cgroup min protection )" + _TEXT + r")*+)"
    r"(?:(Tasks state \(memory values in pages\):\n)"
    r"(\[ {0,4}pid {0,4}\] ++uid [ -\[\]-~]*+\n)"
    r"((?:\[ *+\d++\] ++\d++ ++\d++ ++\d++ ++\d++ " + _TEXT + r")*+))?"
    r"(oom-kill:constraint=[A-Z_]++,[ -~]*,pid=(?P<pid>\d++),uid=\d++\n)"
    r"((?:Memory cgroup out of memory|Out of memory): Killed process (?P=pid) \(" + _TEXT + r")"
)  # fmt: skip
# Only what the kernel escapes: a letter that is escaped might be one of "invoked oom-killer".
_NO_ESCAPE = re.compile(r"\\(?!x(?:[01][0-9a-f]|5c|7f|[89a-f][0-9a-f]))")
_HEADER = b" invoked oom-killer: "
_KILLED = b": Killed process "
_LONGEST = 256 * 1024
# What the groups of the pattern are: all but the call trace and the pid.
_TRACE = 3
_KINDS = (
    Kind.HEADER, Kind.CPU, None, Kind.USAGE, Kind.STATS, Kind.STAT, Kind.MEM_INFO, Kind.TABLE_TITLE, Kind.TABLE_HEAD,
    Kind.ROW, Kind.SUMMARY, None, Kind.KILLED,
)  # fmt: skip
_BETWEEN = tuple(kind for kind in _KINDS[1:-1] if kind is not None)


class Whole(NamedTuple):
    """A whole dump: its lines by their kinds, without the call trace, which is `trace`, and the place behind it."""

    parts: Parts
    pid: int
    trace: str
    end: int

    def entries(self) -> list[tuple[Kind, Line]]:
        """Return the same line by line; those in the middle have the last one's number, and statistics are one line."""
        first, last, *_ = self.parts
        texts = self.parts.texts
        middle = [(kind, last._replace(text=text)) for kind in _BETWEEN for text in texts.get(kind, ())]
        return [(Kind.HEADER, first), *middle, (Kind.KILLED, last)]


def whole_of(block: bytes, at: int, end: int) -> Whole | None:
    """Return the whole dump whose header is the line at `at`, where it is plain and ends before `end`."""
    kill = block.find(_KILLED, at, min(end, at + _LONGEST))
    stop = block.find(b"\n", kill, end) + 1 if kill >= 0 else 0
    if not stop:
        return None
    header = block.find(_HEADER, at, kill)
    if header < 0 or block.find(b"\n", at, header) >= 0 or block.find(_HEADER[1:-2], header + 2, stop) >= 0:
        return None
    records = _RECORD.findall(block, at, stop)
    if len(records) != block.count(b"\n", at, stop):
        return None
    numbers, stamps, texts = zip(*records, strict=True)
    first, times = int(numbers[0]), list(map(int, stamps))
    if list(map(int, numbers)) != list(range(first, first + len(records))):
        return None
    if times != sorted(times) or times[-1] > times[0] + LONGEST_US:
        return None
    joined = b"\n".join(texts)
    if not joined.isascii():
        return None
    stretch = (Stamp(times[0]), first), (Stamp(times[-1]), first + len(records) - 1)
    return _whole(joined.decode("ascii") + "\n", *stretch, stop)


def _whole(text: str, begun: tuple[Stamp, int], ended: tuple[Stamp, int], end: int) -> Whole | None:
    has_escapes = "\\" in text
    found = None if has_escapes and _NO_ESCAPE.search(text) else _WHOLE.fullmatch(text)
    if found is None:
        return None
    pid, runs = int(found["pid"]), found.groups()
    texts = {kind: _lines_of(run) for kind, run in zip(_KINDS, runs, strict=True) if run and kind is not None}
    if has_escapes:
        if kind_of(texts[Kind.HEADER][0]) is not Kind.HEADER or summary_pid(texts[Kind.SUMMARY][0]) != pid:
            return None
        log = "\n".join(chain.from_iterable(texts.values()))
    else:
        log = text[: found.start(_TRACE)] + text[found.end(_TRACE) : -1]
    last = Line(texts[Kind.KILLED][0], *ended, 0)
    figures = "\n".join(texts.get(Kind.STAT, ()))
    parts = Parts(
        first=Line(texts[Kind.HEADER][0], *begun, 0),
        last=last,
        killed=last.stamp,
        texts=texts,
        statistics=[(line, figures) for line in texts.get(Kind.STATS, ())],
        tables=[(line, texts.get(Kind.ROW, [])) for line in texts.get(Kind.TABLE_HEAD, ())],
        log=log,
    )
    return Whole(parts, pid, found.group(_TRACE), end)


def _lines_of(run: str) -> list[str]:
    lines = run.split("\n")
    lines.pop()
    if "\\" not in run:
        return lines
    return [unescaped(line.encode()).decode("utf-8", "replace") for line in lines]
