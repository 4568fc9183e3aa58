"""An event loop with a clock of its own, which jumps to the next timer as soon as nothing else is to do.

So a test of times and waits takes none, and a loaded machine changes nothing in it.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """A selector that does not wait for a timer, but sets the clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; where only a timer is waited for, its time has come then."""
        if timeout is None:
            return super().select(None)
        ready = super().select(0)
        self.now += 0.0 if ready else max(timeout, 0.0)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only by its own timers."""

    def __init__(self) -> None:
        """Start at zero."""
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        """Return the seconds that have passed by timers."""
        return self._clock.now


def run(story: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in time of its own."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(story)
