"""The reconciler of a report: gather evidence, decide, write, hand on.

Looking twice does no harm: the write says which version it builds on, the ledger in it says what was counted, and a
record is marked only after that. A process that dies in between finds the record in the ledger and marks it.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from oomreport.controller.known.outbox import Draft, Outbox, without_delivered
from oomreport.controller.known.pods import PodCache
from oomreport.controller.known.policies import Policies
from oomreport.controller.known.records import RecordCache
from oomreport.controller.known.reports import NamespaceGoneError, ReportStore, StaleReportError, StoredReport
from oomreport.controller.reporting.announcer import Announcer
from oomreport.controller.reporting.gathering import EvidenceGatherer
from oomreport.controller.reporting.rollout_pods import RolloutPods
from oomreport.controller.reporting.router import Router
from oomreport.controller.work.keys import ReportKey, node_report_key
from oomreport.controller.work.queue import WorkQueue
from oomreport.hooks.delivery import Delivery, deliveries_of
from oomreport.incident.kill import Kill, Verdict
from oomreport.incident.report.decision import Decision, RecordOutcome, decide
from oomreport.incident.report.review import is_material
from oomreport.incident.report.status import ReportStatus
from oomreport.incident.witness.evidence import Evidence, Patience

log = logging.getLogger(__name__)
_MOST_TRIES = 5
# Where the ledger is full, records have to be marked before it can take more.
_SHORTEST_PAUSE = timedelta(milliseconds=100)
# What did not answer at a kill is asked again so often, and for so long.
_ASK_AGAIN, _ASK_FOR = timedelta(seconds=31), timedelta(minutes=10)


class ReportReconciler:
    """Keeps reports up to date. `on_deliveries` is told what each report that was looked at holds for hooks."""

    def __init__(
        self,
        *,
        queue: WorkQueue,
        pods: PodCache,
        records: RecordCache,
        reports: ReportStore,
        policies: Policies,
        outbox: Outbox,
        on_deliveries: Callable[[ReportKey, Iterable[Delivery]], None],
        evidence: EvidenceGatherer,
        announcer: Announcer,
        router: Router,
        rollout_pods: RolloutPods,
        patience: Patience,
        namespace: str,
        now: Callable[[], datetime],
    ) -> None:
        self._queue, self._pods, self._records, self._reports = queue, pods, records, reports
        self._policies, self._outbox, self._evidence = policies, outbox, evidence
        self._announcer, self._router, self._rollout_pods = announcer, router, rollout_pods
        self._on_deliveries = on_deliveries
        self._default_patience, self._namespace, self._now = patience, namespace, now
        self._unsettled: defaultdict[ReportKey, dict[str, Kill]] = defaultdict(dict)

    async def look_at(self, key: ReportKey) -> None:
        """Gather, decide, write, and hand on. Raises ApiError."""
        try:
            stored, decision = await self._written(key)
        except NamespaceGoneError:
            await self._move_to_node(key)
            return
        if decision.look_again:
            self._queue.add_later(key, max(decision.look_again - self._now(), _SHORTEST_PAUSE))
        if self._lacks_answers(decision):
            self._queue.add_later(key, _ASK_AGAIN)
        if stored is None:
            return
        self._rollout_pods.keep(key, stored.status)
        self._settle(key, stored, decision)
        for name, outcome in decision.used.items():
            self._announcer.mark(name, outcome, (stored.namespace, stored.name))
        for name in decision.mismatched:
            await self._router.release(name)
        self._annotate(key, stored, decision)

    async def _written(self, key: ReportKey) -> tuple[StoredReport | None, Decision]:
        for _ in range(_MOST_TRIES):
            stored = await self._reports.get(key)
            if stored is None and any(record.is_kill for record in self._records.of_report(key)):
                # It will be written in any case, and creating it takes as long as reading what bounds the advice.
                made, evidence = await asyncio.gather(self._reports.ensure(key), self._gathered(key, None))
                if made.status:
                    # Another process has made it meanwhile.
                    continue
                stored = made
            else:
                evidence = await self._gathered(key, stored)
            decision = decide(evidence, self._patience(key), without_delivered(stored.known) if stored else None)
            draft = await self._outbox.draft(key, stored, decision, self._default_patience)
            if not draft.changed:
                self._note_stored(key, stored, draft)
                return stored, decision
            try:
                written = await self._reports.write_status(key, stored, draft.status)
            except StaleReportError:
                continue
            self._note_stored(key, written, draft)
            self._evidence.forget(key, stored.known.counted if stored else (), decision.becomes.counted)
            if draft.happened:
                self._announcer.announce_report((one.type for one in draft.happened), written, container=key.container)
            self._log(stored, written, decision)
            return written, decision
        raise StaleReportError(
            f"report {key} changed each of {_MOST_TRIES} times before it could be written", status=409
        )

    def _gathered(self, key: ReportKey, stored: StoredReport | None) -> Awaitable[Evidence]:
        return self._evidence.gather(key, stored, self._unsettled.get(key, ()))

    def _note_stored(self, key: ReportKey, report: StoredReport | None, draft: Draft) -> None:
        self._outbox.stored(key, draft)
        if report is not None:
            self._on_deliveries(key, deliveries_of(report.status))

    def _patience(self, key: ReportKey) -> Patience:
        """Return the settings' own, but for what policies decide."""
        patience, policies = self._default_patience, self._policies
        return replace(
            patience,
            termination_age=policies.report_age(key.namespace, patience.termination_age),
            resolve_after=policies.resolve_after(key.namespace, patience.resolve_after),
        )

    def _lacks_answers(self, decision: Decision) -> bool:
        """Return whether what bounds the advice on a kill of late is still asked for."""
        last = decision.becomes.last_kill_time
        return bool(decision.becomes.advice.unknown) and last is not None and self._now() - last < _ASK_FOR

    def _settle(self, key: ReportKey, stored: StoredReport, decision: Decision) -> None:
        """Announce the kills whose verdict is settled; hold the others."""
        held = self._unsettled[key]
        for kill in decision.shown:
            if kill.verdict is not Verdict.CONTRADICTED and decision.used.get(kill.id) is not RecordOutcome.JOINED:
                held[kill.id] = kill
        for kill_id, silent in decision.settled.items():
            settled = held.pop(kill_id, None)
            if settled:
                self._announcer.announce(settled, stored, container=key.container, silent=silent)
        known = {entry["id"] for entry in stored.status.get("counted", ())}
        for kill_id in held.keys() - known:
            del held[kill_id]
        if not held:
            del self._unsettled[key]

    def _annotate(self, key: ReportKey, stored: StoredReport, decision: Decision) -> None:
        """Annotate the pods of new kills, and that of the last kill where a crash came before its annotation."""
        if not self._policies.annotates(key.namespace):
            return
        last = decision.becomes.last_kill
        kills = {kill.pod_uid: kill for kill in decision.shown}
        if last and last.pod_uid not in kills and not self._tells_of(last, stored):
            kills[last.pod_uid] = last
        for kill in kills.values():
            if kill.verdict is not Verdict.CONTRADICTED:
                self._announcer.annotate(kill, stored, container=key.container, kills=stored.status.get("kills", 0))

    def _tells_of(self, last: Kill, stored: StoredReport) -> bool:
        pod = self._pods.get(last.pod_uid or "")
        return pod is None or self._announcer.is_told(pod, last, kills=stored.status.get("kills", 0))

    async def _move_to_node(self, key: ReportKey) -> None:
        """Give the kills of a namespace that is gone to their nodes."""
        for record in self._records.of_report(key):
            self._records.unroute(record.name)
            node = node_report_key(self._namespace, record.node, host=False)
            if await self._router.claim(record.name, node):
                self._router.assign(record.name, node)

    def _log(self, before: StoredReport | None, written: StoredReport, decision: Decision) -> None:
        """Tell of a write: at "info" where it counts a kill or recommends something else."""
        seen = [self._records.first_seen[name] for name in decision.used if name in self._records.first_seen]
        waited = (self._now() - min(seen)).total_seconds() * 1000 if seen else None
        was, status = before.known if before else ReportStatus(), decision.becomes
        last, advice = status.last_kill, status.advice
        is_news = was.kills != status.kills or is_material(was.advice, advice)
        facts = {
            "report": f"{written.namespace}/{written.name}",
            "kills": status.kills,
            "verdict": last.verdict if last else None,
            "cause": last.cause if last else None,
            "limit": advice.previous_limit,
            "action": advice.action,
            "memoryLimit": advice.memory_limit,
            "records": len(decision.used),
            "milliseconds": round(waited, 1) if waited is not None else None,
        }
        extra = {key: value for key, value in facts.items() if value is not None}
        log.log(logging.INFO if is_news else logging.DEBUG, "report written", extra=extra)
