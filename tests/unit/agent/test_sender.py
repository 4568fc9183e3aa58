import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from oomreport.adapters.cluster.record_client import RecordClient
from oomreport.adapters.storage.spool import Spool
from oomreport.agent import sender
from oomreport.agent.log import Log
from oomreport.agent.sender import Sender
from support.api import FakeApi, serving, status


def record(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"victims": []}}


def until(what: Callable[[], object], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


class Post:
    """A spool and its sender, to an API server at a port."""

    def __init__(self, folder: Path, port: int, log: Log | None = None, first_backoff: float = 0.05) -> None:
        self.spool = Spool(folder)
        client = RecordClient(f"http://127.0.0.1:{port}", token_file=None, ca_file=None)
        self.sender = Sender(self.spool, client, log or Log("error"), first_backoff=first_backoff)

    def put(self, *names: str) -> None:
        for name in names:
            self.spool.add(record(name))
        self.sender.wake()


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with serving() as api:
        yield api


def test_what_is_spooled_is_delivered_and_gone(tmp_path: Path, api: FakeApi) -> None:
    post = Post(tmp_path, api.port)
    post.put("before")
    post.sender.start()
    post.put("after", "later")
    until(lambda: not post.spool.pending())
    post.sender.stop(1)
    assert sorted(api.created) == ["after", "before", "later"]
    assert post.sender.figures.delivered == 3
    assert list((tmp_path / "spool").iterdir()) == []


def test_records_wait_out_a_server_that_is_down(tmp_path: Path) -> None:
    with serving() as api:
        port = api.port
    said = StringIO()
    post = Post(tmp_path, port, Log("info", said))
    post.sender.start()
    post.put(*(f"r{n}" for n in range(20)))
    until(lambda: post.sender.figures.last_error)
    assert len(post.spool.pending()) == 20
    with serving(port) as api:
        until(lambda: not post.spool.pending())
        assert len(api.created) == 20
        assert api.connections < 10
    post.sender.stop(1)
    assert post.sender.figures.failing_since is None
    messages = [json.loads(line)["message"] for line in said.getvalue().splitlines()]
    assert messages == [
        "records wait, the API server cannot be reached or will not have them",
        "the API server answers again, records are delivered",
    ]


def test_an_agent_whose_records_wait_says_so_until_they_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "_PAUSE_SECONDS", 0.1)
    with serving() as api:
        port = api.port
    post = Post(tmp_path, port)
    post.sender.start()
    assert post.sender.problem() is None
    post.put("one")
    until(post.sender.problem)
    assert (post.sender.problem() or "").startswith("records wait since 0 s: ")
    with serving(port) as api:
        until(lambda: not post.spool.pending())
        until(lambda: api.created)
        until(lambda: post.sender.problem() is None)
    post.sender.stop(1)


def test_an_agent_whose_record_was_refused_says_so_for_a_while_or_until_one_is_taken(
    tmp_path: Path, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.answer = lambda body: status(422, "Invalid", "spec is wrong") if body["metadata"]["name"] == "bad" else None
    post = Post(tmp_path, api.port)
    post.sender.start()
    post.put("bad")
    until(post.sender.problem)
    assert post.sender.problem() == "a record was refused 0 s ago: HTTP 422: spec is wrong"
    post.put("good")
    until(lambda: post.sender.problem() is None)
    post.put("bad")
    until(post.sender.problem)
    monkeypatch.setattr(sender, "_REFUSED_SECONDS", 0.0)
    assert post.sender.problem() is None
    post.sender.stop(1)


def test_a_record_whose_answer_was_lost_is_there_already(tmp_path: Path, api: FakeApi) -> None:
    api.created["one"] = record("one")
    post = Post(tmp_path, api.port)
    post.put("one")
    post.sender.start()
    until(lambda: not post.spool.pending())
    post.sender.stop(1)
    assert post.sender.figures.delivered == 1


def test_a_record_that_is_invalid_is_set_aside_and_holds_nothing_up(tmp_path: Path, api: FakeApi) -> None:
    api.answer = lambda body: status(422, "Invalid", "spec is wrong") if body["metadata"]["name"] == "bad" else None
    post = Post(tmp_path, api.port)
    post.put("bad", "good")
    post.sender.start()
    until(lambda: not post.spool.pending())
    post.sender.stop(1)
    assert list(api.created) == ["good"]
    kept = json.loads((tmp_path / "refused" / "bad.json").read_text())
    assert kept["reason"] == "HTTP 422: spec is wrong"
    assert post.spool.figures().refused == 1

    api.answer = lambda _: None
    later = Post(tmp_path, api.port)
    later.sender.start()
    until(lambda: not later.spool.pending())
    later.sender.stop(1)
    assert "bad" in api.created


def test_a_record_that_makes_the_server_fail_does_not_keep_others_back(tmp_path: Path, api: FakeApi) -> None:
    api.answer = lambda body: status(500, "InternalError") if body["metadata"]["name"] == "poison" else None
    post = Post(tmp_path, api.port)
    post.put("poison", "one", "two")
    post.sender.start()
    until(lambda: len(api.created) == 2)
    post.sender.stop(0.2)
    assert post.spool.pending() == ["poison"]


def test_a_server_that_asks_for_patience_gets_it(tmp_path: Path, api: FakeApi) -> None:
    asked: list[float] = []

    def once(_: object) -> Any:
        asked.append(time.monotonic())
        return status(429, "TooManyRequests", "", Retry_After="1") if len(asked) == 1 else None

    api.answer = once
    post = Post(tmp_path, api.port)
    post.put("one")
    post.sender.start()
    post.put("two")
    until(lambda: len(api.created) == 2)
    post.sender.stop(1)
    assert asked[1] - asked[0] >= 1


def test_agents_that_are_asked_for_the_same_patience_do_not_come_back_at_once(tmp_path: Path, api: FakeApi) -> None:
    came: dict[str, list[float]] = defaultdict(list)

    def once(body: Any) -> Any:
        times = came[body["metadata"]["name"]]
        times.append(time.monotonic())
        return status(429, "TooManyRequests", "", Retry_After="1") if len(times) == 1 else None

    api.answer = once
    posts = [Post(tmp_path / str(number), api.port, first_backoff=1.0) for number in range(10)]
    for number, post in enumerate(posts):
        post.put(f"r{number}")
        post.sender.start()
    until(lambda: len(api.created) == 10)
    for post in posts:
        post.sender.stop(1)
    waited = sorted(again - first for first, again in came.values())
    # One second as asked for, and half a second to a whole one of their own.
    assert waited[0] >= 1.4
    assert waited[-1] - waited[0] > 0.1


def test_stopping_sends_what_can_be_sent_and_does_not_wait_for_what_cannot(tmp_path: Path) -> None:
    with serving() as api:
        post = Post(tmp_path / "up", api.port)
        post.sender.start()
        post.put(*(f"r{n}" for n in range(50)))
        post.sender.stop(5)
        assert len(api.created) == 50
        port = api.port
    post = Post(tmp_path / "down", port)
    post.put("one")
    post.sender.start()
    until(lambda: post.sender.figures.last_error)
    since = time.monotonic()
    post.sender.stop(5)
    assert time.monotonic() - since < 2
    assert post.spool.pending() == ["one"]


def test_adding_never_waits_for_the_network(tmp_path: Path, api: FakeApi) -> None:
    held = threading.Event()

    def wait(_: object) -> None:
        held.wait(10)

    api.answer = wait
    post = Post(tmp_path, api.port)
    post.sender.start()
    post.put("slow")
    until(lambda: api.requests)
    since = time.monotonic()
    post.put(*(f"r{n}" for n in range(20)))
    assert time.monotonic() - since < 1
    held.set()
    until(lambda: not post.spool.pending())
    post.sender.stop(1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_agent_whose_sending_thread_has_ended_says_so(tmp_path: Path, api: FakeApi) -> None:
    post = Post(tmp_path, api.port)

    class Ending(RecordClient):
        def create(self, body: bytes) -> Any:
            raise SystemExit

    post.sender = Sender(
        post.spool, Ending(f"http://127.0.0.1:{api.port}", token_file=None, ca_file=None), Log("error")
    )
    assert post.sender.problem() is None
    post.sender.start()
    post.put("one")
    until(lambda: post.sender.problem() == "the thread that sends records has ended")
