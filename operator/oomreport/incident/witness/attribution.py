"""Find the containers of kills that the log leaves anonymous.

Beyond ten OOMs in five seconds, for the whole machine, the kernel prints only the line `Killed process N (comm) ..`: no
cgroup. What a node still knows, strongest first:

    group line   `Tasks in <cgroup> are going to be killed due to memory.oom.group set` is not rate-limited
    process      the node saw the process in the container's cgroup (an agent in the machine's PID namespace only)
    task table   the process stood in the table of an earlier dump of this boot, which lists the tasks of one cgroup
    counters     `oom_kill` of the victim's cgroup moves just before the line is printed; a container whose counter
                 moved further than its records explain owns a kill
    vanished     a container's cgroup goes, and its counter with it, when its PID 1 is killed

How many kills are a container's is said by its counter, exactly. Which of several anonymous lines are its own is said
by the victim: its memory against the container's limit, its oom_score_adj against the QoS class (the kubelet sets -997
for Guaranteed, 1000 for BestEffort, between for Burstable), and names seen there before. Between victims that are alike
in all of this the choice does not matter to any count. Where there is neither counter nor table nor a single vanished
container for each kill left, the container is not named and those in question are listed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from oomreport.incident.oom_record import RecordSpec, SubjectSource
from oomreport.kernel.record import Invocation, Victim

MOST_CANDIDATES = 20
_GROUP_LINE = re.compile(r"^Tasks in (/.*) are going to be killed due to memory\.oom\.group set$", re.MULTILINE)
# Rows and columns of one assignment: its cost grows with the cube.
_MOST_AT_ONCE = 32
_UNASSIGNED = 100.0
_FORBIDDEN = 10_000.0
_SLACK = 1.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A container that may have been hit.

    `key` is its ID (a pod's UID where only the pod is known). `unexplained` is how many kills its counter shows beyond
    those in records. `vanished` says that its cgroup went in this moment, for no reason known yet.
    `comms` and `oom_score_adjs` were seen in its task tables.
    """

    key: str
    pod_uid: str | None = None
    unexplained: int = 0
    vanished: bool = False
    limit_bytes: int | None = None
    qos_class: str | None = None
    comms: frozenset[str] = frozenset()
    oom_score_adjs: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Anonymous:
    """A kill without a cgroup. `key` and `pod_uid` are where its process was: a container, or just a pod.

    `source` tells how that is known: by the process itself, or by an earlier task table.
    `is_global` is true where the machine ran out of memory, not a cgroup: then the victim may be outside all pods.
    """

    victim: Victim
    is_global: bool = False
    key: str | None = None
    pod_uid: str | None = None
    source: SubjectSource = SubjectSource.TASK_TABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """Whose kill it was: the suspect's `key`, or None and the keys of those in question."""

    key: str | None = None
    source: SubjectSource | None = None
    candidates: tuple[str, ...] = field(default=())

    def of(self, spec: RecordSpec) -> RecordSpec:
        """Return a record's spec with how its container was found, or which ones are in question."""
        return replace(spec, subject_source=self.source, subject_candidates=self.candidates[:MOST_CANDIDATES])


def group_memcg(invocation: Invocation) -> str | None:
    """Return the cgroup that was killed as a whole, where the log names it."""
    found = _GROUP_LINE.search(invocation.log) if invocation.group_kill else None
    return found[1] if found else None


def attributions(kills: Sequence[Anonymous], suspects: Sequence[Suspect]) -> list[Attribution]:
    """Return whose each kill was, in the order of `kills`. A suspect gets no more than its counter shows."""
    found: dict[int, Attribution] = {}
    kills = list(kills)
    room = {suspect.key: suspect.unexplained for suspect in suspects}
    vanished = {suspect.key for suspect in suspects if suspect.vanished and not suspect.unexplained}
    for index, kill in enumerate(kills):
        # A live container whose counter did not move lost no process: the pid was used again elsewhere.
        if kill.key is not None and (kill.key not in room or room[kill.key] > 0 or kill.key in vanished):
            room[kill.key] = room.get(kill.key, 0) - 1
            vanished.discard(kill.key)
            found[index] = Attribution(key=kill.key, source=kill.source)
        elif kill.key is not None:
            kills[index] = replace(kill, key=None, pod_uid=None)
    _assign_by_counters(kills, suspects, room, found)
    _assign_by_vanishing(kills, [suspect for suspect in suspects if suspect.key in vanished], found)
    return [found.get(index, Attribution()) for index in range(len(kills))]


def _assign_by_counters(
    kills: Sequence[Anonymous], suspects: Sequence[Suspect], room: dict[str, int], found: dict[int, Attribution]
) -> None:
    left = [index for index in range(len(kills)) if index not in found]
    for start in range(0, len(left), _MOST_AT_ONCE):
        some = left[start : start + _MOST_AT_ONCE]
        slots = [suspect for suspect in suspects for _ in range(min(room[suspect.key], len(some)))]
        for row, slot in _best_pairs([kills[index] for index in some], _spread(slots)):
            room[slot.key] -= 1
            found[some[row]] = Attribution(key=slot.key, source=SubjectSource.CGROUP_COUNTER)


def _assign_by_vanishing(kills: Sequence[Anonymous], vanished: list[Suspect], found: dict[int, Attribution]) -> None:
    """Only where each vanished container is needed to explain a kill: else one of them just ended in that moment."""
    left = [index for index in range(len(kills)) if index not in found and _may_be_in_a_pod(kills[index])]
    fitting = {i: [s for s in vanished if _misfit(kills[i], s) < _FORBIDDEN] for i in left}
    if len(vanished) <= len(left) <= _MOST_AT_ONCE:
        for row, suspect in _best_pairs([kills[index] for index in left], vanished):
            found[left[row]] = Attribution(key=suspect.key, source=SubjectSource.VANISHED_CGROUP)
        return
    for index in left:
        found[index] = Attribution(candidates=tuple(suspect.key for suspect in fitting[index]))


def _may_be_in_a_pod(kill: Anonymous) -> bool:
    """On a global OOM most victims outside pods have an oom_score_adj of 0 or less, which no burstable pod has."""
    return not kill.is_global or (kill.victim.oom_score_adj or 0) > 0


def _spread(slots: list[Suspect]) -> list[Suspect]:
    """Bound the slots of one assignment, keeping some of every suspect."""
    if len(slots) <= 2 * _MOST_AT_ONCE:
        return slots
    taken: dict[str, int] = {}
    ranked = []
    for slot in slots:
        ranked.append((taken.get(slot.key, 0), slot))
        taken[slot.key] = taken.get(slot.key, 0) + 1
    ranked.sort(key=lambda pair: pair[0])
    return [slot for _, slot in ranked[: 2 * _MOST_AT_ONCE]]


def _misfit(kill: Anonymous, suspect: Suspect) -> float:
    """Return how badly a victim fits a container: less than _UNASSIGNED where it is possible at all."""
    if kill.pod_uid is not None and suspect.pod_uid is not None and kill.pod_uid != suspect.pod_uid:
        return _FORBIDDEN
    victim = kill.victim
    misfit = 0.0
    if suspect.limit_bytes:
        # Only anonymous memory counts against the limit for sure; mapped files may be charged to another cgroup.
        if (victim.anon_rss_bytes or 0) > suspect.limit_bytes * _SLACK:
            misfit += 20
        misfit += 1 - min(1.0, _rss(victim) / suspect.limit_bytes)
    if victim.oom_score_adj is not None and not _adj_fits(victim.oom_score_adj, suspect):
        misfit += 5
    if suspect.comms and victim.comm not in suspect.comms:
        misfit += 2
    return misfit


def _rss(victim: Victim) -> int:
    return (victim.anon_rss_bytes or 0) + (victim.file_rss_bytes or 0) + (victim.shmem_rss_bytes or 0)


def _adj_fits(adj: int, suspect: Suspect) -> bool:
    if suspect.oom_score_adjs:
        return adj in suspect.oom_score_adjs
    if suspect.qos_class == "BestEffort":
        return adj == 1000
    if suspect.qos_class == "Guaranteed":
        return adj <= -997
    return suspect.qos_class is None or 2 <= adj <= 999


def _best_pairs(kills: Sequence[Anonymous], slots: Sequence[Suspect]) -> list[tuple[int, Suspect]]:
    """Pair as many kills (by index) with slots as possible, at the least misfit."""
    costs = [[_misfit(kill, slot) for slot in slots] + [_UNASSIGNED] * len(kills) for kill in kills]
    columns = _least_cost_columns(costs)
    return [(row, slots[column]) for row, column in enumerate(columns) if column < len(slots)]


def _least_cost_columns(costs: Sequence[Sequence[float]]) -> list[int]:
    """Return a column of its own for each row, the sum of costs being the least (the Hungarian method).

    There are at least as many columns as rows. Potentials keep the reduced costs from falling below zero, so the
    shortest augmenting path is found by Dijkstra's method; index 0 stands for "none".
    """
    rows, width = len(costs), len(costs[0]) if costs else 0
    of_row, of_column = [0.0] * (rows + 1), [0.0] * (width + 1)
    row_in = [0] * (width + 1)
    for row in range(1, rows + 1):
        row_in[0], column = row, 0
        least, came_from = [float("inf")] * (width + 1), [0] * (width + 1)
        done = [False] * (width + 1)
        while row_in[column]:
            done[column] = True
            here = row_in[column]
            for other in range(1, width + 1):
                reduced = costs[here - 1][other - 1] - of_row[here] - of_column[other]
                if not done[other] and reduced < least[other]:
                    least[other], came_from[other] = reduced, column
            column = min((c for c in range(1, width + 1) if not done[c]), key=least.__getitem__)
            step = least[column]
            for other in range(width + 1):
                if done[other]:
                    of_row[row_in[other]] += step
                    of_column[other] -= step
                else:
                    least[other] -= step
        while column:
            row_in[column] = row_in[came_from[column]]
            column = came_from[column]
    found = [0] * rows
    for column in range(1, width + 1):
        if row_in[column]:
            found[row_in[column] - 1] = column - 1
    return found
