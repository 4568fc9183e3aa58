"""kubectl, as a person would use it: objects in and out as plain JSON."""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Object = dict[str, Any]
T = TypeVar("T")
CONTROLLER_NAMESPACE = "oomreport-system"
AGENT_NAMESPACE = "oomreport-agent"


def kubectl(*arguments: str, stdin: str | None = None, check: bool = True) -> str:
    """Return what kubectl prints; its error text stands in the exception."""
    done = subprocess.run(["kubectl", *arguments], input=stdin, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def apply(*objects: Object) -> None:
    kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))


def items(kind: str, namespace: str | None = None, selector: str | None = None) -> list[Object]:
    where = ["-n", namespace] if namespace else ["-A"]
    found = json.loads(kubectl("get", kind, *where, *(["-l", selector] if selector else []), "-o", "json"))
    return list(found["items"])


def item(kind: str, name: str, namespace: str) -> Object | None:
    out = kubectl("get", kind, name, "-n", namespace, "-o", "json", "--ignore-not-found")
    return json.loads(out) if out else None


def controller_lease() -> Object:
    """Return the spec of the Lease that the working controller holds; empty where there is none yet."""
    lease = item("lease", "oomreport-controller", CONTROLLER_NAMESPACE)
    return dict(lease["spec"]) if lease else {}


@dataclass(slots=True)
class _Pace:
    times: float = 1.0
    pause: float = 0.3


_pace = _Pace()


def set_pace(*, times: float, pause: float) -> None:
    """On a slow node everything may take so many times as long, and is looked at less often."""
    _pace.times, _pace.pause = times, pause


def eventually(what: str, look: Callable[[], T | None], *, seconds: float = 60, every: float | None = None) -> T:
    """Return the first true value of `look`; say what was waited for, and what was seen last, when time is up."""
    seconds, every = seconds * _pace.times, every or _pace.pause
    end = time.monotonic() + seconds
    while True:
        try:
            seen: Any = look()
        except AssertionError as error:
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds} s: {what}: {error}") from error
            seen = None
        if seen:
            return seen  # type: ignore[no-any-return]
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}; last seen: {seen!r}")
        time.sleep(every)


def roll_out(kind_and_name: str, namespace: str) -> None:
    """Wait until a Deployment or DaemonSet runs as it is written."""
    kubectl("rollout", "status", kind_and_name, "-n", namespace, f"--timeout={120 * _pace.times:.0f}s")
