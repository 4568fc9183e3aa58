"""What Prometheus is told by an agent, as text.

Made by hand, since the agent uses nothing but the standard library. Every series is there from the start, at 0. The
only label besides `source` is the node, and no series is added while the agent runs: some twenty for each node.
"""

import os
import resource
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from oomreport.adapters.http.health_server import Health
from oomreport.incident.api_json import from_json

_PAGE_BYTES = resource.getpagesize()
_Value = int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class _SpoolFigures:
    """What waits in the spool. `oldest_seconds` is for how long the oldest record waits."""

    records: int = 0
    bytes: int = 0
    oldest_seconds: float = 0
    refused: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figures:
    """What /status tells of the agent, as far as there is a series of it."""

    node: str = ""
    records: int = 0
    records_from_counters: int = 0
    unattributed_kills: int = 0
    unseen_kills: int = 0
    lost_messages: int = 0
    delivered: int = 0
    spool: _SpoolFigures = _SpoolFigures()


def metrics_text(health: Health) -> str:
    """Return the figures of an agent in Prometheus' text format."""
    figures = from_json(_Figures, health.figures) or _Figures()
    node = _escaped(figures.node)
    lines = []
    for name, kind, words, values in _families(health, figures):
        lines.append(f"# HELP {name} {words}\n# TYPE {name} {kind}\n")
        lines += [f'{name}{{node="{node}"{more}}} {value}\n' for more, value in values.items()]
    lines += _process()
    return "".join(lines)


def _families(health: Health, figures: _Figures) -> Iterator[tuple[str, str, str, Mapping[str, _Value]]]:
    spool, counted = figures.spool, figures.records_from_counters
    ready = health.alive and not health.problems
    yield _one("ready", "gauge", "Whether kills of the node are really seen and kept", int(ready))
    yield _one(
        "problems",
        "gauge",
        "How many reasons there are why it is not ready; /status has the words",
        len(health.problems),
    )
    yield (
        "oomreport_agent_records_total",
        "counter",
        "Records made, by what told of the kill",
        {',source="log"': figures.records - counted, ',source="counter"': counted},
    )
    yield _one(
        "unattributed_total",
        "counter",
        "Kills of which nobody could tell the container",
        figures.unattributed_kills,
    )
    yield _one("unseen_total", "counter", "Kills that only the machine's own counter told of", figures.unseen_kills)
    yield _one(
        "log_lost_total",
        "counter",
        "Lines of the kernel log that were overwritten unread",
        figures.lost_messages,
    )
    yield _one("delivered_total", "counter", "Records that the API server has taken", figures.delivered)
    yield _one("refused_records", "gauge", "Records set aside, since the API server refused them", spool.refused)
    yield _one("dropped_total", "counter", "Records lost, since the spool was full", spool.dropped)
    yield _one("spool_records", "gauge", "Records that wait for the API server", spool.records)
    yield _one("spool_bytes", "gauge", "Bytes of the records that wait", spool.bytes)
    yield _one("spool_oldest_age_seconds", "gauge", "How long the oldest of them waits", spool.oldest_seconds)


def _one(name: str, kind: str, words: str, value: _Value) -> tuple[str, str, str, Mapping[str, _Value]]:
    return f"oomreport_agent_{name}", kind, words, {"": value}


def _process() -> Iterator[str]:
    """Return memory and processor time of the process, by the names that client libraries use for them."""
    times = os.times()
    yield "# HELP process_cpu_seconds_total Processor time used\n# TYPE process_cpu_seconds_total counter\n"
    yield f"process_cpu_seconds_total {times.user + times.system:.2f}\n"
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no path is joined
            pages = int(file.read().split()[1])
    except (OSError, ValueError, IndexError):
        return
    yield "# HELP process_resident_memory_bytes Memory in use\n# TYPE process_resident_memory_bytes gauge\n"
    yield f"process_resident_memory_bytes {pages * _PAGE_BYTES}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
