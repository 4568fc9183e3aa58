r"""A whole dump, from its header to the line that names its victim, read at once.

On a quiet machine a dump is a run of records that nothing interrupts: numbered without a gap, at most a few seconds
long, in the order in which the kernel prints its parts. One pattern knows such a run; anything else has no whole and is
read line by line, with the same result.

    4,1942,35433440,-;node invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=939
    4,1943,35433440,-;CPU: 0 PID: 212 Comm: node Not tainted ..
    4,1944,35433441,-;Call Trace: ..                                      and so on: only its extent matters
    6,1970,35433470,-;memory: usage 57344kB, limit 57344kB, failcnt 24    and swap, kmem
    6,1973,35433474,-;Memory cgroup stats for /kubepods.slice/..:
    6,1974,35433474,-;anon 57610240\x0afile 12288 ..                      or a record each
    6,1978,35433478,-;Mem-Info: ..                                        on a global OOM, instead of the cgroup's figures
    6,1980,35433480,-;Tasks state (memory values in pages):
    6,1981,35433481,-;[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name
    6,1982,35433481,-;[    212]     0   212    14924    13669   151552        0           939 node
    6,1983,35433481,-;oom-kill:constraint=CONSTRAINT_MEMCG,..,task=node,pid=212,uid=0
    3,1984,35433490,-;Memory cgroup out of memory: Killed process 212 (node) total-vm:..
"""

from itertools import chain
from typing import NamedTuple

from oomreport.kernel import lazy_re as re
from oomreport.kernel.dump.sections import Parts
from oomreport.kernel.kmsg import unescaped
from oomreport.kernel.line import Line
from oomreport.kernel.record import Stamp
from oomreport.kernel.text.kind import Kind, kind_of
from oomreport.kernel.text.summary import summary_pid

_RECORD = re.compile(rb"^[0-7],(\d{1,18}),(\d{1,18}),-(?:,caller=[TC]\d{1,20})?;([^\n]*)\n", re.MULTILINE)
_TEXT = r"[ -~]*\n"
_NUMBER = r"[a-z_][a-z_0-9]*(?:\([a-z_]+\))? \d{1,19}"
_WHOLE = re.compile(
    r"(?P<header>[ -~]{0,60} invoked oom-killer: " + _TEXT + r")"
    r"(?P<cpu>CPU: \d+ (?:UID: \d+ )?PID: \d+ " + _TEXT + r")?"
    r"(?P<trace>(?:(?:Call Trace:|Hardware name: |Workqueue: |RIP: |RSP: |R[A-DS1-9BIP][0-9XIP]: |Code: |ORIG_RAX|"
    r" </?(?:TASK|IRQ|NMI|SOFTIRQ)>| (?:\? )?[\w.$]+\+0x[0-9a-f]+/0x[0-9a-f]+|Tainted: )" + _TEXT + r")*)"
    r"(?P<usage>(?:(?:memory|memory\+swap|kmem|swap): usage \d{1,15}kB, limit \d{1,17}kB, failcnt \d{1,18}\n)*)"
    r"(?:(?P<stats>Memory cgroup stats for " + _TEXT + r")"
    r"(?P<figures>(?:" + _NUMBER + r"(?:\\x0a" + _NUMBER + r")*(?:\\x0a)?\n)*))?"
    r"(?P<info>(?:(?:Mem-Info:|active_anon:\d|Node \d+ |lowmem_reserve\[\]:|\d+ (?:total pagecache pages|pages )|"
    r"Swap cache stats:|(?:Free|Total) swap +=|Memory cgroup min protection )" + _TEXT + r")*)"
    r"(?:(Tasks state \(memory values in pages\):\n)"
    r"(?P<head>\[ {0,4}pid {0,4}\] +uid [ -\[\]-~]*\n)"
    r"(?P<rows>(?:\[ *\d+\] +\d+ +\d+ +\d+ +\d+ " + _TEXT + r")*))?"
    r"(?P<summary>oom-kill:constraint=[A-Z_]+,[ -~]*,pid=(?P<pid>\d{1,10}),uid=\d{1,10}\n)"
    r"(?P<killed>(?:Memory cgroup out of memory|Out of memory(?: \(oom_kill_allocating_task\))?): Killed process (?P=pid) \(" + _TEXT + r")"
)  # fmt: skip
# Only what the kernel escapes: a letter that is escaped might be one of "invoked oom-killer".
_NO_ESCAPE = re.compile(r"\\(?!x(?:[01][0-9a-f]|5c|7f|[89a-f][0-9a-f]))")
_HEADER = b" invoked oom-killer: "
_KILLED = b": Killed process "
_LONGEST = 256 * 1024
# Within this time lines belong to one dump whatever was lost between them.
_LONGEST_US = 3_000_000
# What the groups of the pattern are: all but the call trace and the pid.
_KINDS = (
    Kind.HEADER, Kind.CPU, None, Kind.USAGE, Kind.STATS, Kind.STAT, Kind.MEM_INFO, Kind.TABLE_TITLE, Kind.TABLE_HEAD,
    Kind.ROW, Kind.SUMMARY, None, Kind.KILLED,
)  # fmt: skip
_BETWEEN = tuple(kind for kind in _KINDS[1:-1] if kind is not None)


class Whole(NamedTuple):
    """A whole dump: what the pattern found, stamp and number of the first and the last record, and the place behind it.

    `found` has a group for each part, of whole lines as they stand in the log.
    """

    found: re.Match[str]
    begun: tuple[Stamp, int]
    ended: tuple[Stamp, int]
    end: int

    @property
    def pid(self) -> int:
        """The victim."""
        return int(self.found["pid"])

    @property
    def trace(self) -> str:
        """The call trace."""
        return self.found["trace"]

    @property
    def kinds(self) -> set[Kind]:
        """The kinds of its lines."""
        return {kind for kind, run in zip(_KINDS, self.found.groups(), strict=True) if run and kind is not None}

    @property
    def first(self) -> Line:
        """The header."""
        return Line(text_of(self.found["header"][:-1]), *self.begun, 0)

    @property
    def last(self) -> Line:
        """The kill line."""
        return Line(text_of(self.found["killed"][:-1]), *self.ended, 0)

    def parts(self) -> Parts:
        """Return the lines sorted by what they are."""
        runs = zip(_KINDS, self.found.groups(), strict=True)
        texts = {kind: lines_of(run) for kind, run in runs if run and kind is not None}
        figures = "\n".join(texts.get(Kind.STAT, ()))
        return Parts(
            first=self.first,
            last=self.last,
            killed=self.ended[0],
            texts=texts,
            statistics=[(line, figures) for line in texts.get(Kind.STATS, ())],
            tables=[(line, texts.get(Kind.ROW, [])) for line in texts.get(Kind.TABLE_HEAD, ())],
            log="\n".join(chain.from_iterable(texts.values())),
        )

    def entries(self) -> list[tuple[Kind, Line]]:
        """Return the same line by line; those in the middle have the last one's number, and statistics are one line."""
        first, last, texts = self.first, self.last, self.parts().texts
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
    if times != sorted(times) or times[-1] > times[0] + _LONGEST_US:
        return None
    joined = b"\n".join(texts)
    if not joined.isascii():
        return None
    found = _found(joined.decode("ascii") + "\n")
    if found is None:
        return None
    return Whole(found, (Stamp(times[0]), first), (Stamp(times[-1]), first + len(records) - 1), stop)


def _found(text: str) -> re.Match[str] | None:
    found = None if "\\" in text and _NO_ESCAPE.search(text) else _WHOLE.fullmatch(text)
    # A name may be too long for a comm; and what is escaped may turn out to be something else.
    if found is None or kind_of(text_of(found["header"][:-1])) is not Kind.HEADER:
        return None
    summary = found["summary"]
    is_other = "\\" in summary and summary_pid(text_of(summary[:-1])) != int(found["pid"])
    return None if is_other else found


def lines_of(run: str) -> list[str]:
    """Return the text of each record in a run of them."""
    lines = run.split("\n")
    lines.pop()
    return lines if "\\" not in run else [text_of(line) for line in lines]


def text_of(escaped: str) -> str:
    """Return what /dev/kmsg has escaped."""
    if "\\" not in escaped:
        return escaped
    text = escaped.replace("\\x0a", "\n")
    return unescaped(escaped.encode()).decode("utf-8", "replace") if "\\" in text else text
