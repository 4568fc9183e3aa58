"""The kills that a cgroup's counter showed, against the records."""

from dataclasses import dataclass, field

from oomreport.adapters.node.cgroup_files import KillCount

# A record from the log that comes this long after the counter's own is taken for the same kill.
_LATE_SECONDS = 600.0


def kills_of(count: KillCount, *, as_group: bool) -> int | None:
    """Return how many invocations of the OOM killer a counter stands for, None where nothing is counted.

    Where the whole cgroup is killed at once, `oom_kill` counts processes, the chosen one twice: then the group kills
    count. Kernels before 5.17 do not count those. There a group is killed at most once, since it is gone then.
    """
    if count.group_kills:
        return count.group_kills
    if as_group and count.group_kills is None and count.kills is not None:
        return min(1, count.kills)
    return count.kills


def keep_times(ahead: list[float], kills: int, now: float) -> None:
    """Keep a time for each of so many kills that no record explains.

    The newest go first: the ring loses its oldest lines, so a line that comes is that of a later kill. What is new gets
    `now`.
    """
    del ahead[kills:]
    ahead += [now] * (kills - len(ahead))


@dataclass(slots=True, kw_only=True)
class Tally:
    """The kills of one cgroup. `total` is the counter as last read, `ahead` when it went ahead of the records.

    `ahead` has a time for each kill that no record explains, oldest first: a counter's record bears the time of its own
    kill, by which the line that comes later is known.

    There can be more records than counted kills: the cgroup went before it was read, the kill was in a cgroup below it
    that nobody had seen, or it was another's. Surplus records cancel later increments of the counter until both agree:
    a missed kill is better than one reported twice.
    """

    total: int = 0
    kills: int = 0
    explained: int = 0
    ahead: list[float] = field(default_factory=list)
    by_counter: int = 0
    by_counter_at: float | None = None

    @property
    def seen(self) -> int:
        """How many kills its counter or its records show."""
        return max(self.kills, self.explained)

    @property
    def unexplained(self) -> int:
        """How many kills no record explains."""
        return max(0, self.kills - self.explained)

    @property
    def ahead_since(self) -> float | None:
        """When the oldest kill was seen that no record explains."""
        return self.ahead[0] if self.ahead else None

    @classmethod
    def restored(cls, *, total: int, explained: int) -> "Tally":
        """Return the tally that an earlier process kept."""
        return cls(total=total, kills=total, explained=explained)

    def see(self, total: int, now: float) -> None:
        """Take a reading of the counter in. It falls where a cgroup below it went with its part of the sum."""
        self.kills += max(0, total - self.total)
        self.total = total
        self._note(now)

    def explain(self, now: float) -> bool:
        """Count a record; return False where it is the late one of a kill that the counter has already told."""
        told = self.by_counter_at is not None and now - self.by_counter_at < _LATE_SECONDS
        if told and self.by_counter and not self.unexplained:
            self.by_counter -= 1
            return False
        self.explained += 1
        self._note(now)
        return True

    def explain_by_counter(self, now: float) -> None:
        """Count a record that was made from the counter alone, of the oldest kill that none explained."""
        del self.ahead[:1]
        self.take_over(now, by_counter=True)

    def take_over(self, now: float, *, by_counter: bool) -> None:
        """Count a record that an earlier process made."""
        self.explained += 1
        if by_counter:
            self.by_counter += 1
            self.by_counter_at = now
        self._note(now)

    def write_off(self) -> None:
        """Count everything as explained: it happened before anybody watched, or is in other records."""
        self.explained = max(self.explained, self.kills)
        self.ahead.clear()

    def agree(self) -> None:
        """Set counter and records equal, since each of the machine's kills is known to be in a record."""
        self.explained = self.kills
        self.ahead.clear()

    def _note(self, now: float) -> None:
        keep_times(self.ahead, self.unexplained, now)
