"""The status of an OOMReport: what it becomes by new evidence.

A report stays small however many kills it counts: the last kill in full, ten in short, the live part of the ledger.
What is not looked up any more (the record is deleted, the pod gone) does not erase what was known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from oomreport.incident.advice.case import Case, way_to
from oomreport.incident.advice.diagnosis import findings
from oomreport.incident.advice.kept_advice import KeptAdvice, advice_for
from oomreport.incident.advice.leaks import is_contradicted, leak_in_sight
from oomreport.incident.advice.recommendation import Action
from oomreport.incident.kill import Kill, RecentKill, Verdict
from oomreport.incident.memory.forecast import forecast_of
from oomreport.incident.memory.history import in_short, past_kills
from oomreport.incident.memory.trajectory import Trajectory
from oomreport.incident.oom_record import RecordSpec
from oomreport.incident.report.condition import at_risk, conditions, correlated, recommended
from oomreport.incident.report.review import reviewed, reviewed_state
from oomreport.incident.report.rollout_conditions import KillHistory, fix
from oomreport.incident.report.status import MOST_RECENT_KILLS, ReportStatus
from oomreport.incident.witness.cause import cause_of
from oomreport.incident.witness.correlation import Correlation, WitnessedKill, correlate, lived_on, settles
from oomreport.incident.witness.evidence import UNKNOWN_CONTAINER, Ending, Evidence, Patience
from oomreport.incident.witness.ledger import LedgerEntry, StoredLedger
from oomreport.workload.pod import ContainerFacts


class RecordOutcome(StrEnum):
    """What became of a record."""

    COUNTED = "Counted"
    JOINED = "Joined"
    NO_KILL = "NoKill"
    CONTAINER_UNKNOWN = "ContainerUnknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to write.

    status        the whole status, without what others write into it
    becomes       the same as a value
    changed       whether it differs from the one that is stored
    used          what became of records, by name; to be marked after the status is written
    mismatched    anonymous records whose match must be taken back: another record speaks of that container
    shown         kills that the report shows for the first time, as in lastKill, oldest first
    settled       kills whose verdict nothing is expected to change any more: by ID, whether the container lived on
    look_again    when time alone changes something
    """

    status: dict[str, Any]
    becomes: ReportStatus
    changed: bool
    used: Mapping[str, RecordOutcome]
    mismatched: tuple[str, ...] = ()
    shown: tuple[Kill, ...] = ()
    settled: Mapping[str, bool] = field(default_factory=dict)
    look_again: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """What is known of the container after a kill, and until when pod status may still tell of it."""

    lived_on: bool | None
    open_until: datetime | None


def decide(evidence: Evidence, patience: Patience, stored: ReportStatus | None = None) -> Decision:
    """Return what the report becomes. `stored` is the evidence's status as a value, where it is at hand."""
    stored = stored or ReportStatus.of(evidence.status)
    counted = StoredLedger(counted=stored.counted, settled_before=stored.settled_before)
    correlation = correlate(evidence, patience, counted)
    shown = tuple(_kill(kill, evidence) for kill in correlation.kills)
    last = _last_kill(stored.last_kill, shown, correlation)
    used = _outcomes(correlation, evidence)
    if last is None:
        return Decision(status={}, becomes=ReportStatus(), changed=False, used=used, look_again=correlation.look_again)
    watched = {last.id, *evidence.unsettled, *(kill.id for kill in shown)}
    standing = {
        entry.id: _standing(entry, correlation.ledger, stored, evidence, patience)
        for entry in correlation.ledger
        if entry.id in watched
    }
    entry = next((one for one in correlation.ledger if one.id == last.id), None)
    if entry:
        last = _witnessed(last, entry, standing[entry.id], correlation.ledger, evidence)
    kills = stored.kills + correlation.more
    way = way_to(last)
    recent = _recent_kills(stored.recent_kills, shown, correlation, of_last=(last.id, way))
    case = _case(last, recent, correlation, kills, _with_usage(evidence, stored), way=way, leak_ended=stored.leak_ended)
    is_new = any(kill.id == last.id for kill in shown)
    # Both are of the last kill, and kept while its witnesses are gone.
    advice = advice_for(case, stored.recommendation, kills=stored.kills, applied=stored.holds("Applied"), is_new=is_new)
    found = findings(case, () if is_new else stored.findings)
    review = reviewed_state(stored, advice, decision=evidence.review, generation=evidence.generation)
    first = min(filter(None, (stored.first_kill_time, *(kill.time for kill in shown))))
    usage = case.around.usage
    forecast = forecast_of(usage) if usage else None
    mended = fix(evidence, stored, patience, advice=advice, kills=_kills(kills, first, recent, stored))
    waiting = entry is not None and standing[entry.id].open_until is not None
    becomes = ReportStatus(
        observed_generation=evidence.generation,
        kills=kills,
        first_kill_time=first,
        last_kill_time=last.time,
        last_silent_kill_time=_last_silent(stored, correlation.ledger, standing),
        last_kill=last,
        recent_kills=recent,
        counted=correlation.ledger,
        settled_before=correlation.settled_before,
        findings=found,
        recommendation=advice,
        managed_by=(stored.managed_by if evidence.managed_by is None else evidence.managed_by) or None,
        reviewed=review,
        applied=mended.applied,
        leak_ended=_leak_ended(case, stored, advice, is_new=is_new),
        usage_since=usage,
        forecast=forecast,
        conditions=conditions(
            stored.conditions,
            {
                "Correlated": correlated(last=last, recent=recent, waiting=waiting),
                "Recommended": recommended(advice),
                "Reviewed": reviewed(review, advice),
                **mended.conditions,
                "AtRisk": at_risk(usage, forecast, grows_on=_grows_on(case, advice), now=evidence.now),
            },
            generation=evidence.generation,
            now=evidence.now,
        ),
    )
    status = becomes.as_json()
    times = (correlation.look_again, mended.look_again, *(one.open_until for one in standing.values()))
    return Decision(
        status=status,
        becomes=becomes,
        changed=bool(shown) or status != replace(stored, kill_times=(), changes=()).as_json(),
        used=used,
        mismatched=correlation.mismatched,
        shown=shown,
        settled={id_: bool(one.lived_on) for id_, one in standing.items() if one.open_until is None},
        look_again=min(filter(None, times), default=None),
    )


def _last_silent(
    stored: ReportStatus, ledger: Sequence[LedgerEntry], standing: Mapping[str, _Standing]
) -> datetime | None:
    """Return when a process was last killed in a container that lived on."""
    outlived = (one.time for one in ledger if one.id in standing and standing[one.id].lived_on)
    return max(filter(None, (stored.last_silent_kill_time, *outlived)), default=None)


def _outcomes(correlation: Correlation, evidence: Evidence) -> dict[str, RecordOutcome]:
    kills = {record.name for record in evidence.records if record.is_kill}
    counted = RecordOutcome.CONTAINER_UNKNOWN if evidence.container == UNKNOWN_CONTAINER else RecordOutcome.COUNTED
    return {
        name: RecordOutcome.NO_KILL if name not in kills else RecordOutcome.JOINED if joined else counted
        for name, joined in correlation.used.items()
    }


def _kill(kill: WitnessedKill, evidence: Evidence) -> Kill:
    """Return a kill as lastKill shows it, before its termination and silence are known."""
    entry, record = kill.entry, kill.record
    subject = record.subject if record else None
    pod = kill.ending.pod if kill.ending else None
    pod = pod or evidence.pod_of(pod_uid=record.pod_uid if record else None, container_id=entry.container_id)
    container = pod.container(evidence.container) if pod else None
    return Kill.from_record(
        record.spec if record else RecordSpec(),
        id=entry.id,
        time=entry.time,
        pod=pod.name if pod else subject.pod if subject else None,
        pod_uid=pod.uid if pod else subject.pod_uid if subject else None,
        node=record.node if record else pod.node if pod else None,
        container_id=entry.container_id,
        started_at=_started(kill.ending, container, entry),
        verdict=entry.verdict,
        cause=cause_of(record, pod, container),
        record_name=record.name if record else None,
    )


def _last_kill(stored: Kill | None, shown: Sequence[Kill], correlation: Correlation) -> Kill | None:
    kills = [kill for kill in (stored, *shown) if kill and kill.time and kill.id not in correlation.replaced]
    return max(kills, key=lambda kill: (kill.time, kill.id), default=None)


def _standing(
    entry: LedgerEntry, ledger: Sequence[LedgerEntry], stored: ReportStatus, evidence: Evidence, patience: Patience
) -> _Standing:
    outlived = False if _took_the_container(entry, stored, evidence) else lived_on(entry, ledger, evidence, patience)
    until = settles(entry, evidence, patience)
    is_open = entry.verdict is Verdict.KERNEL_ONLY and outlived is None and evidence.now < until
    return _Standing(lived_on=outlived, open_until=until if is_open else None)


def _took_the_container(entry: LedgerEntry, stored: ReportStatus, evidence: Evidence) -> bool:
    """Whether the container was killed as a group, by the record or as it was said before.

    A kubelet that is slow to tell of the end shows a container as running that is gone.
    """
    record = next((one for one in evidence.records if one.name == entry.id), None)
    if record is None:
        said = stored.last_kill
        settled = said is not None and said.id == entry.id and not said.silent and entry.id not in evidence.unsettled
        return settled and any(finding.rule == "GroupKilled" for finding in stored.findings)
    return record.container_id is not None and record.killed_whole_container


def _witnessed(
    kill: Kill, entry: LedgerEntry, standing: _Standing, ledger: Sequence[LedgerEntry], evidence: Evidence
) -> Kill:
    """Return the last kill with what pod status says of it by now; what it no longer shows stays as it was."""
    ending = _ending_of(entry, ledger, evidence)
    pod = ending.pod if ending else evidence.pod_of(pod_uid=None, container_id=entry.container_id)
    container = pod.container(evidence.container) if pod else None
    runs = container is not None and container.running_id == entry.container_id
    attempt = ending.termination.attempt if ending else container.attempt if container and runs else None
    started = _started(ending, container, entry)
    return replace(
        kill,
        verdict=entry.verdict,
        silent=kill.silent if standing.lived_on is None else standing.lived_on,
        restart_count=kill.restart_count if attempt is None else attempt,
        termination=ending.termination if ending else kill.termination,
        started_at=started or kill.started_at,
    )


def _ending_of(entry: LedgerEntry, ledger: Sequence[LedgerEntry], evidence: Evidence) -> Ending | None:
    """Return the termination that belongs to a kill: it is that of the instance's last one."""
    instance = [one.id for one in ledger if one.container_id == entry.container_id]
    is_last = entry.container_id is not None and instance[-1] == entry.id
    return evidence.endings.get(entry.container_id or "") if is_last else None


def _started(ending: Ending | None, container: ContainerFacts | None, entry: LedgerEntry) -> datetime | None:
    """Return when the instance started that a kill was in; the agent may be younger than it."""
    if ending is not None:
        return ending.termination.started
    runs = container is not None and container.running_id == entry.container_id
    return container.running_since if container is not None and runs else None


def _recent_kills(
    stored: Sequence[RecentKill], shown: Sequence[Kill], correlation: Correlation, *, of_last: tuple[str, Trajectory]
) -> tuple[RecentKill, ...]:
    """Return the last ten in short; pod status may still tell of the last one when its container had started."""
    last, way = of_last
    verdicts = {entry.id: entry.verdict for entry in correlation.ledger}
    kills = {kill.id: kill for kill in stored if kill.id not in correlation.replaced}
    for kill in shown:
        kills[kill.id] = in_short(kill.in_short(), way_to(kill)) if kill.id != last else kill.in_short()
    if last in kills:
        kills[last] = in_short(kills[last], way)
    newest = sorted(kills.values(), key=lambda kill: (kill.time, kill.id), reverse=True)[:MOST_RECENT_KILLS]
    return tuple(replace(kill, verdict=verdicts.get(kill.id, kill.verdict)) for kill in newest)


def _kills(number: int, first: datetime, recent: Sequence[RecentKill], stored: ReportStatus) -> KillHistory:
    counted = [kill for kill in recent if kill.verdict is not Verdict.CONTRADICTED]
    return KillHistory(
        number=number,
        first=first,
        last=max((kill.time for kill in counted), default=None),
        recent=counted,
        new=frozenset(kill.id for kill in counted) - {kill.id for kill in stored.recent_kills},
    )


def _case(
    last: Kill,
    recent: Sequence[RecentKill],
    correlation: Correlation,
    kills: int,
    evidence: Evidence,
    *,
    way: Trajectory,
    leak_ended: datetime | None,
) -> Case:
    return Case(
        kill=last,
        container=evidence.container,
        record=next((kill.record for kill in correlation.kills if kill.entry.id == last.id), None),
        pod=evidence.pod_of(pod_uid=last.pod_uid, container_id=last.container_id),
        past=past_kills(recent),
        kills=kills,
        around=evidence.surroundings,
        leak_ended=leak_ended,
        known_way=way,
    )


def _with_usage(evidence: Evidence, stored: ReportStatus) -> Evidence:
    """Return the evidence with what was known of the running containers, where nobody looked at them."""
    around = evidence.surroundings
    return evidence if around.usage else replace(evidence, surroundings=replace(around, usage=stored.usage_since))


def _leak_ended(case: Case, stored: ReportStatus, advice: KeptAdvice, *, is_new: bool) -> datetime | None:
    """Return when the container started that took back the name of a leak, this time or before."""
    usage, was = case.around.usage, stored.advice.action
    if usage is None or is_new or was != Action.FIX_LEAK or advice.action == Action.FIX_LEAK:
        return stored.leak_ended
    return usage.began if is_contradicted(case, usage) else stored.leak_ended


def _grows_on(case: Case, advice: KeptAdvice) -> bool:
    """Return whether the growth of the running container is one that has killed before."""
    usage = case.around.usage
    return advice.action == Action.FIX_LEAK or (usage is not None and leak_in_sight(case, usage) is not None)
