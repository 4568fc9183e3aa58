"""Signatures by the Standard Webhooks specification.

Receivers have libraries for them in every language.

webhook-id         the event's ID, the same for each attempt
webhook-timestamp  seconds since 1970, of this attempt
webhook-signature  v1,<base64 of HMAC-SHA256 over "id.timestamp.body">, one for each key, separated by spaces
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

from oomreport.errors import OOMReportError

_PREFIX = "whsec_"
_LEAST_BYTES, _MOST_BYTES = 24, 64
_MOST_KEYS = 4


class KeyInvalid(OOMReportError, ValueError):  # noqa: N818 - a state of the Secret, named as such
    """A signing key is not what it should be; the message does not show it."""


def signing_keys(text: str) -> tuple[bytes, ...]:
    """Return the keys in a Secret's value: `whsec_` and base64, several separated by spaces while they are exchanged.

    Raises KeyInvalid.
    """
    words = text.split()
    if not words or len(words) > _MOST_KEYS:
        raise KeyInvalid(f"must hold 1 to {_MOST_KEYS} keys such as whsec_<base64>, holds {len(words)}")
    return tuple(_key(word) for word in words)


def signed_headers(keys: Sequence[bytes], *, id_: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers of an attempt; without keys there is no signature among them."""
    headers = {"webhook-id": id_, "webhook-timestamp": str(timestamp)}
    if keys:
        content = f"{id_}.{timestamp}.".encode() + body
        found = (base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode() for key in keys)
        headers["webhook-signature"] = " ".join(f"v1,{one}" for one in found)
    return headers


def _key(word: str) -> bytes:
    if not word.startswith(_PREFIX):
        raise KeyInvalid(f"a key must begin with {_PREFIX}")
    try:
        key = base64.b64decode(word.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise KeyInvalid(f"what follows {_PREFIX} is not base64") from None
    if not _LEAST_BYTES <= len(key) <= _MOST_BYTES:
        raise KeyInvalid(f"a key must have {_LEAST_BYTES} to {_MOST_BYTES} bytes, has {len(key)}")
    return key
