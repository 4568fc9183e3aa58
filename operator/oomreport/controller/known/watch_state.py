"""The state of each watch, and the end of its last gap.

A witness that was not listening has no say: while records are not watched, their absence contradicts nothing. After a
gap, it contradicts nothing that happened before the gap's end.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

# What every watch says at the start.
NOT_BEGUN = "it has not begun"
# A watch that its server ends is begun again within a moment; longer than this is a gap.
_GAP = timedelta(seconds=4)
# Watches begin anew every two minutes (watch.py), so one that told nothing for longer than this is held open by nobody.
_STALLED = timedelta(minutes=4)


@dataclass(slots=True, kw_only=True)
class _Watch:
    is_open: Callable[[], bool]
    began: datetime | None = None
    heard: datetime
    last_open: datetime
    in_gap: bool = False
    gap_end: datetime | None = None

    def goes_on(self, now: datetime) -> bool:
        return self.began is not None and self.is_open() and now - self.heard < _STALLED


class WatchState:
    """The watches of several kinds. `look` has to be called at least once a second: nobody tells of a watch's end."""

    def __init__(self, kinds: Iterable[str], now: Callable[[], datetime]) -> None:
        self._now = now
        self._watches = {kind: _Watch(is_open=lambda: False, heard=now(), last_open=now()) for kind in kinds}

    def begin(self, kind: str, is_open: Callable[[], bool]) -> None:
        """Take note that a watch has begun; `is_open` tells whether it goes on."""
        watch, now = self._watches[kind], self._now()
        if watch.in_gap:
            watch.in_gap, watch.gap_end = False, now
        watch.is_open, watch.began, watch.heard, watch.last_open = is_open, now, now, now

    def hear(self, kind: str) -> None:
        """Take note that a watch has told something, be it a bookmark: a list may take long."""
        self._watches[kind].heard = self._now()

    def look(self) -> None:
        """Take note of which watches go on."""
        now = self._now()
        for watch in self._watches.values():
            if watch.goes_on(now):
                watch.last_open = now
            elif watch.began is not None and now - watch.last_open > _GAP:
                watch.in_gap = True

    def is_watched(self, kind: str) -> bool:
        """Return whether a kind is watched without a gap now."""
        self.look()
        watch = self._watches[kind]
        return watch.began is not None and not watch.in_gap

    @property
    def is_open(self) -> bool:
        """Return whether all kinds are watched at this moment."""
        self.look()
        return all(watch.goes_on(self._now()) for watch in self._watches.values())

    def problems(self) -> dict[str, str]:
        """Return why each kind that is not watched is not."""
        self.look()
        return {
            f"watch of {kind}": NOT_BEGUN if watch.began is None else "it has ended or stalled"
            for kind, watch in self._watches.items()
            if watch.began is None or watch.in_gap
        }

    def heard_since(self, kind: str, times: Mapping[str, datetime]) -> dict[str, datetime]:
        """Return times as far as this watch can vouch for them: none in a gap, else none before the last gap's end."""
        if not self.is_watched(kind):
            return {}
        end = self._watches[kind].gap_end
        return {name: max(time, end) if end else time for name, time in times.items()}
