import http.client
import json
import socket
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
