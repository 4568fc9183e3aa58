"""Compact JSON in ASCII, safe for a terminal.

What a log holds could steer a terminal otherwise.
"""

import json

import orjson


def json_text(value: object) -> bytes:
    """Return a value of dicts, lists and plain types as JSON.

    The quick encoder leaves other characters than ASCII as they are, and takes no half of a surrogate pair.
    """
    try:
        text = orjson.dumps(value)
    except TypeError:
        text = b"\xff"
    return text if text.isascii() else json.dumps(value, separators=(",", ":")).encode()
