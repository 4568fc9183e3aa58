"""Who owns the manifest of a workload, as the report's status.managedBy says, in words."""

from collections.abc import Iterator, Mapping
from typing import Any


def owners(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what is said of owners; a report of an older controller says nothing."""
    found = status.get("managedBy")
    listed = found if isinstance(found, list) else [found]
    return [one for one in listed if isinstance(one, dict) and one.get("tool")]


def owner_short(status: Mapping[str, Any]) -> str:
    """Return owners in a word each: `ArgoCD shop/web`."""
    return ", ".join(" ".join([str(one["tool"]), *_name(one)]) for one in owners(status))


def owner_sentences(status: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each owner, with all that is known of it."""
    for one in owners(status):
        rest = [f"{key} {value}" for key, value in one.items() if key not in ("tool", "name", "namespace") and value]
        more = f" ({', '.join(rest)})" if rest else ""
        yield f"{' '.join(['The manifest is managed by', str(one['tool']), *_name(one)])}{more}."


def _name(one: Mapping[str, Any]) -> Iterator[str]:
    parts = [str(one[key]) for key in ("namespace", "name") if one.get(key)]
    if parts:
        yield "/".join(parts)
