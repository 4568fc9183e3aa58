"""The records at the API server: the open ones whole, of the used ones only what is needed to count nothing twice."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from oomreport.controller.keys import ReportKey
from oomreport.incident.evidence import RecordFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedRecord:
    """A record that is counted for good."""

    used: datetime
    node: str
    container_id: str | None


class Records:
    """What is remembered of records. A record is open until its own status says that it was used."""

    def __init__(self) -> None:
        self._open: dict[str, RecordFacts] = {}
        self._keys: dict[str, ReportKey] = {}
        self._of_report: defaultdict[ReportKey, set[str]] = defaultdict(set)
        self._instances: Counter[str] = Counter()
        self.used: dict[str, UsedRecord] = {}
        self.first_seen: dict[str, datetime] = {}

    def put(self, record: RecordFacts, *, now: datetime) -> bool:
        """Remember a record as the API server has it; return whether it is open."""
        if record.name in self.used:
            return False
        if record.used:
            self._close(record, record.used)
            return False
        known = self._open.get(record.name)
        if known is None:
            self.first_seen[record.name] = now
        if record.container_id and (known is None or known.container_id is None):
            self._instances.update([record.container_id])
        self._open[record.name] = record
        return True

    def get(self, name: str) -> RecordFacts | None:
        """Return an open record."""
        return self._open.get(name)

    def key_of(self, name: str) -> ReportKey | None:
        """Return the report that an open record was routed to."""
        return self._keys.get(name)

    def open_on(self, node: str) -> Iterator[RecordFacts]:
        """Return the open records of a node."""
        return (record for record in self._open.values() if record.node == node)

    def nodes(self) -> set[str]:
        """Return the nodes with open records."""
        return {record.node for record in self._open.values()}

    def of_report(self, key: ReportKey) -> tuple[RecordFacts, ...]:
        """Return the open records that were routed to a report."""
        return tuple(self._open[name] for name in sorted(self._of_report.get(key, ())))

    def route(self, name: str, key: ReportKey) -> None:
        """Remember to which report an open record belongs."""
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
        if record := self._open.get(name):
            self._close(record, used)

    def has_own(self, container_id: str) -> bool:
        """Return whether a record speaks of a container instance."""
        return self._instances[container_id] > 0 if container_id in self._instances else False

    def instances(self) -> frozenset[str]:
        """Return all container instances that records speak of."""
        return frozenset(self._instances)

    def drop(self, name: str) -> None:
        """Forget a record that was deleted."""
        record = self._open.pop(name, None)
        used = self.used.pop(name, None)
        instance = record.container_id if record else used.container_id if used else None
        if instance:
            self._instances[instance] -= 1
            if self._instances[instance] <= 0:
                del self._instances[instance]
        self.unroute(name)
        self.first_seen.pop(name, None)

    def _close(self, record: RecordFacts, used: datetime) -> None:
        known = self._open.pop(record.name, None)
        instance = (known or record).container_id
        if known is None and instance:
            self._instances.update([instance])
        self.used[record.name] = UsedRecord(used=used, node=record.node, container_id=instance)
        self.unroute(record.name)
        self.first_seen.pop(record.name, None)
