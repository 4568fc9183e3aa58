"""What Prometheus is told of deliveries.

oomreport_hook_attempts_total{hook,outcome}       Delivered, Skipped, Failed, Retry, Unfiltered; Failed is a dead letter
oomreport_hook_pending{hook}                      deliveries that are still to be made
oomreport_hook_pending_age_seconds{hook}          how long ago the oldest of them happened
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

Pending = Callable[[], Mapping[str, tuple[int, datetime | None]]]


class Metrics:
    """The figures of one process. `pending` is set once there is something that waits."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._registry = CollectorRegistry()
        self._attempts = Counter(
            "oomreport_hook_attempts",
            "Attempts to tell a hook, by what came of them",
            ["hook", "outcome"],
            registry=self._registry,
        )
        self._waiting = _Waiting(now)
        self._registry.register(self._waiting)

    def set_pending(self, pending: Pending) -> None:
        """Say where to ask what waits."""
        self._waiting.pending = pending

    def count(self, hook: str, outcome: str) -> None:
        """Count an attempt."""
        self._attempts.labels(hook=hook, outcome=outcome).inc()

    def text(self) -> bytes:
        """Return all figures in Prometheus' text format."""
        return generate_latest(self._registry)


class _Waiting(Collector):
    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.pending: Pending = dict

    def collect(self) -> Iterator[GaugeMetricFamily]:
        number = GaugeMetricFamily("oomreport_hook_pending", "Deliveries still to be made", labels=["hook"])
        age = GaugeMetricFamily(
            "oomreport_hook_pending_age_seconds", "How long ago the oldest of them happened", labels=["hook"]
        )
        for hook, (count, oldest) in self.pending().items():
            number.add_metric([hook], count)
            age.add_metric([hook], (self._now() - oldest).total_seconds() if oldest else 0)
        yield number
        yield age
