"""The count of what was refused as forged, by reason."""

from collections import Counter
from enum import StrEnum

from oomreport.agent.log import Log

# A forger gets some ten lines a second out of the kernel: one message a minute for each reason tells it as well.
_APART_SECONDS = 60.0


class Refusal(StrEnum):
    """Why a line of the kernel log is not believed; docs/architecture.md, "What is believed"."""

    INSIDE_RECORD = "InsideRecord"
    OTHER_CGROUP = "OtherCgroup"
    UNKNOWN_POD = "UnknownPod"
    COUNTER_UNMOVED = "CounterUnmoved"
    BEYOND_COUNT = "BeyondCount"


class Refusals:
    """Counts refusals for /healthz, and logs each reason: at once, then once a minute with the number."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._counts: Counter[Refusal] = Counter()
        self._said: dict[Refusal, tuple[float, int]] = {}

    def note(self, reason: Refusal, now: float, *, text: str, times: int = 1) -> None:
        """Count a refusal at the monotonic time `now`; `text` is what was refused."""
        self._counts[reason] += times
        at, count = self._said.get(reason, (float("-inf"), 0))
        if now - at >= _APART_SECONDS:
            self._said[reason] = (now, self._counts[reason])
            new = self._counts[reason] - count
            self._log.warning("lines of the kernel log were refused", reason=reason.value, lines=new, log=text[-300:])

    def figures(self) -> dict[str, int]:
        """Return how many were refused for each reason."""
        return {reason.value: self._counts[reason] for reason in Refusal}
