"""What happened to a report, as hooks are told of it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from oomreport.incident.kill import Kill, RecentKill, Verdict
from oomreport.incident.report.status import ReportStatus
from oomreport.incident.witness.ledger import status_kill_id
from oomreport.workload.owner import Workload


class EventType(StrEnum):
    """What can happen to a report."""

    OOM_KILLED = "OOMKilled"
    REPEATED = "Repeated"
    RECOMMENDATION_READY = "RecommendationReady"
    APPLIED = "Applied"
    RESOLVED = "Resolved"
    REGRESSED = "Regressed"
    NEAR_LIMIT = "NearLimit"


OF_KILLS = frozenset({EventType.OOM_KILLED, EventType.REPEATED})
# By the condition that became true.
OF_CONDITIONS = {
    "Applied": EventType.APPLIED,
    "Resolved": EventType.RESOLVED,
    "Regressed": EventType.REGRESSED,
    "AtRisk": EventType.NEAR_LIMIT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened to one report.

    `occasion` is what it happened by: the ID of a kill, or the time of a condition's transition; with the report's UID
    and the type it tells this event from every other, also after a restart. `status` is the report's status as it is
    when the event is delivered, so a later attempt tells what is known by then. `kills` came together, the last at
    `last_time`. `labels` are those of the workload that the controller is told to show, to route by owner.
    """

    type: EventType
    occasion: str
    time: datetime
    namespace: str
    report: str
    report_uid: str
    workload: Workload
    container: str
    status: ReportStatus
    kills: int = 1
    last_time: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The same for each attempt: receivers drop what they have by it. 32 hex digits."""
        return hashlib.sha256("\0".join((self.report_uid, self.type, self.occasion)).encode()).hexdigest()[:32]

    @property
    def kill(self) -> Kill | RecentKill | None:
        """The kill that it is about, in full where it is the last one, else in short; None where the report lost it.

        What is not about a kill is about the last one.
        """
        last, kill_id = self.status.last_kill, self.kill_id
        if kill_id is None or (last and kill_id in (last.id, last.record_name)):
            return last
        return next((kill for kill in self.status.recent_kills if kill.id == kill_id), None)

    @property
    def kill_id(self) -> str | None:
        """The ID that the kill goes by now: one known by pod status alone gets another when its record arrives."""
        if self.type not in OF_KILLS:
            return None
        ledger = self.status.ledger
        if any(entry.id == self.occasion for entry in ledger):
            return self.occasion
        found = (
            entry.id for entry in ledger if entry.container_id and status_kill_id(entry.container_id) == self.occasion
        )
        return next(found, self.occasion)

    @property
    def is_denied(self) -> bool:
        """Whether the kernel denies the kill by now."""
        kill_id = self.kill_id
        return any(entry.id == kill_id and entry.verdict is Verdict.CONTRADICTED for entry in self.status.counted)
