"""The controller's options: frozen, read once, every mistake reported at once."""

import argparse
import os
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from oomreport import __version__
from oomreport.errors import ConfigurationError
from oomreport.hooks.address import Network, Reach, network
from oomreport.hooks.schedule import Terms
from oomreport.incident.witness.evidence import Patience
from oomreport.options import LOG_LEVELS, default_by, host_and_port, new_group, one_of, readable_file

_MOST_METRICS_LABELS = 5
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerSettings:
    """How a controller runs. Each field is an option of the command line."""

    namespace: str
    """The controller's own namespace: its Lease, and the reports of nodes."""

    agent_namespace: str = "oomreport-agent"
    """Where the agents run. A ready agent that saw no kill contradicts a pod status OOMKilled."""

    agent_labels: Mapping[str, str]
    """The labels of the agents' pods."""

    identity: str
    """Who holds the Lease and reports Events: the pod's name."""

    lease_name: str | None = "oomreport-controller"
    """The Lease that makes one of several controllers work; None works without, which is safe but wasteful."""

    patience: Patience
    """How long to wait for witnesses that may still come."""

    record_age: timedelta = timedelta(days=1)
    """How long a used record is kept."""

    records_per_node: int = 1000
    """Most used records kept of a node."""

    report_age: timedelta = timedelta(days=7)
    """How long a report is kept after its last kill."""

    reports: int = 5000
    """Most reports kept; beyond it those go whose last kill is the longest ago."""

    housekeeping: timedelta = timedelta(minutes=10)
    """Between two rounds of deleting what is old and finding what was missed."""

    workers: int = 8
    """How many reports are worked on at once."""

    prometheus_url: str | None = None
    """Base URL of a metrics source that is asked for a container's peak; None for none."""

    prometheus_token_file: Path | None = None
    """A file with the bearer token for it, read for each query."""

    prometheus_ca_file: Path | None = None
    """The CAs that its certificate is verified by; None for the system's."""

    prometheus_window: timedelta = timedelta(days=7)
    """How far back the peak is looked for."""

    hook_terms: Terms = field(default_factory=Terms)
    """How long the pauses between attempts to tell a hook are, and when it is given up."""

    hook_workers: int = 8
    """Attempts made at once for one hook."""

    hook_reach: Reach = field(default_factory=Reach)
    """Which addresses webhooks may reach."""

    health_address: tuple[str, int] | None = ("", 8080)
    """Where /healthz and /readyz are served; None for nowhere."""

    cluster_name: str = ""
    """The cluster's name in the source of events; empty for none."""

    metrics_labels: tuple[str, ...] = ()
    """Labels of workloads that are shown with their reports at /metrics."""

    metrics_reports: int = 1000
    """How many reports have series of their own at /metrics."""

    log_level: str = "info"
    """The least severe messages printed."""


def settings_of(
    arguments: Sequence[str], environment: Mapping[str, str], *, pod_namespace: str | None = None
) -> ControllerSettings:
    """Return the configuration. Raises ConfigurationError with every problem; --help and --version exit."""
    options = _parser(environment).parse_args(arguments)
    problems: list[str] = []
    report_age = _duration("--report-age", options.report_age, problems)
    settings = ControllerSettings(
        namespace=_name("--namespace", options.namespace or pod_namespace or "oomreport-system", problems),
        agent_namespace=_name("--agent-namespace", options.agent_namespace, problems),
        agent_labels=_labels("--agent-labels", options.agent_labels, problems),
        identity=options.identity or f"{os.uname().nodename}-{os.getpid()}",
        lease_name=None if options.no_leader_election else _name("--lease-name", options.lease_name, problems),
        patience=Patience(
            settle=_duration("--settle", options.settle, problems),
            grace=_duration("--grace", options.grace, problems),
            match_after=_duration("--match-after", options.match_after, problems),
            unknown_after=_duration("--unknown-after", options.unknown_after, problems),
            termination_age=report_age,
            resolve_after=_duration("--resolve-after", options.resolve_after, problems),
        ),
        record_age=_duration("--record-age", options.record_age, problems),
        records_per_node=_count("--records-per-node", options.records_per_node, problems),
        report_age=report_age,
        reports=_count("--reports", options.reports, problems),
        housekeeping=_duration("--housekeeping", options.housekeeping, problems),
        workers=_count("--workers", options.workers, problems),
        prometheus_url=_url("--prometheus-url", options.prometheus_url, problems),
        prometheus_token_file=readable_file("--prometheus-token-file", options.prometheus_token_file, problems),
        prometheus_ca_file=_ca_file("--prometheus-ca-file", options.prometheus_ca_file, problems),
        prometheus_window=_duration("--prometheus-window", options.prometheus_window, problems),
        hook_terms=Terms(
            first=_duration("--hook-first-pause", options.hook_first_pause, problems),
            longest=_duration("--hook-longest-pause", options.hook_longest_pause, problems),
            give_up=_duration("--hook-give-up", options.hook_give_up, problems),
        ),
        hook_workers=_count("--hook-workers", options.hook_workers, problems),
        hook_reach=Reach(
            allowed=_networks("--hook-allow", options.hook_allow, problems),
            denied=_networks("--hook-deny", options.hook_deny, problems),
        ),
        health_address=host_and_port("--health-address", options.health_address, problems),
        cluster_name=_cluster_name("--cluster-name", options.cluster_name, problems),
        metrics_labels=_label_names("--metrics-workload-labels", options.metrics_workload_labels, problems),
        metrics_reports=_count("--metrics-max-reports", options.metrics_max_reports, problems),
        log_level=one_of("--log-level", options.log_level, LOG_LEVELS, problems),
    )
    if settings.prometheus_url is None and (settings.prometheus_token_file or settings.prometheus_ca_file):
        problems.append("--prometheus-token-file, --prometheus-ca-file: --prometheus-url is not given")
    if (settings.prometheus_url or "").startswith("http:") and settings.prometheus_token_file:
        problems.append("--prometheus-token-file: a token is sent by https only")
    if settings.prometheus_window < timedelta(minutes=1) and not problems:
        problems.append(f"--prometheus-window: {options.prometheus_window!r} is less than 1m")
    if problems:
        raise ConfigurationError(problems)
    return settings


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    default = default_by(environment)
    parser = argparse.ArgumentParser(
        prog="oomreport-controller",
        description="Joins the kernel's OOM records with pod status and writes an OOMReport for each container.",
        epilog="Variables in brackets are read where an option is not given. Durations are written 500ms, 15s, 10m, 24h, "
        "7d. The API server is that of the pod's service account, or that of KUBECONFIG. Standard error gets JSON lines.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    add = new_group(parser, "where things are")
    add(
        "--namespace",
        metavar="NAME",
        default=default("POD_NAMESPACE"),
        help="the controller's namespace: its Lease, and the reports of nodes [POD_NAMESPACE]"
        " (default: that of the service account, else oomreport-system)",
    )
    add("--agent-namespace", metavar="NAME", default="oomreport-agent", help="the agents' (default: %(default)s)")
    add(
        "--agent-labels",
        metavar="KEY=VALUE,...",
        default="app.kubernetes.io/name=oomreport,app.kubernetes.io/component=agent",
        help="labels of the agents' pods (default: %(default)s)",
    )
    add(
        "--cluster-name",
        metavar="NAME",
        default=default("OOMREPORT_CLUSTER_NAME"),
        help="put this name of the cluster into the source of events, for receivers of several clusters"
        " [OOMREPORT_CLUSTER_NAME] (default: none)",
    )
    add = new_group(parser, "several controllers")
    add("--lease-name", metavar="NAME", default="oomreport-controller", help="the Lease (default: %(default)s)")
    add("--identity", metavar="NAME", default=default("POD_NAME"), help="the Lease's holder [POD_NAME]")
    add("--no-leader-election", action="store_true", help="work without a Lease; two at once count nothing twice")
    add = new_group(parser, "waiting for witnesses")
    add("--settle", metavar="TIME", default="5s", help="a container seen running so long after a kill outlived it")
    add("--grace", metavar="TIME", default="15s", help="a termination OOMKilled waits so long for its kernel record")
    add("--match-after", metavar="TIME", default="3s", help="a record without container waits for others so long,")
    add("--unknown-after", metavar="TIME", default="60s", help="and so long for a termination that it matches")
    add(
        "--resolve-after",
        metavar="TIME",
        default="24h",
        help="an applied recommendation that holds so long has resolved its report (default: %(default)s)",
    )
    add = new_group(parser, "what is kept")
    add("--record-age", metavar="TIME", default="24h", help="used records (default: %(default)s)")
    add("--records-per-node", metavar="N", default="1000", help="most used records (default: %(default)s)")
    add("--report-age", metavar="TIME", default="7d", help="reports, after their last kill (default: %(default)s)")
    add("--reports", metavar="N", default="5000", help="most reports (default: %(default)s)")
    add("--housekeeping", metavar="TIME", default="10m", help="between two rounds of it (default: %(default)s)")
    add = new_group(parser, "a metrics source, such as Prometheus")
    add(
        "--prometheus-url",
        metavar="URL",
        default=default("OOMREPORT_PROMETHEUS_URL"),
        help="its base URL, below which /api/v1/query is; asked for the peak of a container's memory, so that no limit"
        " below it is recommended [OOMREPORT_PROMETHEUS_URL] (default: none is asked)",
    )
    add("--prometheus-token-file", metavar="FILE", default="", help="bearer token for it, read for each query")
    add("--prometheus-ca-file", metavar="FILE", default="", help="CAs of its certificate (default: the system's)")
    add("--prometheus-window", metavar="TIME", default="7d", help="how far back to look (default: %(default)s)")
    add = new_group(parser, "hooks")
    add(
        "--hook-first-pause",
        metavar="TIME",
        default="5s",
        help="bound of the first pause between attempts (default: 5s)",
    )
    add("--hook-longest-pause", metavar="TIME", default="2h", help="bound of the later ones (default: %(default)s)")
    add("--hook-give-up", metavar="TIME", default="24h", help="how long a delivery is tried (default: %(default)s)")
    add("--hook-workers", metavar="N", default="8", help="attempts made at once for one hook (default: %(default)s)")
    add(
        "--hook-deny",
        metavar="CIDR,...",
        default="",
        help="addresses that no webhook may reach, besides link-local, metadata and loopback ones; such as 10.0.0.0/8"
        " where people in namespaces must not reach what is inside the cluster",
    )
    add("--hook-allow", metavar="CIDR,...", default="", help="loopback addresses that webhooks may reach")
    add = new_group(parser, "the process")
    add("--workers", metavar="N", default="8", help="reports worked on at once (default: %(default)s)")
    add(
        "--health-address",
        metavar="HOST:PORT",
        default=":8080",
        help="/healthz, /readyz and /metrics; none: not at all",
    )
    add(
        "--metrics-workload-labels",
        metavar="NAME,...",
        default="",
        help="show these labels of workloads in oomreport_report_info, to route alerts by owner; team becomes label_team;"
        " at most five (default: none)",
    )
    add(
        "--metrics-max-reports",
        metavar="N",
        default="1000",
        help="show series of at most so many reports at /metrics, newest kills first; each has up to ten"
        " (default: %(default)s)",
    )
    add("--log-level", metavar="LEVEL", default=default("OOMREPORT_LOG_LEVEL", "info"), help=", ".join(LOG_LEVELS))
    return parser


def _name(option: str, value: str, problems: list[str]) -> str:
    if not _LABEL.fullmatch(value):
        problems.append(f"{option}: {value!r} is no name: lower case letters, digits and dashes, at most 63")
    return value


def _label_names(option: str, value: str, problems: list[str]) -> tuple[str, ...]:
    names = tuple(filter(None, value.split(",")))
    wrong = [
        name for name in names if not re.fullmatch(r"[A-Za-z0-9]([-./_A-Za-z0-9]{0,315}[A-Za-z0-9])?", name, re.ASCII)
    ]
    if wrong:
        problems.append(f"{option}: {', '.join(map(repr, wrong))} is no name of a label")
    if len(names) > _MOST_METRICS_LABELS:
        problems.append(
            f"{option}: {len(names)} labels, {_MOST_METRICS_LABELS} at most: each value is a series of its own"
        )
    # Two of the same name in one series would make Prometheus refuse the whole scrape.
    if len({re.sub(r"[^a-zA-Z0-9_]", "_", name) for name in names}) < len(names):
        problems.append(
            f"{option}: two labels have the same name for Prometheus, which knows letters, digits and _ only"
        )
    return names


def _cluster_name(option: str, value: str, problems: list[str]) -> str:
    if value and not re.fullmatch(r"[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?", value, re.ASCII):
        problems.append(f"{option}: {value!r} is no name: letters, digits, dashes, dots and underscores, at most 63")
    return value


def _labels(option: str, value: str, problems: list[str]) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in value.split(",")]
    if not all(key and equals and text for key, equals, text in pairs):
        problems.append(f"{option}: {value!r} is no list KEY=VALUE,KEY=VALUE")
    return {key: text for key, _, text in pairs}


def _duration(option: str, value: str, problems: list[str]) -> timedelta:
    parts = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)", value, re.ASCII)
    if parts is None:
        problems.append(f"{option}: {value!r} is no duration such as 500ms, 15s, 10m, 24h or 7d")
        return timedelta()
    return timedelta(seconds=float(parts[1]) * _UNITS[parts[2]])


def _count(option: str, value: str, problems: list[str]) -> int:
    if not re.fullmatch(r"[1-9]\d{0,8}", value, re.ASCII):
        problems.append(f"{option}: {value!r} is no number from 1 on")
        return 1
    return int(value)


def _networks(option: str, value: str, problems: list[str]) -> tuple[Network, ...]:
    found: list[Network] = []
    for text in filter(None, value.split(",")):
        try:
            found.append(network(text))
        except ValueError:
            problems.append(f"{option}: {text!r} is no network such as 10.0.0.0/8")
    return tuple(found)


def _url(option: str, value: str, problems: list[str]) -> str | None:
    """Return a base URL. What holds a password is refused without showing it."""
    if not value:
        return None
    try:
        parts = urlsplit(value)
        is_base = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        is_base = is_base and not (parts.query or parts.fragment)
    except ValueError:
        parts, is_base = None, False
    if parts is not None and "@" in parts.netloc:
        problems.append(f"{option}: a URL must hold no credentials; use --prometheus-token-file")
    elif not is_base or not value.isprintable() or " " in value:
        problems.append(f"{option}: {value!r} is no base URL such as https://prometheus.monitoring.svc:9090")
    return value


def _ca_file(option: str, value: str, problems: list[str]) -> Path | None:
    """Return a file of CA certificates."""
    before = len(problems)
    file = readable_file(option, value, problems)
    if file and len(problems) == before:
        try:
            ssl.create_default_context(cafile=value)
        except (ssl.SSLError, OSError) as error:
            problems.append(f"{option}: {value!r} holds no CA certificates: {error}")
    return file
