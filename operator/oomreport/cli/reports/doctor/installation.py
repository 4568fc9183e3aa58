"""What keeps kills from becoming reports in a cluster.

Each check asks the API server for what it needs and changes nothing. One that may not be asked says so, and the others
go on.
"""

# ruff: noqa: PLC0415 - what only some runs need is imported by them, so that starting is quick

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from oomreport.cli.reports.doctor.agents import agents
from oomreport.cli.reports.doctor.check_result import MOST_NAMED, CheckResult, Connection, Level
from oomreport.cli.reports.doctor.pod_words import PodWords
from oomreport.cli.reports.doctor.rights import rights
from oomreport.cli.reports.doctor.workloads import is_ready, pods_of, why_no_pods
from oomreport.errors import ApiError
from oomreport.incident.api_json import keys_of
from oomreport.incident.report.status import ReportStatus
from oomreport.names import API_VERSION, OOM_HOOKS, OOM_POLICIES, OOM_RECORDS, OOM_REPORTS
from oomreport.times import parse_time

_KINDS = (OOM_RECORDS, OOM_REPORTS, OOM_POLICIES, OOM_HOOKS)
# Tokens of service accounts name the node since then, and the admission policy of the agents reads it.
_OLDEST = (1, 32)
# Beyond it the order of kills on two nodes is wrong; NTP keeps clocks within milliseconds.
_MOST_SKEW = timedelta(seconds=5)
# The kubelet renews the lease of its node every 10 s and Kubernetes waits 40 s (--node-monitor-grace-period).
_LEASE_STALE = timedelta(seconds=40)
# The controller looks at a record at once, and waits for a witness at most a minute (--unknown-after).
_RECORD_WAITS = timedelta(minutes=2)
# The models of the API know them too, but need pydantic, which takes longer to import than all checks.
STATUS_FIELDS = (*keys_of(ReportStatus), "deliveries")


def examined(ask: Connection, system: str, agent_namespace: str, *, own: Callable[[], datetime]) -> list[CheckResult]:
    """Return what all checks found; `own` tells this machine's time."""
    checks: tuple[tuple[str, Callable[[], Iterator[CheckResult]]], ...] = (
        ("Kubernetes", lambda: _version(ask)),
        ("CRDs", lambda: _kinds(ask)),
        ("controller", lambda: _controller(ask, system)),
        ("rights", lambda: rights(ask, system, agent_namespace)),
        ("agents", lambda: agents(ask, agent_namespace)),
        ("records", lambda: _records(ask)),
        ("policies", lambda: _policies(ask, system)),
        ("versions", lambda: _versions(ask, system, agent_namespace)),
        ("clocks", lambda: _clocks(ask, own)),
    )
    found: list[CheckResult] = []
    for name, check in checks:
        try:
            found += check()
        except ApiError as error:
            found.append(CheckResult(check=name, level=Level.UNKNOWN, words=str(error)))
    return found


def _version(ask: Connection) -> Iterator[CheckResult]:
    answer = ask.get("/version")
    version = f"{answer.get('major', '0')}.{answer.get('minor', '0')}"
    major, minor = (int("".join(filter(str.isdigit, part)) or 0) for part in version.split("."))
    if (major, minor) >= _OLDEST:
        yield CheckResult(check="Kubernetes", level=Level.GOOD, words=version)
        return
    words = f"{version} is older than {_OLDEST[0]}.{_OLDEST[1]}: the policy of the agents refuses every record"
    yield CheckResult(check="Kubernetes", level=Level.PROBLEM, words=words, todo="upgrade the cluster")


def _kinds(ask: Connection) -> Iterator[CheckResult]:
    install = "kubectl apply --server-side -k crds"
    try:
        served = {one["name"] for one in ask.get(f"/apis/{API_VERSION}").get("resources") or ()}
    except ApiError as error:
        if error.status != 404:
            raise
        served = set()
    missing = [kind for kind in _KINDS if kind not in served]
    if missing:
        words = f"the API server does not serve {', '.join(missing)}"
        yield CheckResult(check="CRDs", level=Level.PROBLEM, words=words, todo=install)
        return
    old = [*_fields_missing(ask)]
    if old:
        words = f"they are older than this command: {', '.join(old[:MOST_NAMED])} missing"
        yield CheckResult(check="CRDs", level=Level.WARNING, words=words, todo=install)
        return
    yield CheckResult(check="CRDs", level=Level.GOOD, words="all four are served")


def _fields_missing(ask: Connection) -> Iterator[str]:
    """Return the fields of a report's status that the cluster's CRD does not know: the API server would drop them."""
    where = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{OOM_REPORTS}.oomreport.dev"
    try:
        versions = ask.get(where)["spec"]["versions"]
        known = versions[0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
    except (ApiError, KeyError, IndexError):
        return
    yield from (f"status.{name}" for name in STATUS_FIELDS if name not in known)


def _controller(ask: Connection, namespace: str) -> Iterator[CheckResult]:
    pods = pods_of(ask, namespace, "controller")
    if not pods:
        words = f"no pod in namespace {namespace}"
        words += why_no_pods(ask, namespace, "controller")
        todo = f"kubectl describe deploy,rs -n {namespace}; another namespace: --system-namespace"
        yield CheckResult(check="controller", level=Level.PROBLEM, words=words, todo=todo)
        return
    ready, unready = [pod for pod in pods if is_ready(pod)], PodWords(ask)
    for pod in pods:
        if pod not in ready:
            name = pod["metadata"]["name"]
            todo = f"kubectl logs -n {namespace} {name}"
            words = f"{name} is not ready: {unready.why(pod, 8080, 'healthz')}"
            yield CheckResult(
                check="controller", level=Level.WARNING if ready else Level.PROBLEM, words=words, todo=todo
            )
    if ready:
        yield CheckResult(check="controller", level=Level.GOOD, words=f"{len(ready)} of {len(pods)} pods are ready")
        yield from _lease(ask, namespace)


def _lease(ask: Connection, namespace: str) -> Iterator[CheckResult]:
    where = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/oomreport-controller"
    try:
        spec = ask.get(where)["spec"]
    except ApiError as error:
        if error.status != 404:
            raise
        words = "nobody has the lease: no controller works"
        yield CheckResult(
            check="controller",
            level=Level.PROBLEM,
            words=words,
            todo=f"kubectl logs -n {namespace} deploy/oomreport-controller",
        )
        return
    renewed = parse_time(spec.get("renewTime"))
    if renewed is None or ask.now() - renewed > _LEASE_STALE:
        words = f"the lease of {spec.get('holderIdentity') or 'nobody'} was not renewed since {spec.get('renewTime')}"
        yield CheckResult(
            check="controller",
            level=Level.PROBLEM,
            words=words,
            todo=f"kubectl logs -n {namespace} deploy/oomreport-controller",
        )
    elif renewed - ask.now() > _MOST_SKEW:
        words = f"its clock is {(renewed - ask.now()).total_seconds():.0f} s ahead of the API server's"
        yield CheckResult(check="clocks", level=Level.WARNING, words=words, todo="check NTP on the controller's node")


def _records(ask: Connection) -> Iterator[CheckResult]:
    items = (
        ask.get(f"/apis/{API_VERSION}/{OOM_RECORDS}", fieldSelector="status.outcome=", limit="500").get("items") or ()
    )
    created = [time for one in items if (time := parse_time(one["metadata"].get("creationTimestamp")))]
    oldest = min(created, default=None)
    if oldest is None or ask.now() - oldest < _RECORD_WAITS:
        yield CheckResult(check="records", level=Level.GOOD, words="none waits for the controller")
        return
    words = f"{len(created)} wait for the controller, the oldest since {oldest.isoformat()}"
    yield CheckResult(check="records", level=Level.PROBLEM, words=words, todo="look at the controller's log")


def _policies(ask: Connection, system: str) -> Iterator[CheckResult]:
    from oomreport.adapters.cluster.policy_check import PolicyCheck

    check = PolicyCheck(ask)
    for words in list(check.idle_overrides(system))[:MOST_NAMED]:
        yield CheckResult(check="policies", level=Level.WARNING, words=words, todo="correct the override or delete it")
    found = check.policies_and_their_reports()
    each = (f"{name} ({count} reports in its namespace)" for name, count in sorted(found.items())[:MOST_NAMED])
    yield CheckResult(check="policies", level=Level.GOOD, words=", ".join(each) or "none, the defaults hold")


def _versions(ask: Connection, system: str, agents: str) -> Iterator[CheckResult]:
    from oomreport import __version__

    images = {
        status.get("image", "")
        for namespace, component in ((system, "controller"), (agents, "agent"))
        for pod in pods_of(ask, namespace, component)
        for status in pod["spec"].get("containers") or ()
    }
    level, words = Level.GOOD, f"this command is {__version__}, images: {', '.join(sorted(images)) or 'none'}"
    if len(images) > 1:
        level, words = Level.WARNING, f"controller and agents run different images: {', '.join(sorted(images))}"
    yield CheckResult(check="versions", level=level, words=words)


def _clocks(ask: Connection, own: Callable[[], datetime]) -> Iterator[CheckResult]:
    # Leases first: one that is renewed while this asks is not ahead. On a slow line each answer takes seconds.
    leases = ask.get("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases").get("items") or ()
    before, now, off = own(), ask.now(), []
    after = own()
    for lease in leases:
        renewed = parse_time(lease["spec"].get("renewTime"))
        if renewed is not None and renewed - now > _MOST_SKEW:
            off.append(f"{lease['metadata']['name']} by {(renewed - now).total_seconds():.0f} s")
    skew = max(before - now, now - after, timedelta())
    if skew > _MOST_SKEW:
        words = f"this machine's differs from the API server's by {skew.total_seconds():.0f} s: ages are wrong here"
        yield CheckResult(check="clocks", level=Level.WARNING, words=words)
    if off:
        words = f"nodes ahead of the API server: {', '.join(off[:MOST_NAMED])}"
        yield CheckResult(check="clocks", level=Level.PROBLEM, words=words, todo="check NTP on these nodes")
    else:
        yield CheckResult(check="clocks", level=Level.GOOD, words="no node is ahead of the API server")
