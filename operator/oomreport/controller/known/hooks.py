"""The OOMHooks of the cluster, and those that fit a report.

In the controller's own namespace a hook sees the reports of all namespaces, elsewhere those of its own.
"""

import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.api.oom_hook import LabelSelector, OOMHook
from oomreport.controller.known.ttl_cache import CacheTimes, TtlCache
from oomreport.errors import ApiError
from oomreport.hooks.outbox import Subscription
from oomreport.hooks.selector import selects
from oomreport.names import API_VERSION, OOM_HOOKS
from oomreport.times import parse_time

log = logging.getLogger(__name__)
HOOKS = path(API_VERSION, OOM_HOOKS)
GONE = "Gone"
REFUSED = "Refused"
_OF_NAMESPACES = CacheTimes(keep=60.0, keep_failure=1.0, wait=5.0)


def name_of(hook: OOMHook) -> str:
    """Return a hook's namespace/name, as deliveries hold it."""
    return f"{hook.metadata['namespace']}/{hook.metadata['name']}"


def is_gone(hook: OOMHook) -> bool:
    """Return whether the receiver wanted nothing more, and nobody has changed the hook since."""
    return _unready(hook, GONE) is not None


def refusal_of(hook: OOMHook) -> str | None:
    """Return why the last attempt could never succeed, None where none is known or somebody has changed the hook."""
    return _unready(hook, REFUSED)


def _unready(hook: OOMHook, reason: str) -> str | None:
    """Return the message of a hook that is not ready for a reason, as it is now."""
    conditions = hook.status.conditions if hook.status else ()
    generation = hook.metadata.get("generation")
    found = (
        one.message
        for one in conditions
        if one.type == "Ready"
        and one.status == "False"
        and one.reason == reason
        and one.observed_generation == generation
    )
    return next(found, None)


class HookRegistry:
    """What is known of OOMHooks. `readable` is whether they have been listed, and may still be read."""

    def __init__(self, api: ApiServer, cluster_namespace: str) -> None:
        self._api, self._cluster = api, cluster_namespace
        self._hooks: dict[str, OOMHook] = {}
        self._gone: set[tuple[str, int | None]] = set()
        self._labels = TtlCache("namespace", self._labels_of, _OF_NAMESPACES)
        self.readable = False

    async def load(self) -> list[str]:
        """Read all hooks before anything is counted; return those that are new. Raises ApiError."""
        changed: list[str] = []
        try:
            async for page in self._api.pages(HOOKS):
                changed += filter(None, (self.take(None, hook) for hook in page))
            self.readable = True
        except ApiError as error:
            if not error.is_unreadable:
                raise
            log.warning("hooks cannot be read, none is told anything", extra={"error": str(error)})
        return changed

    def take(self, kind: str | None, raw: Mapping[str, Any]) -> str | None:
        """Take note of a hook as the API server tells of it; return its name where a person has changed it."""
        name = f"{raw['metadata']['namespace']}/{raw['metadata']['name']}"
        if kind == "DELETED":
            self._hooks.pop(name, None)
            return name
        known = self._hooks.get(name)
        try:
            hook = OOMHook.model_validate(raw)
        except ValidationError as error:
            # It may have been written for a newer version; pydantic's words would show values.
            fields = sorted({".".join(map(str, one["loc"])) for one in error.errors()})
            log.warning("hook cannot be understood", extra={"hook": name, "fields": fields[:10]})
            self._hooks.pop(name, None)
            return None
        self._hooks[name] = hook
        # A status that we wrote comes back, too.
        return name if known is None or _identity(known) != _identity(hook) else None

    def listed(self, names: frozenset[tuple[str, str]]) -> set[str]:
        """Take note of a whole listing; return what it does not hold any more: that was deleted unseen."""
        gone = self._hooks.keys() - {f"{namespace}/{one}" for namespace, one in names}
        for name in gone:
            self._hooks.pop(name)
        self.readable = True
        return gone

    def lost(self) -> None:
        """Take note that hooks cannot be read any more: those that are known go on to be told."""
        self.readable = False

    def get(self, name: str) -> OOMHook | None:
        """Return a hook by its namespace/name."""
        return self._hooks.get(name)

    def names(self) -> frozenset[str] | None:
        """Return all that exist, None while that is not known."""
        return frozenset(self._hooks) if self.readable else None

    def may_be_told(self, hook: OOMHook) -> bool:
        """Return whether a hook wants to be told anything now."""
        is_gone_here = (name_of(hook), hook.metadata.get("generation")) in self._gone
        return not hook.spec.suspend and not is_gone(hook) and not is_gone_here

    def set_gone(self, hook: OOMHook) -> None:
        """Take note that the receiver wants nothing more, before the API server has it."""
        self._gone.add((name_of(hook), hook.metadata.get("generation")))

    async def subscriptions(self, namespace: str, labels: Mapping[str, str]) -> list[Subscription]:
        """Return the hooks that fit a report by its namespace and labels."""
        found = [one async for one in self._fitting(namespace, labels)]
        return [_subscription(hook) for hook in found]

    async def reads_labels(self) -> bool:
        """Return whether namespaces can be read, which hooks that select namespaces need."""
        return await self._labels.get(self._cluster) is not None

    async def close(self) -> None:
        """End what is being read."""
        await self._labels.close()

    async def _fitting(self, namespace: str, labels: Mapping[str, str]) -> AsyncIterator[OOMHook]:
        for hook in self._seeing(namespace):
            spec = hook.spec
            if not self.may_be_told(hook) or not selects(_json(spec.selector), labels):
                continue
            by_namespace = _json(spec.namespace_selector)
            if by_namespace and hook.metadata["namespace"] == self._cluster:
                # A report must not wait for a right that only a hook needs; the hook's condition tells of it.
                known = await self._labels.get(namespace)
                if known is None or not selects(by_namespace, known.value):
                    continue
            yield hook

    def _seeing(self, namespace: str) -> Iterator[OOMHook]:
        return (hook for hook in [*self._hooks.values()] if hook.metadata["namespace"] in (self._cluster, namespace))

    async def _labels_of(self, namespace: str) -> Mapping[str, str]:
        found = await self._api.found(path("v1", "namespaces", name=namespace))
        labels: Mapping[str, str] = (found or {}).get("metadata", {}).get("labels") or {}
        return labels


def _json(selector: LabelSelector | None) -> Mapping[str, Any] | None:
    return selector.as_json() if selector else None


def _identity(hook: OOMHook) -> tuple[Any, ...]:
    return hook.metadata.get("uid"), hook.metadata.get("generation")


def _subscription(hook: OOMHook) -> Subscription:
    since = parse_time(hook.metadata["creationTimestamp"])
    assert since is not None
    repeated = hook.spec.repeated
    return Subscription(
        hook=name_of(hook),
        events=frozenset(hook.spec.events),
        since=since,
        repeated=(repeated.kills, timedelta(seconds=repeated.window_seconds)) if repeated else None,
    )
