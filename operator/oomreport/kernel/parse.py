"""A dump becomes an invocation. Total: any lines give a value, and what they do not say is None and in `missing`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from oomreport.kernel import lazy_re as re
from oomreport.kernel import meminfo
from oomreport.kernel.candidates import Candidates, candidates_of
from oomreport.kernel.dump import Dump
from oomreport.kernel.killed import Chosen, Killed, chosen_of, killed_of, reaped_pid
from oomreport.kernel.kind import HEADER, Kind
from oomreport.kernel.memcg import line_stats, memory_usage, stats_of, usage_of
from oomreport.kernel.parts import Parts, Texts
from oomreport.kernel.record import Invocation, MemoryUsage, Part, ScoreSource, Trigger, Victim
from oomreport.kernel.summary import Summary, summary_of, task_in
from oomreport.kernel.table import Row, columns_of, rows_of

T = TypeVar("T")
_NONE: Sequence[str] = ()
_GFP = re.compile(r"\bgfp_mask=(0x[0-9a-fA-F]+)")
_ORDER = re.compile(r"\border=(-?\d+)")
_ADJ = re.compile(r"\boom_score_adj=(-?\d+)")
_CPU = re.compile(r"(?:CPU: ?\d+ (?:UID: ?\d+ )?PID: ?(\d+)|Pid: (\d+))")
_RELEASE = re.compile(r"(?:Not tainted|Tainted: .*?|\(unreliable\)) +\(?(\d+\.\d+[^\s)]*)")
_CPUSET = re.compile(r".*? cpuset=(\S.*) mems_allowed=([-\d,]*)", re.DOTALL)
_ALLOCATOR = re.compile(r"^[ (\[<>\]0-9a-f]*__alloc_(?:pages|frozen_pages)")


def invocation_of(dump: Dump) -> Invocation:
    """Return what a dump says."""
    parts = dump.parts()
    first, last, texts = parts.first, parts.last, parts.texts
    rows = tuple([row for head, lines in parts.tables for row in rows_of(lines, columns_of(head) if head else None)])
    kills = _unique(_all(texts, Kind.KILLED, killed_of))
    chosen = _first(texts, Kind.CHOSEN, chosen_of)
    memory, limited = _memory(parts)
    summary = _summary(dump, texts, kills, rows, chosen, limited)
    trigger, release = _trigger(texts)
    is_global = _is_global(dump, texts, summary)
    candidates = candidates_of(
        rows=rows,
        memory=None if is_global else memory,
        mem_info=texts.get(Kind.MEM_INFO, _NONE) if is_global else None,
        nodes=_nodes(summary),
        page_bytes=_page_bytes(texts, rows, kills, release),
        victim_pid=_ranked_first(kills, summary, chosen, rows),
        printed_score=chosen.score if chosen else None,
    )
    victims = _victims(texts, kills, summary, chosen, candidates)
    return Invocation(
        first=first.stamp,
        killed=parts.killed or first.stamp,
        sequence_first=first.sequence,
        sequence_last=last.sequence,
        kernel_release=release,
        constraint=summary.constraint or ("CONSTRAINT_NONE" if is_global and not _on_stack_only(dump, texts) else None),
        global_oom=is_global,
        oom_memcg=summary.oom_memcg,
        task_memcg=summary.task_memcg,
        cpuset=summary.cpuset,
        trigger=trigger,
        group_kill=Kind.GROUP in dump.kinds,
        selected_pid=chosen.pid if chosen and all(chosen.pid != victim.pid for victim in victims) else None,
        total_bytes=candidates.total_bytes,
        panicked=any(text.startswith("Kernel panic") for text in texts.get(Kind.NO_VICTIM, _NONE)),
        nodemask=summary.nodemask,
        mems_allowed=summary.mems_allowed,
        victims=victims,
        memory=memory,
        tasks=candidates.tasks,
        task_count=len(rows) if rows or Kind.TABLE_HEAD in dump.kinds else None,
        missing=_missing(dump, texts, is_global=is_global),
        lost_before=max(dump.lost_before, 0),
        log=parts.log,
    )


def _all(texts: Texts, kind: Kind, parse: Callable[[str], T | None]) -> list[T]:
    return [value for text in texts.get(kind, _NONE) if (value := parse(text)) is not None]


def _first(texts: Texts, kind: Kind, parse: Callable[[str], T | None]) -> T | None:
    for text in texts.get(kind, _NONE):
        value = parse(text)
        if value is not None:
            return value
    return None


def _unique(kills: list[Killed]) -> tuple[Killed, ...]:
    """Return each process once: with memory.oom.group the kernel names the first one again."""
    by_pid: dict[int, Killed] = {}
    for kill in kills:
        by_pid.setdefault(kill.pid, kill)
    return tuple(by_pid.values())


def _trigger(texts: Texts) -> tuple[Trigger | None, str | None]:
    """Return the allocating task, and the kernel release, which stands on the CPU line."""
    pid, release = None, None
    for text in texts.get(Kind.CPU, _NONE)[:1]:
        cpu = _CPU.match(text)
        pid = int(cpu.group(1) or cpu.group(2)) if cpu else None
        found = _RELEASE.search(text)
        release = found.group(1) if found else None
    for text in texts.get(Kind.HEADER, _NONE):
        header = HEADER.match(text)
        if header is not None:
            rest = header["rest"] or ""
            gfp, order, adj = _GFP.search(rest), _ORDER.search(rest), _ADJ.search(rest)
            trigger = Trigger(
                comm=header["comm"] or "",
                pid=pid,
                gfp_mask=gfp.group(1) if gfp else None,
                order=int(order.group(1)) if order else None,
                oom_score_adj=int(adj.group(1)) if adj else None,
            )
            return trigger, release
    return None, release


def _memory(parts: Parts) -> tuple[MemoryUsage | None, str | None]:
    """Return the limited cgroup's state and, where the dump shows it, its path.

    The kernel prints the statistics of the limited cgroup first (before 5.3 those of all cgroups below it as well, each
    without its children, so that the sum is what the limit counts).
    """
    usages = _all(parts.texts, Kind.USAGE, usage_of)
    stat: dict[str, int] = {}
    paths: list[str | None] = []
    for text, figures in parts.statistics:
        path, inline = stats_of(text)
        paths.append(path)
        for key, value in inline.items():
            stat[key] = stat.get(key, 0) + value
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
    elif task is not None:
        summary = replace(summary, oom_memcg=summary.oom_memcg or task.oom_memcg)
    if cpuset is not None and summary.cpuset is None:
        summary = replace(summary, cpuset=cpuset.group(1), mems_allowed=cpuset.group(2) or None)
    if summary.constraint is None:
        summary = replace(summary, constraint=_constraint_of(_kill_lines(texts)))
    if summary.constraint is None and _is_memcg(dump, texts):
        summary = replace(summary, constraint="CONSTRAINT_MEMCG")
    if summary.constraint == "CONSTRAINT_MEMCG" and summary.oom_memcg is None and limited:
        summary = replace(summary, oom_memcg=limited)
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


def _nodes(summary: Summary) -> frozenset[int] | None:
    if summary.constraint == "CONSTRAINT_CPUSET":
        return meminfo.nodes_of(summary.mems_allowed)
    if summary.constraint == "CONSTRAINT_MEMORY_POLICY":
        return meminfo.nodes_of(summary.nodemask)
    return None


def _page_bytes(texts: Texts, rows: tuple[Row, ...], kills: tuple[Killed, ...], release: str | None) -> int:
    """Return the page size: the kill line gives in kB what the table gives in pages; 4 KiB where nothing tells."""
    sizes = {row.pid: row.total_vm for row in rows if row.total_vm}
    for kill in kills:
        pages = sizes.get(kill.pid)
        if pages and kill.total_vm_bytes and kill.total_vm_bytes // pages in (4096, 8192, 16384, 65536):
            return kill.total_vm_bytes // pages
    by_blocks = meminfo.page_bytes_of(texts.get(Kind.MEM_INFO, _NONE))
    if by_blocks:
        return by_blocks
    return 16384 if release and "loongarch64" in release else 4096


def _ranked_first(
    kills: tuple[Killed, ...], summary: Summary, chosen: Chosen | None, rows: tuple[Row, ...]
) -> int | None:
    """Return the task that had the highest badness: the chosen one, which need not be the one that died."""
    pids = {row.pid for row in rows}
    for pid in (chosen.pid if chosen else None, kills[0].pid if kills else None, summary.pid):
        if pid in pids:
            return pid
    return None


def _victims(
    texts: Texts, kills: tuple[Killed, ...], summary: Summary, chosen: Chosen | None, candidates: Candidates
) -> tuple[Victim, ...]:
    """Return the processes that died, with what the summary and the table add."""
    reaped = set(_all(texts, Kind.REAPED, reaped_pid))
    if not kills and summary.pid is not None and Kind.NO_VICTIM not in texts:
        kills = (Killed(pid=summary.pid, comm=summary.comm, uid=summary.uid),)
    if not kills and chosen is None:
        kills = tuple(Killed(pid=pid) for pid in sorted(reaped) if candidates.row(pid))
    victims = []
    for index, kill in enumerate(kills):
        row = candidates.row(kill.pid)
        same = index == 0 and summary.pid == kill.pid
        score = candidates.score(kill.pid)
        source = ScoreSource.COMPUTED if score is not None else None
        if chosen is not None and index == 0 and chosen.score is not None:
            score, source = chosen.score, ScoreSource.PRINTED
        pagetables = kill.pagetables_bytes
        victims.append(
            Victim(
                pid=kill.pid,
                comm=_known(kill.comm, row.comm if row else None, summary.comm if same else None),
                uid=_known(kill.uid, row.uid if row else None, summary.uid if same else None),
                oom_score=score,
                oom_score_source=source,
                oom_score_adj=_known(kill.oom_score_adj, row.oom_score_adj if row else None),
                total_vm_bytes=kill.total_vm_bytes,
                anon_rss_bytes=kill.anon_rss_bytes,
                file_rss_bytes=kill.file_rss_bytes,
                shmem_rss_bytes=kill.shmem_rss_bytes,
                pagetables_bytes=pagetables,
                reaped=kill.pid in reaped,
            )
        )
    return tuple(victims)


def _known(*values: T | None) -> T | None:
    for value in values:
        if value is not None:
            return value
    return None


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
