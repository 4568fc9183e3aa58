"""What an answer of the API server means, and lists in pages."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from oomreport.adapters.cluster.transport import JSON, SECONDS, ApiAnswer, items_of
from oomreport.errors import ApiError


def answer(body: object, status: int = 200, reason: str = "OK") -> ApiAnswer:
    return ApiAnswer(status=status, reason=reason, body=body if isinstance(body, bytes) else json.dumps(body).encode())


def test_a_refusal_has_the_servers_words_its_status_and_its_reason() -> None:
    said = {"kind": "Status", "message": 'pods is forbidden: User "ci" cannot list', "reason": "Forbidden"}
    with pytest.raises(ApiError, match='pods: pods is forbidden: User "ci" cannot list') as caught:
        answer(said, 403).object_or_raise("pods")
    assert (caught.value.is_forbidden, caught.value.reason) == (True, "Forbidden")


@pytest.mark.parametrize("body", [b"<html>a gateway</html>", b"", b"[]", b"\xff"])
def test_what_is_no_object_is_not_taken_for_an_answer(body: bytes) -> None:
    with pytest.raises(ApiError, match="not the API server's"):
        answer(body).object_or_raise("/version")
    with pytest.raises(ApiError, match="/version: 502 Bad Gateway"):
        answer(body, 502, "Bad Gateway").object_or_raise("/version")


class Pages:
    """A list of two pages."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        content_type: str = JSON,
        seconds: float = SECONDS,
    ) -> ApiAnswer:
        self.paths.append(f"{method} {path}")
        if "continue=" in path:
            return answer({"metadata": {}, "items": [{"n": 2}]})
        return answer({"metadata": {"continue": "a+b="}, "items": [{"n": 0}, {"n": 1}]})


def test_a_list_is_read_to_its_last_page() -> None:
    pages = Pages()
    assert [one["n"] for one in items_of(pages, "/api/v1/pods", what="pods", page=2, labelSelector="a=b")] == [0, 1, 2]
    first = "GET /api/v1/pods?limit=2&labelSelector=a%3Db"
    assert pages.paths == [first, f"{first}&continue=a%2Bb%3D"]
