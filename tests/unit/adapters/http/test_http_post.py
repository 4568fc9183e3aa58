import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from oomreport.adapters.http.http_post import HttpError, HttpResponse, PostConnection


@contextmanager
def connected(*answers: bytes) -> Iterator[tuple[PostConnection, list[bytes]]]:
    """Connect to a server that reads a request and sends the next answer, then closes."""
    server = socket.create_server(("127.0.0.1", 0))
    requests: list[bytes] = []

    def serve() -> None:
        try:
            peer, _ = server.accept()
        except OSError:
            return
        with peer, suppress(ConnectionError):  # a client that has read enough goes
            for answer in answers:
                data = b""
                while not data.endswith(b"BODY"):
                    if not (piece := peer.recv(65536)):
                        return
                    data += piece
                requests.append(data)
                for start in range(0, len(answer), 7):
                    peer.sendall(answer[start : start + 7])

    threading.Thread(target=serve, daemon=True).start()
    connection = PostConnection("127.0.0.1", server.getsockname()[1], timeout=5, context=None)
    try:
        yield connection, requests
    finally:
        connection.close()
        server.close()


def post(connection: PostConnection) -> HttpResponse:
    return connection.post("/path?x=1", {"Accept": "application/json"}, b"BODY", most_bytes=100)


def test_a_request_has_what_http_asks_for() -> None:
    with connected(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}") as (connection, requests):
        answer = post(connection)
    assert (answer.status, answer.body) == (201, b"{}")
    head, _, body = requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /path?x=1 HTTP/1.1"
    assert lines[1].startswith("Host: 127.0.0.1:")
    assert {"Content-Length: 4", "Accept: application/json"} <= set(lines)
    assert body == b"BODY"


def test_chunks_are_joined_and_the_connection_serves_again() -> None:
    chunked = b"HTTP/1.1 409 Conflict\r\nTransfer-Encoding: chunked\r\nRetry-After: 3\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: t\r\n\r\n"
    with connected(chunked, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (connection, _):
        first = post(connection)
        assert (first.status, first.body, first.headers["retry-after"]) == (409, b"hello world", "3")
        assert connection.reusable
        assert post(connection) == HttpResponse(status=200, headers={"content-length": "0"}, body=b"")


def test_an_interim_answer_is_passed_over() -> None:
    with connected(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n") as (connection, _):
        assert post(connection).status == 204


def test_an_answer_until_the_end_of_the_connection_is_read_and_its_rest_cut() -> None:
    with connected(b"HTTP/1.1 500 Oops\r\n\r\n" + b"x" * 300) as (connection, _):
        assert post(connection).body == b"x" * 100
        assert not connection.reusable


def test_a_connection_that_the_server_will_close_is_not_used_again() -> None:
    with connected(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n") as (connection, _):
        post(connection)
        assert not connection.reusable


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 2",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 300,
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 20_000,
    ],
)
def test_what_is_no_answer_is_an_error_like_a_broken_connection(answer: bytes) -> None:
    with connected(answer) as (connection, _), pytest.raises(HttpError):
        post(connection)


def test_a_header_cannot_smuggle_another() -> None:
    with connected(b"") as (connection, _), pytest.raises(ValueError, match="line break"):
        connection.post("/", {"Authorization": "Bearer x\r\nEvil: 1"}, b"BODY", most_bytes=1)
