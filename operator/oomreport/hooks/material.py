"""Whether advice has changed so that people want to hear of it."""

from collections.abc import Mapping
from typing import Any

_SAID = ("action", "memoryLimit", "memoryRequest")


def is_material(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Return whether two recommendations ask people for different things; an empty mapping asks for nothing."""
    return any(before.get(key) != after.get(key) for key in _SAID)
