"""A metrics source is asked over real HTTP; what it may answer, and what it may not."""

import asyncio
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomreport.adapters.cluster.prometheus import Prometheus, peak_query, quoted, working_sets_query
from oomreport.errors import MetricsError
from support.api import certificate
from support.metrics_source import Answer, MetricsSource, refusal, serving, success, vector

QUERY = peak_query(namespace="shop", pods="web-0", container="api", window_seconds=604800)


def ask(url: str, query: str = QUERY, *, seconds: float = 5, **options: Path) -> float | None:
    async def story() -> float | None:
        async with Prometheus(url, timeout_seconds=seconds, **options) as prometheus:
            return await prometheus.value(query)

    return asyncio.run(story())


@pytest.fixture
def source():
    with serving() as one:
        yield one


def test_the_query_is_a_plain_selector():
    assert QUERY == (
        'max(max_over_time(container_memory_working_set_bytes{namespace="shop",pod=~"web-0",container="api"}[604800s]))'
    )


def test_the_value_of_the_vector_is_returned(source: MetricsSource):
    source.answer = lambda _: vector("268435456")
    assert ask(f"{source.url}/") == 268435456.0
    ((method, where, headers, form),) = source.requests
    assert (method, where) == ("POST", "/api/v1/query")
    assert form["query"] == [QUERY]
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in headers


def test_a_base_path_is_kept_and_a_source_that_takes_get_only_is_asked_so(source: MetricsSource):
    source.takes_posts = False
    source.answer = lambda _: vector("1")
    assert ask(f"{source.url}/prometheus") == 1.0
    assert [(method, where) for method, where, _, _ in source.requests] == [("GET", "/prometheus/api/v1/query")]


@pytest.mark.parametrize("values", [(), ("NaN",), ("+Inf",)])
def test_no_sample_is_no_peak(source: MetricsSource, values: tuple[str, ...]):
    source.answer = lambda _: vector(*values)
    assert ask(source.url) is None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refusal(400, "bad_data", "parse error: unexpected }"), "HTTP 400: parse error"),
        (refusal(503, "timeout", "query timed out"), "HTTP 503: query timed out"),
        ((401, {}, b"<html>log in</html>"), "HTTP 401"),
        ((200, {}, b"<html>welcome</html>"), "not that of a Prometheus"),
        ((200, {}, b"[1, 2]"), "not that of a Prometheus"),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), "HTTP 302"),
        (success({"resultType": "matrix", "result": []}), "a matrix, not a vector"),
        (success({"resultType": "vector", "result": [{"value": ["x"]}]}), "not that of a Prometheus"),
        (success({}), "not that of a Prometheus"),
        (success({"resultType": "vector", "result": [{"value": [1, "much"]}]}), "not that of a Prometheus"),
    ],
)
def test_what_is_no_answer_is_said_in_words(source: MetricsSource, answer: Answer, words: str):
    source.answer = lambda _: answer
    with pytest.raises(MetricsError, match=re.escape(words)):
        ask(source.url)


def test_a_slow_source_is_given_up(source: MetricsSource):
    source.pause = 3
    began = time.monotonic()
    with pytest.raises(MetricsError, match="no answer"):
        ask(source.url, seconds=0.3)
    assert time.monotonic() - began < 2


def test_a_source_that_is_away_is_named_by_its_address():
    with pytest.raises(MetricsError, match=r"http://127\.0\.0\.1:1/api/v1/query: no answer"):
        ask("http://127.0.0.1:1")


def test_the_token_is_read_for_each_query_and_never_shown(source: MetricsSource, tmp_path: Path):
    file = tmp_path / "token"

    async def story() -> None:
        async with Prometheus(source.url, token_file=file) as prometheus:
            for token in ("first-secret", "second-secret"):
                file.write_text(f"{token}\n")
                await prometheus.value(QUERY)
            file.write_text("evil\r\nX-Other: 1")
            with pytest.raises(MetricsError, match="holds no token") as caught:
                await prometheus.value(QUERY)
            assert "evil" not in str(caught.value)
            file.unlink()
            with pytest.raises(MetricsError, match="cannot be read: No such file"):
                await prometheus.value(QUERY)
            file.write_text("third-secret")
            source.answer = lambda _: refusal(401, "auth", "unauthorized")
            with pytest.raises(MetricsError) as refused:
                await prometheus.value(QUERY)
            assert "secret" not in str(refused.value)

    asyncio.run(story())
    sent = [headers.get("Authorization") for _, _, headers, _ in source.requests]
    assert sent == ["Bearer first-secret", "Bearer second-secret", "Bearer third-secret"]


def test_the_certificate_is_verified(tmp_path: Path):
    ca, tls = certificate(tmp_path)
    with serving(tls) as source:
        source.answer = lambda _: vector("7")
        assert ask(source.url, ca_file=ca) == 7.0
        with pytest.raises(MetricsError, match=r"(?i)certificate"):
            ask(source.url)


# Go's grammar of a string in double quotes, which is PromQL's: https://go.dev/ref/spec#String_literals
_ESCAPES = re.compile(r'\\(?:([abfnrtv\\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))')
_LITERAL = re.compile(rf'"(?:[^"\\\n]|{_ESCAPES.pattern})*"')
_SHORT = dict(zip('abfnrtv\\"', '\a\b\f\n\r\t\v\\"', strict=True))


def read(literal: str) -> str:
    assert _LITERAL.fullmatch(literal), literal
    return _ESCAPES.sub(
        lambda one: _SHORT[one[1]] if one[1] else chr(int(one[2] or one[3] or one[4], 16)), literal[1:-1]
    )


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_quoted_text_is_one_string_that_holds_just_that(text: str):
    assert read(quoted(text)) == text


def test_a_value_cannot_leave_its_quotes():
    evil = 'x"} or vector(1) #\\'
    query = peak_query(namespace=evil, pods=evil, container=evil, window_seconds=60)
    inside = r'"x\"} or vector(1) #\\"'
    assert query == (
        f"max(max_over_time(container_memory_working_set_bytes{{namespace={inside},pod=~{inside},container={inside}}}[60s]))"
    )


def test_the_working_sets_of_some_containers_are_asked_for_by_name_and_cgroup():
    evil = 'a"b|c'
    assert working_sets_query(namespace="shop", containers=["api", evil]) == (
        "max by (pod, container, id) (max_over_time(container_memory_working_set_bytes"
        '{namespace="shop",container=~"api|a\\"b\\\\|c"}[5m]))'
    )


def test_an_answer_without_end_is_given_up(source: MetricsSource):
    source.answer = lambda _: (200, {}, b" " * (17 << 20))
    with pytest.raises(MetricsError, match="more than 16 MiB"):
        ask(source.url)
