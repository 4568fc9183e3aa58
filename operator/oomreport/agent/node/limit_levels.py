"""The limits above a victim that were hit, by their counters.

A kill without a dump does not say whose limit it was. The level at its limit counted it: an OOM in a cgroup moves
`oom` of that cgroup's memory.events.local (v2); a charge that a limit refuses moves its failcnt (v1). So a level whose
counter stands still is not the one, and where one level alone is left, it is. On v1 page cache moves failcnt as well,
and a limit of memory and swap together that was ever reached may be hit again uncounted: that can only leave more
levels in question, never a wrong one.

Counters are compared with a mark, which is set while nothing is killed: after kills, and once a minute for what page
cache moved. That reads two files of each cgroup.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from oomreport.adapters.node.cgroup_files import CgroupFiles, LimitCount
from oomreport.agent.node.node_state import KnownContainer, KnownPod
from oomreport.incident.oom_record import LimitsHit
from oomreport.workload.container import Scope, scope_of

# As often as pods and containers are listed anew where nothing seems to have changed (containers.py).
_MARK_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moved:
    """Whether a cgroup's own limit was hit, and one below it; None where no counter tells."""

    own: bool | None
    below: bool | None


class LimitLevels:
    """Marks of the counters of limits, by cgroup path."""

    def __init__(self, cgroups: CgroupFiles) -> None:
        self._cgroups = cgroups
        self._marks: dict[str, LimitCount | None] = {}
        self._marked: tuple[float, int | None] = (float("-inf"), None)

    def begin(self, path: str, *, is_new: bool) -> None:
        """Mark a cgroup that was not known. The counters of one that has just been made began at 0."""
        if path not in self._marks:
            read = self._cgroups.limit_count(path)
            self._marks[path] = LimitCount(own=0, all=0) if is_new and read else read

    def due(self, now: float, kills: int | None) -> bool:
        """Return whether marks may be out of date; `kills` is the machine's count, None where it has none."""
        at, counted = self._marked
        return kills is None or kills != counted or now - at >= _MARK_SECONDS

    def mark(
        self, pods: Iterable[KnownPod], containers: Iterable[KnownContainer], *, now: float, kills: int | None
    ) -> None:
        """Mark all that are there, and forget what went."""
        self._marked = now, kills
        paths: set[str] = set()
        for pod in pods:
            if pod.path is not None:
                paths.update((pod.path, *cgroups_above(pod.path)))
        for container in containers:
            if container.path is not None and container.gone_at is None:
                paths.update((container.path, *container.nested))
        self._marks = {path: self._cgroups.limit_count(path) for path in paths}

    def hit(self, pod: KnownPod, container: KnownContainer | None, *, by_cgroup: bool) -> LimitsHit:
        """Return whose limits may have been hit at a kill in a pod; `by_cgroup`: the kernel said it was a cgroup's.

        Without that nothing but a counter of OOMs proves that it was no OOM of the whole node.
        """
        if pod.path is None or (self._cgroups.version == 1 and not by_cgroup):
            return LimitsHit()
        moved = self._moved(pod.path)
        hit = [
            *self._inside(container, below_pod=moved.below if moved else None),
            *(((Scope.POD, pod.path),) if _can_be(moved) else ()),
            *((scope_of(path), path) for path in cgroups_above(pod.path) if _can_be(self._moved(path))),
        ]
        if len(hit) != 1:
            return LimitsHit(scopes=tuple(dict.fromkeys(scope for scope, _ in hit)))
        scope, path = hit[0]
        known = container.limit_bytes if container is not None and scope is Scope.CONTAINER else None
        return LimitsHit(scopes=(scope,), limit_bytes=known or (self._cgroups.limit(path) if path else None))

    def _inside(self, container: KnownContainer | None, *, below_pod: bool | None) -> list[tuple[Scope, str]]:
        """Return the levels in question from the container on; of one that is gone its pod's sum tells (v2)."""
        path = container.path if container is not None and container.gone_at is None else None
        moved = self._moved(path) if path is not None else None
        if container is None or path is None or moved is None:
            can_be = below_pod if self._cgroups.version == 2 else not self._cgroups.namespaced
            return [(Scope.CONTAINER, (container.path or "") if container else "")] if can_be is not False else []
        found = [(Scope.CONTAINER, path)] if _can_be(moved) else []
        nested = moved.below or any(_can_be(self._moved(below)) for below in container.nested)
        return [*found, (Scope.OTHER_CGROUP, "")] if nested else found

    def _moved(self, path: str) -> _Moved | None:
        """Return what a cgroup's counters say since they were marked; None where they cannot be read."""
        now, mark = self._cgroups.limit_count(path), self._marks.get(path)
        if now is None or mark is None:
            return None
        below = None
        if now.all is not None and mark.all is not None:
            below = now.all - now.own > mark.all - mark.own
        if now.own > mark.own:
            return _Moved(own=True, below=below)
        return _Moved(own=None if self._cgroups.reached_uncounted(path) else False, below=below)


def _can_be(moved: _Moved | None) -> bool:
    return moved is None or moved.own is not False


def cgroups_above(path: str) -> list[str]:
    """Return the cgroups above one, the nearest first, without the root, which has no limit."""
    parts = path.strip("/").split("/")[:-1]
    return ["/" + "/".join(parts[:count]) for count in range(len(parts), 0, -1)]
