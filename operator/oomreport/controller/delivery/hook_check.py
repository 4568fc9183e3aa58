"""Problems of a hook that are known before a delivery."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from oomreport.api.oom_hook import OOMHook
from oomreport.controller.delivery.filters import Filters
from oomreport.controller.delivery.hook_target import HookTarget, target_of
from oomreport.controller.known.hooks import HookRegistry


@runtime_checkable
class Checked(Protocol):
    """A target that can say beforehand what keeps a hook from working."""

    async def problem(self, hook: OOMHook) -> tuple[str, str] | None:
        """Return a condition's reason and message, None where nothing is known."""
        ...


class HookCheck:
    """Checks hooks. `targets` are by the field of the hook's spec."""

    def __init__(self, *, hooks: HookRegistry, filters: Filters, targets: Mapping[str, HookTarget]) -> None:
        self._hooks, self._filters, self._targets = hooks, filters, targets

    async def problem(self, hook: OOMHook) -> tuple[str, str] | None:
        """Return what keeps a hook from working, as a condition's reason and message. Raises ApiError."""
        if hook.spec.namespace_selector and not await self._hooks.reads_labels():
            return "NamespacesUnread", "namespaces cannot be read, so none is selected"
        if why := await self._filters.problem(hook):
            return "FilterInvalid", f"the filter {why}"
        target = target_of(hook, self._targets)
        if target is None:
            return "NoTarget", "this controller knows no such target"
        return await target.problem(hook) if isinstance(target, Checked) else None
