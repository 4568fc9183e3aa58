"""The parts that tell hooks what happened, put together."""

from collections.abc import Mapping

from oomreport.api.oom_hook import OOMHook
from oomreport.controller.context import Context
from oomreport.controller.delivery.deliverer import Deliverer, target_of
from oomreport.controller.delivery.filters import Filters
from oomreport.controller.delivery.hook_status import Checked, HookNotes
from oomreport.controller.delivery.target import Target


class HookDelivery:
    """Deliverer and notes, told of each change of a hook. `targets` are by the field of the hook's spec."""

    def __init__(self, context: Context, targets: Mapping[str, Target]) -> None:
        self._context, self._targets = context, targets
        self._filters = Filters()
        settings, hooks = context.settings, context.hooks
        self.notes = HookNotes(
            context.api, hooks, context.queue, identity=settings.identity, problem=self._problem, now=context.now
        )
        self.deliverer = Deliverer(
            hooks=hooks,
            outbox=context.outbox,
            reports=context.reports,
            work=context.queue,
            targets=targets,
            filters=self._filters,
            notes=self.notes,
            terms=settings.hook_terms,
            workers=settings.hook_workers,
            now=context.now,
        )
        hooks.on_change = self._changed

    def _changed(self, hook: str) -> None:
        self.notes.changed(hook)
        self.deliverer.changed(hook)

    async def _problem(self, hook: OOMHook) -> tuple[str, str] | None:
        """Return what keeps a hook from working, as a condition's reason and message."""
        if hook.spec.namespace_selector and not await self._context.hooks.reads_labels():
            return "NamespacesUnread", "namespaces cannot be read, so none is selected"
        if why := self._filters.problem(hook):
            return "FilterInvalid", f"the filter {why}"
        target = target_of(hook, self._targets)
        if target is None:
            return "NoTarget", "this controller knows no such target"
        return await target.problem(hook) if isinstance(target, Checked) else None
