"""Kills that a cgroup's counter told, joined with their lines.

An agent that cannot read the log tells of a kill by the counter of its container, and the name of that record says
which kill of the instance it was by number. Its line can still come: from the next agent, which finds it in the
kernel's buffer. So up to the reading of a counter an instance has no more kills than the counter says.

Where the container came and went between two looks (cgroup v2), only its pod's counter tells of the kill. Pod status
names the instance then; the number is that of the pod, so such a kill stands for one line before it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import takewhile

from oomreport.incident.oom_record import Source, counter_record_name
from oomreport.incident.witness.evidence import RecordFacts
from oomreport.incident.witness.ledger import MOST_COUNTED, LedgerEntry
from oomreport.names import UNHASHED

# A counter is read after the kill. Stamps of the log drift: its clock is not the one that is set by NTP.
_STAMPS_DRIFT = timedelta(seconds=2)


def is_told_already(record: RecordFacts, instance: Sequence[LedgerEntry]) -> bool:
    """Return whether a counter's kill is in the ledger; `instance` are the entries of its container."""
    if record.spec.source is not Source.CGROUP_COUNTER or not instance:
        return False
    numbers = _numbers_of(record, (record.name, *(entry.id for entry in instance)))
    counters = [(entry.time, numbers[entry.id]) for entry in instance if entry.id in numbers]
    counters += [(record.time, numbers[record.name])] if record.name in numbers else []
    return _are_too_many(record, instance, counters)


def told_by_counter(record: RecordFacts, instance: Sequence[LedgerEntry]) -> LedgerEntry | None:
    """Return the entry of the counter that told of a line's kill before."""
    if record.spec.source is Source.CGROUP_COUNTER:
        return None
    later = [one for one in instance if record.time <= one.time + _STAMPS_DRIFT]
    # Lines come in the order of their kills, so mostly there is none.
    if not later:
        return None
    of_pod = _numbers_of(record, (one.id for one in later), of_pod=True)
    if by_pod := next((one for one in later if one.id in of_pod), None):
        return by_pod
    numbers = _numbers_of(record, (one.id for one in instance))
    by_counter = next((one for one in later if one.id in numbers), None)
    counters = [(one.time, numbers[one.id]) for one in instance if one.id in numbers]
    return by_counter if by_counter and _are_too_many(record, instance, counters) else None


def _are_too_many(
    record: RecordFacts, instance: Sequence[LedgerEntry], counters: Sequence[tuple[datetime, int]]
) -> bool:
    """Return whether the ledger would have more kills than the counter had at a time, if a record were one more.

    One reading may find several kills, each with a record of its own: it had as many as the last of them says.
    """
    times = [record.time, *(entry.time for entry in instance if not entry.from_status)]
    ends = [at + _STAMPS_DRIFT for at, _ in counters if record.time <= at + _STAMPS_DRIFT]
    return any(sum(time <= end for time in times) > max(number for at, number in counters if at <= end) for end in ends)


def _numbers_of(record: RecordFacts, names: Iterable[str], *, of_pod: bool = False) -> Mapping[str, int]:
    """Return the names of records that the counter of this container instance tells, and which kill each is of.

    Of its pod's counter where `of_pod`. Empty where none of `names` begins like one of them, which is all that most
    kills need.
    """
    spec, uid = record.spec, record.pod_uid or ""
    counted = uid.replace("-", "") if of_pod else record.container_id
    if not counted or spec.node_name is None or spec.boot_id is None:
        return {}
    begins = _beginning(spec.node_name, spec.boot_id, counted)
    if not any(name.startswith(begins) for name in names):
        return {}
    return _numbers(spec.node_name, spec.boot_id, counted)


@lru_cache(maxsize=1024)
def _beginning(node_name: str, boot_id: str, container_id: str) -> str:
    """Return what all these names have in common, as far as no hash follows."""
    first, second = (
        counter_record_name(node_name=node_name, boot_id=boot_id, container_id=container_id, count=count)
        for count in (1, 2)
    )
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False))
    return "".join(letter for letter, _ in same)[:UNHASHED]


@lru_cache(maxsize=8)
def _numbers(node_name: str, boot_id: str, container_id: str) -> Mapping[str, int]:
    # A ledger holds no more kills.
    return {
        counter_record_name(node_name=node_name, boot_id=boot_id, container_id=container_id, count=count): count
        for count in range(1, MOST_COUNTED + 1)
    }
