"""The target of a hook: a webhook, a Job or a resize."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from oomreport.api.oom_hook import OOMHook
from oomreport.hooks.answer import Answer
from oomreport.hooks.cloud_event import Digest
from oomreport.hooks.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A delivery whose time has come. `attempt` counts from 1; `first_attempt` is when that one was."""

    hook: OOMHook
    event: Event
    attempt: int
    first_attempt: datetime


class HookTarget(Protocol):
    """Delivers events. An attempt that was cut off may be made again: what it does must bear that."""

    async def deliver(self, due: Due) -> Answer:
        """Make one attempt. What can go wrong is an answer; an exception counts as an attempt to be made again."""
        ...


@runtime_checkable
class DigestTarget(Protocol):
    """A target that can be told many events as one."""

    async def deliver_digest(self, hook: OOMHook, digest: Digest) -> Answer:
        """Make one attempt to tell a digest."""
        ...


def target_of(hook: OOMHook, targets: Mapping[str, HookTarget]) -> HookTarget | None:
    """Return what a hook's events are delivered to, None where this controller has no such target."""
    spec = hook.spec
    kind = "webhook" if spec.webhook else "job" if spec.job else "resize"
    return targets.get(kind)
