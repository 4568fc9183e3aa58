"""The cause and the advice, as far as a log tells.

The rules are the controller's. What a log does not hold, they do not see: the way of the memory before the kill, the
container's state after it. Earlier kills of the same container in the same run count as its history.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from oomreport.cli.logs.pods import Named
from oomreport.cli.logs.words import beancounter_of
from oomreport.incident.advice.case import Case
from oomreport.incident.advice.diagnosis import Finding, findings
from oomreport.incident.advice.kept_advice import KeptAdvice
from oomreport.incident.advice.recommendation import recommendation
from oomreport.incident.api_json import as_json
from oomreport.incident.kill import Cause, Kill
from oomreport.incident.memory.history import PastKill
from oomreport.incident.oom_record import RecordSpec
from oomreport.incident.witness.cause import cause_of
from oomreport.incident.witness.evidence import HOST_CONTAINER, UNKNOWN_CONTAINER, RecordFacts
from oomreport.workload.container import Scope

_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
_MOST_PAST = 10
# What these say of other witnesses nobody asked here.
_OF_A_CLUSTER = frozenset({"ContainerUnknown", "StatusContradicted", "StatusOnly"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """`findings` and `recommendation` as an OOMReport's status holds them; None where the log allows no advice."""

    findings: tuple[Finding, ...] = ()
    recommendation: KeptAdvice | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what stands beside the record's spec."""
        advice = {"recommendation": as_json(self.recommendation)} if self.recommendation else {}
        return {"findings": [as_json(finding) for finding in self.findings], **advice}


class Judge:
    """Judges the kills of one run, in their order."""

    def __init__(self) -> None:
        """Start without a history."""
        self._past: dict[str, list[PastKill]] = {}

    def judgement(self, spec: RecordSpec, named: Named | None = None, shortage: str | None = None) -> Judgement:
        """Return the judgement of a record; `named` is its pod, where that is known, `shortage` is of `Case`."""
        record = RecordFacts(name="", node=spec.node_name or "", time=spec.time or _LONG_AGO, spec=spec)
        if not record.is_kill:
            return Judgement()
        pod = named.facts if named is not None else None
        name = _container_name(record, named)
        container = pod.container(name) if pod is not None else None
        cause = cause_of(record, pod, container)
        past = self._history(record, cause)
        kill = Kill.from_record(
            spec,
            time=spec.time,
            pod_uid=record.pod_uid,
            container_id=record.subject.container_id if record.subject else None,
            cause=cause,
        )
        case = Case(
            kill=kill,
            container=name,
            record=record,
            pod=pod,
            past=past[-_MOST_PAST:],
            kills=len(past),
            shortage=shortage,
        )
        is_beancounter = beancounter_of(spec.log or "") is not None
        silent = case.asked_for or is_beancounter or (cause is Cause.UNKNOWN and record.scope is not Scope.UNKNOWN)
        return Judgement(
            findings=tuple(finding for finding in findings(case) if finding.rule not in _OF_A_CLUSTER),
            # A cgroup outside pods, as of a systemd unit: its limit is known, and not Kubernetes' to change; so is
            # that of a container of OpenVZ. Nor is there anything to change where somebody asked the kernel for a kill.
            recommendation=None if silent else KeptAdvice.of(recommendation(case).as_json()),
        )

    def _history(self, record: RecordFacts, cause: Cause) -> list[PastKill]:
        subject = record.subject
        key = (subject.container_id or subject.pod_uid) if subject else None
        kill = PastKill(time=record.time, cause=cause, limit=record.limit)
        if key is None:
            return [kill]
        kills = self._past.setdefault(key, [])
        kills.append(kill)
        return kills


def _container_name(record: RecordFacts, named: Named | None) -> str:
    if named is not None and named.container:
        return named.container
    if record.subject is not None and record.subject.container_id:
        return record.subject.container_id[:12]
    return HOST_CONTAINER if record.on_host else UNKNOWN_CONTAINER
