"""The controller's settings."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from oomreport import __version__
from oomreport.controller.option_table import OPTIONS
from oomreport.controller.option_values import dns_label
from oomreport.controller.reporting.housekeeping import RetentionLimits
from oomreport.errors import ConfigurationError
from oomreport.hooks.address import Reach
from oomreport.hooks.schedule import Terms
from oomreport.incident.witness.evidence import Patience
from oomreport.options import add_options, values_of

_DEFAULT_NAMESPACE = "oomreport-system"
# A shorter window holds few samples of a source that is scraped once or twice a minute.
_SHORTEST_WINDOW = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSource:
    """A source that is asked for a container's peak. `token_file` is read for each query.

    `ca_file` has the CAs that verify its certificate; None stands for the system's.
    """

    url: str
    token_file: Path | None = None
    ca_file: Path | None = None
    window: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerSettings:
    """How a controller runs; option_table.py says what each value means and why its default is what it is.

    lease_name      None: work without a Lease, which is safe but wasteful
    metrics_source  None: none is asked
    health_address  None: no probes are served
    """

    namespace: str
    agent_namespace: str
    agent_labels: Mapping[str, str]
    identity: str
    lease_name: str | None
    patience: Patience
    retention: RetentionLimits
    housekeeping: timedelta
    metrics_source: MetricsSource | None
    hook_terms: Terms
    hook_workers: int
    hook_reach: Reach
    workers: int
    health_address: tuple[str, int] | None
    cluster_name: str
    metrics_labels: tuple[str, ...]
    metrics_reports: int
    log_level: str


def settings_of(
    arguments: Sequence[str], environment: Mapping[str, str], *, pod_namespace: str | None = None
) -> ControllerSettings:
    """Return the configuration. Raises ConfigurationError with every problem; --help and --version exit."""
    parsed = _parser(environment).parse_args(arguments)
    problems: list[str] = []
    values = values_of(parsed, OPTIONS, problems)
    take = values.pop
    namespace = take("namespace") or dns_label("--namespace", pod_namespace or _DEFAULT_NAMESPACE, problems)
    settings = ControllerSettings(
        namespace=namespace,
        identity=take("identity") or f"{os.uname().nodename}-{os.getpid()}",
        lease_name=None if parsed.no_leader_election else values["lease_name"],
        patience=Patience(
            settle=take("settle"),
            grace=take("grace"),
            match_after=take("match_after"),
            unknown_after=take("unknown_after"),
            termination_age=values["report_age"],
            resolve_after=take("resolve_after"),
        ),
        retention=RetentionLimits(
            record_age=take("record_age"),
            records_per_node=take("records_per_node"),
            report_age=take("report_age"),
            reports=take("reports"),
        ),
        metrics_source=_metrics_source(values, problems),
        hook_terms=Terms(
            first=take("hook_first_pause"), longest=take("hook_longest_pause"), give_up=take("hook_give_up")
        ),
        hook_reach=Reach(allowed=take("hook_allow"), denied=take("hook_deny")),
        **{name: values[name] for name in _AS_THEY_ARE},
    )
    if problems:
        raise ConfigurationError(problems)
    return settings


_AS_THEY_ARE = (
    "agent_namespace",
    "agent_labels",
    "housekeeping",
    "hook_workers",
    "workers",
    "health_address",
    "cluster_name",
    "metrics_labels",
    "metrics_reports",
    "log_level",
)


def _metrics_source(values: Mapping[str, Any], problems: list[str]) -> MetricsSource | None:
    url, token_file, ca_file = (values[f"prometheus_{name}"] for name in ("url", "token_file", "ca_file"))
    window: timedelta = values["prometheus_window"]
    if url is None and (token_file or ca_file):
        problems.append("--prometheus-token-file, --prometheus-ca-file: --prometheus-url is not given")
    if (url or "").startswith("http:") and token_file:
        problems.append("--prometheus-token-file: a token is sent by https only")
    if window < _SHORTEST_WINDOW and not problems:
        problems.append(f"--prometheus-window: {window.total_seconds():g}s is less than 1m")
    return MetricsSource(url=url, token_file=token_file, ca_file=ca_file, window=window) if url else None


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="oomreport-controller",
        description="Join the kernel's OOM records with pod status and write an OOMReport for each container, with the"
        " limit to set.",
        epilog="Variables in brackets are read where an option is not given. Durations are written 500ms, 15s, 10m, 24h, "
        "7d. The API server is that of the pod's service account, or that of KUBECONFIG. Standard error gets JSON lines.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument(
        "--no-leader-election",
        action="store_true",
        help="Work without a Lease. Two controllers at once count nothing twice, but do everything twice"
        " (default: hold a Lease).",
    )
    add_options(parser, OPTIONS, environment)
    return parser
