"""Signatures are those that the Standard Webhooks library verifies."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from oomreport.hooks.signature import KeyInvalid, signed_headers, signing_keys


def secret(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


def now() -> int:
    return int(datetime.now(UTC).timestamp())


@given(st.binary(min_size=24, max_size=64), st.text(max_size=200))
def test_another_implementation_verifies_what_is_signed(key: bytes, text: str):
    body = ('{"data": ' + repr(text).replace("'", '"').replace("\\", "") + "}").encode("utf-8", "replace")
    headers = signed_headers(signing_keys(secret(key)), id_="abc", timestamp=now(), body=b'{"a":1}' + b" " * len(body))
    Webhook(secret(key)).verify(b'{"a":1}' + b" " * len(body), headers)


def test_while_keys_are_exchanged_holders_of_either_verify():
    old, new = secret(b"o" * 32), secret(b"n" * 32)
    headers = signed_headers(signing_keys(f"{new} {old}"), id_="abc", timestamp=now(), body=b"{}")
    for one in (old, new):
        Webhook(one).verify(b"{}", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret(b"x" * 32)).verify(b"{}", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(b"{ }", headers)


def test_without_a_key_there_is_no_signature():
    assert signed_headers((), id_="abc", timestamp=7, body=b"") == {"webhook-id": "abc", "webhook-timestamp": "7"}


@pytest.mark.parametrize(
    "text", ["", "c2VjcmV0", "whsec_%%%", "whsec_" + "QUJD", "whsec_" + "QUFB" * 30, " ".join(["whsec_QUFB"] * 5)]
)
def test_a_wrong_key_is_refused_without_being_shown(text: str):
    with pytest.raises(KeyInvalid) as caught:
        signing_keys(text)
    for word in text.replace("whsec_", " ").split():
        assert word not in str(caught.value)
