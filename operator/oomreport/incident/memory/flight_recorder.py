"""A container's memory on its way to a kill, in little room.

Ten minutes in steps of five seconds show a spike; they show a leak of a day as a level line, and so they do the rise of
a working day. So a second series covers the container's whole life in at most 60 points: when it is full, each pair is
merged to its maximum and the interval doubles.

The size to record is the working set, as the kubelet has it: memory.current (v1: usage_in_bytes) less inactive_file.
Page cache fills every container that reads files up to its limit and is given back on demand.
"""

from array import array
from dataclasses import dataclass
from math import ceil

MOST_SAMPLES = 120
MOST_LIFE_SAMPLES = 60
INTERVAL_SECONDS = 5.0
# So many samples may be missed in a row: a node short of memory lets its agent wait just when the series matters most.
_MOST_MISSED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Sizes in bytes, `interval` seconds apart; the first is of the time `start` (seconds of any clock)."""

    start: float
    interval: float
    sizes: tuple[int, ...]

    @property
    def end(self) -> float:
        """Return the time up to which the series reaches."""
        return self.start + self.interval * max(len(self.sizes) - 1, 0)

    def time(self, index: int) -> float:
        """Return the time of a sample."""
        return self.start + self.interval * index


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The last minutes, and the whole life in coarser steps, each point the largest of its interval."""

    recent: Series
    life: Series


class FlightRecorder:
    """Keeps the memory of one container, 1.5 KiB. Samples come in order of time, about `interval` seconds apart."""

    __slots__ = ("_interval", "_last", "_life", "_recent", "_start", "_step")

    def __init__(self, interval: float = INTERVAL_SECONDS) -> None:
        self._interval = interval
        self._recent = array("Q")
        self._life = array("Q")
        self._start: float | None = None
        self._last = 0.0
        self._step = interval

    def add(self, time: float, size: int) -> None:
        """Take a sample. Where samples were missed, the last size stands for them.

        A gap of more than half a minute (at the usual interval) ends the even spacing that the recent series promises.
        """
        if self._start is None:
            self._start = time
        if self._recent:
            missed = int((time - self._last) / self._interval - 0.5)
            if missed > _MOST_MISSED:
                self._recent = array("Q")
            elif missed > 0:
                self._recent.extend([self._recent[-1]] * missed)
        self._last = time
        self._recent.append(size)
        if len(self._recent) > MOST_SAMPLES:
            del self._recent[: len(self._recent) - MOST_SAMPLES]
        self._add_to_life(time - self._start, size)

    def recording(self, until: float | None = None) -> Recording | None:
        """Return what was recorded up to `until`, both inclusive; None where there was no sample yet."""
        if self._start is None or (until is not None and until < self._start):
            return None
        sizes, last = tuple(self._recent), self._last
        points = tuple(self._life)
        if until is not None and until < last:
            late = min(len(sizes), ceil((last - until) / self._interval))
            sizes, last = sizes[: len(sizes) - late], last - late * self._interval
            points = points[: int((until - self._start) / self._step) + 1]
        return Recording(
            recent=Series(start=last - self._interval * max(len(sizes) - 1, 0), interval=self._interval, sizes=sizes),
            life=Series(start=self._start, interval=self._step, sizes=points),
        )

    def _add_to_life(self, age: float, size: int) -> None:
        index = int(age / self._step)
        while index >= MOST_LIFE_SAMPLES:
            self._life = array("Q", map(max, self._life[::2], [*self._life[1::2], 0][: len(self._life[::2])]))
            self._step *= 2
            index = int(age / self._step)
        if index < len(self._life):
            self._life[index] = max(self._life[index], size)
            return
        while index > len(self._life):
            self._life.append(self._life[-1] if self._life else size)
        self._life.append(size)
