"""The published rules of the two tools that people use today, as favourably as they can be read.

VPA   an OOM is taken as a sample of max(size + 100 MiB, size x 1.2) (RecordOOM); the target is the 90th percentile of
the
      decaying histogram (half-life 24 h, buckets growing by 5 % from 10 MB) of daily peaks, plus 15 %
      the updater changes a pod whose request is outside the bounds (50th and 95th percentile, + 15 %, widened by how
      many days of samples there are), or one that is older than 12 h by more than 10 %
KRR   the larger of the highest sample + 15 % and the limit at the OOM + 25 %; looked at once a day, as a cron job does

Both set request and limit to the target at the kill, which is sooner than they do. Both lower as well as raise. VPA's
floor of 250 MiB per pod and KRR's of 100 MiB are left out.
"""

import math

from advice.machine import Advice, Kill, Look, Size
from advice.workload import MI

_DAY = 86400.0
# VPA: --in-recommendation-bounds-eviction-lifetime-threshold, --pod-update-threshold.
_LIFETIME = 12 * 3600.0
_NOTABLE = 0.1


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
        self._first: dict[str, float] = {}

    def sample(self, clock: float, container: str, size: float) -> None:
        self._first.setdefault(container, clock)
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
        return self._set(kill.container)

    def look(self, look: Look) -> Advice | None:
        for name, histogram in self._histograms.items():
            now = look.config.sizes[name].limit
            if not now:
                continue
            days = max((look.clock - self._first[name]) / _DAY, 1e-6)
            target = histogram.percentile(0.9) * 1.15
            low = histogram.percentile(0.5) * 1.15 * (1 + 0.001 / days) ** -2
            high = histogram.percentile(0.95) * 1.15 * (1 + 1 / days)
            old = look.clock - look.started[name] >= _LIFETIME
            if not low <= now <= high or (old and abs(target - now) > _NOTABLE * now):
                return self._set(name)
        return None

    def calls_leak(self) -> bool:
        return False

    def ended(self) -> list[tuple[str, bool]]:
        return []

    def _set(self, container: str) -> Advice:
        target = int(self._histograms[container].percentile(0.9) * 1.15)
        return Advice(sizes={container: Size(limit=target, request=target)})


class Krr:
    """Robusta's KRR with OOM data."""

    def __init__(self) -> None:
        self._peak: dict[str, float] = {}
        self._oom: dict[str, float] = {}
        self._looked = 0.0

    def sample(self, clock: float, container: str, size: float) -> None:
        del clock
        self._peak[container] = max(self._peak.get(container, 0.0), size)

    def advice(self, kill: Kill) -> Advice:
        limit = kill.config.sizes[kill.container].limit or _own(kill)
        self._oom[kill.container] = max(limit, self._oom.get(kill.container, 0))
        return self._set(kill.container)

    def look(self, look: Look) -> Advice | None:
        if look.clock - self._looked < _DAY:
            return None
        self._looked = look.clock
        for name in self._peak:
            now, wanted = look.config.sizes[name].limit, self._set(name).sizes[name].limit
            if now and wanted and abs(wanted - now) > _NOTABLE * now:
                return self._set(name)
        return None

    def calls_leak(self) -> bool:
        return False

    def ended(self) -> list[tuple[str, bool]]:
        return []

    def _set(self, container: str) -> Advice:
        target = int(max(self._peak.get(container, 0.0) * 1.15, self._oom.get(container, 0) * 1.25))
        return Advice(sizes={container: Size(limit=target, request=target)})


def _own(kill: Kill) -> int:
    """Return what the victim's container held, as a metrics pipeline would say."""
    return sum(process.size for process in kill.processes if process.owner == kill.container)
