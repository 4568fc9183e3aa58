from oomreport.kernel.record import MemoryUsage
from oomreport.kernel.text.candidates import Candidates, candidates_of
from oomreport.kernel.text.table import Row

_MIB = 1 << 20


def row(pid: int, rss: int, adj: int = 0, *, tgid: int | None = None) -> Row:
    return Row(pid, f"p{pid}", 0, tgid or pid, rss, rss, 0, 0, None, adj)


def ranked(*rows: Row, memory: MemoryUsage | None, printed: int | None = None) -> Candidates:
    return candidates_of(
        rows=rows, memory=memory, mem_info=None, nodes=None, page_bytes=4096, victim_pid=rows[0].pid, printed_score=printed
    )  # fmt: skip


def test_the_highest_badness_comes_first_and_what_is_never_chosen_last() -> None:
    found = ranked(row(1, 100), row(2, 900, -1000), row(3, 300), row(4, 1), memory=None)
    assert [task.pid for task in found.tasks] == [3, 1, 4, 2]
    assert found.total_bytes is None
    assert all(task.oom_score is None for task in found.tasks)


def test_scores_relate_to_the_limit_of_the_cgroup() -> None:
    found = ranked(row(1, 200), row(2, 10), memory=MemoryUsage(limit_bytes=_MIB, swap_limit_bytes=0))
    assert found.total_bytes == _MIB
    assert (found.score(1), found.score(2), found.score(3)) == (200 * 1000 // 256, 10 * 1000 // 256, None)


def test_the_printed_score_says_whether_swap_counted() -> None:
    memory = MemoryUsage(limit_bytes=_MIB, swap_limit_bytes=_MIB)
    assert ranked(row(1, 200), memory=memory, printed=200 * 1000 // 512).total_bytes == 2 * _MIB
    assert ranked(row(1, 200), memory=memory, printed=200 * 1000 // 256).total_bytes == _MIB


def test_a_leader_has_the_row_of_one_of_its_threads() -> None:
    found = ranked(row(7, 100, tgid=5), memory=None)
    assert found.row(5) is found.rows[7]
    assert found.row(6) is None
