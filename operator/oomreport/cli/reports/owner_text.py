"""The owner of a workload's manifest, in words.

It is what the report's status.managedBy says.
"""

from collections.abc import Iterator, Mapping

_NAMED = ("tool", "name", "namespace")


def owner_short(owner: Mapping[str, str] | None) -> str:
    """Return the owner in a word: `ArgoCD shop/web`."""
    return " ".join([owner["tool"], *_name(owner)]) if owner and owner.get("tool") else ""


def owner_sentences(owner: Mapping[str, str] | None) -> Iterator[str]:
    """Yield a sentence about the owner, with all that is known of it."""
    if short := owner_short(owner):
        rest = [f"{key} {value}" for key, value in (owner or {}).items() if key not in _NAMED and value]
        more = f" ({', '.join(rest)})" if rest else ""
        yield f"The manifest is managed by {short}{more}."


def _name(owner: Mapping[str, str]) -> Iterator[str]:
    parts = [owner[key] for key in ("namespace", "name") if owner.get(key)]
    if parts:
        yield "/".join(parts)
