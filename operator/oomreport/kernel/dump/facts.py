"""The facts of a dump, gathered from the values of its lines.

Any lines give facts; none raises an error.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple, TypeVar

from oomreport.kernel import lazy_re as re
from oomreport.kernel.dump.entry import Entry
from oomreport.kernel.line import Line
from oomreport.kernel.record import SYSRQ_ORDER, MemoryUsage, Part, Stamp, Trigger
from oomreport.kernel.text.killed import Chosen, Killed, NoVictim, Reaped
from oomreport.kernel.text.kind import Kind
from oomreport.kernel.text.memcg import CgroupCounter, Stats, memory_usage
from oomreport.kernel.text.summary import Cpuset, Summary, SummaryLine, TaskIn
from oomreport.kernel.text.table import Row
from oomreport.kernel.text.trigger import Cpu

T = TypeVar("T")
# The kernel's functions behind memory.max, memory.limit_in_bytes and memory.memsw.limit_in_bytes (mm/memcontrol.c).
# An address that the unwinder doubts has "? " before its name.
_LIMIT_WRITER = re.compile(
    r"(?<!\? )\b(?:memory_max_write|mem_cgroup_write|mem_cgroup_resize_(?:limit|max|memsw_limit))\+0x"
)
# What dump_header() prints behind the statistics of the cgroups.
_BEHIND_STATS = (Kind.TABLE_TITLE, Kind.TABLE_HEAD, Kind.ROW, Kind.SUMMARY, Kind.CHOSEN, Kind.KILLED, Kind.NO_VICTIM)
# The kernel's own memory, which they do not list, is mostly less than a tenth.
_NEARLY = 0.9
# The function that SysRq f runs (drivers/tty/sysrq.c). Before 4.3 the header says order 0 then.
_ASKED_FOR = "Workqueue: events moom_callback"
_ALLOCATOR = re.compile(r"^[ (\[<>\]0-9a-f]*__alloc_(?:pages|frozen_pages)")


class DumpFacts(NamedTuple):
    """What a dump says, part by part. A tuple, since one is made of each dump.

    `killed` is the stamp of the first kill line, `kills` each process that died once. `summary` has the constraint also
    where other lines tell it. `no_victim` says that the kernel found nothing to kill, `has_table` that a table was
    begun, `rows_cut` that a row of it is cut, `limit_written` that the trigger was writing a limit, `mem_info` are the
    lines about the machine's memory, `log` is the text without call trace.
    """

    first: Line
    last: Line
    killed: Stamp | None
    trigger: Trigger | None
    release: str | None
    memory: MemoryUsage | None
    summary: Summary
    is_global: bool
    chosen: Chosen | None
    kills: tuple[Killed, ...]
    reaped: frozenset[int]
    no_victim: bool
    panicked: bool
    group_kill: bool
    has_table: bool
    rows: tuple[Row, ...]
    rows_cut: bool
    limit_written: bool
    mem_info: Sequence[str]
    missing: frozenset[Part]
    log: str


class _Sections:
    """The lines of a dump by their kind."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._by_kind: defaultdict[Kind, list[Entry]] = defaultdict(list)
        for entry in entries:
            self._by_kind[entry.kind].append(entry)

    def has(self, *kinds: Kind) -> bool:
        """Whether there is a line of one of the kinds."""
        return any(kind in self._by_kind for kind in kinds)

    def lines(self, *kinds: Kind) -> list[Line]:
        """Return the lines of some kinds, those of the first kind first."""
        return [entry.line for kind in kinds for entry in self._by_kind.get(kind, ())]

    def values(self, kind: Kind, of: type[T]) -> list[T]:
        """Return the values of the lines of a kind, without lines that hold none."""
        return [entry.value for entry in self._by_kind.get(kind, ()) if isinstance(entry.value, of)]

    def first(self, kind: Kind, of: type[T]) -> T | None:
        """Return the first value of a kind."""
        return next(iter(self.values(kind, of)), None)

    def kill_texts(self) -> list[str]:
        """Return the text of the lines that name who is killed."""
        return [line.text for line in self.lines(Kind.KILLED, Kind.CHOSEN)]

    def trace(self) -> Iterator[str]:
        """Yield the lines of the call trace."""
        return (line.text for line in self.lines(Kind.TRACE))


def facts_of(entries: Sequence[Entry]) -> DumpFacts:
    """Return what the lines of a dump say. At least one line."""
    sections = _Sections(entries)
    summary_lines = sections.values(Kind.SUMMARY, SummaryLine)
    summary_pid = summary_lines[-1].pid if summary_lines else None
    rows = tuple(sections.values(Kind.ROW, Row))
    kills = each_once(_whole_kills(sections.values(Kind.KILLED, Killed), summary_pid))
    chosen = sections.first(Kind.CHOSEN, Chosen)
    memory, limited = _memory(sections, entries)
    names = names_of_victim(kills, rows, chosen, summary_pid)
    summary = _summary(sections, names, limited)
    if memory is not None and memory.stat and _lacks_victim(sections, summary.task_memcg):
        memory = replace(memory, stat={})
    is_global = _is_global(sections, summary)
    if summary.constraint is None and is_global and not _only_trace_is_global(sections) and not summary_lines:
        summary = summary._replace(constraint="CONSTRAINT_NONE")
    cpu = sections.first(Kind.CPU, Cpu)
    trigger = sections.first(Kind.HEADER, Trigger) or _trigger_by_cpu(sections, cpu)
    if trigger is not None and any(text.startswith(_ASKED_FOR) for text in sections.trace()):
        trigger = replace(trigger, order=SYSRQ_ORDER)
    killed = sections.lines(Kind.KILLED)
    return DumpFacts(
        first=entries[0].line,
        last=entries[-1].line,
        killed=killed[0].stamp if killed else None,
        trigger=replace(trigger, pid=cpu.pid) if trigger is not None and cpu is not None else trigger,
        release=cpu.release if cpu is not None else None,
        memory=memory,
        summary=summary,
        is_global=is_global,
        chosen=chosen,
        kills=kills,
        reaped=frozenset(reaped.pid for reaped in sections.values(Kind.REAPED, Reaped)),
        no_victim=sections.has(Kind.NO_VICTIM),
        panicked=any(one.panicked for one in sections.values(Kind.NO_VICTIM, NoVictim)),
        group_kill=sections.has(Kind.GROUP),
        has_table=sections.has(Kind.TABLE_HEAD),
        rows=rows,
        rows_cut=len(rows) < len(sections.lines(Kind.ROW)),
        limit_written=any(writes_limit(text) for text in sections.trace()),
        mem_info=[line.text for line in sections.lines(Kind.MEM_INFO)],
        missing=_missing(sections, is_global=is_global),
        log="\n".join([entry.line.text for entry in entries if entry.kind is not Kind.TRACE]),
    )


def _trigger_by_cpu(sections: _Sections, cpu: Cpu | None) -> Trigger | None:
    """Return the task that ran the killer where the header is lost: the one of the trace, or of the panic."""
    if cpu is None or cpu.comm is None:
        return None
    return Trigger(comm=cpu.comm, pid=cpu.pid, order=SYSRQ_ORDER if sections.has(Kind.SYSRQ) else None)


def _whole_kills(kills: list[Killed], summary_pid: int | None) -> list[Killed]:
    """Return the kills; of a line that ends within the pid only where the summary names a pid that begins so."""
    found = []
    for kill in kills:
        if not kill.cut_in_pid:
            found.append(kill)
        elif summary_pid is not None and str(summary_pid).startswith(str(kill.pid)):
            found.append(kill._replace(pid=summary_pid, cut_in_pid=False))
    return found


def each_once(kills: list[Killed]) -> tuple[Killed, ...]:
    """Return each process once: with memory.oom.group the kernel names the first one again."""
    by_pid: dict[int, Killed] = {}
    for kill in kills:
        by_pid.setdefault(kill.pid, kill)
    return tuple(by_pid.values())


def _memory(sections: _Sections, entries: Iterable[Entry]) -> tuple[MemoryUsage | None, str | None]:
    """Return the limited cgroup's state and, where the dump shows it, its path.

    The kernel prints the statistics of the limited cgroup first (before 5.3 those of all cgroups below it as well, each
    without its children, so that the sum is what the limit counts: a key that a cut line lacks has no sum).
    """
    usages = sections.values(Kind.USAGE, CgroupCounter)
    found = sections.values(Kind.STATS, Stats)
    inlines = [stats.figures for stats in found if stats.figures]
    stat = {key: sum(inline[key] for inline in inlines) for key in (inlines[0] if inlines else {})
            if all(key in inline for inline in inlines)}  # fmt: skip
    named = False
    for entry in entries:  # figures before the line that says whose they are belong to something else
        named = named or entry.kind is Kind.STATS
        if named and isinstance(entry.value, dict):
            stat.update(entry.value)
    certain = bool(found) and (bool(usages) or (len(found) == 1 and not (inlines and _shows_sandbox(sections))))
    if inlines and not certain and len(found) == 1:
        stat = {}  # of one cgroup below the one at its limit: the lines of the others are lost
    if inlines and not sections.has(*_BEHIND_STATS) and not _make_up(stat, usages):
        stat = {}  # cut behind these lines: those of further cgroups may be lost
    return memory_usage(usages, stat), found[0].path if certain else None


def _lacks_victim(sections: _Sections, task_memcg: str | None) -> bool:
    """Whether the statistics are of each cgroup without its children, and those of the victim's cgroup are lost.

    Then what is left says nothing of what filled the limit.
    """
    found = [stats for stats in sections.values(Kind.STATS, Stats) if stats.figures]
    return task_memcg is not None and bool(found) and all(stats.path != task_memcg for stats in found)


def _make_up(stat: Mapping[str, int], usages: Iterable[CgroupCounter]) -> bool:
    """Whether the statistics of cgroup v1 make up nearly all that is in use: then no line of them is lost."""
    used = next((usage.usage_kb * 1024 for usage in usages if usage.name == "memory"), 0)
    return stat.get("cache", 0) + stat.get("rss", 0) >= _NEARLY * used


def _shows_sandbox(sections: _Sections) -> bool:
    """Whether the table, where it is there, holds a pod's sandbox (kubernetes/build/pause).

    That lies in no container: the cgroup at its limit is a pod or more, and no statistics of a container are its own.
    """
    return any(row.comm == "pause" for row in sections.values(Kind.ROW, Row))


def names_of_victim(
    kills: tuple[Killed, ...], rows: tuple[Row, ...], chosen: Chosen | None, summary_pid: int | None
) -> frozenset[str]:
    """Return the names that the dump gives the victim beside its summary."""
    names = [kill.comm for kill in kills[:1] if kill.comm is not None]
    if summary_pid:
        names += [row.comm for row in rows if row.pid == summary_pid][:1] or [""]
    if chosen is not None and chosen.comm:
        names.append(chosen.comm)
    return frozenset(names)


def _summary(sections: _Sections, names: frozenset[str], limited: str | None) -> Summary:
    """Return whose limit it was, from the summary line or, where that is not there, from what else tells."""
    line = sections.first(Kind.SUMMARY, SummaryLine)
    task = sections.first(Kind.TASK_IN, TaskIn)
    cpuset = sections.first(Kind.CPUSET, Cpuset)
    summary = line.summary(comms=names, limited=limited) if line is not None else Summary()
    if task is not None:
        if line is None:
            summary = Summary(constraint="CONSTRAINT_MEMCG", task_memcg=task.task_memcg)
        summary = summary._replace(oom_memcg=summary.oom_memcg or task.oom_memcg)
        if limited is not None and limited.startswith(summary.oom_memcg or "/"):
            summary = summary._replace(oom_memcg=limited)  # the line ends with the path, and may be cut within
    if cpuset is not None and summary.cpuset is None:
        summary = summary._replace(cpuset=cpuset.name, mems_allowed=cpuset.mems_allowed)
    if summary.constraint is None:
        summary = summary._replace(constraint=_constraint_of(sections.kill_texts()))
    if summary.constraint is None and _is_memcg(sections):
        summary = summary._replace(constraint="CONSTRAINT_MEMCG")
    if summary.constraint == "CONSTRAINT_MEMCG" and summary.oom_memcg is None and limited:
        summary = summary._replace(oom_memcg=limited)
    return summary


def _constraint_of(kill_texts: list[str]) -> str | None:
    """Return the constraint that kernels before 4.5 name on the kill line, where it is neither a cgroup's nor none."""
    for text in kill_texts:
        if text.startswith("No available memory"):
            return (
                "CONSTRAINT_CPUSET" if text.startswith("No available memory in cpuset") else "CONSTRAINT_MEMORY_POLICY"
            )
    return None


def _is_memcg(sections: _Sections) -> bool:
    """Whether a memory cgroup was at its limit, by the words of the kill line, the statistics or the call trace."""
    if sections.has(Kind.STATS, Kind.USAGE):
        return True
    if any(text.startswith("Memory cgroup") for text in sections.kill_texts()):
        return True
    frames = [text for text in sections.trace() if "+0x" in text and "? " not in text]
    return any(map(_is_memcg_frame, frames)) or any(
        "out_of_memory+" in called and "try_charge" in caller for called, caller in pairwise(frames)
    )


def _is_memcg_frame(text: str) -> bool:
    # A compiler may inline the first one: then its caller, try_charge_memcg(), calls out_of_memory().
    return "mem_cgroup_out_of_memory+" in text or "mem_cgroup_oom_synchronize+" in text


def _is_global(sections: _Sections, summary: Summary) -> bool:
    """Whether no memory cgroup was at its limit: said by the summary, the kill line or the call trace."""
    if summary.global_oom:
        return True
    if summary.constraint is not None:
        return summary.constraint != "CONSTRAINT_MEMCG"
    if any(
        text.startswith(("Out of memory", "Out of Memory")) and " in UB" not in text[:20]
        for text in sections.kill_texts()
    ):
        return True
    return _only_trace_is_global(sections)


def writes_limit(trace: str) -> bool:
    """Whether a call trace says that the task wrote the limit of a cgroup: then it did not ask for memory."""
    # Nearly every trace has functions of memory cgroups, but few have these: a plain search is much quicker.
    is_near = "memory_max_write" in trace or "mem_cgroup_write" in trace or "mem_cgroup_resize_" in trace
    return is_near and _LIMIT_WRITER.search(trace) is not None


def _only_trace_is_global(sections: _Sections) -> bool:
    """Whether nothing but the call trace says that the page allocator ran out; it does not say for which nodes."""
    return not sections.has(Kind.KILLED, Kind.CHOSEN) and any(_ALLOCATOR.match(text) for text in sections.trace())


def _missing(sections: _Sections, *, is_global: bool) -> frozenset[Part]:
    """Return the parts that the log does not hold. A global OOM prints no cgroup's usage, so none is missing."""
    missing = set()
    if not sections.has(Kind.HEADER):
        missing.add(Part.HEADER)
    if not is_global and all(usage.name != "memory" for usage in sections.values(Kind.USAGE, CgroupCounter)):
        missing.add(Part.MEMORY_USAGE)
    if not sections.has(Kind.ROW):
        missing.add(Part.TASK_TABLE)
    if not sections.has(Kind.SUMMARY, Kind.TASK_IN, Kind.NO_VICTIM) and not (is_global and sections.has(Kind.CHOSEN)):
        missing.add(Part.SUMMARY)
    if not sections.has(Kind.KILLED, Kind.NO_VICTIM):
        missing.add(Part.KILL_LINE)
    return frozenset(missing)
