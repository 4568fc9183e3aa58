"""The status of a hook, and the Events of failed deliveries.

The counters are for people: those of the last second before a crash may be missing. What was delivered, and what was
not, stands in the reports.
"""

import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.api.oom_hook import OOMHook
from oomreport.controller.known.hooks import GONE, REFUSED, HookRegistry, is_gone, name_of, refusal_of
from oomreport.controller.work.keys import HookKey
from oomreport.controller.work.queue import WorkQueue
from oomreport.errors import ApiError
from oomreport.hooks.answer import Answer, Outcome
from oomreport.hooks.delivery import Delivery, State
from oomreport.hooks.event import Event
from oomreport.incident.report.condition import ConditionFound, conditions_json
from oomreport.incident.report.notice import REPORTER
from oomreport.names import API_VERSION, OOM_HOOK, OOM_HOOKS, OOM_REPORT, bounded_text
from oomreport.times import rfc3339, rfc3339_seconds

log = logging.getLogger(__name__)
_EVENTS = "events.k8s.io/v1"
_GATHER_SECONDS = 1.0
# What a hook refers to may be put right without a change of the hook.
_LOOK_AGAIN_SECONDS = 30.0
_MOST_NOTE = 1000
_MOST_ERROR = 1024


@dataclass(slots=True, kw_only=True)
class _Attempts:
    """What came of attempts since the last write.

    `refusal` and `last_error` are of the time after the last delivery.
    """

    delivered: int = 0
    failed: int = 0
    last_delivery: datetime | None = None
    last_failure: datetime | None = None
    last_error: str | None = None
    last_error_time: datetime | None = None
    refusal: str | None = None
    gone: int | None = None

    def fail(self, error: str | None, now: datetime | None) -> None:
        """Take note of what went wrong."""
        self.last_error, self.last_error_time = error, now

    def succeed(self, now: datetime) -> None:
        """Take note of a delivery: what went wrong before it is over."""
        self.delivered += 1
        self.last_delivery = now
        self.last_error = self.last_error_time = self.refusal = None


class HookStatusWriter:
    """Writes the status of hooks. `counted` is told of each attempt by hook, kind of event and outcome."""

    def __init__(
        self,
        api: ApiServer,
        hooks: HookRegistry,
        queue: WorkQueue,
        *,
        identity: str,
        problem: Callable[[OOMHook], Awaitable[tuple[str, str] | None]],
        counted: Callable[[str, str], None],
        now: Callable[[], datetime],
    ) -> None:
        self._api, self._hooks, self._queue, self._now = api, hooks, queue, now
        self._identity, self._problem, self._counted = identity, problem, counted
        self._tallies: dict[str, _Attempts] = {}
        self._events: dict[str, dict[str, Any]] = {}

    def changed(self, hook: str) -> None:
        """Have a hook looked at that was changed."""
        self._queue.add(HookKey(name=hook))

    def attempted(self, hook: OOMHook, event: Event, after: Delivery, answer: Answer) -> None:
        """Take note of an attempt and what came of it."""
        name, now = name_of(hook), self._now()
        tally = self._tallies.setdefault(name, _Attempts())
        outcome = "Retry" if after.is_pending else after.state.value
        self._counted(name, outcome)
        facts = {
            "hook": name,
            "report": f"{event.namespace}/{event.report}",
            "event": event.type.value,
            "id": event.id,
            "attempts": after.attempts,
        }
        if after.state is State.DELIVERED:
            tally.succeed(now)
            log.info("delivered", extra=facts)
        elif after.state is State.FAILED:
            tally.failed += 1
            tally.last_failure = now
            tally.fail(after.last_error, now)
            log.warning("delivery was given up", extra={**facts, "error": after.last_error})
            self._events[f"{event.id} {name}"] = _event(hook, event, after, now=now, instance=self._identity)
        elif after.is_pending:
            tally.fail(after.last_error, now)
            log.info("delivery will be tried again", extra={**facts, "error": after.last_error})
        if answer.outcome is Outcome.REFUSED:
            tally.refusal = answer.message or "the last attempt could never succeed"
        if answer.outcome is Outcome.GONE:
            tally.gone = hook.metadata.get("generation")
        self._queue.add_later(HookKey(name=name), _GATHER_SECONDS)

    def unfiltered(self, hook: OOMHook, event: Event, why: str) -> None:
        """Take note that a filter could not be evaluated, so that the event is not told."""
        name = name_of(hook)
        self._counted(name, "Unfiltered")
        tally = self._tallies.setdefault(name, _Attempts())
        tally.fail(f"filter: {why}"[:_MOST_ERROR], self._now())
        facts = {"hook": name, "report": f"{event.namespace}/{event.report}", "event": event.type.value, "error": why}
        log.warning("filter could not be evaluated, the event is not told", extra=facts)
        self._queue.add_later(HookKey(name=name), _GATHER_SECONDS)

    async def write(self, key: HookKey) -> None:
        """Write what has changed of a hook's status, and send the Events. Raises ApiError."""
        for id_, body in list(self._events.items()):
            await self._send(id_, body)
        hook = self._hooks.get(key.name)
        if hook is None:
            self._tallies.pop(key.name, None)
            return
        tally = self._tallies.pop(key.name, _Attempts())
        status = hook.status.as_json() if hook.status else {}
        changed = self._changed(status, tally, await self._ready(hook, tally, key), hook.metadata.get("generation"))
        if all(status.get(name) == value for name, value in changed.items()):
            return
        namespace, _, name = key.name.partition("/")
        where = path(API_VERSION, OOM_HOOKS, namespace=namespace, name=name, sub="status")
        try:
            written = await self._api.merge(where, {"metadata": {"uid": hook.metadata["uid"]}, "status": changed})
        except ApiError as error:
            if error.is_outdated:
                return
            self._restore(key.name, tally)
            raise
        self._hooks.take("MODIFIED", written)

    async def _ready(self, hook: OOMHook, tally: _Attempts, key: HookKey) -> ConditionFound:
        """Return whether a hook can work.

        True      what it refers to is there, may be read, and is what it should be
        False     it is not, the last attempt was one that can never succeed, or the receiver wants nothing more
        """
        if tally.gone is not None or is_gone(hook):
            words = "the receiver answered 410: nothing is delivered until the hook is changed"
            return ConditionFound(status="False", reason=GONE, message=words)
        if problem := await self._problem(hook):
            self._queue.add_later(key, _LOOK_AGAIN_SECONDS)
            return ConditionFound(status="False", reason=problem[0], message=problem[1])
        if refusal := tally.refusal or (refusal_of(hook) if not tally.delivered else None):
            return ConditionFound(status="False", reason=REFUSED, message=refusal)
        return ConditionFound(status="True", reason="Ready", message="nothing is known that keeps it from working")

    def _changed(
        self, status: Mapping[str, Any], tally: _Attempts, ready: ConditionFound, generation: int | None
    ) -> dict[str, Any]:
        previous = status.get("conditions", ())
        changed: dict[str, Any] = {
            "observedGeneration": generation,
            "delivered": status.get("delivered", 0) + tally.delivered,
            "failed": status.get("failed", 0) + tally.failed,
            "conditions": conditions_json(previous, {"Ready": ready}, generation=generation, now=self._now()),
            "lastDeliveryTime": _seconds(tally.last_delivery),
            "lastFailureTime": _seconds(tally.last_failure),
            "lastError": tally.last_error,
            "lastErrorTime": _seconds(tally.last_error_time),
        }
        # A delivery ends what went wrong before it: null takes it away.
        ended = {"lastError", "lastErrorTime"} if tally.delivered else set()
        return {name: value for name, value in changed.items() if value is not None or name in ended}

    def _restore(self, name: str, tally: _Attempts) -> None:
        known = self._tallies.setdefault(name, _Attempts())
        if not known.delivered:
            known.refusal = known.refusal or tally.refusal
            if known.last_error is None:
                known.fail(tally.last_error, tally.last_error_time)
        known.delivered += tally.delivered
        known.failed += tally.failed
        known.gone = known.gone if known.gone is not None else tally.gone
        known.last_delivery = known.last_delivery or tally.last_delivery
        known.last_failure = known.last_failure or tally.last_failure

    async def _send(self, id_: str, body: dict[str, Any]) -> None:
        try:
            await self._api.create(path(_EVENTS, "events", namespace=body["metadata"]["namespace"]), body)
        except ApiError as error:
            if not error.is_final:
                raise
            if not error.is_conflict:
                log.warning("Event of a failed delivery was refused", extra={"error": str(error)})
        self._events.pop(id_, None)


def _event(hook: OOMHook, event: Event, delivery: Delivery, *, now: datetime, instance: str) -> dict[str, Any]:
    """Return the Event of a delivery that was given up."""
    name = name_of(hook)
    digest = hashlib.sha256("\0".join((event.id, name, str(delivery.attempts))).encode()).hexdigest()[:16]
    note = (
        f"{event.type} could not be delivered to OOMHook {name} in {delivery.attempts} attempts: {delivery.last_error};"
        f" oomreport redeliver -n {event.namespace} {event.report}"
    )
    return {
        "apiVersion": _EVENTS,
        "kind": "Event",
        "metadata": {"namespace": event.namespace, "name": f"{event.report[:200].rstrip('.-')}.{digest}"},
        "eventTime": rfc3339(now),
        "type": "Warning",
        "reason": "DeliveryFailed",
        "action": "Deliver",
        "note": bounded_text(note, _MOST_NOTE),
        "reportingController": REPORTER,
        "reportingInstance": instance[:128],
        "regarding": {
            "apiVersion": API_VERSION,
            "kind": OOM_REPORT,
            "namespace": event.namespace,
            "name": event.report,
            "uid": event.report_uid,
        },
        "related": {
            "apiVersion": API_VERSION,
            "kind": OOM_HOOK,
            "namespace": hook.metadata["namespace"],
            "name": hook.metadata["name"],
            "uid": hook.metadata.get("uid", ""),
        },
    }


def _seconds(time: datetime | None) -> str | None:
    return rfc3339_seconds(time) if time else None
