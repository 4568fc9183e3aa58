r"""The fast path for a dump that nothing interrupts.

On a quiet machine a dump is a run of records: numbered without a gap, at most a few seconds long, in the order in which
the kernel prints its parts. One pattern takes such a run, and a few more read its facts. Any other dump is read line by
line. `facts.py` is the reference: where this module gives facts, they are the same.

    4,1942,35433440,-;node invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=939
    4,1943,35433440,-;CPU: 0 PID: 212 Comm: node Not tainted ..
    4,1944,35433441,-;Call Trace: ..                                      and so on: only its extent matters
    6,1970,35433470,-;memory: usage 57344kB, limit 57344kB, failcnt 24    and swap, kmem
    6,1973,35433474,-;Memory cgroup stats for /kubepods.slice/..:
    6,1974,35433474,-;anon 57610240\x0afile 12288 ..                      or a record each
    6,1978,35433478,-;Mem-Info: ..                                        on a global OOM, not the cgroup's figures
    6,1980,35433480,-;Tasks state (memory values in pages):
    6,1981,35433481,-;[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name
    6,1982,35433481,-;[    212]     0   212    14924    13669   151552        0           939 node
    6,1983,35433481,-;oom-kill:constraint=CONSTRAINT_MEMCG,..,task=node,pid=212,uid=0
    3,1984,35433490,-;Memory cgroup out of memory: Killed process 212 (node) total-vm:..
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from oomreport.kernel import lazy_re as re
from oomreport.kernel.dump.entry import Entry, entry_of
from oomreport.kernel.dump.facts import DumpFacts, each_once, names_of_victim, writes_limit
from oomreport.kernel.dump.record_run import records_of
from oomreport.kernel.kmsg import unescaped
from oomreport.kernel.line import Line
from oomreport.kernel.record import Part, Stamp, Trigger
from oomreport.kernel.text.digits import BYTES, COUNT, KILOBYTES, LIMIT_KILOBYTES, MOST
from oomreport.kernel.text.killed import Killed, Reaped, killed_of
from oomreport.kernel.text.kind import Kind, kind_of
from oomreport.kernel.text.memcg import CgroupCounter, memory_usage, stats_of
from oomreport.kernel.text.summary import Summary, constraint_of, summary_line_of
from oomreport.kernel.text.table import Columns, Row, columns_of, row_of, whole_rows
from oomreport.kernel.text.trigger import cpu_of, trigger_of

# Possessive, so that a line is taken in one way only: else a call trace of n lines could be taken in 3^n ways.
_TEXT = r"[ -~]*+\n"
_NUMBER = rf"[a-z_][a-z_0-9]*+(?:\([a-z_]+\))? {BYTES}"
_WHOLE = re.compile(
    r"(?P<header>[ -~]{0,60} invoked oom-killer: " + _TEXT + r")"
    r"(?P<cpu>CPU: \d+ (?:UID: \d+ )?PID: \d+ " + _TEXT + r")?"
    r"(?P<trace>(?:(?:Call Trace:|Hardware name: |Workqueue: |RIP: |RSP: |R[A-DS1-9BIP][0-9XIP]: |Code: |ORIG_RAX|"
    r" </?(?:TASK|IRQ|NMI|SOFTIRQ)>| (?:\? )?[\w.$]++\+0x[0-9a-f]++/0x[0-9a-f]++|Tainted: )" + _TEXT + r")*)"
    r"(?P<usage>(?:(?:memory|memory\+swap|kmem|swap): usage \d{1,15}kB, limit \d{1,17}kB, failcnt \d{1,18}\n)*)"
    r"(?:(?P<stats>Memory cgroup stats for " + _TEXT + r")"
    r"(?P<figures>(?:" + _NUMBER + r"(?:\\x0a" + _NUMBER + r")*(?:\\x0a)?\n)*))?"
    r"(?P<info>(?:(?:Mem-Info:|active_anon:\d|Node \d+ |lowmem_reserve\[\]:|\d+ (?:total pagecache pages|pages )|"
    r"Swap cache stats:|(?:Free|Total) swap +=|Memory cgroup min protection )" + _TEXT + r")*)"
    r"(?:(Tasks state \(memory values in pages\):\n)"
    r"(?P<head>\[ {0,4}pid {0,4}\] +uid [ -\[\]-~]*\n)"
    r"(?P<rows>(?:\[ *+\d++\] ++\d++ ++\d++ ++\d++ ++\d++ " + _TEXT + r")*))?"
    r"(?P<summary>oom-kill:constraint=[A-Z_]+,[ -~]*,pid=(?P<pid>\d{1,10}),uid=\d{1,10}\n)"
    r"(?P<killed>(?:Memory cgroup out of memory|Out of memory(?: \(oom_kill_allocating_task\))?): Killed process (?P<victim>\d{1,10}) \(" + _TEXT + r")"
)  # fmt: skip
# Only what the kernel escapes: a letter that is escaped might be one of "invoked oom-killer".
_NO_ESCAPE = re.compile(r"\\(?!x(?:[01][0-9a-f]|5c|7f|[89a-f][0-9a-f]))")
# A line of these can be read in one way only: no comma in a name, no blank in a path, no parenthesis in a comm.
_SUMMARY = re.compile(
    r"oom-kill:constraint=([A-Z_0-9]+),nodemask=(\(null\)|\d[-\d]*(?:,[-\d]+)*(?<=\d)),"
    r"cpuset=([^,/\s]+|/),mems_allowed=([-\d]+(?:,[-\d]+)*),"
    r"(?:(global_oom)|oom_memcg=(/[^,\s\\]*)),task_memcg=(/[^,\s\\]*),"
    r"task=([^,]*),pid=([0-9]{1,10}),uid=([0-9]{1,10})\n"
)
_KILL_LINE = re.compile(
    r"(?:Memory cgroup out of memory|Out of memory(?: \(oom_kill_allocating_task\))?): Killed process ([0-9]{1,10}) \(([^()]{0,60})\) "
    r"total-vm:([0-9]{1,15})kB, anon-rss:([0-9]{1,15})kB, file-rss:([0-9]{1,15})kB(?:, shmem-rss:([0-9]{1,15})kB)?"
    r"(?:, UID:([0-9]{1,10}) pgtables:([0-9]{1,15})kB oom_score_adj:(-?[0-9]{1,10}))?\n"
)  # fmt: skip
_TRIGGER = re.compile(
    r"([^\n]{0,15}) invoked oom-killer: gfp_mask=(0x[0-9a-f]+)\([A-Z_0-9|]*\), order=(-?\d{1,10}), "
    r"oom_score_adj=(-?\d{1,10})\n"
)
_THREAD = re.compile(r"^\[ *(\d+)\] +\d+ +(\d+) ", re.MULTILINE)
_USAGE = re.compile(rf"(\S+): usage ({KILOBYTES})kB, limit ({LIMIT_KILOBYTES})kB, failcnt ({COUNT})\n")
_HEADER = b" invoked oom-killer: "
_KILLED = b": Killed process "
# A dump with some 2000 rows: where it is longer, reading it line by line takes no longer than writing it did.
_LONGEST = 256 * 1024
# Within this time lines belong to one dump whatever was lost between them.
_LONGEST_US = 3_000_000
# What the groups of the pattern are, in their order; the pids are none.
_KINDS = (
    Kind.HEADER, Kind.CPU, Kind.TRACE, Kind.USAGE, Kind.STATS, Kind.STAT, Kind.MEM_INFO, Kind.TABLE_TITLE, Kind.TABLE_HEAD,
    Kind.ROW, Kind.SUMMARY, None, Kind.KILLED, None,
)  # fmt: skip

# What the kernel prints behind a kill line: the others of a cgroup that dies as a group, and the reaper.
BEHIND = frozenset({Kind.GROUP, Kind.KILLED, Kind.REAPED})


class Whole(NamedTuple):
    """A dump that nothing interrupts: what the pattern found, stamp and number of its first and last record, its end.

    `found` has a group for each part, of whole lines as they stand in the log; `end` is the place behind the last line.
    """

    found: re.Match[str]
    begun: tuple[Stamp, int]
    ended: tuple[Stamp, int]
    end: int

    @property
    def pid(self) -> int:
        """The process that the summary names: that of the victim's thread group."""
        return int(self.found["pid"])

    @property
    def victim(self) -> int:
        """The victim: a thread of that process where its leader has ended."""
        return int(self.found["victim"])

    @property
    def kinds(self) -> set[Kind]:
        """The kinds of its lines."""
        return {kind for kind, run in zip(_KINDS, self.found.groups(), strict=True) if run and kind is not None}

    @property
    def first(self) -> Line:
        """The header."""
        return Line(_text_of(self.found["header"][:-1]), *self.begun, 0)

    @property
    def last(self) -> Line:
        """The kill line."""
        return Line(_text_of(self.found["killed"][:-1]), *self.ended, 0)

    def entries(self) -> list[Entry]:
        """Return the same line by line; those in the middle have the number and the stamp of the last one."""
        first, last, columns = self.first, self.last, Columns()
        entries = []
        for kind, run in zip(_KINDS, self.found.groups(), strict=True):
            if kind is None or not run:
                continue
            for text in _lines_of(run):
                line = first if kind is Kind.HEADER else last._replace(text=text)
                entry = entry_of(kind, line) if kind is not Kind.ROW else Entry(kind, line, row_of(text, columns))
                columns = entry.value if isinstance(entry.value, Columns) else columns
                entries.append(entry)
        return entries

    def facts(self, later: Sequence[Entry] = ()) -> DumpFacts | None:
        """Return what the dump says, with lines of BEHIND behind it; None where a line can be read in two ways."""
        header, cpu_line, trace, usage, stats, figures, info, _, head, run, summary_line, _, kill_line, _ = (
            self.found.groups()
        )
        rows = _rows_of(run, columns_of(head)) if run else ()
        killed = _killed_of(_text_of(kill_line))
        limited = stats_of(_text_of(stats[:-1])) if stats else None
        if killed is None or (limited is not None and limited.figures):
            return None
        group = [entry.value for entry in later if isinstance(entry.value, Killed)]
        if any(one.cut_in_pid for one in group):
            return None
        names = names_of_victim((killed,), rows, None, self.pid)
        summary = _summary_of(_text_of(summary_line), names, limited.path if limited is not None else None)
        if summary is None or (limited is not None and summary.oom_memcg is None):
            return None
        is_memcg = summary.constraint == "CONSTRAINT_MEMCG" and not summary.global_oom
        figures = _text_of(figures) if figures else ""
        cpu = cpu_of(_text_of(cpu_line[:-1])) if cpu_line else None
        return DumpFacts(
            first=self.first,
            last=later[-1].line if later else self.last,
            killed=self.ended[0],
            trigger=_trigger_of(_text_of(header), cpu.pid if cpu is not None else None),
            release=cpu.release if cpu is not None else None,
            memory=memory_usage(_usages_of(usage), _stats_of(figures)),
            summary=summary,
            is_global=not is_memcg,
            chosen=None,
            kills=each_once([killed, *group]),
            reaped=frozenset([entry.value.pid for entry in later if isinstance(entry.value, Reaped)]),
            no_victim=False,
            panicked=False,
            group_kill=any(entry.kind is Kind.GROUP for entry in later),
            has_table=head is not None,
            rows=rows,
            rows_cut=bool(run) and len(rows) < run.count("\n"),
            limit_written=writes_limit(trace),
            mem_info=_lines_of(info),
            missing=_missing(is_memcg=is_memcg, has_usage="memory:" in usage, has_rows=bool(run)),
            log="\n".join([_log(self.found, figures), *(entry.line.text for entry in later)]),
        )


def whole_of(block: bytes, at: int, end: int) -> Whole | None:
    """Return the whole dump whose header is the line at `at`, where it is plain and ends before `end`."""
    kill = block.find(_KILLED, at, min(end, at + _LONGEST))
    stop = block.find(b"\n", kill, end) + 1 if kill >= 0 else 0
    if not stop:
        return None
    header = block.find(_HEADER, at, kill)
    if header < 0 or block.find(b"\n", at, header) >= 0 or block.find(_HEADER[1:-2], header + 2, stop) >= 0:
        return None
    records = records_of(block, at, stop)
    if records is None:
        return None
    numbers, times, text = records
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        return None
    if times != sorted(times) or times[-1] > times[0] + _LONGEST_US:
        return None
    found = _found(text)
    if found is None:
        return None
    return Whole(found, (Stamp(times[0]), numbers[0]), (Stamp(times[-1]), numbers[-1]), stop)


def _found(text: str) -> re.Match[str] | None:
    found = None if "\\" in text and _NO_ESCAPE.search(text) else _WHOLE.fullmatch(text)
    # A name may be too long for a comm; and what is escaped may turn out to be something else.
    if found is None or kind_of(_text_of(found["header"][:-1])) is not Kind.HEADER:
        return None
    pid, victim, summary = found["pid"], found["victim"], found["summary"]
    if pid != victim and (victim, pid) not in _THREAD.findall(found["rows"] or ""):
        return None  # no row says that the victim is a thread of that process
    if "\\" in summary:
        line = summary_line_of(_text_of(summary[:-1]))
        if line is None or line.pid != int(pid):
            return None
    return found


def _summary_of(text: str, names: frozenset[str], limited: str | None) -> Summary | None:
    """Return what a summary says; None where `facts.py` looks for more than the line."""
    found = _SUMMARY.fullmatch(text)
    if found is None:
        line = summary_line_of(text[:-1])
        summary = line.summary(comms=names, limited=limited) if line is not None else None
        is_said = summary is not None and (summary.global_oom or (summary.oom_memcg and limited))
        return summary if is_said and summary is not None and summary.constraint is not None else None
    constraint, nodemask, cpuset, mems, is_global, oom_memcg, task_memcg, comm, pid, uid = found.groups()
    return Summary(
        constraint=constraint_of(constraint, oom_memcg),
        nodemask=None if nodemask == "(null)" else nodemask,
        cpuset=cpuset,
        mems_allowed=mems,
        global_oom=is_global is not None,
        oom_memcg=oom_memcg,
        task_memcg=task_memcg,
        comm=comm,
        pid=int(pid),
        uid=int(uid),
    )


def _killed_of(text: str) -> Killed | None:
    found = _KILL_LINE.fullmatch(text)
    if found is None:
        killed = killed_of(text[:-1])
        return killed if killed is not None and not killed.cut_in_pid else None
    pid, comm, total_vm, anon_rss, file_rss, shmem_rss, uid, pagetables, adj = found.groups()
    return Killed(
        pid=int(pid),
        comm=comm,
        uid=None if uid is None else int(uid),
        oom_score_adj=None if adj is None else int(adj),
        total_vm_bytes=int(total_vm) * 1024,
        anon_rss_bytes=int(anon_rss) * 1024,
        file_rss_bytes=int(file_rss) * 1024,
        shmem_rss_bytes=None if shmem_rss is None else int(shmem_rss) * 1024,
        pagetables_bytes=None if pagetables is None else int(pagetables) * 1024,
    )


def _trigger_of(text: str, pid: int | None) -> Trigger | None:
    found = _TRIGGER.fullmatch(text)
    if found is None:
        trigger = trigger_of(text[:-1])
        return trigger if trigger is None or pid is None else replace(trigger, pid=pid)
    comm, mask, order, adj = found.groups()
    return Trigger(comm=comm, pid=pid, gfp_mask=mask, order=int(order), oom_score_adj=int(adj))


def _usages_of(run: str) -> list[CgroupCounter]:
    return [
        CgroupCounter(name, int(used), int(limit), int(failed)) for name, used, limit, failed in _USAGE.findall(run)
    ]


def _stats_of(figures: str) -> dict[str, int]:
    words = figures.split()
    sizes = list(map(int, words[1::2]))
    pairs = zip(words[::2], sizes, strict=True)
    return dict(pairs) if max(sizes, default=0) <= MOST else {key: size for key, size in pairs if size <= MOST}


def _rows_of(run: str, head: Columns) -> tuple[Row, ...]:
    """Return the rows of a table: of the usual ones by one search, of others, or where one is cut, row by row."""
    whole = whole_rows(run, head) if "\\" not in run else None
    if whole is not None:
        return whole
    rows = (row_of(text, head) for text in _lines_of(run))
    return tuple([row for row in rows if isinstance(row, Row)])


def _lines_of(run: str) -> list[str]:
    """Return the text of each record in a run of them."""
    lines = run.split("\n")
    lines.pop()
    return lines if "\\" not in run else [_text_of(line) for line in lines]


def _text_of(escaped: str) -> str:
    """Return what /dev/kmsg has escaped."""
    if "\\" not in escaped:
        return escaped
    text = escaped.replace("\\x0a", "\n")
    return unescaped(escaped.encode()).decode("utf-8", "replace") if "\\" in text else text


def _log(found: re.Match[str], figures: str) -> str:
    """Return the text without call trace; `figures` are those of the statistics."""
    text, trace_end = found.string, found.end("trace")
    until, behind = found.span("figures") if figures else (trace_end, trace_end)
    return _text_of(text[: found.start("trace")] + text[trace_end:until]) + figures + _text_of(text[behind:-1])


def _missing(*, is_memcg: bool, has_usage: bool, has_rows: bool) -> frozenset[Part]:
    missing = []
    if is_memcg and not has_usage:
        missing.append(Part.MEMORY_USAGE)
    if not has_rows:
        missing.append(Part.TASK_TABLE)
    return frozenset(missing)
