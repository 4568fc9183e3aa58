"""Why a pod is not ready, also where only its log can be had."""

import json
from typing import Any

import pytest

from oomreport.cli.reports.doctor.pod_words import PodWords
from oomreport.errors import ApiError

RUNNING: dict[str, Any] = {"phase": "Running", "containerStatuses": [{"state": {"running": {}}}]}
# As the agent writes them where its state folder is not there.
LOG = [
    '{"level": "info", "message": "health is served", "port": 8081}',
    '{"level": "error", "message": "state folder cannot be used, nothing outlives a restart", "problem": "[Errno 2] x"}',
    '{"level": "info", "message": "reading the kernel log", "source": "Syslog"}',
    "Traceback of another program",
]


def pod(name: str, **status: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "oomreport-agent", "name": name}, "status": {**RUNNING, **status}}


class Reader:
    """A cluster whose pods answer with `answer`."""

    def __init__(self, answer: dict[str, Any] | ApiError, log: list[str] | ApiError) -> None:
        self.answer, self.lines, self.pages = answer, log, 0

    def get(self, path: str, **query: str) -> dict[str, Any]:
        return {"items": []}

    def page(self, namespace: str, pod: str, port: int, name: str) -> dict[str, Any]:
        self.pages += 1
        if isinstance(self.answer, ApiError):
            raise self.answer
        return self.answer

    def log(self, namespace: str, pod: str, lines: int) -> list[str]:
        if isinstance(self.lines, ApiError):
            raise self.lines
        return self.lines[-lines:]


def test_a_pod_says_itself_what_is_wrong() -> None:
    reader = Reader({"problems": ["a", "b"]}, LOG)
    assert PodWords(reader).why(pod("one"), 8081, "status") == "a; b"


def test_behind_a_network_policy_one_pod_is_asked_and_the_logs_of_all_are_read() -> None:
    for error in (ApiError("timed out"), ApiError("no route", status=503, reason="ServiceUnavailable")):
        reader = Reader(error, LOG)
        said = PodWords(reader)
        words = [said.why(pod(name), 8081, "status") for name in ("one", "two", "three")]
        assert reader.pages == 1
        assert len(set(words)) == 1
        assert "as where a NetworkPolicy lets nobody in" in words[0]
        assert words[0].endswith("its log: state folder cannot be used, nothing outlives a restart: [Errno 2] x")


def test_who_may_read_neither_gets_what_is_known() -> None:
    forbidden = ApiError("forbidden", status=403, reason="Forbidden")
    reader = Reader(forbidden, forbidden)
    said = PodWords(reader)
    assert said.why(pod("one"), 8081, "status") == "it runs and does not answer (Forbidden)"
    assert said.why(pod("two"), 8081, "status") == "it runs and does not answer (Forbidden)"
    assert reader.pages == 2


def test_a_container_that_waits_is_not_asked() -> None:
    waiting = {
        "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}]
    }
    reader = Reader({}, [json.dumps({})])
    assert PodWords(reader).why(pod("one", **waiting), 8081, "status") == "ImagePullBackOff no such image"
    assert reader.pages == 0


def test_a_container_that_ends_again_and_again_is_told_with_its_last_end_and_its_last_words() -> None:
    ended = {"terminated": {"reason": "Error", "exitCode": 2}}
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    status = {"containerStatuses": [{"state": waiting, "lastState": ended, "restartCount": 3}]}
    reader = Reader({}, [json.dumps({"level": "error", "message": "cannot listen", "problem": "port 8080 is taken"})])
    words = PodWords(reader).why(pod("one", **status), 8080, "healthz")
    assert words == (
        "CrashLoopBackOff back-off 10s; it ended 3 times, last with Error, exit code 2; "
        "its log: cannot listen: port 8080 is taken"
    )


def test_a_container_that_ended_once_is_not_counted() -> None:
    ended = {"lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}, "restartCount": 1}
    status = {"containerStatuses": [{"state": {"running": {}}, **ended}]}
    words = PodWords(Reader({"problems": ["starting"]}, [])).why(pod("one", **status), 8080, "healthz")
    assert words == "starting; it ended with OOMKilled, exit code 137"


def test_where_one_pod_answers_another_that_does_not_is_not_behind_a_network_policy() -> None:
    reader = Reader({"warnings": ["w"]}, [])
    said = PodWords(reader)
    assert said.warnings(pod("one"), 8081) == ["w"]
    reader.answer = ApiError("timed out")
    assert said.why(pod("two"), 8081, "status") == "it runs and the API server does not reach it (no answer)"


def test_no_pod_is_asked_for_warnings_after_one_that_cannot_be_reached() -> None:
    reader = Reader(ApiError("timed out"), [])
    said = PodWords(reader)
    with pytest.raises(ApiError):
        said.warnings(pod("one"), 8081)
    assert said.why(pod("two"), 8081, "status").endswith("as where a NetworkPolicy lets nobody in")
    assert reader.pages == 1
