"""The series of reports, made of the reports as they are.

State, not deltas: a counter that is born at 1 is never seen to rise, and a report is born at its first kill. Only the
leader follows reports, so only it has these series. Text is made once for each version of a report, since a scrape of
thousands of reports must not hold up the event loop. Series are keyed by their labels, so none can appear twice and
spoil the scrape.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from oomreport.incident.advice.kept_advice import KeptAdvice
from oomreport.incident.kill import Cause, Kill, Verdict
from oomreport.incident.report.status import ReportStatus
from oomreport.workload.container import Scope
from oomreport.workload.quantity import parse_quantity

log = logging.getLogger(__name__)
MOST_REPORTS = 1000
_HOUR = timedelta(hours=1)
# A node that had its last OOM a day ago needs no series any more; its name may never come back.
_NODE_KEPT = timedelta(hours=24)
_NODE_SCOPES = (Scope.NODE, Scope.NODE_ALLOCATABLE)
_SHOWN_CONDITIONS = ("Applied", "Resolved", "Regressed")
_Labels = Mapping[str, str]
_Name = tuple[str, str]

_LAST_KILL = "oomreport_report_last_kill_timestamp_seconds"
_LAST_SILENT = "oomreport_report_last_silent_kill_timestamp_seconds"
_KILLS = "oomreport_report_kills_total"
_LIMIT = "oomreport_report_memory_limit_bytes"
_RECOMMENDED = "oomreport_report_recommended_limit_bytes"
_INFO = "oomreport_report_info"
_CONDITION = "oomreport_report_condition"
_FAMILIES = {
    _LAST_KILL: ("gauge", "Time of the last kill of a container of a workload, by the cause of that kill"),
    _LAST_SILENT: ("gauge", "Time of the last kill that pod status did not show; absent where there was none"),
    _KILLS: ("counter", "Kills counted in the report; for dashboards, since its first increase is never seen"),
    _LIMIT: ("gauge", "Memory limit that the last kill hit; absent where it is not known"),
    _RECOMMENDED: ("gauge", "Memory limit that the report recommends; absent where it recommends none"),
    _CONDITION: ("gauge", "Always 1; one series for each of Applied, Resolved, Regressed, ReviewPending that is true"),
}
_INFO_HELP = "Always 1; the labels say what is known of the last kill, of the advice, and who owns the workload"
_LAST_HOUR = "oomreport_report_kills_last_hour"
_LAST_HOUR_HELP = "Kills in the hour before the scrape, out of the report's last ten kills and its ledger"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Series:
    """What one version of a report says. `lines` is the text of each family, `labels` that of every series of it."""

    labels: str
    info: str
    workload: tuple[str, str, str]
    lines: Mapping[str, str]
    kills: tuple[datetime, ...]
    last: datetime | None
    cause: str
    node: str | None


class ReportSeries:
    """The series of all reports; of the ones with the newest kills where there are more than `most`."""

    def __init__(self, most: int = MOST_REPORTS) -> None:
        self._most = most
        self._series: dict[_Name, _Series] = {}
        self._shown: list[_Series] | None = None
        # By namespace, kind and name of a workload, as text.
        self._owners: dict[tuple[str, str, str], str] = {}

    def take(self, kind: str | None, report: Mapping[str, Any]) -> None:
        """Take note of a report as a watch tells of it. One that cannot be read loses its own series only."""
        try:
            name = report["metadata"]["namespace"], report["metadata"]["name"]
        except (KeyError, TypeError):
            log.warning("report without a name has no series")
            return
        self._series.pop(name, None)
        self._shown = None
        if kind == "DELETED":
            return
        try:
            self._series[name] = self._read(report)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("report has no series", extra={"report": "/".join(name), "error": repr(error)})

    def set_owner_labels(self, workload: tuple[str, str, str], labels: _Labels) -> None:
        """Show labels of a workload (namespace, kind, name) in the info of its reports, as kube-state-metrics does."""
        self._owners[workload] = _text({owner_label(name): value for name, value in labels.items()})

    def listed(self, names: Iterable[_Name]) -> None:
        """Take note of a whole listing: what it does not hold was deleted unseen."""
        for name in self._series.keys() - set(names):
            del self._series[name]
        self._shown = None

    def text(self, now: datetime) -> str:
        """Return the series in Prometheus' text format."""
        shown = self._newest()
        parts: list[str] = []
        for name, (kind, words) in _FAMILIES.items():
            parts.append(_head(name, kind, words))
            parts += [line for series in shown if (line := series.lines.get(name))]
        parts.append(_head(_INFO, "gauge", _INFO_HELP))
        parts += (f"{_INFO}{{{one.labels},{one.info}{self._owner_of(one)}}} 1\n" for one in shown)
        parts.append(_head(_LAST_HOUR, "gauge", _LAST_HOUR_HELP))
        since = now - _HOUR
        parts += [f"{_LAST_HOUR}{{{one.labels}}} {sum(time > since for time in one.kills)}\n" for one in shown]
        parts += self._sums(len(shown), now)
        return "".join(parts)

    def _owner_of(self, series: _Series) -> str:
        text = self._owners.get(series.workload)
        return f",{text}" if text else ""

    def _newest(self) -> list[_Series]:
        if self._shown is None:
            newest = sorted(self._series.values(), key=lambda one: (one.last is not None, one.last), reverse=True)
            by_labels: dict[str, _Series] = {}
            for series in newest:
                by_labels.setdefault(series.labels, series)
            self._shown = [*by_labels.values()][: self._most]
        return self._shown

    def _sums(self, shown: int, now: datetime) -> Iterator[str]:
        causes = dict.fromkeys((cause.value for cause in Cause), 0)
        nodes: dict[str, datetime] = {}
        for series in self._series.values():
            causes[series.cause] = causes.get(series.cause, 0) + 1
            if series.node and series.last and now - series.last < _NODE_KEPT:
                nodes[series.node] = max(series.last, nodes.get(series.node, series.last))
        yield _head("oomreport_reports", "gauge", "Reports by the cause of their last kill, those without series too")
        yield from (f"oomreport_reports{{{_text({'cause': cause})}}} {count}\n" for cause, count in causes.items())
        yield _head("oomreport_report_series_dropped", "gauge", "Reports that have no series, since there are too many")
        yield f"oomreport_report_series_dropped {len(self._series) - shown}\n"
        name = "oomreport_node_last_oom_timestamp_seconds"
        yield _head(name, "gauge", "Time of the last kill for want of the node's memory; absent a day later")
        yield from (f"{name}{{{_text({'node': node})}}} {last.timestamp():.3f}\n" for node, last in nodes.items())

    def _read(self, report: Mapping[str, Any]) -> _Series:
        spec, status = report["spec"], ReportStatus.of(report.get("status"))
        ref, namespace = spec["workloadRef"], report["metadata"]["namespace"]
        last, advice = status.last_kill or Kill(), status.recommendation
        cause = last.cause.value
        kills = _kill_times(status)
        # The last kill may be one that was contradicted, and is not counted.
        newest = max(kills, default=None)
        labels = _text(
            {
                "namespace": namespace,
                "workload_kind": ref["kind"],
                "workload": ref["name"],
                "container": spec["container"],
            }
        )
        info = {
            "cause": cause,
            "verdict": last.verdict or "",
            "scope": last.scope or "",
            "action": advice.action if advice else "",
            "confidence": (advice.confidence if advice else None) or "",
            "managed_by": (status.managed_by or {}).get("tool", ""),
        }
        values = {
            _LAST_KILL: (_seconds(newest), _text({"cause": cause})),
            _LAST_SILENT: (_seconds(status.last_silent_kill_time), ""),
            _KILLS: (status.kills, ""),
            _LIMIT: (_limit(last, status.advice), ""),
            _RECOMMENDED: (_size(status.advice.memory_limit), ""),
        }
        lines = {
            name: f"{name}{{{labels}{',' if more else ''}{more}}} {value}\n"
            for name, (value, more) in values.items()
            if value is not None
        }
        conditions = (_text({"condition": one}) for one in _true_conditions(status))
        lines[_CONDITION] = "".join(f"{_CONDITION}{{{labels},{one}}} 1\n" for one in conditions)
        is_nodes = last.scope in _NODE_SCOPES
        return _Series(
            labels=labels,
            info=_text(info),
            workload=(namespace, ref["kind"], ref["name"]),
            lines=lines,
            kills=kills,
            last=newest,
            cause=cause,
            node=last.node if is_nodes else None,
        )


def owner_label(name: str) -> str:
    """Return the series' label for a label of Kubernetes, as kube-state-metrics does: label_app_example_com."""
    return f"label_{re.sub(r'[^a-zA-Z0-9_]', '_', name)}"


def _kill_times(status: ReportStatus) -> tuple[datetime, ...]:
    """Return the known times of kills: the ledger forgets what is settled, and the list of recent kills holds ten."""
    recent = (one.time for one in status.recent_kills if one.verdict is not Verdict.CONTRADICTED)
    counted = (one.time for one in status.counted if one.verdict is not Verdict.CONTRADICTED)
    return tuple({*recent, *counted, *status.kill_times})


def _true_conditions(status: ReportStatus) -> Iterator[str]:
    true = {one.type for one in status.conditions if one.is_true}
    yield from (one for one in _SHOWN_CONDITIONS if one in true)
    if "Recommended" in true and not true & {"Reviewed", "Applied"}:
        yield "ReviewPending"


def _limit(last: Kill, advice: KeptAdvice) -> int | None:
    return last.limit if last.limit is not None else _size(advice.previous_limit)


def _size(quantity: str | None) -> int | None:
    return parse_quantity(quantity) if quantity is not None else None


def _seconds(time: datetime | None) -> str | None:
    return f"{time.timestamp():.3f}" if time else None


def _head(name: str, kind: str, words: str) -> str:
    return f"# HELP {name} {words}\n# TYPE {name} {kind}\n"


def _text(labels: Mapping[str, object]) -> str:
    """Return labels in the text format; backslash, quote and line feed are escaped (Prometheus' exposition formats)."""
    pairs = (
        (name, str(value).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n"))
        for name, value in labels.items()
    )
    return ",".join(f'{name}="{value}"' for name, value in pairs)
