"""Why a pod is not ready, also where only its log can be had."""

import json
from typing import Any

from oomreport.cli.reports.doctor.unready_pods import UnreadyPods
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
    assert UnreadyPods(reader).why(pod("one"), 8081, "status") == "a; b"


def test_behind_a_network_policy_one_pod_is_asked_and_the_logs_of_all_are_read() -> None:
    for error in (ApiError("timed out"), ApiError("no route", status=503, reason="ServiceUnavailable")):
        reader = Reader(error, LOG)
        unready = UnreadyPods(reader)
        words = [unready.why(pod(name), 8081, "status") for name in ("one", "two", "three")]
        assert reader.pages == 1
        assert len(set(words)) == 1
        assert "as where a NetworkPolicy lets nobody in" in words[0]
        assert words[0].endswith("its log: state folder cannot be used, nothing outlives a restart: [Errno 2] x")


def test_who_may_read_neither_gets_what_is_known() -> None:
    forbidden = ApiError("forbidden", status=403, reason="Forbidden")
    reader = Reader(forbidden, forbidden)
    unready = UnreadyPods(reader)
    assert unready.why(pod("one"), 8081, "status") == "it runs and does not answer (Forbidden)"
    assert unready.why(pod("two"), 8081, "status") == "it runs and does not answer (Forbidden)"
    assert reader.pages == 2


def test_a_container_that_waits_is_not_asked() -> None:
    waiting = {
        "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}]
    }
    reader = Reader({}, [json.dumps({})])
    assert UnreadyPods(reader).why(pod("one", **waiting), 8081, "status") == "ImagePullBackOff no such image"
    assert reader.pages == 0
