"""The compiled filters of hooks."""

from collections.abc import Mapping
from typing import Any

from oomreport.adapters.cel import Filter, FilterInvalid
from oomreport.api.oom_hook import OOMHook

_MOST = 500


class Filters:
    """Compiles each filter once."""

    def __init__(self) -> None:
        self._compiled: dict[str, Filter | str] = {}

    def problem(self, hook: OOMHook) -> str | None:
        """Return why a hook's filter cannot be used, None where it can or there is none."""
        compiled = self._of(hook)
        return compiled if isinstance(compiled, str) else None

    def matches(self, hook: OOMHook, event: Mapping[str, Any]) -> bool:
        """Return whether a hook wants an event; a filter that cannot be used wants none. Raises FilterFailed."""
        compiled = self._of(hook)
        return compiled is None or (isinstance(compiled, Filter) and compiled.matches(event))

    def _of(self, hook: OOMHook) -> Filter | str | None:
        text = hook.spec.filter
        if text is None:
            return None
        if text not in self._compiled:
            if len(self._compiled) >= _MOST:
                self._compiled.clear()
            try:
                self._compiled[text] = Filter(text)
            except FilterInvalid as error:
                self._compiled[text] = str(error)
        return self._compiled[text]
