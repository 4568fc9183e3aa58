"""The OOMRecords at the API server.

Open records are kept whole. Of used ones there is what is needed to count nothing twice.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from oomreport.controller.work.keys import ReportKey
from oomreport.incident.witness.evidence import RecordFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedRecord:
    """A record that is counted for good."""

    used: datetime
    node: str
    container_id: str | None


class RecordCache:
    """What is remembered of records. A record is open until its own status says that it was used."""

    def __init__(self) -> None:
        self._open: dict[str, RecordFacts] = {}
        self._keys: dict[str, ReportKey] = {}
        self._of_report: defaultdict[ReportKey, set[str]] = defaultdict(set)
        self._instances: Counter[str] = Counter()
        self.used: dict[str, UsedRecord] = {}
        self.first_seen: dict[str, datetime] = {}
        # By record: the report whose ledger had it when this process started.
        self.counted_in: dict[str, ReportKey] = {}

    def put(self, record: RecordFacts, *, now: datetime) -> bool:
        """Remember a record as the API server has it; return whether it is open. An older state changes nothing."""
        known = self._open.get(record.name)
        if record.name in self.used or (known and _version(record) < _version(known)):
            return False
        if known is None:
            self.first_seen[record.name] = now
        elif known.report != record.report:
            # Another controller has claimed it, or taken its claim back: where it was routed to says nothing any more.
            self.unroute(record.name)
        before, after = known.container_id if known else None, record.container_id
        if before != after:
            self._instances.update([after] if after else ())
            self._release(before)
        self._open[record.name] = record
        if record.used:
            self.mark_used(record.name, record.used)
        return record.used is None

    def get(self, name: str) -> RecordFacts | None:
        """Return an open record."""
        return self._open.get(name)

    def key_of(self, name: str) -> ReportKey | None:
        """Return the report that an open record was routed to."""
        return self._keys.get(name)

    def open_on(self, node: str) -> Iterator[RecordFacts]:
        """Return the open records of a node."""
        return (record for record in self._open.values() if record.node == node)

    def pending(self) -> int:
        """Return how many records are open."""
        return len(self._open)

    def nodes(self) -> set[str]:
        """Return the nodes with open records."""
        return {record.node for record in self._open.values()}

    def of_report(self, key: ReportKey) -> tuple[RecordFacts, ...]:
        """Return the open records that were routed to a report."""
        return tuple(self._open[name] for name in sorted(self._of_report.get(key, ())))

    def route(self, name: str, key: ReportKey) -> None:
        """Remember to which report an open record belongs, and to no other."""
        self.unroute(name)
        self._keys[name] = key
        self._of_report[key].add(name)

    def unroute(self, name: str) -> None:
        """Forget to which report a record belongs."""
        if key := self._keys.pop(name, None):
            self._of_report[key].discard(name)
            if not self._of_report[key]:
                del self._of_report[key]

    def mark_used(self, name: str, used: datetime) -> None:
        """Take note that an open record's own status says now that it was used."""
        if record := self._open.pop(name, None):
            self.used[name] = UsedRecord(used=used, node=record.node, container_id=record.container_id)
            self.unroute(name)
            self.first_seen.pop(name, None)

    def has_own(self, container_id: str) -> bool:
        """Return whether a record speaks of a container instance."""
        return container_id in self._instances

    def drop(self, name: str) -> None:
        """Forget a record that was deleted."""
        record = self._open.pop(name, None)
        used = self.used.pop(name, None)
        instance = record.container_id if record else used.container_id if used else None
        self._release(instance)
        self.unroute(name)
        self.first_seen.pop(name, None)

    def _release(self, instance: str | None) -> None:
        if instance is None:
            return
        self._instances[instance] -= 1
        if self._instances[instance] <= 0:
            del self._instances[instance]


def _version(record: RecordFacts) -> int:
    return int(record.resource_version) if record.resource_version.isdigit() else 0
