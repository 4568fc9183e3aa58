import pytest

from oomreport.adapters.node.cgroup_files import KillCount
from oomreport.agent.kill_balance import KillAccount
from oomreport.agent.node.kill_counter import Tally, kills_of
from oomreport.kernel.line import Line

KILLED = "Memory cgroup out of memory: Killed process 7 (a) total-vm:1kB, anon-rss:1kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0"


@pytest.mark.parametrize(
    ("kills", "group_kills", "as_group", "expected"),
    [
        (3, None, False, 3),  # v1, or a kernel before 5.17 with singleProcessOOMKill
        (3, 0, False, 3),
        (6, 1, True, 1),  # five processes of a group, the chosen one counted twice
        (9, 2, False, 2),  # a pod's cgroup, above two containers that were killed whole
        (1, 0, True, 1),  # in the middle of a group kill
        (6, None, True, 1),  # before 5.17 group kills are not counted
        (0, None, True, 0),
        (None, None, False, None),  # before 4.13 nothing is
    ],
)
def test_counters_stand_for_invocations_of_the_killer(
    kills: int | None,
    group_kills: int | None,
    as_group: bool,  # noqa: FBT001 - a column of the table
    expected: int | None,
) -> None:
    assert kills_of(KillCount(kills=kills, group_kills=group_kills), as_group=as_group) == expected


def test_what_no_record_explains_is_ahead_since_it_was_seen() -> None:
    tally = Tally()
    tally.see(1, now=10)
    tally.see(2, now=20)
    assert (tally.unexplained, tally.ahead_since) == (2, 10)
    tally.explain(now=21)
    assert (tally.unexplained, tally.ahead_since) == (1, 10)
    tally.explain(now=22)
    assert (tally.unexplained, tally.ahead_since) == (0, None)


def test_a_line_that_was_lost_keeps_its_time_however_many_later_ones_come() -> None:
    """Else its turn would never come where the container is killed in again and again."""
    tally = Tally()
    tally.see(1, now=10)
    for number in range(2, 20):
        tally.see(number, now=10 * number)
        tally.explain(now=10 * number + 1)
    assert (tally.unexplained, tally.ahead_since) == (1, 10)


def test_each_kill_that_a_counter_tells_has_its_own_time() -> None:
    tally = Tally()
    tally.see(1, now=10)
    tally.see(3, now=18)
    assert tally.ahead == [10, 18, 18]
    tally.explain_by_counter(now=20)
    assert tally.ahead == [18, 18]
    tally.agree()
    tally.see(4, now=30)
    assert tally.ahead == [30]


def test_a_record_before_its_counter_was_read_is_no_kill_of_later() -> None:
    tally = Tally()
    tally.explain(now=1)
    tally.see(1, now=2)
    assert tally.unexplained == 0
    tally.see(2, now=3)
    assert tally.unexplained == 1


def test_a_counter_that_falls_with_a_cgroup_below_it_still_counts_on() -> None:
    tally = Tally()
    tally.see(3, now=1)
    tally.write_off()
    tally.see(0, now=2)
    tally.see(1, now=3)
    assert tally.unexplained == 1


def test_what_is_known_to_agree_hides_and_claims_nothing_later() -> None:
    for explained in (0, 3):
        tally = Tally()
        tally.see(1, now=1)
        for _ in range(explained):
            tally.explain(now=1)
        tally.agree()
        assert (tally.unexplained, tally.ahead_since) == (0, None)
        tally.see(2, now=2)
        assert tally.unexplained == 1


def test_a_late_line_of_a_kill_that_the_counter_told_is_known_as_such() -> None:
    tally = Tally()
    tally.see(1, now=0)
    tally.explain_by_counter(now=10)
    assert tally.explain(now=15) is False
    tally.see(2, now=20)
    assert tally.explain(now=21) is True
    assert tally.unexplained == 0


def test_long_after_the_counters_record_a_line_is_a_kill_of_its_own() -> None:
    tally = Tally()
    tally.see(1, now=0)
    tally.explain_by_counter(now=10)
    assert tally.explain(now=1000) is True


def test_a_restored_tally_knows_what_was_unexplained() -> None:
    tally = Tally.restored(total=5, explained=4)
    tally.see(5, now=3)
    assert (tally.unexplained, tally.ahead_since) == (1, 3)


def line(text: str, *, kernel: bool = True) -> Line:
    return Line(text=text, kernel=kernel)


def test_lines_and_count_agree_when_no_line_is_on_its_way() -> None:
    account = KillAccount(told=5)
    account.take([line("usb 1-1: new device"), line(KILLED), line("[  7]     0     7 1 1 4096 0 0 Killed process 1")])
    assert account.untold(6) == 0
    assert account.untold(8) == 2
    account.give_up(1)
    assert account.untold(8) == 1
    account.settle(8)
    assert account.untold(8) == 0
    assert account.told() == 8


def test_a_forged_line_tells_of_no_kill() -> None:
    account = KillAccount(told=0)
    account.take([line(KILLED, kernel=False)])
    assert account.untold(1) == 1


def test_before_the_first_reading_ended_everything_counts_as_told() -> None:
    account = KillAccount(told=None)
    assert account.untold(1000) == 0
    assert account.told() is None
    account.settle(1000)
    assert account.untold(1001) == 1


def test_a_machine_that_does_not_count_says_nothing() -> None:
    assert KillAccount(told=0).untold(None) is None


def test_kills_that_counters_told_of_a_log_out_of_reach_are_neither_untold_nor_do_they_make_lines_forged() -> None:
    account = KillAccount(told=5)
    account.owe(2)
    assert account.untold(7) == 0
    assert account.excess(7) == 0
    later = KillAccount(told=account.told(), owed=account.owed)
    later.give_up(2)
    assert (later.excess(7), later.untold(8)) == (0, 0)
    later.settle(8)
    assert later.owed == 0
