"""Rights of the two service accounts, and policies that bound them."""

import json
from collections.abc import Iterator

from oomreport.cli.reports.doctor.check_result import MOST_NAMED, CheckResult, Connection, Level
from oomreport.errors import ApiError
from oomreport.names import OOM_HOOKS, OOM_POLICIES, OOM_RECORDS, OOM_REPORTS

_CLUSTER_WIDE = (
    ("", "pods", ("get", "list", "watch", "patch")),
    ("apps", "replicasets", ("get",)),
    ("batch", "jobs", ("get",)),
    ("oomreport.dev", OOM_RECORDS, ("get", "list", "watch", "delete")),
    ("oomreport.dev", f"{OOM_RECORDS}/status", ("patch",)),
    ("oomreport.dev", OOM_REPORTS, ("get", "list", "watch", "create", "patch", "delete")),
    ("oomreport.dev", f"{OOM_REPORTS}/status", ("patch",)),
    ("oomreport.dev", OOM_POLICIES, ("list", "watch")),
    ("oomreport.dev", OOM_HOOKS, ("list", "watch")),
    ("events.k8s.io", "events", ("create",)),
)
_ADMISSION = "/apis/admissionregistration.k8s.io/v1"


def rights(ask: Connection, system: str, agents: str) -> Iterator[CheckResult]:
    """Yield what the controller and the agents may not do, and ought to. Raises ApiError."""
    controller = f"system:serviceaccount:{system}:oomreport-controller"
    missing = [
        f"{verb} {resource}"
        for group, resource, verbs in _CLUSTER_WIDE
        for verb in verbs
        if not ask.allowed(controller, verb=verb, group=group, resource=resource, namespace="")
    ]
    if not ask.allowed(controller, verb="create", group="coordination.k8s.io", resource="leases", namespace=system):
        missing.append(f"create leases in {system}")
    if missing:
        words = f"{controller} may not {', '.join(missing[:MOST_NAMED])}"
        todo = "install the roles and bindings oomreport-controller again"
        yield CheckResult(check="rights of the controller", level=Level.PROBLEM, words=words, todo=todo)
    else:
        yield CheckResult(check="rights of the controller", level=Level.GOOD, words="all that reports need")
    agent = f"system:serviceaccount:{agents}:oomreport-agent"
    if ask.allowed(agent, verb="create", group="oomreport.dev", resource=OOM_RECORDS, namespace=""):
        yield CheckResult(check="rights of the agents", level=Level.GOOD, words=f"may create {OOM_RECORDS}")
    else:
        words = f"{agent} may not create {OOM_RECORDS}: records wait on the nodes"
        todo = "install the ClusterRole and ClusterRoleBinding oomreport-agent again"
        yield CheckResult(check="rights of the agents", level=Level.PROBLEM, words=words, todo=todo)
    yield from _bounds(ask, agent, controller)


def _bounds(ask: Connection, agent: str, controller: str) -> Iterator[CheckResult]:
    """Yield which admission policies do not hold: reports are made without them, and more than they need is allowed."""
    bounds = (
        ("oomreport-agent-own-node", agent, "an agent may write records of any node"),
        ("oomreport-controller-annotates-only", controller, "the controller may change pods"),
    )
    for name, user, without in bounds:
        try:
            policy = ask.get(f"{_ADMISSION}/validatingadmissionpolicies/{name}")
            ask.get(f"{_ADMISSION}/validatingadmissionpolicybindings/{name}")
        except ApiError as error:
            if error.status != 404:
                raise
            words = f"the admission policy {name}, or its binding, is missing: {without}"
        else:
            if f"'{user}'" in json.dumps(policy.get("spec")):
                continue
            words = f"the admission policy {name} does not name {user}: {without}"
        yield CheckResult(check="admission policies", level=Level.WARNING, words=words, todo="install it again")
