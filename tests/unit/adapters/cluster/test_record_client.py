import shutil
from pathlib import Path

import pytest

from oomreport.adapters.cluster.record_client import Delivered, RecordClient, Refused, Retry, outcome_of
from support.api import certificate, serving, status

BODY = b'{"metadata": {"name": "here-9f1c2b7a-1"}, "spec": {}}'


def client(port: int, **options: object) -> RecordClient:
    arguments = {"token_file": None, "ca_file": None, "timeout": 5.0} | options
    return RecordClient(f"http://127.0.0.1:{port}", **arguments)  # type: ignore[arg-type]


def test_a_record_is_created_once_and_again_is_the_same(tmp_path: Path) -> None:
    with serving() as api:
        one = client(api.port)
        assert one.create(BODY) == Delivered()
        assert one.create(BODY) == Delivered(existed=True)
        assert api.connections == 1
        path, headers, _ = api.requests[0]
    assert path.startswith("/apis/oomreport.dev/v1alpha1/oomrecords?")
    assert headers["Content-Type"] == "application/json"
    assert "Authorization" not in headers


def test_the_token_is_read_for_each_request(tmp_path: Path) -> None:
    token = tmp_path / "token"
    with serving() as api:
        one = client(api.port, token_file=token)
        for text in ("first\n", "second\n"):
            token.write_text(text)
            one.create(BODY)
        assert [headers["Authorization"] for _, headers, _ in api.requests] == ["Bearer first", "Bearer second"]


def test_a_missing_token_is_a_reason_to_wait(tmp_path: Path) -> None:
    with serving() as api:
        outcome = client(api.port, token_file=tmp_path / "none").create(BODY)
    assert isinstance(outcome, Retry)
    assert "none" in outcome.reason


def test_a_server_that_is_down_is_tried_again_and_a_closed_connection_is_no_failure() -> None:
    with serving() as api:
        port = api.port
        one = client(port)
        assert one.create(BODY) == Delivered()
    outcome = one.create(BODY)
    assert isinstance(outcome, Retry)
    assert "refused" in outcome.reason or "reset" in outcome.reason.lower()
    with serving(port) as api:
        assert one.create(BODY) == Delivered()


def test_an_https_server_is_verified(tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("needs openssl to make a certificate")
    ca, context = certificate(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    wrong, _ = certificate(other)
    with serving(tls=context) as api:
        url = f"https://127.0.0.1:{api.port}"
        assert RecordClient(url, token_file=None, ca_file=ca).create(BODY) == Delivered()
        outcome = RecordClient(url, token_file=None, ca_file=wrong).create(BODY)
    assert isinstance(outcome, Retry)
    assert "CERTIFICATE_VERIFY_FAILED" in outcome.reason


@pytest.mark.parametrize(
    ("code", "retry_after", "reason", "expected"),
    [
        (201, None, "", Delivered()),
        (409, None, "AlreadyExists", Delivered(existed=True)),
        (409, None, "Conflict", Retry(reason="HTTP 409: why")),
        (429, "7", "TooManyRequests", Retry(reason="HTTP 429: why", after=7.0)),
        (503, "999999", "ServiceUnavailable", Retry(reason="HTTP 503: why", after=300.0)),
        (500, None, "InternalError", Retry(reason="HTTP 500: why")),
        (401, None, "Unauthorized", Retry(reason="HTTP 401: why")),
        (422, None, "Invalid", Refused(status=422, reason="HTTP 422: why")),
    ],
)
def test_each_answer_has_its_meaning(code: int, retry_after: str | None, reason: str, expected: object) -> None:
    body = f'{{"reason": "{reason}", "message": "why"}}'.encode()
    assert outcome_of(code, retry_after, body) == expected


def test_a_missing_right_may_come_while_a_policys_denial_is_about_the_record() -> None:
    rbac = b'{"reason": "Forbidden", "message": "User \\"x\\" cannot create resource \\"oomrecords\\""}'
    policy = b'{"reason": "Forbidden", "message": "ValidatingAdmissionPolicy \'oomreport-agent\' denied request: not its node"}'
    assert isinstance(outcome_of(403, None, rbac), Retry)
    assert isinstance(outcome_of(403, None, policy), Refused)


def test_a_missing_crd_is_named() -> None:
    outcome = outcome_of(404, None, b"404 page not found\n")
    assert isinstance(outcome, Retry)
    assert "oomrecords.oomreport.dev" in outcome.reason


def test_an_answer_that_is_no_json_is_still_a_reason() -> None:
    assert outcome_of(502, "Wed, 21 Oct 2026 07:28:00 GMT", b"<html>\xff") == Retry(reason="HTTP 502: <html>\ufffd")


def test_a_retry_after_reaches_the_caller() -> None:
    with serving() as api:
        api.answer = lambda _: status(429, "TooManyRequests", "slow down", Retry_After="3")
        assert client(api.port).create(BODY) == Retry(reason="HTTP 429: slow down", after=3.0)
