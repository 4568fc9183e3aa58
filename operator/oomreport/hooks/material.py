"""Whether advice has changed so that people want to hear of it."""

from collections.abc import Mapping
from typing import Any

_SAID = ("action", "memoryLimit", "memoryRequest")


def is_material(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> bool:
    """Return whether there is something to change now, and it is something else than before."""
    if not after or after.get("action", "None") == "None":
        return False
    return any((before or {}).get(key) != after.get(key) for key in _SAID)
