"""What is read of any object that the API server sends."""

from collections.abc import Mapping
from typing import Any


def resource_version(item: Mapping[str, Any]) -> str:
    """Return the version of an object, or of a watch's bookmark; empty where it has none."""
    return str(item["metadata"].get("resourceVersion") or "")
