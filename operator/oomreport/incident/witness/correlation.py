"""Kernel records and pod status joined: each kill once, with a verdict.

A kill is one invocation of the OOM killer that killed something (a group killed at once is one kill), or one
termination OOMKilled of a container that no record speaks of. So the number of kills of a container instance is the
number of its records, or one where there is none and status says OOMKilled; the order in which the witnesses arrive
does not matter.

A counter's record and the line of the same kill are one (counter_kills.py).

An instance can be killed in several times: each killed child is a silent kill, its termination belongs to the last one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby

from oomreport.incident.kill import Verdict
from oomreport.incident.witness.counter_kills import is_told_already, told_by_counter
from oomreport.incident.witness.evidence import Ending, Evidence, Patience, RecordFacts
from oomreport.incident.witness.ledger import (
    LedgerEntry,
    OpenLedger,
    StoredLedger,
    oldest_first,
    status_kill_id,
    stored_ledger,
)
from oomreport.workload.pod import SIGKILLED

# A kill and the end it caused lie close together. The end is cut to whole seconds, so it may seem to come first; a
# process with much memory takes a while to die.
_ENDS_BEFORE = timedelta(seconds=2)
_ENDS_WITHIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessedKill:
    """A kill with the witnesses at hand."""

    entry: LedgerEntry
    record: RecordFacts | None = None
    ending: Ending | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """What the evidence adds to a report.

    ledger          the entries after it, oldest first
    kills           the kills that were counted or shown for the first time, or whose record arrived now
    more            by how much the number of kills grows
    replaced        kills known by status only, whose record arrived: by old ID, the new one
    used            records that need not be looked at again, and whether they were joined to a kill counted before
    mismatched      anonymous records that were matched with a container of which another record speaks
    settled_before  terminations up to here are no longer counted
    look_again      when waiting for a witness ends
    """

    ledger: tuple[LedgerEntry, ...]
    kills: tuple[WitnessedKill, ...]
    more: int
    replaced: Mapping[str, str]
    used: Mapping[str, bool]
    mismatched: tuple[str, ...]
    settled_before: datetime | None
    look_again: datetime | None


@dataclass(slots=True, kw_only=True)
class _Entered:
    ledger: OpenLedger
    shown: dict[str, RecordFacts | None] = field(default_factory=dict)
    replaced: dict[str, str] = field(default_factory=dict)
    used: dict[str, bool] = field(default_factory=dict)
    mismatched: list[str] = field(default_factory=list)
    look_again: list[datetime] = field(default_factory=list)
    more: int = 0


def correlate(evidence: Evidence, patience: Patience, stored: StoredLedger | None = None) -> Correlation:
    """Return what the evidence adds to the report, each kill once.

    `stored` is the ledger of the evidence's status, where it is at hand.
    """
    endings = evidence.endings
    ledger = OpenLedger(
        stored or stored_ledger(evidence.status),
        forgettable=evidence.forgettable,
        unmarked=evidence.unmarked | {record.name for record in evidence.records},
        ended={container_id: finished(ending, evidence.now) for container_id, ending in endings.items()},
    )
    entered = _Entered(ledger=ledger)
    # Anonymous ones last: they are matched with what no other record explains.
    for record in sorted(evidence.records, key=lambda one: (one.is_anonymous, one.time, one.name)):
        _enter_record(entered, record, now=evidence.now)
    for ending in endings.values():
        _enter_ending(entered, ending, evidence, patience)
    entries = _with_verdicts(ledger.entries(), endings)
    return Correlation(
        ledger=entries,
        kills=tuple(_shown(entered, entries, endings)),
        more=entered.more,
        replaced=entered.replaced,
        used=entered.used,
        mismatched=tuple(entered.mismatched),
        settled_before=ledger.watermark,
        look_again=min(entered.look_again, default=None),
    )


def confirms(ending: Ending, killed: datetime) -> bool:
    """Return whether a termination is that of a container with a kernel record of a kill at `killed`.

    OOMKilled of the same instance always is: the runtime took it from the same cgroup, maybe long before the end.
    A bare SIGKILL can have another sender, unless it came with the kill.
    """
    if ending.termination.oom_killed:
        return True
    end = ending.termination.finished
    if end is None or not ending.termination.perhaps_oom_killed:
        return False
    return -_ENDS_BEFORE <= end - killed <= _ENDS_WITHIN


def lived_on(entry: LedgerEntry, ledger: Sequence[LedgerEntry], evidence: Evidence, patience: Patience) -> bool | None:
    """Return whether the container outlived the kill; None while it is too early to say, and where no pod shows it."""
    if entry.container_id is None or entry.from_status:
        return False
    if any(other.container_id == entry.container_id and other.time - entry.time >= patience.settle for other in ledger):
        return True
    if ending := evidence.endings.get(entry.container_id):
        slow = ending.termination.exit_code == SIGKILLED
        return finished(ending, evidence.now) - entry.time >= (_ENDS_WITHIN if slow else patience.settle)
    if evidence.now < settles(entry, evidence, patience) or not evidence.runs(entry.container_id):
        return None
    return True


def settles(entry: LedgerEntry, evidence: Evidence, patience: Patience) -> datetime:
    """Return when a container that still runs has outlived the kill."""
    return max(entry.time, evidence.first_seen.get(entry.id, entry.time)) + patience.grace


def finished(ending: Ending, otherwise: datetime) -> datetime:
    """Return when a container ended."""
    return ending.termination.finished or otherwise


def _enter_record(entered: _Entered, record: RecordFacts, *, now: datetime) -> None:
    if not record.is_kill or record.name in entered.ledger:
        entered.used[record.name] = False
        return
    entry = LedgerEntry(id=record.name, time=record.time, verdict=Verdict.KERNEL_ONLY, container_id=record.container_id)
    instance = entered.ledger.of_container(record.container_id)
    known = next((one for one in instance if one.from_status), None)
    if record.is_anonymous and len(instance) > (known is not None):
        entered.mismatched.append(record.name)
        return
    if is_told_already(record, instance):
        entered.used[record.name] = True
        return
    known = known or told_by_counter(record, instance)
    if known:
        entered.ledger.replace(known, entry)
        entered.replaced[known.id] = entry.id
    elif not entered.ledger.add(entry):
        entered.look_again.append(now)
        return
    entered.more += known is None or known.verdict is Verdict.CONTRADICTED
    entered.used[record.name] = known is not None
    entered.shown[entry.id] = record


def _enter_ending(entered: _Entered, ending: Ending, evidence: Evidence, patience: Patience) -> None:
    end = finished(ending, evidence.now)
    watermark = entered.ledger.watermark
    if (
        not ending.termination.oom_killed
        or ending.container_id in evidence.recorded
        or evidence.now - end > patience.termination_age
        or (watermark and end <= watermark)
        or entered.ledger.of_container(ending.container_id)
    ):
        return
    due = max(end, evidence.first_seen.get(ending.container_id, end)) + patience.grace
    if evidence.now < due:
        entered.look_again.append(due)
        return
    verdict = Verdict.CONTRADICTED if _is_contradicted(ending, end, evidence) else Verdict.STATUS_ONLY
    kill_id = status_kill_id(ending.container_id)
    if not entered.ledger.add(LedgerEntry(id=kill_id, time=end, verdict=verdict, container_id=ending.container_id)):
        entered.look_again.append(evidence.now)
        return
    entered.more += verdict is Verdict.STATUS_ONLY
    entered.shown[kill_id] = None


def _is_contradicted(ending: Ending, end: datetime, evidence: Evidence) -> bool:
    # A guest kernel (runtimeClass) kills unseen by the node's; an agent that came later could not see the kill.
    healthy = evidence.healthy_since.get(ending.pod.node or "")
    return healthy is not None and healthy < end and ending.pod.runtime_class is None


def _with_verdicts(entries: Sequence[LedgerEntry], endings: Mapping[str, Ending]) -> tuple[LedgerEntry, ...]:
    def container(entry: LedgerEntry) -> str:
        return entry.container_id or ""

    settled: list[LedgerEntry] = []
    for container_id, group in groupby(sorted(entries, key=container), key=container):
        *earlier, last = oldest_first(group)
        ending = endings.get(container_id)
        if ending is None or last.from_status:
            settled += [*earlier, last]
            continue
        settled += [replace(entry, verdict=Verdict.KERNEL_ONLY) for entry in earlier]
        settled.append(replace(last, verdict=Verdict.CONFIRMED) if confirms(ending, last.time) else last)
    return oldest_first(settled)


def _shown(entered: _Entered, entries: Sequence[LedgerEntry], endings: Mapping[str, Ending]) -> Iterator[WitnessedKill]:
    last = {entry.container_id: entry.id for entry in entries}
    for entry in entries:
        if entry.id in entered.shown:
            ending = endings.get(entry.container_id or "") if last[entry.container_id] == entry.id else None
            yield WitnessedKill(entry=entry, record=entered.shown[entry.id], ending=ending)
