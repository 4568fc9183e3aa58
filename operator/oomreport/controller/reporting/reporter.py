"""A report is gathered, decided and written; what follows from that is handed on.

Looking twice does no harm: the write says which version it builds on, the ledger in it says what was counted, and a record
is marked only after that. A process that dies in between finds the record in the ledger and marks it.
"""

import asyncio
import logging
from collections import ChainMap, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from oomreport.adapters.cluster.api_server import path
from oomreport.controller.context import Context
from oomreport.controller.delivery.outbox import without_delivered
from oomreport.controller.known.reports import NamespaceGoneError, StaleReportError, StoredReport
from oomreport.controller.reporting.announcer import Teller
from oomreport.controller.reporting.rollout_pods import Following
from oomreport.controller.reporting.router import Router
from oomreport.controller.work.keys import ReportKey, node_report_key
from oomreport.incident.kill import Kill, Verdict
from oomreport.incident.report.status import Decision, Outcome, decide
from oomreport.incident.witness.evidence import Evidence, Patience, RecordFacts
from oomreport.incident.witness.ledger import Entry, ledger_of
from oomreport.incident.witness.surroundings import Surroundings
from oomreport.names import API_VERSION, OOM_RECORDS
from oomreport.times import parse_time
from oomreport.workload.pod import PodFacts

log = logging.getLogger(__name__)
_MOST_TRIES = 5
# Where the ledger is full, records have to be marked before it can take more.
_SHORTEST_PAUSE = timedelta(milliseconds=100)
# Another controller may see a record's mark, or a pod's end, that much later than this one.
_FORGET_AFTER = timedelta(minutes=5)
# Up to here the ledger is written shorter only together with something else.
_LONG_LEDGER = 256
# What did not answer at a kill is asked again so often, and for so long.
_ASK_AGAIN, _ASK_FOR = timedelta(seconds=31), timedelta(minutes=10)


class Reporter:
    """Keeps reports up to date."""

    def __init__(self, context: Context, teller: Teller, router: Router, following: Following) -> None:
        self._context, self._teller, self._router = context, teller, router
        self._following = following
        self._unsettled: defaultdict[ReportKey, dict[str, Kill]] = defaultdict(dict)
        self._forgettable_since: dict[tuple[ReportKey, str], datetime] = {}

    async def look_at(self, key: ReportKey) -> None:
        """Gather, decide, write, and hand on. Raises ApiError."""
        try:
            stored, decision = await self._written(key)
        except NamespaceGoneError:
            await self._move_to_node(key)
            return
        if decision.look_again:
            self._context.queue.add_later(key, max(decision.look_again - self._context.now(), _SHORTEST_PAUSE))
        if self._lacks_answers(decision):
            self._context.queue.add_later(key, _ASK_AGAIN)
        if stored is None:
            return
        self._following.keep(key, stored.status)
        self._settle(key, stored, decision)
        for name, outcome in decision.used.items():
            self._teller.mark(name, outcome, (stored.namespace, stored.name))
        for name in decision.mismatched:
            await self._router.release(name)
        self._annotate(key, stored, decision)

    async def _written(self, key: ReportKey) -> tuple[StoredReport | None, Decision]:
        for _ in range(_MOST_TRIES):
            stored = await self._context.reports.get(key)
            decision = decide(await self._evidence(key, stored), self._patience(key))
            outbox = self._context.outbox
            draft = await outbox.draft(key, stored, decision, self._context.settings.patience)
            if not draft.changed:
                outbox.stored(key, stored, draft)
                return stored, decision
            try:
                written = await self._context.reports.write_status(key, stored, draft.status)
            except StaleReportError:
                continue
            outbox.stored(key, written, draft)
            self._forget(key, ledger_of(stored.status) if stored else (), ledger_of(written.status))
            self._log(written, decision)
            return written, decision
        raise StaleReportError(
            f"report {key} changed each of {_MOST_TRIES} times before it could be written", status=409
        )

    def _patience(self, key: ReportKey) -> Patience:
        """Return the settings' own, but for what policies decide."""
        patience = self._context.settings.patience
        policies = self._context.policies
        return replace(
            patience,
            termination_age=policies.report_age(key.namespace, patience.termination_age),
            resolve_after=policies.resolve_after(key.namespace, patience.resolve_after),
        )

    async def _evidence(self, key: ReportKey, stored: StoredReport | None) -> Evidence:
        context, now = self._context, self._context.now()
        ledger = ledger_of(stored.status) if stored else ()
        for entry in ledger:
            context.pods.watch(entry.container_id)
        pods = context.pods.of_workload(key.namespace, key.workload.identity)
        open_records = context.records.of_report(key)
        forgettable = await self._forgettable(key, ledger, pods)
        is_due = bool(open_records) or len(ledger) > _LONG_LEDGER
        surroundings, managed_by = await asyncio.gather(
            self._surroundings(key, stored, open_records, pods),
            context.manifests.manager_of(key, lambda: context.queue.add(key)),
        )
        return Evidence(
            now=now,
            workload=key.workload,
            container=key.container,
            status=without_delivered(stored.status) if stored else {},
            generation=stored.generation if stored else 1,
            review=stored.review if stored else "Pending",
            records=open_records,
            pods=pods,
            pods_listed=context.pods.is_listed(key.namespace, key.workload.identity),
            recorded=frozenset(
                termination.container_id
                for pod in pods
                if (container := pod.container(key.container))
                for termination in container.terminations
                if context.records.has_own(termination.container_id)
            ),
            healthy_since=context.pods.healthy_since(),
            first_seen=ChainMap(context.records.first_seen, context.pods.first_seen),
            unmarked=frozenset(
                entry.id for entry in ledger if not entry.from_status and entry.id not in context.records.used
            ),
            forgettable=forgettable if is_due else frozenset(),
            unsettled=frozenset(self._unsettled.get(key, ())),
            surroundings=surroundings,
            managed_by=managed_by,
        )

    async def _surroundings(
        self, key: ReportKey, stored: StoredReport | None, records: Sequence[RecordFacts], pods: Sequence[PodFacts]
    ) -> Surroundings:
        """Return what bounds the advice on the last kill, as far as it is known by now."""
        last = (stored.status.get("lastKill") if stored else None) or {}
        newest = max(records, key=lambda record: record.time, default=None)
        ended = next((pod for pod in reversed(pods) if _ended(pod, key.container)), None)
        node = newest.node if newest else last.get("node") or (ended.node if ended else None)
        named = newest.subject.pod if newest and newest.subject else None
        pod = named or last.get("pod") or (ended.name if ended else None)
        context = self._context
        return await context.bounds.of(key, node=node, pod=pod, on_late=lambda: context.queue.add(key))

    def _lacks_answers(self, decision: Decision) -> bool:
        """Return whether what bounds the advice on a kill of late is still asked for."""
        advice = decision.status.get("recommendation") or {}
        last = parse_time(decision.status.get("lastKillTime"))
        return bool(advice.get("unknown")) and last is not None and self._context.now() - last < _ASK_FOR

    async def _forgettable(
        self, key: ReportKey, ledger: tuple[Entry, ...], pods: tuple[PodFacts, ...]
    ) -> frozenset[str]:
        """Return the entries that no witness has been able to bring up for a while."""
        now = self._context.now()
        last = {entry.container_id: entry.id for entry in ledger if entry.container_id}
        shown = {instance for pod in pods for container in pod.containers for instance in container.container_ids}
        found: set[str] = set()
        for entry in ledger:
            place = (key, entry.id)
            is_last = entry.container_id is not None and last[entry.container_id] == entry.id
            if (is_last and entry.container_id in shown) or self._context.records.get(entry.id):
                self._forgettable_since.pop(place, None)
            elif now - self._forgettable_since.setdefault(place, now) >= _FORGET_AFTER and await self._is_used(entry):
                found.add(entry.id)
        return frozenset(found)

    async def _is_used(self, entry: Entry) -> bool:
        """Return whether the entry's record will not come up again: it was used, or is deleted."""
        if entry.from_status or entry.id in self._context.records.used:
            return True
        stored = await self._context.api.found(path(API_VERSION, OOM_RECORDS, name=entry.id))
        return stored is None or bool(stored.get("status", {}).get("usedTime"))

    def _forget(self, key: ReportKey, before: tuple[Entry, ...], after: tuple[Entry, ...]) -> None:
        """Stop to watch the containers that have left the ledger."""
        watched = {entry.container_id for entry in after}
        for entry in before:
            self._forgettable_since.pop((key, entry.id), None)
            if entry.container_id and entry.container_id not in watched:
                self._context.pods.unwatch(entry.container_id)

    def _settle(self, key: ReportKey, stored: StoredReport, decision: Decision) -> None:
        """Announce the kills whose verdict is settled; hold the others."""
        held = self._unsettled[key]
        for kill in decision.shown:
            if kill.verdict is not Verdict.CONTRADICTED and decision.used.get(kill.id) is not Outcome.JOINED:
                held[kill.id] = kill
        for kill_id, silent in decision.settled.items():
            settled = held.pop(kill_id, None)
            if settled:
                self._teller.announce(settled, stored, container=key.container, silent=silent)
        known = {entry["id"] for entry in stored.status.get("counted", ())}
        for kill_id in held.keys() - known:
            del held[kill_id]
        if not held:
            del self._unsettled[key]

    def _annotate(self, key: ReportKey, stored: StoredReport, decision: Decision) -> None:
        """Annotate the pods of new kills, and that of the last kill where a crash came before its annotation."""
        if not self._context.policies.annotates(key.namespace):
            return
        last = Kill.from_status(stored.status.get("lastKill"))
        kills = {kill.pod_uid: kill for kill in decision.shown}
        if last and last.pod_uid not in kills and not self._tells_of(last, stored):
            kills[last.pod_uid] = last
        for kill in kills.values():
            if kill.verdict is not Verdict.CONTRADICTED:
                self._teller.annotate(kill, stored, container=key.container, kills=stored.status.get("kills", 0))

    def _tells_of(self, last: Kill, stored: StoredReport) -> bool:
        pod = self._context.pods.get(last.pod_uid or "")
        return pod is None or self._teller.is_told(pod, last, kills=stored.status.get("kills", 0))

    async def _move_to_node(self, key: ReportKey) -> None:
        """Give the kills of a namespace that is gone to their nodes."""
        for record in self._context.records.of_report(key):
            self._context.records.unroute(record.name)
            node = node_report_key(self._context.settings.namespace, record.node, host=False)
            if await self._router.claim(record.name, node):
                self._router.assign(record.name, node)

    def _log(self, written: StoredReport, decision: Decision) -> None:
        seen = [
            self._context.records.first_seen[name] for name in decision.used if name in self._context.records.first_seen
        ]
        waited = (self._context.now() - min(seen)).total_seconds() * 1000 if seen else None
        log.info(
            "report written",
            extra={
                "report": f"{written.namespace}/{written.name}",
                "kills": written.status.get("kills"),
                "verdict": written.status.get("lastKill", {}).get("verdict"),
                "records": len(decision.used),
                **({"milliseconds": round(waited, 1)} if waited is not None else {}),
            },
        )


def _ended(pod: PodFacts, name: str) -> bool:
    container = pod.container(name)
    return container is not None and bool(container.terminations)
