"""Queries for a container's memory at a metrics source.

Prometheus, Thanos, Mimir and VictoriaMetrics share this HTTP API:

    POST <url>/api/v1/query    query=<PromQL>
    {"status": "success", "data": {"resultType": "vector", "result": [...]}}

`container_memory_working_set_bytes` comes from the kubelet's cAdvisor: memory without the page cache that can be
dropped. `=~` matches the whole value, in RE2's syntax.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from oomreport import __version__
from oomreport.adapters.cluster.api_access import verifying
from oomreport.adapters.http.http_session import SessionOwner
from oomreport.errors import MetricsError
from oomreport.workload.pod_names import literal

_MOST_WORDS = 300
# A sample with its labels has some 400 bytes: those of 40 000 containers.
_MOST_BYTES = 16 << 20
# No more than this is read past the bound.
_READ_AT_ONCE = 1 << 20
# Where a proxy takes GET only, it answers a POST with one of these.
_NO_POST = (405, 501)


def quoted(text: str) -> str:
    """Return a PromQL string that holds just this text. PromQL has Go's escapes, of which JSON's are a part."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def peak_query(*, namespace: str, pods: str, container: str, window_seconds: int) -> str:
    """Return the query for a container's highest working set in a window. `pods` is an RE2 pattern of pod names."""
    selector = f"namespace={quoted(namespace)},pod=~{quoted(pods)},container={quoted(container)}"
    return f"max(max_over_time(container_memory_working_set_bytes{{{selector}}}[{window_seconds}s]))"


def working_sets_query(*, namespace: str, containers: Sequence[str]) -> str:
    """Return the query for the highest working set of the last minutes, by pod, container and cgroup.

    It looks back as far as a query of now does by default (--query.lookback-delta), and so sees what rose and fell
    between two looks. `id` is the cgroup: it tells a container from the one before it, whose samples are there as long.
    """
    selector = f"namespace={quoted(namespace)},container=~{quoted('|'.join(map(literal, containers)))}"
    return f"max by (pod, container, id) (max_over_time(container_memory_working_set_bytes{{{selector}}}[5m]))"


class Prometheus(SessionOwner):
    """A metrics source at a base URL.

    The token is read for each query, since its file is replaced; it is never shown.
    """

    def __init__(
        self, url: str, *, token_file: Path | None = None, ca_file: Path | None = None, timeout_seconds: float = 10
    ) -> None:
        self._url = url.rstrip("/") + "/api/v1/query"
        self._token_file = token_file
        self._seconds = timeout_seconds
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=4, ssl=verifying(str(ca_file) if ca_file else None)),
            headers={"User-Agent": f"oomreport-controller/{__version__}", "Accept": "application/json"},
            timeout=aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=min(5, timeout_seconds)),
        )

    async def value(self, query: str) -> float | None:
        """Return the one value of an instant query, None where there is no sample. Raises MetricsError."""
        return max((size for _, size in await self.vector(query)), default=None)

    async def vector(self, query: str) -> list[tuple[Mapping[str, str], float]]:
        """Return the labels and the value of each sample of an instant query that has one. Raises MetricsError."""
        form = {"query": query, "timeout": f"{max(1, round(self._seconds))}s"}
        status, body = await self._answer("POST", form)
        if status in _NO_POST:
            status, body = await self._answer("GET", form)
        return _samples(self._url, status, body)

    async def _answer(self, method: str, form: dict[str, str]) -> tuple[int, bytes]:
        sent: dict[str, Any] = {"data": form} if method == "POST" else {"params": form}
        try:
            headers = self._authorization()
            # A redirect would carry the token elsewhere.
            async with self._session.request(
                method, self._url, headers=headers, allow_redirects=False, **sent
            ) as response:
                body = bytearray()
                while more := await response.content.read(_READ_AT_ONCE):
                    body += more
                    if len(body) > _MOST_BYTES:
                        raise MetricsError(f"{self._url}: the answer has more than {_MOST_BYTES >> 20} MiB")
                return response.status, bytes(body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise MetricsError(f"{self._url}: no answer: {str(error) or type(error).__name__}") from error

    def _authorization(self) -> dict[str, str]:
        if self._token_file is None:
            return {}
        try:
            token = self._token_file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise MetricsError(f"{self._url}: the token in {self._token_file} cannot be read: {why}") from None
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise MetricsError(f"{self._url}: {self._token_file} holds no token")
        return {"Authorization": f"Bearer {token}"}


def _samples(url: str, status: int, body: bytes) -> list[tuple[Mapping[str, str], float]]:
    """Return the samples of an answer.

    A source that refuses a query says why in JSON, a proxy before it in anything.
    """
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if status != 200 or not isinstance(answer, dict) or answer.get("status") != "success":
        words = answer.get("error") if isinstance(answer, dict) else "the answer is not that of a Prometheus"
        raise MetricsError(f"{url}: HTTP {status}: {str(words)[:_MOST_WORDS]}")
    try:
        data = answer["data"]
        if data["resultType"] != "vector":
            raise MetricsError(f"{url}: the result is a {str(data['resultType'])[:20]}, not a vector")
        found = [(dict(sample["metric"]), float(sample["value"][1])) for sample in data["result"]]
    except (KeyError, IndexError, TypeError, ValueError):
        raise MetricsError(f"{url}: the answer is not that of a Prometheus") from None
    return [(labels, size) for labels, size in found if math.isfinite(size)]
