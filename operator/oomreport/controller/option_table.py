"""The table of the controller's options."""

import re
import ssl
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from oomreport.hooks.address import Network, network
from oomreport.options import LOG_LEVELS, Option, host_and_port, one_of, readable_file, text

# Each value is a series of its own.
_MOST_METRICS_LABELS = 5
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def dns_label(option: str, value: str, problems: list[str]) -> str:
    """Return a name as Kubernetes takes it for a namespace."""
    if not _LABEL.fullmatch(value):
        problems.append(f"{option}: {value!r} is no name: lower case letters, digits and dashes, at most 63")
    return value


def labels(option: str, value: str, problems: list[str]) -> dict[str, str]:
    """Return labels."""
    pairs = [pair.partition("=") for pair in value.split(",")]
    if not all(key and equals and text for key, equals, text in pairs):
        problems.append(f"{option}: {value!r} is no list KEY=VALUE,KEY=VALUE")
    return {key: text for key, _, text in pairs}


def duration(option: str, value: str, problems: list[str]) -> timedelta:
    """Return a time."""
    parts = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)", value, re.ASCII)
    if parts is None:
        problems.append(f"{option}: {value!r} is no duration such as 500ms, 15s, 10m, 24h or 7d")
        return timedelta()
    return timedelta(seconds=float(parts[1]) * _UNITS[parts[2]])


def count(option: str, value: str, problems: list[str]) -> int:
    """Return a number from 1 on."""
    if not re.fullmatch(r"[1-9]\d{0,8}", value, re.ASCII):
        problems.append(f"{option}: {value!r} is no number from 1 on")
        return 1
    return int(value)


def networks(option: str, value: str, problems: list[str]) -> tuple[Network, ...]:
    """Return networks."""
    found: list[Network] = []
    for one in filter(None, value.split(",")):
        try:
            found.append(network(one))
        except ValueError:
            problems.append(f"{option}: {one!r} is no network such as 10.0.0.0/8")
    return tuple(found)


def url(option: str, value: str, problems: list[str]) -> str | None:
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


def ca_file(option: str, value: str, problems: list[str]) -> Path | None:
    """Return a file of CA certificates."""
    before = len(problems)
    file = readable_file(option, value, problems)
    if file and len(problems) == before:
        try:
            ssl.create_default_context(cafile=value)
        except (ssl.SSLError, OSError) as error:
            problems.append(f"{option}: {value!r} holds no CA certificates: {error}")
    return file


def dns_label_or_empty(option: str, value: str, problems: list[str]) -> str:
    """Return a name, or an empty text where none is given."""
    return dns_label(option, value, problems) if value else ""


def label_names(option: str, value: str, problems: list[str]) -> tuple[str, ...]:
    """Return names of labels that can be in one series."""
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


def cluster_name(option: str, value: str, problems: list[str]) -> str:
    """Return a name that a person gives a cluster."""
    if value and not re.fullmatch(r"[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?", value, re.ASCII):
        problems.append(f"{option}: {value!r} is no name: letters, digits, dashes, dots and underscores, at most 63")
    return value


def log_level(option: str, value: str, problems: list[str]) -> str:
    """Return a level of messages."""
    return one_of(option, value, LOG_LEVELS, problems)


_time = partial(Option, metavar="TIME", parse=duration)
_number = partial(Option, metavar="N", parse=count)

OPTIONS: Mapping[str, Sequence[Option]] = {
    "Cluster": (
        Option(
            field="namespace",
            flag="--namespace",
            metavar="NAME",
            parse=dns_label_or_empty,
            help="Keep the Lease and the reports of nodes in this namespace.",
            default_words="that of the service account, else oomreport-system",
            variable="POD_NAMESPACE",
        ),
        Option(
            field="agent_namespace",
            flag="--agent-namespace",
            metavar="NAME",
            parse=dns_label,
            help="Look for the agents' pods in this namespace.",
            default="oomreport-agent",
        ),
        Option(
            field="agent_labels",
            flag="--agent-labels",
            metavar="KEY=VALUE,...",
            parse=labels,
            help="Take pods with all these labels for agents.",
            default="app.kubernetes.io/name=oomreport,app.kubernetes.io/component=agent",
        ),
        Option(
            field="cluster_name",
            flag="--cluster-name",
            metavar="NAME",
            parse=cluster_name,
            help="Put this name of the cluster into the source of events, for receivers of several clusters.",
            variable="OOMREPORT_CLUSTER_NAME",
        ),
    ),
    "Leader election": (
        Option(
            field="lease_name",
            flag="--lease-name",
            metavar="NAME",
            parse=dns_label,
            help="Hold the Lease of this name while working. Other controllers wait for it.",
            default="oomreport-controller",
        ),
        Option(
            field="identity",
            flag="--identity",
            metavar="NAME",
            parse=text,
            help="Hold the Lease and report Events under this name.",
            default_words="host name and process ID",
            variable="POD_NAME",
        ),
    ),
    "Waiting for witnesses": (
        _time(
            field="settle",
            flag="--settle",
            help="Take a container that still runs this long after a kill for one that survived it. The kubelet needs a"
            " few seconds to tell of an end.",
            default="5s",
        ),
        _time(
            field="grace",
            flag="--grace",
            help="Wait this long for the kernel record of a termination OOMKilled before it is counted alone. An agent"
            " tells within seconds, unless its node is busy.",
            default="15s",
        ),
        _time(
            field="match_after",
            flag="--match-after",
            help="Wait this long for further records before a record without a container is matched with a termination."
            " Records of one moment arrive within a second or two.",
            default="3s",
        ),
        _time(
            field="unknown_after",
            flag="--unknown-after",
            help="Wait this long for a matching termination before a record without a container is reported as unknown."
            " The kubelet may tell of an end late.",
            default="60s",
        ),
        _time(
            field="resolve_after",
            flag="--resolve-after",
            help="Set Resolved when an applied recommendation has held this long. Most loads repeat every day.",
            default="24h",
        ),
    ),
    "Retention": (
        _time(field="record_age", flag="--record-age", help="Delete used records after this time.", default="24h"),
        _number(
            field="records_per_node",
            flag="--records-per-node",
            help="Keep at most this many used records of a node.",
            default="1000",
        ),
        _time(
            field="report_age",
            flag="--report-age",
            help="Delete reports this long after their last kill. A policy may say otherwise for its namespace.",
            default="7d",
        ),
        _number(
            field="reports",
            flag="--reports",
            help="Keep at most this many reports. Those with the oldest last kill go first.",
            default="5000",
        ),
        _time(
            field="housekeeping",
            flag="--housekeeping",
            help="Delete what is old and look for what watches missed at this interval.",
            default="10m",
        ),
    ),
    "A metrics source, such as Prometheus": (
        Option(
            field="prometheus_url",
            flag="--prometheus-url",
            metavar="URL",
            parse=url,
            help="Ask the metrics source at this base URL, below which /api/v1/query is, for the peak of a container's"
            " memory. No limit below the peak is recommended.",
            default_words="none is asked",
            variable="OOMREPORT_PROMETHEUS_URL",
        ),
        Option(
            field="prometheus_token_file",
            flag="--prometheus-token-file",
            metavar="FILE",
            parse=readable_file,
            help="Send the bearer token in this file with each query. The file is read each time.",
            default_words="no token is sent",
        ),
        Option(
            field="prometheus_ca_file",
            flag="--prometheus-ca-file",
            metavar="FILE",
            parse=ca_file,
            help="Verify the metrics source's certificate by the CAs in this file.",
            default_words="the system's CAs",
        ),
        _time(
            field="prometheus_window",
            flag="--prometheus-window",
            help="Look for the peak this far back. A week holds what happens on one day of it only.",
            default="7d",
        ),
    ),
    "Hooks": (
        _time(
            field="hook_first_pause",
            flag="--hook-first-pause",
            help="Pause at most this long before the second attempt to deliver. Each further pause may be longer.",
            default="5s",
        ),
        _time(
            field="hook_longest_pause",
            flag="--hook-longest-pause",
            help="Pause at most this long between two attempts to deliver.",
            default="2h",
        ),
        _time(
            field="hook_give_up",
            flag="--hook-give-up",
            help="Give a delivery up this long after its first attempt. A receiver that is down overnight misses nothing.",
            default="24h",
        ),
        _number(
            field="hook_workers",
            flag="--hook-workers",
            help="Make at most this many attempts for one hook at once.",
            default="8",
        ),
        Option(
            field="hook_deny",
            flag="--hook-deny",
            metavar="CIDR,...",
            parse=networks,
            help="Let no webhook reach these addresses, besides link-local, metadata and loopback ones. Name the"
            " cluster's own, such as 10.0.0.0/8, where people in namespaces must not reach them.",
            default_words="no others",
        ),
        Option(
            field="hook_allow",
            flag="--hook-allow",
            metavar="CIDR,...",
            parse=networks,
            help="Let webhooks reach these loopback addresses.",
        ),
    ),
    "Process": (
        _number(field="workers", flag="--workers", help="Work on at most this many keys at once.", default="8"),
        Option(
            field="health_address",
            flag="--health-address",
            metavar="HOST:PORT",
            parse=host_and_port,
            help="Serve /healthz, /readyz and /metrics at this address. 'none' serves nothing.",
            default=":8080",
        ),
        Option(
            field="metrics_labels",
            flag="--metrics-workload-labels",
            metavar="NAME,...",
            parse=label_names,
            help="Show these labels of workloads in oomreport_report_info, to route alerts by owner; team becomes"
            " label_team. Name at most five.",
        ),
        _number(
            field="metrics_reports",
            flag="--metrics-max-reports",
            help="Show series of at most this many reports at /metrics, newest kills first. Each report has up to ten.",
            default="1000",
        ),
        Option(
            field="log_level",
            flag="--log-level",
            metavar="LEVEL",
            parse=log_level,
            help=f"Print messages of this level and above: {', '.join(LOG_LEVELS)}.",
            default="info",
            variable="OOMREPORT_LOG_LEVEL",
        ),
    ),
}
