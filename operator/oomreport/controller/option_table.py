"""The table of the controller's options."""

from collections.abc import Mapping, Sequence
from functools import partial

from oomreport.controller.option_values import (
    ca_file,
    cluster_name,
    count,
    dns_label,
    dns_label_or_empty,
    duration,
    label_names,
    labels,
    log_level,
    networks,
    url,
)
from oomreport.options import LOG_LEVELS, Option, host_and_port, readable_file, text

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
            help="Take a container that ends, or is killed in again, this long after a kill for one that survived it.",
            default="5s",
        ),
        _time(
            field="grace",
            flag="--grace",
            help="Wait this long for the other witness: for the kernel record of a termination OOMKilled before it is"
            " counted alone, and for the kubelet before a container that still runs is taken for one that survived the"
            " kill. Both tell within seconds, unless the node is busy.",
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
            " memory, and for what running containers hold. No limit below the peak is recommended.",
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
        _number(field="workers", flag="--workers", help="Work on at most this many keys at once.", default="16"),
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
            help="Show these labels of workloads in oomreport_report_info and in the events of hooks, to route by owner;"
            " team becomes label_team in the metric. Name at most five.",
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
