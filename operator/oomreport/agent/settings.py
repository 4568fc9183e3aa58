"""The agent's configuration, read once and frozen.

Every mistake is reported at once.
"""

import argparse
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from oomreport import __version__
from oomreport.adapters.node.log_access import AUTO, SOURCES
from oomreport.errors import ConfigurationError
from oomreport.options import LOG_LEVELS, Option, add_options, host_and_port, one_of, readable_file, text, values_of

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
    """Where /livez, /healthz, /status and /metrics are served, host:port; empty for nowhere."""

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
    parsed = _parser(environment).parse_args(arguments)
    problems: list[str] = []
    dry_run: bool = parsed.dry_run
    # First, so that problems come in the order of the options.
    node_name = parsed.node_name or (os.uname().nodename.lower() if dry_run else "")
    if not node_name:
        problems.append("--node-name (NODE_NAME): missing; set it from spec.nodeName")
    elif not _NODE_NAME.fullmatch(node_name):
        problems.append(f"--node-name: {node_name!r} is no node name")
    values = values_of(parsed, OPTIONS, problems)
    api_server, health = values.pop("api_server"), values.pop("health_address")
    settings = AgentSettings(
        **{
            **values,
            "node_name": node_name,
            "pod_uid": values["pod_uid"] or None,
            "state_dir": _state_dir(values["state_dir"], dry_run=dry_run),
            "token_file": values["token_file"] or _existing(SERVICE_ACCOUNT / "token"),
            "ca_file": values["ca_file"] or _existing(SERVICE_ACCOUNT / "ca.crt"),
        },
        api_server=None if dry_run else _api_server(api_server or None, environment, problems),
        health_address=_address("--health-address", health or ("none" if dry_run else ":8081"), problems),
        dry_run=dry_run,
    )
    if problems:
        raise ConfigurationError(problems)
    return settings


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="oomreport-agent",
        description="Watch the kernel of this node for OOM kills and create an OOMRecord for each.",
        epilog="Variables in brackets are read where an option is not given. Standard error gets JSON lines.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="Print records as JSON lines to standard output and send nothing (default: send them).",
    )
    add_options(parser, OPTIONS, environment)
    return parser


def _folder(option: str, value: str, problems: list[str]) -> Path:
    path = Path(value)
    if not path.is_dir():
        problems.append(f"{option}: {value} is no folder")
    return path


def _existing(path: Path) -> Path | None:
    return path if path.exists() else None


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


def _from(least: float) -> Callable[[str, str, list[str]], float]:
    return lambda option, value, problems: _number(option, value, least, problems)


def _count(option: str, value: str, problems: list[str]) -> int:
    return int(_number(option, value, 1, problems))


def _sample_seconds(option: str, value: str, problems: list[str]) -> float:
    return 0.0 if value == "0" else _number(option, value, 0.5, problems)


def _path(_option: str, value: str, _problems: list[str]) -> Path:
    return Path(value)


def _source(option: str, value: str, problems: list[str]) -> str:
    return one_of(option, value, SOURCES, problems)


def _log_level(option: str, value: str, problems: list[str]) -> str:
    return one_of(option, value, LOG_LEVELS, problems)


def _bytes(option: str, value: str, problems: list[str]) -> int:
    parts = re.fullmatch(r"([1-9]\d{0,14})(Ki|Mi|Gi)?", value)
    if parts is None:
        problems.append(f"{option}: {value!r} is no size such as 64Mi")
        return 0
    return int(parts[1]) * _BINARY[parts[2] or ""]


_seconds = partial(Option, metavar="SECONDS")

OPTIONS: Mapping[str, Sequence[Option]] = {
    "Node": (
        Option(
            field="node_name",
            flag="--node-name",
            metavar="NAME",
            parse=text,
            help="Write records of the node of this name.",
            default_words="none, it has to be given; with --dry-run the host's name",
            variable="NODE_NAME",
        ),
        Option(
            field="pod_uid",
            flag="--pod-uid",
            metavar="UID",
            parse=text,
            help="Watch the pods of the kubelet that runs the pod of this UID, this agent's own. It matters where several"
            " kubelets share a machine.",
            variable="POD_UID",
        ),
        Option(
            field="source",
            flag="--source",
            metavar="auto|kmsg|syslog",
            parse=_source,
            help="Read the kernel log from this source. kmsg needs a privileged container, syslog the capability SYSLOG;"
            " auto takes the first that works.",
            default=AUTO,
            variable="OOMREPORT_SOURCE",
        ),
    ),
    "Files": (
        Option(
            field="dev_kmsg",
            flag="--dev-kmsg",
            metavar="FILE",
            parse=text,
            help="Read the kmsg source from this device.",
            default="/dev/kmsg",
        ),
        Option(
            field="proc",
            flag="--proc",
            metavar="DIR",
            parse=_folder,
            help="Read processes from the procfs here.",
            default="/proc",
        ),
        Option(
            field="cgroup_root",
            flag="--cgroup-root",
            metavar="DIR",
            parse=_folder,
            help="Read the node's cgroups here.",
            default="/sys/fs/cgroup",
        ),
        Option(
            field="log_root",
            flag="--log-root",
            metavar="DIR",
            parse=_path,
            help="Look for the folders pods/ and containers/ here.",
            default="/var/log",
        ),
        Option(
            field="state_dir",
            flag="--state-dir",
            metavar="DIR",
            parse=text,
            help="Keep the checkpoint and the spool in this folder over restarts.",
            default_words="/var/lib/oomreport; with --dry-run none",
            variable="OOMREPORT_STATE_DIR",
        ),
    ),
    "API server": (
        Option(
            field="api_server",
            flag="--api-server",
            metavar="URL",
            parse=text,
            help="Send records to the API server at this URL.",
            default_words="the cluster that this runs in, by KUBERNETES_SERVICE_HOST and ..PORT",
        ),
        Option(
            field="token_file",
            flag="--token-file",
            metavar="FILE",
            parse=readable_file,
            help="Authenticate by the bearer token in this file. The file is read for each request.",
            default_words="the service account's, where there is one",
        ),
        Option(
            field="ca_file",
            flag="--ca-file",
            metavar="FILE",
            parse=readable_file,
            help="Verify the API server's certificate by the CAs in this file.",
            default_words="the service account's, where there is one",
        ),
    ),
    "Process": (
        Option(
            field="health_address",
            flag="--health-address",
            metavar="HOST:PORT",
            parse=text,
            help="Serve the probes and the metrics at this address. 'none' serves nothing.",
            default_words=":8081; with --dry-run none",
            variable="OOMREPORT_HEALTH_ADDRESS",
        ),
        Option(
            field="spool_records",
            flag="--spool-records",
            metavar="N",
            parse=_count,
            help="Keep at most this many records while the API server is away. The oldest go first.",
            default="10000",
        ),
        Option(
            field="spool_bytes",
            flag="--spool-bytes",
            metavar="SIZE",
            parse=_bytes,
            help="Keep at most this many bytes of records while the API server is away.",
            default="64Mi",
        ),
        _seconds(
            field="counter_wait",
            flag="--counter-wait",
            parse=_from(1),
            help="Wait this long for the log to tell of a kill that a counter has told of, before the kill is reported alone.",
            default="10",
        ),
        _seconds(
            field="scan_seconds",
            flag="--scan-seconds",
            parse=_from(0.1),
            help="Look at the node's pods at this interval. Kills cause more looks.",
            default="5",
        ),
        _seconds(
            field="sample_seconds",
            flag="--sample-seconds",
            parse=_sample_seconds,
            help="Sample the memory of each container at this interval. 0 samples nothing.",
            default="5",
        ),
        Option(
            field="log_level",
            flag="--log-level",
            metavar="LEVEL",
            parse=_log_level,
            help=f"Print messages of this level and above: {', '.join(LOG_LEVELS)}.",
            default="info",
            variable="OOMREPORT_LOG_LEVEL",
        ),
    ),
}
