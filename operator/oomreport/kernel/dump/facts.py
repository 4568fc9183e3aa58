"""What the lines of a dump say, gathered from wherever in it that is said. Total: any lines give a value."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from oomreport.kernel import lazy_re as re
from oomreport.kernel.dump.dump import Dump
from oomreport.kernel.dump.sections import Parts, Texts
from oomreport.kernel.line import Line
from oomreport.kernel.record import MemoryUsage, Part, Stamp, Trigger
from oomreport.kernel.text.killed import Chosen, Killed, chosen_of, ends_in_pid, killed_of, reaped_pid
from oomreport.kernel.text.kind import Kind
from oomreport.kernel.text.memcg import line_stats, memory_usage, stats_of, usage_of
from oomreport.kernel.text.summary import Summary, summary_of, task_in
from oomreport.kernel.text.table import Row, columns_begun, columns_of, rows_of
from oomreport.kernel.text.trigger import cpu_of, trigger_of

T = TypeVar("T")
_NONE: Sequence[str] = ()
_CPUSET = re.compile(r".*? cpuset=(\S.*) mems_allowed=([-\d,]*)", re.DOTALL)
_ALLOCATOR = re.compile(r"^[ (\[<>\]0-9a-f]*__alloc_(?:pages|frozen_pages)")


class Said(NamedTuple):
    """What a dump says, part by part. A tuple, since one is made of each.

    `killed` is the stamp of the first kill line, `kills` each process that died once. `summary` has the constraint also
    where other lines tell it. `no_victim` says that the kernel found nothing to kill, `has_table` that a table was begun,
    `mem_info` are the lines about the machine's memory, `log` is the text without call trace.
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
    mem_info: Sequence[str]
    missing: frozenset[Part]
    log: str


def said_by_lines(dump: Dump) -> Said:
    """Return what the lines of a dump say."""
    parts = dump.parts()
    texts = parts.texts
    rows = tuple([row for head, lines in parts.tables for row in _rows(head, lines)])
    kills = _unique(_all(texts, Kind.KILLED, lambda text: _killed(text, dump.summary_pid)))
    chosen = _first(texts, Kind.CHOSEN, chosen_of)
    memory, limited = _memory(parts)
    summary = _summary(dump, texts, kills, rows, chosen, limited)
    is_global = _is_global(dump, texts, summary)
    if summary.constraint is None and is_global and not _on_stack_only(dump, texts) and Kind.SUMMARY not in texts:
        summary = summary._replace(constraint="CONSTRAINT_NONE")
    pid, release = cpu_of(texts[Kind.CPU][0]) if texts.get(Kind.CPU) else (None, None)
    return Said(
        first=parts.first,
        last=parts.last,
        killed=parts.killed,
        trigger=_first(texts, Kind.HEADER, lambda text: trigger_of(text, pid)),
        release=release,
        memory=memory,
        summary=summary,
        is_global=is_global,
        chosen=chosen,
        kills=kills,
        reaped=frozenset(_all(texts, Kind.REAPED, reaped_pid)),
        no_victim=Kind.NO_VICTIM in texts,
        panicked=any(text.startswith("Kernel panic") for text in texts.get(Kind.NO_VICTIM, _NONE)),
        group_kill=Kind.GROUP in dump.kinds,
        has_table=Kind.TABLE_HEAD in dump.kinds,
        rows=rows,
        mem_info=texts.get(Kind.MEM_INFO, _NONE),
        missing=_missing(dump, texts, is_global=is_global),
        log=parts.log,
    )


def _rows(head: str | None, lines: list[str]) -> list[Row]:
    columns = columns_of(head) if head else None
    return rows_of(lines, columns, columns_begun(head) if head and columns is None else ())


def _all(texts: Texts, kind: Kind, parse: Callable[[str], T | None]) -> list[T]:
    return [value for text in texts.get(kind, _NONE) if (value := parse(text)) is not None]


def _first(texts: Texts, kind: Kind, parse: Callable[[str], T | None]) -> T | None:
    for text in texts.get(kind, _NONE):
        value = parse(text)
        if value is not None:
            return value
    return None


def _killed(text: str, summary_pid: int | None) -> Killed | None:
    """Return what a kill line says; where it ends within the pid, the summary has to name one that begins so."""
    killed = killed_of(text)
    if killed is None or not ends_in_pid(text):
        return killed
    if summary_pid is None or not str(summary_pid).startswith(str(killed.pid)):
        return None
    return killed._replace(pid=summary_pid)


def _unique(kills: list[Killed]) -> tuple[Killed, ...]:
    """Return each process once: with memory.oom.group the kernel names the first one again."""
    by_pid: dict[int, Killed] = {}
    for kill in kills:
        by_pid.setdefault(kill.pid, kill)
    return tuple(by_pid.values())


def _memory(parts: Parts) -> tuple[MemoryUsage | None, str | None]:
    """Return the limited cgroup's state and, where the dump shows it, its path.

    The kernel prints the statistics of the limited cgroup first (before 5.3 those of all cgroups below it as well, each
    without its children, so that the sum is what the limit counts: a key that a cut line lacks has no sum).
    """
    usages = _all(parts.texts, Kind.USAGE, usage_of)
    found = [(*stats_of(text), figures) for text, figures in parts.statistics]
    paths = [path for path, _, _ in found]
    inlines = [inline for _, inline, _ in found if inline]
    stat = {key: sum(inline[key] for inline in inlines) for key in (inlines[0] if inlines else {})
            if all(key in inline for inline in inlines)}  # fmt: skip
    for _, _, figures in found:
        stat.update(line_stats(figures))
    certain = bool(paths) and (bool(usages) or len(paths) == 1)
    return memory_usage(usages, stat), paths[0] if certain else None


def _summary(  # noqa: PLR0917
    dump: Dump,
    texts: Texts,
    kills: tuple[Killed, ...],
    rows: tuple[Row, ...],
    chosen: Chosen | None,
    limited: str | None,
) -> Summary:
    """Return whose limit it was, from the summary line or, where that is not there, from what else tells."""
    comms = [kill.comm for kill in kills[:1] if kill.comm is not None]
    if dump.summary_pid:
        comms += [row.comm for row in rows if row.pid == dump.summary_pid][:1] or [""]
    if chosen is not None:
        comms.append(chosen.comm)
    summary = _first(texts, Kind.SUMMARY, lambda text: summary_of(text, comms=frozenset(comms), limited=limited))
    task = _first(texts, Kind.TASK_IN, task_in)
    cpuset = _first(texts, Kind.CPUSET, _CPUSET.match)
    if summary is None:
        summary = task or Summary()
    if task is not None:
        summary = summary._replace(oom_memcg=summary.oom_memcg or task.oom_memcg)
        if limited is not None and limited.startswith(summary.oom_memcg or "/"):
            summary = summary._replace(oom_memcg=limited)  # the line ends with the path, and may be cut within
    if cpuset is not None and summary.cpuset is None:
        summary = summary._replace(cpuset=cpuset.group(1), mems_allowed=cpuset.group(2) or None)
    if summary.constraint is None:
        summary = summary._replace(constraint=_constraint_of(_kill_lines(texts)))
    if summary.constraint is None and _is_memcg(dump, texts):
        summary = summary._replace(constraint="CONSTRAINT_MEMCG")
    if summary.constraint == "CONSTRAINT_MEMCG" and summary.oom_memcg is None and limited:
        summary = summary._replace(oom_memcg=limited)
    return summary


def _constraint_of(kill_lines: list[str]) -> str | None:
    """Return the constraint that kernels before 4.5 name on the kill line, where it is neither a cgroup's nor none."""
    for text in kill_lines:
        if text.startswith("No available memory"):
            return (
                "CONSTRAINT_CPUSET" if text.startswith("No available memory in cpuset") else "CONSTRAINT_MEMORY_POLICY"
            )
    return None


def _is_memcg(dump: Dump, texts: Texts) -> bool:
    """Whether a memory cgroup was at its limit, by the words of the kill line, the statistics or the call trace."""
    if Kind.STATS in texts or Kind.USAGE in texts:
        return True
    if any(text.startswith("Memory cgroup") for text in _kill_lines(texts)):
        return True
    return any("? " not in text and _is_memcg_frame(text) for text in _trace(dump, texts))


def _is_memcg_frame(text: str) -> bool:
    return "mem_cgroup_out_of_memory+" in text or "mem_cgroup_oom_synchronize+" in text


def _is_global(dump: Dump, texts: Texts, summary: Summary) -> bool:
    """Whether no memory cgroup was at its limit: said by the summary, the kill line or the call trace."""
    if summary.global_oom:
        return True
    if summary.constraint is not None:
        return summary.constraint != "CONSTRAINT_MEMCG"
    if any(text.startswith("Out of memory") and " in UB" not in text[:20] for text in _kill_lines(texts)):
        return True
    return _on_stack_only(dump, texts)


def _trace(dump: Dump, texts: Texts) -> Iterator[str]:
    yield from texts.get(Kind.TRACE, _NONE)
    yield from (record.partition(";")[2] for record in dump.trace.decode("ascii").split("\n"))


def _kill_lines(texts: Texts) -> list[str]:
    return [*texts.get(Kind.KILLED, _NONE), *texts.get(Kind.CHOSEN, _NONE)]


def _on_stack_only(dump: Dump, texts: Texts) -> bool:
    """Whether nothing but the call trace says that the page allocator ran out; it does not say for which nodes."""
    return not _kill_lines(texts) and any(_ALLOCATOR.match(text) for text in _trace(dump, texts))


def _missing(dump: Dump, texts: Texts, *, is_global: bool) -> frozenset[Part]:
    """Return the parts that the log does not hold. A global OOM prints no cgroup's usage, so none is missing."""
    kinds = dump.kinds
    missing = set()
    if Kind.HEADER not in kinds:
        missing.add(Part.HEADER)
    if not is_global and not _says_usage(texts):
        missing.add(Part.MEMORY_USAGE)
    if Kind.ROW not in kinds:
        missing.add(Part.TASK_TABLE)
    if not kinds & {Kind.SUMMARY, Kind.TASK_IN, Kind.NO_VICTIM} and not (is_global and Kind.CHOSEN in kinds):
        missing.add(Part.SUMMARY)
    if not kinds & {Kind.KILLED, Kind.NO_VICTIM}:
        missing.add(Part.KILL_LINE)
    return frozenset(missing)


def _says_usage(texts: Texts) -> bool:
    return any(text.startswith("memory:") for text in texts.get(Kind.USAGE, _NONE))
