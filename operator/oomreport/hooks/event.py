"""What happened to a report, as hooks are told of it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from oomreport.workload.owner import Workload


class EventType(StrEnum):
    """What can happen to a report."""

    OOM_KILLED = "OOMKilled"
    REPEATED = "Repeated"
    RECOMMENDATION_READY = "RecommendationReady"
    APPLIED = "Applied"
    RESOLVED = "Resolved"
    REGRESSED = "Regressed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened to one report.

    `occasion` is what it happened by: the ID of a kill, or the time of a condition's transition; with the report's UID and
    the type it tells this event from every other, also after a restart. `status` is the report's status as it is when the
    event is delivered, so a later attempt tells what is known by then.
    """

    type: EventType
    occasion: str
    time: datetime
    namespace: str
    report: str
    report_uid: str
    workload: Workload
    container: str
    status: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The same for each attempt: receivers drop what they have by it. 32 hex digits."""
        return hashlib.sha256("\0".join((self.report_uid, self.type, self.occasion)).encode()).hexdigest()[:32]

    @property
    def kill(self) -> Mapping[str, Any] | None:
        """The kill that it is about, in full where it is the last one, else in short; None where the report lost it."""
        last = self.status.get("lastKill") or {}
        if self.occasion in (last.get("id"), last.get("recordName")):
            return last
        return next((kill for kill in self.status.get("recentKills", ()) if kill.get("id") == self.occasion), None)
