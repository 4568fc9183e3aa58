import contextlib
import http.client
import json
import select
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from oomreport.adapters.http.health_server import Health, HealthServer


class Served:
    def __init__(self) -> None:
        self.health = Health(alive=True)
        self.server = HealthServer(
            "127.0.0.1:0", lambda: self.health, lambda health: f"lines {health.figures.get('lines')}\n"
        )
        self.server.start()

    def get(self, path: str) -> tuple[int, dict[str, object]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=5)
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served()
    yield served
    served.server.close()


def test_all_is_well(served: Served) -> None:
    served.health = Health(alive=True, figures={"lines": 7})
    assert served.get("/healthz") == (200, {"healthy": True, "problems": [], "lines": 7})
    assert served.get("/livez")[0] == 200


def test_a_problem_makes_it_unready_but_leaves_it_alive(served: Served) -> None:
    served.health = Health(alive=True, problems=("the kernel log cannot be read",))
    status, body = served.get("/healthz?verbose")
    assert status == 503
    assert body["problems"] == ["the kernel log cannot be read"]
    assert served.get("/livez")[0] == 200


def test_the_words_of_a_problem_can_be_had_with_a_status_that_every_client_shows(served: Served) -> None:
    served.health = Health(alive=True, problems=("the kernel log cannot be read",))
    status, body = served.get("/status")
    assert (status, body["healthy"], body["problems"]) == (200, False, ["the kernel log cannot be read"])


def test_figures_are_given_as_text_also_while_there_is_a_problem(served: Served) -> None:
    served.health = Health(alive=True, problems=("the kernel log cannot be read",), figures={"lines": 7})
    connection = http.client.HTTPConnection("127.0.0.1", served.server.port, timeout=5)
    connection.request("GET", "/metrics")
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, b"lines 7\n")
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_a_loop_that_does_not_turn_is_not_alive(served: Served) -> None:
    served.health = Health(alive=False)
    assert served.get("/livez")[0] == 503
    assert served.get("/healthz")[0] == 503


def test_other_paths_and_rubbish_do_not_end_it(served: Served) -> None:
    assert served.get("/secret")[0] == 404
    for rubbish in (b"", b"\x00\xff\r\n\r\n", b"GET\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", served.server.port)) as connection:
            connection.sendall(rubbish)
    assert served.get("/livez")[0] == 200


def test_an_address_without_host_takes_both_protocols() -> None:
    server = HealthServer(":0", lambda: Health(alive=True), lambda _: "")
    server.start()
    with socket.create_connection(("127.0.0.1", server.port), timeout=5):
        server.close()


def test_every_probe_is_answered_while_slow_clients_hold_connections(served: Served) -> None:
    """Some send a byte now and then, some nothing, some never read the answer."""
    stop = threading.Event()

    def dribble(number: int) -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", served.server.port), 5) as slow:
                for byte in b"GET /healthz?" + b"x" * 100:
                    if stop.wait(0.05 if number % 2 else 5):
                        return
                    slow.send(bytes((byte,)))

    threads = [threading.Thread(target=dribble, args=(number,), daemon=True) for number in range(50)]
    for thread in threads:
        thread.start()
    for _ in range(8):
        connection = http.client.HTTPConnection("127.0.0.1", served.server.port, timeout=1)
        connection.request("GET", "/livez")
        assert connection.getresponse().status == 200
    stop.set()


def test_a_request_that_does_not_end_is_cut_off_as_a_whole(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.server.port), 5) as slow:
        begun, ended = time.monotonic(), None
        while ended is None and time.monotonic() - begun < 5:
            try:
                slow.send(b"G")
                slow.settimeout(0.1)
                ended = slow.recv(1) if select.select([slow], [], [], 0.1)[0] else None
            except OSError:
                ended = b""
    assert ended == b""
    assert time.monotonic() - begun < 2


def test_a_request_in_pieces_is_answered(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.server.port), 5) as client:
        for piece in (b"GET /li", b"vez HTTP/1.1\r\n", b"Host: a\r\n\r\n"):
            client.sendall(piece)
        answer = b""
        while part := client.recv(4096):
            answer += part
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
