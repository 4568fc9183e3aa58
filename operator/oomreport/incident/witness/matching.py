"""Records without a container, matched with terminations without a record.

Beyond ten OOMs in five seconds the kernel prints the killed process only. What pod status shows of the same seconds
says which containers were hit: one that ended OOMKilled, or by an unexplained SIGKILL, and of which no record speaks.
As many records as possible are matched, each with one termination; the agent's own candidates come first, then what the
runtime calls OOMKilled, then what lies closest.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from oomreport.incident.oom_record import Source
from oomreport.incident.witness.evidence import Ending, RecordFacts

# The end of a container is cut to whole seconds, and may take a while after the kill.
_ENDS_BEFORE = timedelta(seconds=2)
_ENDS_WITHIN = timedelta(seconds=15)
# A counter bears the time at which it was looked at. On a busy node that is as late as the end may be.
_ENDS_BEFORE_COUNTER = _ENDS_WITHIN


def matches(records: Iterable[RecordFacts], endings: Iterable[Ending]) -> dict[str, Ending]:
    """Return the termination that belongs to each record, by record name; each termination at most once.

    `endings` are terminations without a record of their own.
    """
    by_id = {ending.container_id: ending for ending in endings}
    in_order = sorted(records, key=lambda record: (record.time, record.name))
    choices = {record.name: _choices(record, by_id.values()) for record in in_order}
    taken: dict[str, str] = {}
    for record in in_order:
        _augment(record.name, choices, taken, set())
    return {name: by_id[container_id] for container_id, name in taken.items()}


def may_belong(record: RecordFacts, ending: Ending) -> bool:
    """Return whether a record that names no container can be that of a termination."""
    end = ending.termination.finished
    before = _ENDS_BEFORE_COUNTER if record.spec.source is Source.CGROUP_COUNTER else _ENDS_BEFORE
    return (
        end is not None
        and ending.termination.perhaps_oom_killed
        and ending.pod.node == record.node
        and -before <= end - record.time <= _ENDS_WITHIN
        and (record.pod_uid is None or ending.pod.is_named_by(record.pod_uid))
    )


def _choices(record: RecordFacts, endings: Iterable[Ending]) -> list[str]:
    """Return the terminations that a record can belong to, the likeliest first."""

    def unlikeliness(ending: Ending) -> tuple[bool, bool, timedelta, str]:
        candidate = ending.container_id in record.candidates or ending.pod.uid in record.candidates
        end = ending.termination.finished or record.time
        return (not candidate, not ending.termination.oom_killed, abs(end - record.time), ending.container_id)

    return [one.container_id for one in sorted((e for e in endings if may_belong(record, e)), key=unlikeliness)]


def _augment(name: str, choices: Mapping[str, Sequence[str]], taken: dict[str, str], visited: set[str]) -> bool:
    """Give a record a termination, moving others to their next choice where that makes room (an augmenting path)."""
    for container_id in choices[name]:
        if container_id in visited:
            continue
        visited.add(container_id)
        if container_id not in taken or _augment(taken[container_id], choices, taken, visited):
            taken[container_id] = name
            return True
    return False
