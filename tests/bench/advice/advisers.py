"""The published rules of the two tools that people use today, as favourably as they can be read.

VPA   an OOM is taken as a sample of max(size + 100 MiB, size x 1.2) (RecordOOM); the target is the 90th percentile of the
      decaying histogram (half-life 24 h, buckets growing by 5 % from 10 MB) of daily peaks, plus 15 %
KRR   the larger of the highest sample + 15 % and the limit at the OOM + 25 %

Both set request and limit to the target, of the container that was killed. VPA's floor of 250 MiB per pod is left out.
"""

import math

from advice.machine import Advice, Kill, Size
from advice.workload import MI

_DAY = 86400.0


class _Histogram:
    """Weights decay by half a day's half-life; the percentile is the upper end of its bucket."""

    first, ratio = 1e7, 1.05

    def __init__(self) -> None:
        self._weights: dict[int, float] = {}

    def change(self, size: float, clock: float, weight: float) -> None:
        bucket = self._bucket(size)
        self._weights[bucket] = self._weights.get(bucket, 0.0) + weight * 2 ** (clock // _DAY)

    def percentile(self, share: float) -> float:
        total = sum(self._weights.values())
        seen = 0.0
        for bucket in sorted(self._weights):
            seen += self._weights[bucket]
            if seen >= share * total:
                return self._start(bucket + 1)
        return 0.0

    def _bucket(self, size: float) -> int:
        if size < self.first:
            return 0
        return int(math.log(size * (self.ratio - 1) / self.first + 1, self.ratio))

    def _start(self, bucket: int) -> float:
        return self.first * (self.ratio**bucket - 1) / (self.ratio - 1)


class Vpa:
    """The Vertical Pod Autoscaler's recommender for memory."""

    def __init__(self) -> None:
        self._peaks: dict[tuple[str, int], tuple[float, float]] = {}
        self._histograms: dict[str, _Histogram] = {}

    def sample(self, clock: float, container: str, size: float) -> None:
        day = (container, int(clock // _DAY))
        _, peak = self._peaks.get(day, (0.0, 0.0))
        if size > peak:
            histogram = self._histograms.setdefault(container, _Histogram())
            if peak:
                histogram.change(peak, clock, -1.0)
            histogram.change(size, clock, 1.0)
            self._peaks[day] = (clock, size)

    def advice(self, kill: Kill) -> Advice:
        used = kill.limit if kill.scope == "Container" and kill.limit else _own(kill)
        used = max(used, kill.config.sizes[kill.container].request or 0)
        self.sample(kill.clock, kill.container, max(used + 100 * MI, used * 1.2))
        target = int(self._histograms[kill.container].percentile(0.9) * 1.15)
        return Advice(sizes={kill.container: Size(limit=target, request=target)})


class Krr:
    """Robusta's KRR with OOM data."""

    def __init__(self) -> None:
        self._peak: dict[str, float] = {}

    def sample(self, clock: float, container: str, size: float) -> None:
        del clock
        self._peak[container] = max(self._peak.get(container, 0.0), size)

    def advice(self, kill: Kill) -> Advice:
        limit = kill.config.sizes[kill.container].limit or _own(kill)
        target = int(max(self._peak.get(kill.container, 0.0) * 1.15, limit * 1.25))
        return Advice(sizes={kill.container: Size(limit=target, request=target)})


def _own(kill: Kill) -> int:
    """Return what the victim's container held, as a metrics pipeline would say."""
    return sum(process.size for process in kill.processes if process.owner == kill.container)
