"""The kernel's badness of a task, and its score.

The formula is that of oom_badness() in mm/oom_kill.c, the scale that of kernels before 5.1, which print the score.

    points = rss + swapents + page tables + oom_score_adj * (total pages / 1000)     integers: divide first
    score  = points * 1000 / total pages

Pages throughout. The total is that of this OOM's own domain: the limit of the cgroup plus the swap that it may use;
RAM and swap of the machine, or of the NUMA nodes that a cpuset or a policy allows. Kernels before 5.1 print the score;
/proc/<pid>/oom_score is another number (the machine's total, and squeezed to 0..2000 since 5.9). A task with
oom_score_adj -1000 is never chosen. Before 4.17 processes with CAP_SYS_ADMIN had a bonus of 3 %, which the log does not
show.
"""

from oomreport.kernel.text.table import Row

NEVER = -1000


def pages_of(row: Row, page_bytes: int) -> int:
    """Return what killing the task would free: resident and swapped pages, and page tables."""
    tables = row.pagetable_pages
    if tables is None:
        tables = (row.pagetable_bytes or 0) // page_bytes
    return (row.rss or 0) + (row.swapents or 0) + tables


def points_of(row: Row, *, total_pages: int, page_bytes: int) -> int:
    """Return the task's badness in pages; negative where its oom_score_adj outweighs its size."""
    return pages_of(row, page_bytes) + (row.oom_score_adj or 0) * (total_pages // 1000)


def score_of(row: Row, *, total_pages: int, page_bytes: int) -> int:
    """Return the task's score as kernels before 5.1 print it; 0 for a task that cannot be chosen.

    Those kernels print at least 1 point's worth for whatever they choose, so a negative score is shown as 0.
    """
    if row.oom_score_adj == NEVER or total_pages <= 0:
        return 0
    return max(points_of(row, total_pages=total_pages, page_bytes=page_bytes), 0) * 1000 // total_pages
