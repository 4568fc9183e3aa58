"""The agents: which are unready or missing, and what others warn of."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from oomreport.cli.reports.doctor.check_result import MOST_NAMED, CheckResult, Connection, Level
from oomreport.cli.reports.doctor.pod_words import PodWords, last_event
from oomreport.cli.reports.doctor.workloads import is_ready, pods_of, why_no_pods
from oomreport.errors import ApiError

_CHECK = "agents"
# The agent's --health-address by default.
_PORT = 8081
# Each answer takes some hundredths of a second.
_MOST_ASKED = 100


def agents(ask: Connection, namespace: str) -> Iterator[CheckResult]:
    """Yield what is to be said of the agents. Raises ApiError."""
    pods = pods_of(ask, namespace, "agent")
    if not pods:
        words = f"no pod in namespace {namespace}: kills are known by pod status only"
        words += why_no_pods(ask, namespace, "agent") + _forbidding_level(ask, namespace)
        todo = f"kubectl describe ds -n {namespace}; another namespace: --agent-namespace"
        yield CheckResult(check=_CHECK, level=Level.PROBLEM, words=words, todo=todo)
        return
    ready, not_ready = [pod for pod in pods if is_ready(pod)], [pod for pod in pods if not is_ready(pod)]
    level = Level.WARNING if not_ready else Level.GOOD
    yield CheckResult(check=_CHECK, level=level, words=f"{len(ready)} of {len(pods)} are ready")
    said = PodWords(ask)
    warnings = [*_warnings(said, ready)]
    for pod in not_ready[:MOST_NAMED]:
        name = pod["metadata"]["name"]
        words = f"{name} on {_node(pod)}: {said.why(pod, _PORT, 'status')}"
        todo = f"kubectl logs -n {namespace} {name}"
        yield CheckResult(check=_CHECK, level=Level.PROBLEM, words=words, todo=todo)
    yield from warnings
    nodes = [one["metadata"] for one in ask.get("/api/v1/nodes").get("items") or ()]
    linux = {one["name"] for one in nodes if (one.get("labels") or {}).get("kubernetes.io/os", "linux") == "linux"}
    if bare := sorted(linux - {_node(pod) for pod in pods}):
        words = f"{_nodes(bare)} {'has' if len(bare) == 1 else 'have'} none" + last_event(ask, namespace)
        yield CheckResult(check=_CHECK, level=Level.WARNING, words=words, todo="see docs/platforms.md")


def _warnings(said: PodWords, ready: list[dict[str, Any]]) -> Iterator[CheckResult]:
    """Yield each warning once, with the nodes whose agents give it."""
    nodes: dict[str, list[str]] = defaultdict(list)
    for pod in ready[:_MOST_ASKED]:
        try:
            warnings = said.warnings(pod, _PORT)
        except ApiError as error:
            words = f"whether ready agents warn of something ({pod['metadata']['name']}: {error.reason or error})"
            words += said.may_be_cut_off()
            yield CheckResult(check=_CHECK, level=Level.UNKNOWN, words=words)
            break
        for warning in warnings:
            nodes[warning].append(_node(pod))
    for warning, where in nodes.items():
        words = f"{_nodes(where)}: {warning}"
        todo = "reports are made all the same; see docs/platforms.md"
        yield CheckResult(check=_CHECK, level=Level.WARNING, words=words, todo=todo)


def _nodes(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{'node' if len(names) == 1 else 'nodes'} {', '.join(names[:MOST_NAMED])}{more}"


def _node(pod: dict[str, Any]) -> str:
    return str(pod["spec"].get("nodeName") or "no node yet")


def _forbidding_level(ask: Connection, namespace: str) -> str:
    try:
        labels = ask.get(f"/api/v1/namespaces/{namespace}")["metadata"].get("labels") or {}
    except ApiError as error:
        return "; the namespace does not exist" if error.status == 404 else ""
    level = labels.get("pod-security.kubernetes.io/enforce", "")
    return (
        f"; its Pod Security level {level} forbids hostPath and SYSLOG" if level in ("baseline", "restricted") else ""
    )
