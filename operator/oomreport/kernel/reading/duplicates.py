"""The same kill, told twice in one log: by two shippers, or pasted once as `grep` found it and once in full.

A process is killed once. Where pid, name and all sizes agree, and no clock contradicts, it is the same kill; of two records
of it the one that says more counts. Only what agrees to the page is taken for the same, so that a loop of kills of the same
program stays what it is. Records that are a kill line alone wait for a while, since the full one may follow.
"""

from collections import OrderedDict, deque

from oomreport.kernel.record import Invocation, Part, Stamp, Victim
from oomreport.kernel.times import YEARLESS

_REMEMBERED = 4096
_MOST_WAITING = 64
# Two shippers of the same record may differ in when they saw it, and in the zone that they write it in.
_LONGEST_APART_S = 26 * 3600
_LONGEST_GROUP_US = 1_000_000

_Key = tuple[object, ...]


class Repeats:
    """Passes invocations on without those that were there before."""

    def __init__(self) -> None:
        """Start at the beginning of a log."""
        self._known: OrderedDict[_Key, tuple[Stamp, int]] = OrderedDict()
        self._waiting: deque[Invocation] = deque()

    def without(self, found: list[Invocation]) -> list[Invocation]:
        """Return what can be passed on now."""
        done: list[Invocation] = []
        for invocation in found:
            if self._is_repeat(invocation):
                continue
            if not self._waiting and not _is_poor(invocation):
                done.append(invocation)
                continue
            self._waiting.append(invocation)
            done += self._ripe()
        return done

    def flush(self) -> list[Invocation]:
        """End the log and return what still waits."""
        done = list(self._waiting)
        self._waiting.clear()
        return done

    def _ripe(self) -> list[Invocation]:
        done = []
        while self._waiting and (not _is_poor(self._waiting[0]) or len(self._waiting) > _MOST_WAITING):
            done.append(self._waiting.popleft())
        return done

    def _is_repeat(self, invocation: Invocation) -> bool:
        """Whether the record is there already, or has taken the place of poorer ones that wait."""
        keys = [key for victim in invocation.victims if (key := _key(victim)) is not None]
        if not keys or len(keys) < len(invocation.victims):
            return False
        said = -len(invocation.missing)
        before = [seen for key in keys if (seen := self._known.get(key)) is not None and seen[1] >= said]
        if len(before) == len(keys) and all(_may_be_one(seen[0], invocation.killed) for seen in before):
            return True
        replaced = bool(self._waiting) and self._replaces_waiting(invocation, set(keys))
        self._remember(keys, (invocation.killed, said))
        return replaced

    def _replaces_waiting(self, invocation: Invocation, keys: set[_Key]) -> bool:
        """Put the fuller record in the place of those that wait and say no more than it."""
        poorer = [
            place
            for place, other in enumerate(self._waiting)
            if other.victims
            and keys >= {_key(victim) for victim in other.victims}
            and _may_be_one(other.killed, invocation.killed)
        ]
        if not poorer:
            return False
        self._waiting[poorer[0]] = invocation
        for place in reversed(poorer[1:]):
            del self._waiting[place]
        return True

    def _remember(self, keys: list[_Key], seen: tuple[Stamp, int]) -> None:
        for key in keys:
            self._known[key] = seen
            self._known.move_to_end(key)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


def _key(victim: Victim) -> _Key | None:
    """Return what tells a kill from every other one; None where too little was printed."""
    if victim.total_vm_bytes is None or victim.anon_rss_bytes is None or victim.file_rss_bytes is None:
        return None
    return (victim.pid, victim.comm, victim.total_vm_bytes, victim.anon_rss_bytes, victim.file_rss_bytes)


def _is_poor(invocation: Invocation) -> bool:
    """Whether a record without numbers is a kill line alone."""
    return invocation.sequence_first is None and {Part.HEADER, Part.SUMMARY, Part.TASK_TABLE} <= invocation.missing


def _may_be_one(a: Stamp, b: Stamp) -> bool:
    if a.monotonic_us is not None and b.monotonic_us is not None:
        return abs(a.monotonic_us - b.monotonic_us) <= _LONGEST_GROUP_US
    if a.wall is None or b.wall is None or YEARLESS in (a.wall.year, b.wall.year):
        return True
    apart = a.wall.replace(tzinfo=None) - b.wall.replace(tzinfo=None)
    return abs(apart.total_seconds()) <= _LONGEST_APART_S
