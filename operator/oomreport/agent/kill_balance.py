"""The balance of kills in the log and kills counted.

`oom_kill` of /proc/vmstat grows by one, just before, for each line "Killed process" that the kernel prints, whatever
cgroup the victim is in and also where a group is killed or a process named twice (__oom_kill_process() does both). So
lines and count are equal exactly when no line is on its way and none was lost: then, and only then, the counters of the
cgroups and the lines read show the same kills.
"""

from collections.abc import Iterable

from oomreport.kernel.line import Line
from oomreport.kernel.text.kind import Kind


class KillAccount:
    """Compares the log with the machine's count.

    `told` is how many kills of this boot an earlier process had accounted for, None where that is not known. `owed` is
    how many counters told while the log could not be read: their lines may still come, and are not forged then.
    """

    def __init__(self, told: int | None, owed: int = 0) -> None:
        self._told = told
        self._new = 0
        self.owed = owed

    def take(self, lines: Iterable[Line]) -> None:
        """Count the kills that lines tell of."""
        self._new += sum(line.kernel and line.kind is Kind.KILLED for line in lines)

    def untold(self, counted: int | None) -> int | None:
        """Return how many of the machine's kills no line told of; None where the machine does not count.

        What was counted before the first reading ended is taken as told: the ring may have been overwritten.
        """
        if counted is None:
            return None
        if self._told is None:
            return 0
        return max(0, counted - self._told - self._new - self.owed)

    def excess(self, counted: int | None) -> int:
        """Return how many more kills lines tell of than the machine counted: so many of them are forged.

        The kernel counts before it prints, so `counted` must be read after the lines.
        """
        return 0 if counted is None else max(0, (self._told or 0) + self._new - counted)

    def settle(self, counted: int | None) -> None:
        """Take everything counted as told: it was reported in another way, or is given up."""
        if counted is not None:
            self._told, self._new, self.owed = counted, 0, 0

    def owe(self, kills: int) -> None:
        """Take kills as told by counters whose lines nobody could read."""
        self.owed += kills

    def give_up(self, kills: int) -> None:
        """Take some kills as told though their lines were lost: their counters or their dumps have told them.

        Fewer than none are lines that told of no kill: they are refused.
        """
        self._new += kills

    def told(self) -> int | None:
        """Return what a later process must know."""
        return None if self._told is None else self._told + self._new
