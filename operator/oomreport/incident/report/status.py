"""The status of an OOMReport as a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from oomreport.incident.advice.diagnosis import Finding
from oomreport.incident.advice.kept_advice import KeptAdvice
from oomreport.incident.api_json import as_json, from_json, part_from_json
from oomreport.incident.kill import Kill, RecentKill
from oomreport.incident.memory.forecast import Forecast
from oomreport.incident.memory.usage_since import UsageSince
from oomreport.incident.witness.ledger import LedgerEntry, oldest_first

MOST_RECENT_KILLS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """What people decided, and the recommendation that it was about."""

    decision: str
    generation: int | None = None
    action: str
    memory_limit: str | None = None
    memory_request: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The recommendation that reached the pods last, when that was, and how long without a kill resolves the report."""

    action: str
    memory_limit: str | None = None
    memory_request: str | None = None
    previous_limit: str | None = None
    time: datetime
    quiet_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition as metav1.Condition has it. Its time moves only when its status does."""

    type: str
    status: Literal["True", "False", "Unknown"] = "Unknown"
    observed_generation: int | None = None
    last_transition_time: datetime | None = None
    reason: str = ""
    message: str = ""

    @property
    def is_true(self) -> bool:
        """Return whether it holds."""
        return self.status == "True"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotedChange:
    """A value that a hook changed in the cluster; sizes are bytes."""

    time: datetime
    hook: str = ""
    what: str
    before: int | None = None
    after: int | None = None
    message: str = ""


def what_changes(pod: str, container: str) -> str:
    """Return how a report's history names the limit of a container of a pod."""
    return f"memory limit of container {container} in pod {pod}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportStatus:
    """A report's status; its fields are the API's. Hooks write `kill_times`, `changes` and the deliveries."""

    observed_generation: int | None = None
    kills: int = 0
    first_kill_time: datetime | None = None
    last_kill_time: datetime | None = None
    last_silent_kill_time: datetime | None = None
    last_kill: Kill | None = None
    recent_kills: tuple[RecentKill, ...] = ()
    counted: tuple[LedgerEntry, ...] = ()
    settled_before: datetime | None = None
    findings: tuple[Finding, ...] = ()
    recommendation: KeptAdvice | None = None
    managed_by: Mapping[str, str] | None = None
    reviewed: Reviewed | None = None
    applied: Applied | None = None
    leak_ended: datetime | None = None
    usage_since: UsageSince | None = None
    forecast: Forecast | None = None
    conditions: tuple[Condition, ...] = ()
    kill_times: tuple[datetime, ...] = ()
    changes: tuple[NotedChange, ...] = ()

    @classmethod
    def of(cls, raw: Mapping[str, Any] | None) -> "ReportStatus":
        """Return a status as the API server sends it; one of no kills where there is none yet."""
        found = from_json(cls, raw or {})
        assert found is not None  # no field is required
        return found

    @staticmethod
    def part(raw: Mapping[str, Any] | None, name: str) -> Any:  # noqa: ANN401 - a field may be of any type
        """Return one field of a status as the API server sends it, without reading the others; None without it."""
        return part_from_json(ReportStatus, name, raw or {})

    @property
    def advice(self) -> KeptAdvice:
        """Return the recommendation; without one, one that asks for nothing."""
        return self.recommendation or KeptAdvice()

    @property
    def ledger(self) -> tuple[LedgerEntry, ...]:
        """Return what was counted, oldest first."""
        return oldest_first(self.counted)

    def condition(self, kind: str) -> Condition | None:
        """Return the condition of a type."""
        return next((one for one in self.conditions if one.type == kind), None)

    def holds(self, kind: str) -> bool:
        """Return whether a condition is true."""
        found = self.condition(kind)
        return found is not None and found.is_true

    def as_json(self) -> dict[str, Any]:
        """Return it as the API's JSON."""
        return as_json(self)
