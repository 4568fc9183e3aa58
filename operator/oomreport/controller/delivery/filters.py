"""The filters of hooks, and which of them cannot be used."""

from collections.abc import Mapping
from typing import Any

from oomreport.adapters.cel import MOST_FILTERS, FilterFailed, FilterInvalid
from oomreport.adapters.cel_process import FilterProcess
from oomreport.api.oom_hook import OOMHook
from oomreport.controller.delivery.rooms import Rooms


class Filters:
    """Asks each filter in a process of its own; one that is invalid, or asked for too much, is not asked again.

    The filters of a namespace wait for each other, so that however many there are, others' wait for one of them.
    """

    def __init__(self) -> None:
        self._process = FilterProcess()
        self._rooms = Rooms(most=1)
        self._checked: dict[str, str | None] = {}

    async def problem(self, hook: OOMHook) -> str | None:
        """Return why a hook's filter cannot be used, None where it can or there is none."""
        text = hook.spec.filter
        if text is None:
            return None
        if text not in self._checked:
            try:
                async with self._rooms.of(hook.metadata["namespace"]):
                    await self._process.check(text)
            except FilterInvalid as error:
                self._keep(text, str(error))
            except FilterFailed as error:
                return str(error)
            else:
                self._keep(text, None)
        return self._checked[text]

    async def matches(self, hook: OOMHook, event: Mapping[str, Any]) -> bool:
        """Return whether a hook wants an event; a filter that cannot be used wants none. Raises FilterFailed."""
        text = hook.spec.filter
        if text is None:
            return True
        if self._checked.get(text) is not None:
            return False
        try:
            async with self._rooms.of(hook.metadata["namespace"]):
                return await self._process.matches(text, event)
        except FilterInvalid as error:
            self._keep(text, str(error))
            raise FilterFailed(str(error)) from error

    async def close(self) -> None:
        """End the process."""
        await self._process.close()

    def _keep(self, text: str, problem: str | None) -> None:
        if len(self._checked) >= MOST_FILTERS:
            self._checked.clear()
        self._checked[text] = problem
