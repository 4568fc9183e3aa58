"""The values of the controller's options: how each is read and checked."""

import re
import ssl
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from oomreport.hooks.address import Network, network
from oomreport.options import LOG_LEVELS, one_of, readable_file

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
