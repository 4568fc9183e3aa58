"""What Prometheus is told by the controller.

Of the process: what it counted, how fast, what it waits for, what it watches. Every series whose labels are known is
there from the start, at 0: a counter that appears at 1 is never seen to rise. Of reports: see report_series.py.

oomreport_hook_attempts_total{hook,outcome}       Delivered, Skipped, Failed, Retry, Unfiltered; Failed is a dead letter
oomreport_hook_pending{hook}                      deliveries that are still to be made
oomreport_hook_pending_age_seconds{hook}          how long ago the oldest of them happened
"""

import logging
import platform
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from oomreport import __version__
from oomreport.controller.report_series import MOST_REPORTS, ReportSeries
from oomreport.incident.api_json import from_json
from oomreport.incident.kill import Cause, Verdict

log = logging.getLogger(__name__)
Pending = Callable[[], Mapping[str, tuple[int, datetime | None]]]
# From the kernel's time to the written report: most take under a second. The longest wait is for a witness (a minute).
_BUCKETS = (0.25, 0.5, 1, 2, 5, 10, 30, 60, 300)
WATCHED = ("pods", "oomrecords")


@dataclass(frozen=True, slots=True, kw_only=True)
class _ToldKill:
    """A kill that a status tells of, in the words of whatever version wrote it."""

    id: str
    time: datetime | None = None
    verdict: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """The kills of a status. They count also where a newer version's words are not known here."""

    counted: tuple[_ToldKill, ...] = ()
    recent_kills: tuple[_ToldKill, ...] = ()


class Metrics:
    """The figures of one process. What is asked for at the scrape is set once there is who knows."""

    def __init__(self, now: Callable[[], datetime], *, most_reports: int = MOST_REPORTS) -> None:
        self._now = now
        self.reports = ReportSeries(most_reports)
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self._attempts = Counter(
            "oomreport_hook_attempts",
            "Attempts to tell a hook, by what came of them",
            ["hook", "outcome"],
            registry=registry,
        )
        self._kills = Counter(
            "oomreport_kills", "Kills that this process has counted", ["verdict", "cause"], registry=registry
        )
        for verdict in Verdict:
            for cause in Cause:
                self._kills.labels(verdict=verdict.value, cause=cause.value)
        self._seconds = Histogram(
            "oomreport_kill_to_report_seconds",
            "From the kernel's time of a kill to the written report",
            buckets=_BUCKETS,
            registry=registry,
        )
        self._refused = Counter(
            "oomreport_records_refused", "Records that cannot be used", ["reason"], registry=registry
        )
        self._refused.labels(reason="Incomplete")
        self._events = Counter(
            "oomreport_watch_events",
            "Events of a watch, and whether they were kept",
            ["resource", "kept"],
            registry=registry,
        )
        for resource in WATCHED:
            for kept in ("true", "false"):
                self._events.labels(resource=resource, kept=kept)
        self._heard = Gauge(
            "oomreport_watch_last_event_timestamp_seconds",
            "When a watch last began or told of something; it begins anew every two minutes",
            ["resource"],
            registry=registry,
        )
        self._leader = Gauge("oomreport_leader", "Whether this process works; others wait for it", registry=registry)
        build = Gauge(
            "oomreport_build_info", "Always 1; the labels say what runs", ["version", "python"], registry=registry
        )
        build.labels(version=__version__, python=platform.python_version()).set(1)
        self._state = _State(now)
        registry.register(self._state)
        self._hooks: Callable[[], Collection[str] | None] = lambda: None

    def set_pending(self, pending: Pending) -> None:
        """Say where to ask what waits for hooks."""
        self._state.pending = pending

    def set_hooks(self, hooks: Callable[[], Collection[str] | None]) -> None:
        """Say where to ask which hooks there are: those that are gone lose their series. None: it is not known now."""
        self._hooks = hooks

    def set_agents(self, agents: Callable[[], tuple[int, int]]) -> None:
        """Say where to ask how many agents there are, and how many of them are ready."""
        self._state.agents = agents

    def set_queue(self, lines: Callable[[], Mapping[str, int]]) -> None:
        """Say where to ask how many keys wait in each line."""
        self._state.lines = lines

    def set_records_pending(self, records: Callable[[], int]) -> None:
        """Say where to ask how many records were not used yet."""
        self._state.records = records

    def lead(self) -> None:
        """Take note that this process works from now on."""
        self._leader.set(1)

    def count(self, hook: str, outcome: str) -> None:
        """Count an attempt."""
        self._attempts.labels(hook=hook, outcome=outcome).inc()

    def heard(self, resource: str, *, kept: bool | None = None) -> None:
        """Take note that a watch has begun, or told of something that is `kept` or not."""
        self._heard.labels(resource=resource).set(self._now().timestamp())
        if kept is not None:
            self._events.labels(resource=resource, kept=str(kept).lower()).inc()

    def refused(self, reason: str) -> None:
        """Count a record that cannot be used."""
        self._refused.labels(reason=reason).inc()

    def written(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """Count the kills that a report's status has and had not before."""
        # A ledger may hold hundreds, of which this write has added one: only what is new is read.
        known = {entry.get("id") for entry in _entries(before)}
        new = [entry for entry in _entries(after) if entry.get("id") not in known]
        if not new:
            return
        becomes = from_json(_Told, {**after, "counted": new}) or _Told()
        causes = {kill.id: kill.cause for kill in becomes.recent_kills}
        for entry in becomes.counted:
            # More than ten at once: the list of recent kills, which has the causes, is not longer.
            cause = causes.get(entry.id) or Cause.UNKNOWN.value
            self._kills.labels(verdict=entry.verdict, cause=cause).inc()
            if entry.time:
                self._seconds.observe(max(0.0, (self._now() - entry.time).total_seconds()))

    def text(self) -> bytes:
        """Return all figures in Prometheus' text format."""
        self._drop_hooks_gone()
        return generate_latest(self._registry) + self.reports.text(self._now()).encode()

    def _drop_hooks_gone(self) -> None:
        hooks = self._hooks()
        if hooks is None:
            return
        told = {
            (one.labels["hook"], one.labels["outcome"]) for each in self._attempts.collect() for one in each.samples
        }
        for hook, outcome in told:
            if hook not in hooks:
                self._attempts.remove(hook, outcome)


def _entries(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    counted = status.get("counted")
    return [one for one in counted if isinstance(one, Mapping)] if isinstance(counted, list) else []


class _State(Collector):
    """What is asked for at the scrape. A part that fails costs its own series, never the scrape."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.pending: Pending = dict
        self.agents: Callable[[], tuple[int, int]] = lambda: (0, 0)
        self.records: Callable[[], int] = lambda: 0
        self.lines: Callable[[], Mapping[str, int]] = dict

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for part in (self._hooks, self._agents, self._records, self._queue):
            try:
                yield from part()
            except Exception as error:
                log.exception("a part of the metrics is missing", extra={"error": repr(error)})

    def _hooks(self) -> list[GaugeMetricFamily]:
        number = GaugeMetricFamily("oomreport_hook_pending", "Deliveries still to be made", labels=["hook"])
        age = GaugeMetricFamily(
            "oomreport_hook_pending_age_seconds", "How long ago the oldest of them happened", labels=["hook"]
        )
        for hook, (count, oldest) in self.pending().items():
            number.add_metric([hook], count)
            age.add_metric([hook], (self._now() - oldest).total_seconds() if oldest else 0)
        return [number, age]

    def _agents(self) -> list[GaugeMetricFamily]:
        expected, ready = self.agents()
        return [
            GaugeMetricFamily("oomreport_agents_expected", "Agents' pods that are bound to a node", value=expected),
            GaugeMetricFamily("oomreport_agents_ready", "Those of them that are ready", value=ready),
        ]

    def _records(self) -> list[GaugeMetricFamily]:
        words = "Records that no report has used yet"
        return [GaugeMetricFamily("oomreport_records_pending", words, value=self.records())]

    def _queue(self) -> list[GaugeMetricFamily]:
        words = "Keys that wait: to count kills, and to tell of what is counted"
        keys = GaugeMetricFamily("oomreport_queue_keys", words, labels=["line"])
        for line, count in self.lines().items():
            keys.add_metric([line], count)
        return [keys]
