"""The agent's configuration, read once and frozen.

Every mistake is reported at once.
"""

import argparse
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from oomreport import __version__
from oomreport.adapters.node.log_access import AUTO, SOURCES
from oomreport.errors import ConfigurationError
from oomreport.options import LOG_LEVELS, default_by, host_and_port, new_group, one_of, readable_file

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_BINARY = {"": 1, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
_NODE_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """How an agent runs. Each field is an option of the command line, and most are an environment variable."""

    node_name: str
    """The node's name in the cluster; records carry it, and an agent may create those of its own node only."""

    pod_uid: str | None = None
    """The UID of the agent's own pod: of several kubelets' cgroups on one machine, its own holds it."""

    source: str = AUTO
    """The kernel log's source: kmsg, syslog, or auto for the first of them that can be read."""

    dev_kmsg: str = "/dev/kmsg"
    """The device that the kmsg source reads; a container may have the node's mounted elsewhere."""

    proc: Path = Path("/proc")
    """procfs: boot ID, kernel release, the machine's count of kills. A container's own shows the same."""

    cgroup_root: Path = Path("/sys/fs/cgroup")
    """The node's cgroup file system, mounted read-only into the agent's container."""

    log_root: Path = Path("/var/log")
    """The node's log folder, in which the kubelet keeps pods/ and containers/; read-only."""

    state_dir: Path | None = Path("/var/lib/oomreport")
    """Where checkpoint and spool are kept over restarts. None (dry run only): nothing is kept."""

    api_server: str | None = None
    """The API server's URL. None in a dry run."""

    token_file: Path | None = None
    """The service account's token, read for each request. None: requests carry none."""

    ca_file: Path | None = None
    """The certificates that the API server is verified by. None: those of the system."""

    health_address: str = ":8081"
    """Where /livez and /healthz are served, host:port; empty for nowhere."""

    spool_records: int = 10_000
    """Most records that wait for the API server. Beyond it the oldest goes."""

    spool_bytes: int = 64 << 20
    """Most bytes that wait for the API server, written 64Mi. New records are kept without their bulk first."""

    counter_wait: float = 10.0
    """Seconds that a counter may be ahead of the log before the kill becomes a record of its own."""

    scan_seconds: float = 5.0
    """Seconds between two looks at the node's pods; kills cause more of them."""

    sample_seconds: float = 5.0
    """Seconds between two samples of a container's memory, for the way to a kill. 0: nothing is sampled."""

    log_level: str = "info"
    """The least severe messages printed: debug, info, warning, error."""

    dry_run: bool = False
    """Whether records are printed to standard output instead of being sent."""


def settings_of(arguments: Sequence[str], environment: Mapping[str, str]) -> AgentSettings:
    """Return the configuration. Raises ConfigurationError with every problem; --help and --version exit."""
    options = _parser(environment).parse_args(arguments)
    problems: list[str] = []
    dry_run: bool = options.dry_run
    node_name = options.node_name or (os.uname().nodename.lower() if dry_run else "")
    if not node_name:
        problems.append("--node-name (NODE_NAME): missing; set it from spec.nodeName")
    elif not _NODE_NAME.fullmatch(node_name):
        problems.append(f"--node-name: {node_name!r} is no node name")
    settings = AgentSettings(
        node_name=node_name,
        pod_uid=options.pod_uid or None,
        source=one_of("--source", options.source, SOURCES, problems),
        dev_kmsg=options.dev_kmsg,
        proc=_folder("--proc", options.proc, problems),
        cgroup_root=_folder("--cgroup-root", options.cgroup_root, problems),
        log_root=Path(options.log_root),
        state_dir=_state_dir(options.state_dir, dry_run=dry_run),
        api_server=None if dry_run else _api_server(options.api_server, environment, problems),
        token_file=_file("--token-file", options.token_file, SERVICE_ACCOUNT / "token", problems),
        ca_file=_file("--ca-file", options.ca_file, SERVICE_ACCOUNT / "ca.crt", problems),
        health_address=_address(
            "--health-address", options.health_address or ("none" if dry_run else ":8081"), problems
        ),
        spool_records=int(_number("--spool-records", options.spool_records, 1, problems)),
        spool_bytes=_bytes("--spool-bytes", options.spool_bytes, problems),
        counter_wait=_number("--counter-wait", options.counter_wait, 1, problems),
        scan_seconds=_number("--scan-seconds", options.scan_seconds, 0.1, problems),
        sample_seconds=_sample_seconds(options.sample_seconds, problems),
        log_level=one_of("--log-level", options.log_level, LOG_LEVELS, problems),
        dry_run=dry_run,
    )
    if problems:
        raise ConfigurationError(problems)
    return settings


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    default = default_by(environment)
    parser = argparse.ArgumentParser(
        prog="oomreport-agent",
        description="Watches the kernel of this node for OOM kills and creates an OOMRecord for each.",
        epilog="Variables in brackets are read where an option is not given. Standard error gets JSON lines.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    add = parser.add_argument
    add("--node-name", metavar="NAME", default=default("NODE_NAME"), help="this node's name [NODE_NAME]")
    add("--pod-uid", metavar="UID", default=default("POD_UID"), help="this agent's own pod [POD_UID]")
    add(
        "--source",
        metavar="auto|kmsg|syslog",
        default=default("OOMREPORT_SOURCE", AUTO),
        help="where the kernel log is read: kmsg needs a privileged container, syslog the capability SYSLOG; "
        "auto takes the first that works [OOMREPORT_SOURCE] (default: %(default)s)",
    )
    add("--dry-run", action="store_true", help="print records as JSON lines to standard output, send nothing")
    add = new_group(parser, "where things are")
    add("--dev-kmsg", metavar="FILE", default="/dev/kmsg", help="device of the kmsg source (default: %(default)s)")
    add("--proc", metavar="DIR", default="/proc", help="procfs (default: %(default)s)")
    add("--cgroup-root", metavar="DIR", default="/sys/fs/cgroup", help="the node's cgroups (default: %(default)s)")
    add("--log-root", metavar="DIR", default="/var/log", help="has pods/ and containers/ (default: %(default)s)")
    add(
        "--state-dir",
        metavar="DIR",
        default=default("OOMREPORT_STATE_DIR"),
        help="checkpoint and spool, kept over restarts [OOMREPORT_STATE_DIR] "
        "(default: /var/lib/oomreport; with --dry-run none)",
    )
    add = new_group(parser, "the API server")
    add("--api-server", metavar="URL", help="default: the cluster that this runs in [KUBERNETES_SERVICE_HOST, ..PORT]")
    add("--token-file", metavar="FILE", help="default: the service account's, where there is one")
    add("--ca-file", metavar="FILE", help="default: the service account's, where there is one")
    add = new_group(parser, "fine tuning")
    add(
        "--health-address",
        metavar="HOST:PORT",
        default=default("OOMREPORT_HEALTH_ADDRESS"),
        help="serves /livez and /healthz, 'none' not at all [OOMREPORT_HEALTH_ADDRESS] "
        "(default: :8081; with --dry-run none)",
    )
    add("--spool-records", metavar="N", default="10000", help="most records that wait (default: %(default)s)")
    add("--spool-bytes", metavar="SIZE", default="64Mi", help="most bytes that wait (default: %(default)s)")
    add(
        "--counter-wait",
        metavar="SECONDS",
        default="10",
        help="how long a counter may be ahead of the log before its kill is reported alone (default: %(default)s)",
    )
    add("--scan-seconds", metavar="SECONDS", default="5", help="between looks at the pods (default: %(default)s)")
    add(
        "--sample-seconds",
        metavar="SECONDS",
        default="5",
        help="between samples of each container's memory, 0 for none (default: %(default)s)",
    )
    add(
        "--log-level",
        metavar="LEVEL",
        default=default("OOMREPORT_LOG_LEVEL", "info"),
        help="debug, info, warning or error [OOMREPORT_LOG_LEVEL] (default: %(default)s)",
    )
    return parser


def _folder(option: str, value: str, problems: list[str]) -> Path:
    path = Path(value)
    if not path.is_dir():
        problems.append(f"{option}: {value} is no folder")
    return path


def _file(option: str, value: str | None, default: Path, problems: list[str]) -> Path | None:
    if value is None:
        return default if default.exists() else None
    return readable_file(option, value, problems)


def _state_dir(value: str, *, dry_run: bool) -> Path | None:
    if value:
        return Path(value)
    return None if dry_run else Path("/var/lib/oomreport")


def _api_server(value: str | None, environment: Mapping[str, str], problems: list[str]) -> str | None:
    if value is None:
        host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT", "443")
        if not host:
            problems.append("--api-server: not given, and this runs in no cluster (KUBERNETES_SERVICE_HOST)")
            return None
        return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    try:
        parts = urlsplit(value)
        local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
        # Reading the port checks it.
        known = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        local = known = False
        parts = urlsplit("")
    if not known or not (local or parts.scheme == "https"):
        problems.append(
            f"--api-server: {value!r} is no https URL (http: this machine only, since the token is a secret)"
        )
    return value


def _address(option: str, value: str, problems: list[str]) -> str:
    return value if host_and_port(option, value, problems) else ""


def _number(option: str, value: str, least: float, problems: list[str]) -> float:
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not least <= number < float("inf"):
        problems.append(f"{option}: {value!r} is no number from {least:g} on")
        return least
    return number


def _sample_seconds(value: str, problems: list[str]) -> float:
    return 0.0 if value == "0" else _number("--sample-seconds", value, 0.5, problems)


def _bytes(option: str, value: str, problems: list[str]) -> int:
    parts = re.fullmatch(r"([1-9]\d{0,14})(Ki|Mi|Gi)?", value)
    if parts is None:
        problems.append(f"{option}: {value!r} is no size such as 64Mi")
        return 0
    return int(parts[1]) * _BINARY[parts[2] or ""]
