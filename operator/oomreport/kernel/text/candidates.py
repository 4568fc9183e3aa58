"""The rows of the task table as ranked tasks, with scores."""

from collections.abc import Sequence
from typing import NamedTuple

from oomreport.kernel.record import MemoryUsage, Task
from oomreport.kernel.text import meminfo
from oomreport.kernel.text.badness import NEVER, pages_of, points_of, score_of
from oomreport.kernel.text.table import Row


class Candidates(NamedTuple):
    """Tasks by badness, highest first. `total_bytes` is None where the dump does not tell what the scores relate to."""

    tasks: tuple[Task, ...]
    total_bytes: int | None
    rows: dict[int, Row]
    scores: dict[int, int]

    def row(self, pid: int) -> Row | None:
        """Return a process' row; for the leader of a group of threads also the row of one of them."""
        found = self.rows.get(pid)
        return found or next((row for row in self.rows.values() if row.tgid == pid), None)

    def score(self, pid: int) -> int | None:
        """Return a process' score, None where the total or the process is unknown."""
        row = self.row(pid)
        return None if row is None else self.scores.get(row.pid)


def candidates_of(
    *,
    rows: tuple[Row, ...],
    memory: MemoryUsage | None,
    mem_info: Sequence[str] | None,
    nodes: frozenset[int] | None,
    page_bytes: int,
    victim_pid: int | None,
    printed_score: int | None,
) -> Candidates:
    """Rank the rows. `memory` is the limited cgroup's, `mem_info` the machine's lines of a global OOM."""
    if mem_info is not None:
        total = meminfo.total_pages(mem_info, page_bytes=page_bytes, nodes=nodes)
        totals = [total] if total else []
    else:
        totals = _memcg_totals(rows, memory, page_bytes)
    total = _fitting(totals, rows, page_bytes=page_bytes, victim_pid=victim_pid, printed=printed_score)
    tasks = _ranked(rows, total=total, page_bytes=page_bytes)
    return Candidates(
        tasks=tasks,
        total_bytes=total * page_bytes if total else None,
        rows={row.pid: row for row in rows},
        scores={task.pid: task.oom_score for task in tasks if task.oom_score is not None},
    )


def _memcg_totals(rows: tuple[Row, ...], memory: MemoryUsage | None, page_bytes: int) -> list[int]:
    """Return the totals that may have applied, the likeliest first: the limit, and the limit with usable swap.

    The kernel adds the cgroup's swap allowance, at most what the machine has: which the dump does not print. Swap in
    use shows that there is some.
    """
    if memory is None or memory.limit_bytes is None:
        return []
    limit = memory.limit_bytes // page_bytes
    if memory.swap_limit_bytes == 0:
        return [limit]
    in_use = bool(memory.swap_usage_bytes or memory.stat.get("swapcached")) or any(row.swapents for row in rows)
    if memory.swap_limit_bytes is None:
        return [] if in_use or not rows else [limit]
    with_swap = limit + memory.swap_limit_bytes // page_bytes
    return [with_swap, limit] if in_use else [limit, with_swap]


def _fitting(
    totals: list[int], rows: tuple[Row, ...], *, page_bytes: int, victim_pid: int | None, printed: int | None
) -> int | None:
    """Return the first total under which the log is right: the printed score, else the chosen task ranked first."""
    victim = next((row for row in rows if row.pid == victim_pid), None) if len(totals) > 1 else None
    if victim is None:
        return totals[0] if totals else None
    for total in totals:
        if printed is not None and score_of(victim, total_pages=total, page_bytes=page_bytes) == printed:
            return total
    for total in totals:
        others = (row for row in rows if row.oom_score_adj != NEVER)
        highest = max((points_of(row, total_pages=total, page_bytes=page_bytes) for row in others), default=0)
        if points_of(victim, total_pages=total, page_bytes=page_bytes) >= highest:
            return total
    return totals[0]


def _ranked(rows: tuple[Row, ...], *, total: int | None, page_bytes: int) -> tuple[Task, ...]:
    """Return tasks as the kernel ranks them; of equals the later one wins, and -1000 is out of the question."""
    thousandth = (total or 0) // 1000
    keyed = []
    for place, row in enumerate(rows):
        # By position, in one go: large machines have thousands of rows.
        pid, comm, uid, tgid, total_vm, rss, swap, tables, table_pages, adj = row
        if tables is None and table_pages is not None:
            tables = table_pages * page_bytes
        points = pages_of(row, page_bytes) + (adj or 0) * thousandth
        score = None
        if total:
            score = 0 if adj == NEVER else max(points, 0) * 1000 // total
        task = Task(
            pid,
            comm,
            tgid,
            uid,
            None if total_vm is None else total_vm * page_bytes,
            None if rss is None else rss * page_bytes,
            None if swap is None else swap * page_bytes,
            tables,
            adj,
            score,
        )
        keyed.append((adj != NEVER, points, place, task))
    keyed.sort(reverse=True)  # no two have the same place
    return tuple([task for *_, task in keyed])
