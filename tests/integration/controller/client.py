"""The API server as the administrator sees it, over one kept connection: a kubectl per call is too slow for storms."""

import http.client
import json
import os
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from oomreport.adapters.cluster.api_access import api_access
from oomreport.adapters.cluster.api_server import path

Object = dict[str, Any]
Found = TypeVar("Found")
V1 = "oomreport.dev/v1alpha1"


class Refused(Exception):  # noqa: N818 - what the API server said
    """The API server said no."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text[:400]}")
        self.status = status


class Client:
    """One connection. Not for several threads."""

    def __init__(self) -> None:
        access = api_access({"KUBECONFIG": os.environ["KUBECONFIG"]})
        self._address, self._tls = urlsplit(access.server), access.tls
        self._connection: http.client.HTTPSConnection | None = None

    def call(self, method: str, where: str, body: Object | None = None, kind: str = "application/json") -> Object:
        for attempt in (1, 2):
            if self._connection is None:
                self._connection = http.client.HTTPSConnection(
                    self._address.hostname or "", self._address.port, context=self._tls, timeout=30
                )
            try:
                data = json.dumps(body) if body is not None else None
                self._connection.request(method, where, body=data, headers={"Content-Type": kind})
                response = self._connection.getresponse()
                text = response.read()
                break
            except (OSError, http.client.HTTPException):
                self._connection = None
                if attempt == 2:
                    raise
        if response.status >= 400:
            raise Refused(response.status, text.decode())
        answer: Object = json.loads(text)
        return answer

    def create(self, plural: str, body: Object) -> Object:
        namespace = body["metadata"].get("namespace")
        return self.call("POST", path(body["apiVersion"], plural, namespace=namespace), body)

    def merge(self, where: str, body: Object) -> Object:
        return self.call("PATCH", where, body, "application/merge-patch+json")

    def found(self, where: str) -> Object | None:
        try:
            return self.call("GET", where)
        except Refused as error:
            if error.status == 404:
                return None
            raise

    def items(self, where: str) -> list[Object]:
        items: list[Object] = self.call("GET", where)["items"]
        return items

    def delete(self, where: str) -> None:
        try:
            self.call("DELETE", where, {"gracePeriodSeconds": 0})
        except Refused as error:
            if error.status != 404:
                raise


class ReportWatch(threading.Thread):
    """Keeps when each version of the reports of a namespace arrived, by the monotonic clock."""

    def __init__(self, namespace: str) -> None:
        super().__init__(daemon=True)
        client = Client()
        self.seen: list[tuple[float, Object]] = []
        self._where = path(V1, "oomreports", namespace=namespace) + "?watch=true"
        self._connection = http.client.HTTPSConnection(
            client._address.hostname or "", client._address.port, context=client._tls
        )
        self._connection.request("GET", self._where)
        self._response = self._connection.getresponse()

    def run(self) -> None:
        try:
            while line := self._response.readline():
                self.seen.append((time.monotonic(), json.loads(line)["object"]))
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            return

    def counted(self) -> dict[str, float]:
        """When each kill first stood in a report's ledger."""
        first: dict[str, float] = {}
        for at, report in list(self.seen):
            for entry in report.get("status", {}).get("counted", ()):
                first.setdefault(entry["id"], at)
        return first


def eventually(what: str, look: Callable[[], Found | None], *, seconds: float = 20, every: float = 0.05) -> Found:
    """Return what `look` finds, once it finds something; the last assertion that failed says why it did not."""
    end, why = time.monotonic() + seconds, ""
    while True:
        try:
            if found := look():
                return found
        except AssertionError as error:
            why = f": {error}"
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}{why}")
        time.sleep(every)


def report_at(client: Client, namespace: str, name: str) -> Object | None:
    return client.found(path(V1, "oomreports", namespace=namespace, name=quote(name)))
