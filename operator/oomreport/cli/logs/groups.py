"""Kills of one run, grouped by what was killed and why.

A storm is one answer: each kill with its place, the last one told in full, the advice once. The last one has the
advice that knows of the kills before it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from oomreport.cli.logs.explained import Explained
from oomreport.cli.logs.story import heading, short_cause
from oomreport.cli.logs.words import process, shown, size_text
from oomreport.kernel.times import YEARLESS

# A storm of more fills screens and says nothing new: of what is between the first and the last ones only the count.
_FIRST = 40
_LAST = 10
# A group holds one whole record: so that no log fills the memory, the oldest group is told when one more comes.
_MOST_GROUPS = 200
# Pods of a group that are remembered: a storm of more makes groups more.
_MOST_KEYS = 1000
_NAMED = 3
# A process's name or a pod, the cause, the limit where one fired, and whether the cgroup is killed as one.
_Key = tuple[str, str, int | None, bool]


class Listed(NamedTuple):
    """A kill of a group in one line: where its record begins, when it was, what was killed."""

    where: str
    when: str
    what: str


@dataclass(slots=True, kw_only=True)
class Group:
    """Kills of the same process, or of the same pod, for the same reason.

    `last` is told in full, `first` and `latest` list them. `comms` are the names of what was killed, in their order.
    """

    last: Explained
    count: int = 0
    comms: dict[str, None] = field(default_factory=dict)
    keys: set[_Key] = field(default_factory=set)
    first: list[Listed] = field(default_factory=list)
    latest: list[Listed] = field(default_factory=list)

    def add(self, explained: Explained) -> None:
        """Take one kill more in."""
        self.last = explained
        self.count += 1
        if explained.invocation.victims and len(self.comms) <= _NAMED:
            self.comms[explained.invocation.victims[0].comm or ""] = None
        listed = Listed(where_text(explained), when_text(explained), _what(explained))
        if self.count <= _FIRST:
            self.first.append(listed)
        else:
            self.latest = [*self.latest[1 - _LAST :], listed]

    @property
    def left_out(self) -> int:
        """How many kills are not listed."""
        return self.count - len(self.first) - len(self.latest)

    def heading(self) -> str:
        """Return what happened in one line."""
        if self.count == 1:
            return heading(self.last)
        times = "twice" if self.count == 2 else f"{self.count} times"
        cause = short_cause(self.last)
        if not self.comms:
            return f"{heading(self.last).partition(':')[0]}, {times}{cause}"
        names = [shown(comm) if comm else "a process" for comm in self.comms]
        if len(names) == 1:
            return f"{names[0]} was killed {times}{cause or ' by the OOM killer'}"
        more = "others" if len(names) > _NAMED else names[-1]
        return f"{', '.join(names[:-1])} and {more} were killed, {self.count} kills{cause}"


class Groups:
    """Groups of the kills of one run, in the order of their first kills."""

    def __init__(self) -> None:
        """Start without any."""
        self._groups: dict[int, Group] = {}
        self._by_key: dict[_Key, Group] = {}

    def add(self, explained: Explained) -> Group | None:
        """Take a kill in, and return the oldest group where there are too many."""
        keys = _keys(explained)
        group = next((known for key in keys if (known := self._by_key.get(key)) is not None), None)
        if group is None:
            group = Group(last=explained)
            self._groups[id(group)] = group
        for key in keys:
            if len(group.keys) < _MOST_KEYS and key not in self._by_key:
                self._by_key[key] = group
                group.keys.add(key)
        group.add(explained)
        if len(self._groups) <= _MOST_GROUPS:
            return None
        oldest = self._groups.pop(next(iter(self._groups)))
        for key in oldest.keys:
            del self._by_key[key]
        return oldest

    def __iter__(self) -> Iterator[Group]:
        """Iterate over the groups that were not returned yet."""
        return iter(self._groups.values())


def grouped(records: Iterable[Explained]) -> list[Group]:
    """Return the groups of all records."""
    groups = Groups()
    told = [group for one in records if (group := groups.add(one)) is not None]
    return [*told, *groups]


def listed_text(kill: Listed) -> str:
    """Return a kill of a group in one line."""
    return ": ".join(part for part in kill if part)


def when_and_kernel(explained: Explained) -> str:
    """Return when a record was printed, and by which kernel."""
    release = explained.invocation.kernel_release
    return ", ".join(part for part in (when_text(explained), f"kernel {release}" if release else "") if part)


def where_text(explained: Explained) -> str:
    """Return where a record begins: the file where there are several, and the line."""
    where = explained.where
    if where is None:
        return ""
    if where.several:
        return f"{shown(where.file)[1:-1]}:{where.line}" if where.line is not None else shown(where.file)[1:-1]
    return f"line {where.line}" if where.line is not None else f"byte {where.byte}"


def when_text(explained: Explained) -> str:
    """Return when a record was printed, by each clock that the log has."""
    stamp = explained.invocation.first
    parts = []
    if stamp.wall is not None:
        form = "%b %d %H:%M:%S" if stamp.wall.year == YEARLESS else "%Y-%m-%d %H:%M:%S"
        zone = "" if stamp.wall.tzinfo is None else stamp.wall.strftime(" UTC%z").replace("+0000", "")
        parts.append(stamp.wall.strftime(form) + zone)
    if stamp.monotonic_us is not None:
        parts.append(f"{stamp.monotonic_us / 1_000_000:.6f} s after boot")
    return ", ".join(parts)


def _what(explained: Explained) -> str:
    victims, subject = explained.invocation.victims, explained.spec.subject
    if not victims:
        return heading(explained).partition(":")[0]
    more = f" and {len(victims) - 1} more" if len(victims) > 1 else ""
    held = sum(victim.resident_bytes or 0 for victim in victims)
    parts = [f"{process(victims[0])}{more}", *([f"holding {size_text(held)}"] if held else [])]
    if explained.named is not None:
        container = f"/{explained.named.container}" if explained.named.container else ""
        parts.append(f"in {explained.named.namespace}/{explained.named.pod}{container}")
    elif subject is not None and subject.container_id:
        parts.append(f"in container {subject.container_id[:12]}")
    elif subject is not None and subject.pod_uid:
        parts.append(f"in pod UID {subject.pod_uid}")
    return ", ".join(parts)


def _keys(explained: Explained) -> tuple[_Key, ...]:
    """Return what kills of a group share: the process's name or the pod, and the reason."""
    invocation, subject = explained.invocation, explained.spec.subject
    limit = invocation.memory.limit_bytes if invocation.memory is not None and not invocation.global_oom else None
    reason = (short_cause(explained), limit, invocation.group_kill)
    if not invocation.victims:
        return ((heading(explained), *reason),)
    by_comm = (f"comm {invocation.victims[0].comm}", *reason)
    pod = subject.pod_uid if subject is not None and not invocation.global_oom else None
    return (by_comm, (f"pod {pod}", *reason)) if pod else (by_comm,)
