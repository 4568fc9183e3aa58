"""Compact JSON in ASCII, safe for a terminal.

What a log holds could steer a terminal otherwise.
"""

import json
from collections.abc import Callable

_quick: Callable[[object], bytes] | None
try:
    from orjson import dumps as _quick
except ImportError:  # kubectl's plugin has no compiled package
    _quick = None


def json_text(value: object) -> bytes:
    """Return a value of dicts, lists and plain types as JSON.

    The quick encoder leaves other characters than ASCII as they are, and takes no half of a surrogate pair.
    """
    try:
        text = _quick(value) if _quick else b"\xff"
    except TypeError:
        text = b"\xff"
    return text if text.isascii() else json.dumps(value, separators=(",", ":")).encode()
