"""The invocation that a dump tells of.

What the lines do not say is None, and named in `missing`.
"""

from dataclasses import replace
from typing import TypeVar

from oomreport.kernel.dump.dump import Dump
from oomreport.kernel.dump.facts import DumpFacts
from oomreport.kernel.record import ChosenProcess, Invocation, ScoreSource, Trigger, Victim
from oomreport.kernel.text import meminfo
from oomreport.kernel.text.candidates import Candidates, candidates_of
from oomreport.kernel.text.digits import MOST
from oomreport.kernel.text.killed import Chosen, Killed
from oomreport.kernel.text.summary import Summary

T = TypeVar("T")


def invocation_of(dump: Dump) -> Invocation:
    """Return what a dump says."""
    facts = dump.facts()
    first, summary, chosen, rows = facts.first, facts.summary, facts.chosen, facts.rows
    candidates = candidates_of(
        rows=rows,
        memory=None if facts.is_global else facts.memory,
        mem_info=facts.mem_info if facts.is_global and summary.constraint else None,
        nodes=_nodes(summary),
        page_bytes=_page_bytes(facts),
        victim_pid=_ranked_first(facts),
        printed_score=chosen.score if chosen else None,
    )
    victims = _victims(facts, candidates)
    return Invocation(
        first=first.stamp,
        killed=facts.killed or first.stamp,
        sequence_first=first.sequence,
        sequence_last=facts.last.sequence,
        kernel_release=facts.release,
        constraint=summary.constraint,
        global_oom=facts.is_global,
        oom_memcg=summary.oom_memcg,
        task_memcg=summary.task_memcg,
        cpuset=summary.cpuset,
        trigger=_trigger(facts, candidates),
        group_kill=facts.group_kill,
        chosen=_chosen(chosen, victims),
        total_bytes=candidates.total_bytes,
        panicked=facts.panicked,
        limit_written=facts.limit_written,
        table_whole=_is_table_whole(dump, facts, candidates, victims),
        nodemask=summary.nodemask,
        mems_allowed=summary.mems_allowed,
        victims=victims,
        memory=facts.memory,
        tasks=candidates.tasks,
        task_count=len(rows) if rows or facts.has_table else None,
        missing=facts.missing,
        lost_before=min(max(dump.lost_before, 0), MOST) if dump.lost_before is not None else None,
        log=facts.log,
        place=dump.place,
    )


def _is_table_whole(dump: Dump, facts: DumpFacts, candidates: Candidates, victims: tuple[Victim, ...]) -> bool:
    """Whether the log holds the table from its head on, without a sign of a lost row."""
    if not facts.has_table or not facts.rows or facts.rows_cut or dump.cut or dump.lines_lost:
        return False
    return all(candidates.row(victim.pid) is not None for victim in victims[:1])


def _nodes(summary: Summary) -> frozenset[int] | None:
    if summary.constraint == "CONSTRAINT_CPUSET":
        return meminfo.nodes_of(summary.mems_allowed)
    if summary.constraint == "CONSTRAINT_MEMORY_POLICY":
        return meminfo.nodes_of(summary.nodemask)
    return None


def _page_bytes(facts: DumpFacts) -> int:
    """Return the page size: the kill line gives in kB what the table gives in pages; 4 KiB where nothing tells."""
    sizes = {row.pid: row.total_vm for row in facts.rows if row.total_vm}
    for kill in facts.kills:
        pages = sizes.get(kill.pid)
        if pages and kill.total_vm_bytes and kill.total_vm_bytes // pages in (4096, 8192, 16384, 65536):
            return kill.total_vm_bytes // pages
    by_blocks = meminfo.page_bytes_of(facts.mem_info)
    if by_blocks:
        return by_blocks
    return 16384 if facts.release and "loongarch64" in facts.release else 4096


def _ranked_first(facts: DumpFacts) -> int | None:
    """Return the task that had the highest badness: the chosen one, which need not be the one that died."""
    chosen, kills = facts.chosen, facts.kills
    pids = {row.pid for row in facts.rows}
    for pid in (chosen.pid if chosen else None, kills[0].pid if kills else None, facts.summary.pid):
        if pid in pids:
            return pid
    return None


def _victims(facts: DumpFacts, candidates: Candidates) -> tuple[Victim, ...]:
    """Return the processes that died, with what the summary and the table add."""
    kills, summary, chosen = facts.kills, facts.summary, facts.chosen
    if not kills and summary.pid is not None and not facts.no_victim:
        kills = (Killed(pid=summary.pid, comm=summary.comm, uid=summary.uid),)
    if not kills and chosen is None:
        kills = tuple(Killed(pid=pid) for pid in sorted(facts.reaped) if candidates.row(pid))
    victims = []
    for index, kill in enumerate(kills):
        row = candidates.row(kill.pid)
        same = index == 0 and summary.pid == kill.pid
        score = candidates.score(kill.pid)
        source = ScoreSource.COMPUTED if score is not None else None
        if chosen is not None and index == 0 and chosen.score is not None and _is_of(chosen, kill, candidates):
            score, source = chosen.score, ScoreSource.PRINTED
        if kill.score is not None:
            score, source = kill.score, ScoreSource.PRINTED
        pagetables = kill.pagetables_bytes
        victims.append(
            Victim(
                pid=kill.pid,
                comm=_known(kill.comm, row.comm if row else None, summary.comm if same else None),
                uid=_known(kill.uid, row.uid if row else None, summary.uid if same else None),
                oom_score=score,
                oom_score_source=source,
                oom_score_adj=_whole(kill.oom_score_adj, row.oom_score_adj if row else None),
                total_vm_bytes=kill.total_vm_bytes,
                anon_rss_bytes=kill.anon_rss_bytes,
                file_rss_bytes=kill.file_rss_bytes,
                shmem_rss_bytes=kill.shmem_rss_bytes,
                rss_bytes=kill.rss_bytes,
                pagetables_bytes=pagetables,
                reaped=kill.pid in facts.reaped,
            )
        )
    return tuple(victims)


def _is_of(chosen: Chosen, kill: Killed, candidates: Candidates) -> bool:
    """Whether the process that died may be the chosen one, or that of the chosen thread: the table does not deny it."""
    row = candidates.rows.get(chosen.pid)
    return chosen.pid == kill.pid or row is None or row.tgid in (None, kill.pid)


def _chosen(chosen: Chosen | None, victims: tuple[Victim, ...]) -> ChosenProcess | None:
    if chosen is None or any(chosen.pid == victim.pid for victim in victims):
        return None
    return ChosenProcess(pid=chosen.pid, comm=chosen.comm or None, oom_score=chosen.score)


def _trigger(facts: DumpFacts, candidates: Candidates) -> Trigger | None:
    """Return the task that a header names, with the whole score where the header is cut within it."""
    trigger = facts.trigger
    row = candidates.rows.get(trigger.pid) if trigger is not None and trigger.pid is not None else None
    if trigger is None or row is None or trigger.oom_score_adj in (None, row.oom_score_adj):
        return trigger
    return replace(trigger, oom_score_adj=_whole(trigger.oom_score_adj, row.oom_score_adj))


def _whole(ends_line: int | None, in_table: int | None) -> int | None:
    """Return the number that ends a line, or the table's where the line was cut within it."""
    if ends_line is None or in_table is None or not str(in_table).startswith(str(ends_line)):
        return _known(ends_line, in_table)
    return in_table


def _known(*values: T | None) -> T | None:
    for value in values:
        if value is not None:
            return value
    return None
