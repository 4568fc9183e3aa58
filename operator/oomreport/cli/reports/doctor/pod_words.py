"""What pods say of themselves, by status, page or log."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from oomreport.errors import ApiError

# A record of a kill is a line too, and an agent that waits writes few others.
_LINES = 200


class PodReader(Protocol):
    """What is asked. All raise ApiError."""

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """Return an object or a list."""

    def page(self, namespace: str, pod: str, port: int, name: str) -> dict[str, Any]:
        """Return a page that a pod serves, whatever the status that the pod gives it."""

    def log(self, namespace: str, pod: str, lines: int) -> list[str]:
        """Return the last lines of a pod's log."""


class PodWords:
    """Asks pods why they are not ready, and what they warn of.

    The API server passes the question on to the pod. Where a NetworkPolicy keeps it from that, as the product's own
    does where the network enforces it, no answer comes. Then the other pods are not asked, and their logs, which the
    kubelet has, must do.
    """

    def __init__(self, ask: PodReader) -> None:
        self._ask = ask
        self._answered = False
        self._cut_off = ""

    def why(self, pod: Mapping[str, Any], port: int, page: str) -> str:
        """Return why a pod is not ready: what the kubelet waits for, else what the process says itself."""
        status, metadata = pod.get("status") or {}, pod["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        for container in status.get("containerStatuses") or ():
            waiting = (container.get("state") or {}).get("waiting")
            if waiting and waiting.get("reason") not in (None, "ContainerCreating"):
                words = f"{waiting['reason']} {waiting.get('message', '')}".strip()
                ended = _last_end(container)
                return words + ended + (self._last_warning(namespace, name) if ended else "")
        if not any("running" in (one.get("state") or {}) for one in status.get("containerStatuses") or ()):
            scheduled = [one for one in status.get("conditions") or () if one["type"] == "PodScheduled"]
            unscheduled = [one.get("message", "") for one in scheduled if one["status"] != "True"]
            if unscheduled:
                return str(unscheduled[0])
            return str(status.get("phase", "Pending")) + last_event(self._ask, namespace, name)
        ended = "".join(_last_end(one) for one in status.get("containerStatuses") or ())
        return self._own_words(namespace, name, port, page) + ended

    def warnings(self, pod: Mapping[str, Any], port: int) -> list[str]:
        """Return what a ready agent warns of. Raises ApiError where it gives no answer."""
        metadata = pod["metadata"]
        said = self._page(metadata["namespace"], metadata["name"], port, "status")
        return [str(one) for one in said.get("warnings") or ()]

    def may_be_cut_off(self) -> str:
        """Return what may keep the API server from the pods, where it reached none; else nothing."""
        return ", as where a NetworkPolicy lets nobody in" if self._cut_off and not self._answered else ""

    def _page(self, namespace: str, name: str, port: int, page: str) -> dict[str, Any]:
        try:
            said = self._ask.page(namespace, name, port, page)
        except ApiError as error:
            if error.is_unreachable or error.status in (503, 504):
                self._cut_off = error.reason or "no answer"
            raise
        self._answered = True
        return said

    def _own_words(self, namespace: str, name: str, port: int, page: str) -> str:
        if not self._cut_off:
            try:
                said = self._page(namespace, name, port, page)
            except ApiError as error:
                if not self._cut_off:
                    words = f"it runs and does not answer ({error.reason or error.status})"
                    return words + self._last_warning(namespace, name)
            else:
                return "; ".join(map(str, said.get("problems") or ())) or json.dumps(said)
        words = f"it runs and the API server does not reach it ({self._cut_off})" + self.may_be_cut_off()
        return words + self._last_warning(namespace, name)

    def _last_warning(self, namespace: str, name: str) -> str:
        try:
            lines = self._ask.log(namespace, name, _LINES)
        except ApiError:
            return ""
        for line in reversed(lines):
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if isinstance(said, dict) and said.get("level") in ("warning", "error"):
                why = said.get("problem") or said.get("reason") or said.get("error")
                return f"; its log: {said.get('message')}" + (f": {why}" if why else "")
        return ""


def _last_end(container: Mapping[str, Any]) -> str:
    ended = (container.get("lastState") or {}).get("terminated")
    if not ended:
        return ""
    how = f"with {ended.get('reason') or 'Error'}, exit code {ended.get('exitCode')}"
    times = container.get("restartCount") or 1
    return f"; it ended {times} times, last {how}" if times > 1 else f"; it ended {how}"


def last_event(ask: PodReader, namespace: str, name: str = "") -> str:
    """Return the last warning of a namespace, or of one object in it."""
    selector = "type=Warning" + (f",involvedObject.name={name}" if name else "")
    try:
        events = ask.get(f"/api/v1/namespaces/{namespace}/events", fieldSelector=selector).get("items") or []
    except ApiError:
        return ""
    if not events:
        return ""
    last = max(events, key=lambda one: str(one.get("lastTimestamp") or one.get("eventTime") or ""))
    return f"; {last.get('reason')}: {last.get('message')}"
