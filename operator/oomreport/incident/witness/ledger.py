"""The ledger of counted kills, so that none counts twice.

It is written together with the number of kills, by a write that fails when somebody else wrote in between; thus
counting survives crashes, retries and two writers. An entry leaves when no witness can bring the kill up again: its
record is marked as used, and no pod shows the termination or still runs the container (a container whose child was
killed ends OOMKilled weeks later). Where a report has more live entries than the API allows, the oldest go and a
watermark moves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from oomreport.incident.api_json import from_json
from oomreport.incident.kill import Verdict

MOST_COUNTED = 512
_STATUS_KILL = "container-"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """A kill that was counted or, when Contradicted, shown.

    `id` is the record's name, or made of the container's ID where only status told of the kill.
    """

    id: str
    time: datetime
    verdict: Verdict
    container_id: str | None = None

    @property
    def from_status(self) -> bool:
        """Return whether no record of this kill has arrived."""
        return self.id.startswith(_STATUS_KILL)


def status_kill_id(container_id: str) -> str:
    """Return the ID of the kill that only the end of a container tells of."""
    return f"{_STATUS_KILL}{container_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLedger:
    """What a report's status keeps of the ledger; nothing that ended up to `settled_before` is counted any more."""

    counted: tuple[LedgerEntry, ...] = ()
    settled_before: datetime | None = None


def stored_ledger(status: Mapping[str, Any]) -> StoredLedger:
    """Return the ledger of a report's status, as the API server sends it."""
    return from_json(StoredLedger, status) or StoredLedger()


def ledger_of(status: Mapping[str, Any]) -> tuple[LedgerEntry, ...]:
    """Return the entries of a report's status, oldest first."""
    return oldest_first(stored_ledger(status).counted)


def oldest_first(entries: Iterable[LedgerEntry]) -> tuple[LedgerEntry, ...]:
    """Return entries in the order of their kills."""
    return tuple(sorted(entries, key=lambda entry: (entry.time, entry.id)))


class OpenLedger:
    """The ledger while evidence is entered.

    `unmarked` entries must stay: their record would be counted again. `ended` says when containers ended, as far as
    pods show it: an end up to the watermark is not counted any more.
    """

    def __init__(
        self,
        stored: StoredLedger,
        *,
        forgettable: frozenset[str],
        unmarked: frozenset[str],
        ended: Mapping[str, datetime],
    ) -> None:
        self._entries = {entry.id: entry for entry in oldest_first(stored.counted) if entry.id not in forgettable}
        self._unmarked = unmarked
        self._ended = ended
        self.watermark = stored.settled_before

    def __contains__(self, kill_id: str) -> bool:
        return kill_id in self._entries

    def of_container(self, container_id: str | None) -> tuple[LedgerEntry, ...]:
        """Return the entries of a container instance, oldest first."""
        return oldest_first(
            entry for entry in self._entries.values() if container_id and entry.container_id == container_id
        )

    def replace(self, old: LedgerEntry, new: LedgerEntry) -> None:
        """Put `new` in the place of `old`."""
        del self._entries[old.id]
        self._entries[new.id] = new

    def add(self, entry: LedgerEntry) -> bool:
        """Enter a kill; False when there is no room before some records are marked as used."""
        if len(self._entries) >= MOST_COUNTED and not self._make_room():
            return False
        self._entries[entry.id] = entry
        return True

    def entries(self) -> tuple[LedgerEntry, ...]:
        """Return all entries, oldest first."""
        return oldest_first(self._entries.values())

    def _make_room(self) -> bool:
        """Drop the oldest entry whose record is used; one known by status only where there is no other."""
        droppable = [entry for entry in self._entries.values() if entry.id not in self._unmarked]
        oldest = min(droppable, key=lambda entry: (entry.from_status, entry.time), default=None)
        if oldest is None:
            return False
        del self._entries[oldest.id]
        settled = max(oldest.time, self._ended.get(oldest.container_id or "", oldest.time))
        self.watermark = max(self.watermark, settled) if self.watermark else settled
        return True
