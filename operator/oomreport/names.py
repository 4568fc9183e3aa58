"""API names that writers and readers share, usable without the models."""

import re
from typing import Final

API_VERSION: Final = "oomreport.dev/v1alpha1"
GROUP, VERSION = API_VERSION.split("/")

OOM_RECORD: Final = "OOMRecord"
OOM_RECORDS: Final = "oomrecords"
OOM_REPORT: Final = "OOMReport"
OOM_REPORTS: Final = "oomreports"
OOM_POLICY: Final = "OOMPolicy"
OOM_POLICIES: Final = "oompolicies"
OOM_HOOK: Final = "OOMHook"
OOM_HOOKS: Final = "oomhooks"

# A report is found by these three, never by parsing its name. A label's value has at most 63 characters: longer
# workload names are hashed into one.
LABEL_WORKLOAD_KIND: Final = f"{GROUP}/workload-kind"
LABEL_WORKLOAD: Final = f"{GROUP}/workload"
LABEL_CONTAINER: Final = f"{GROUP}/container"

# On pods, one patch per kill. `last-kill` is RFC 3339, `kills` a number, `report` the name of the report.
ANNOTATION_LAST_KILL: Final = f"{GROUP}/last-kill"
ANNOTATION_KILLS: Final = f"{GROUP}/kills"
ANNOTATION_VICTIM: Final = f"{GROUP}/victim"
ANNOTATION_CAUSE: Final = f"{GROUP}/cause"
ANNOTATION_REPORT: Final = f"{GROUP}/report"

# On reports, by people: a time up to which deliveries that were given up are tried again, and a hook (namespace/name)
# after it where only that one's are meant. An annotation, since a change of the spec would be a new review.
ANNOTATION_REDELIVER: Final = f"{GROUP}/redeliver"

# Words that the API conventions keep in upper case within a field's name.
_INITIALISMS: Final = frozenset({"id", "rss", "uid", "vm"})
# A DNS label as the API server checks it; node names are DNS subdomains and may hold dots.
_MOST_NAME = 63
_DIGITS = 10
# So much of a name stands before its hash at most.
UNHASHED = _MOST_NAME - _DIGITS - 1
_MOST_SUBDOMAIN = 253
_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_NOT_LABEL = re.compile(r"[^a-z0-9-]+")


def camel_case(name: str) -> str:
    """Return a field's name in the API: pod_uid becomes podUID, anon_rss_bytes anonRSSBytes, uid stays uid."""
    first, *words = name.split("_")
    return first + "".join(word.upper() if word in _INITIALISMS else word.capitalize() for word in words)


def is_label(text: str) -> bool:
    """Return whether a text is a DNS label, as the names of namespaces, containers and Services are."""
    return len(text) <= _MOST_NAME and _LABEL.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Return whether a text is a DNS subdomain, as the names of pods, workloads and nodes are."""
    return len(text) <= _MOST_SUBDOMAIN and all(_LABEL.fullmatch(part) for part in text.split("."))


def label_name(*parts: str) -> str:
    """Join parts to a DNS label.

    Where the result is too long or changes a part, a hash of the exact parts keeps it unique.
    """
    exact = "-".join(parts)
    plain = _NOT_LABEL.sub("-", exact.lower()).strip("-")
    if plain == exact and len(plain) <= _MOST_NAME:
        return plain
    import hashlib  # noqa: PLC0415 - a few milliseconds that explaining a log has no use for

    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_DIGITS]
    return f"{plain[:UNHASHED]}-{digest}".strip("-")


def bounded_text(text: str, most_bytes: int) -> str:
    """Return text of at most `most_bytes` of UTF-8. The middle goes: both ends of a dump hold the most."""
    if len(text) <= most_bytes and text.isascii():
        return text
    data = text.encode("utf-8", "replace")
    if len(data) <= most_bytes:
        return text
    mark = "\n[...]\n"
    half = (most_bytes - len(mark)) // 2
    return data[:half].decode("utf-8", "ignore") + mark + data[-half:].decode("utf-8", "ignore")
