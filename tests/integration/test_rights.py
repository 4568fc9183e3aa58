"""What the two service accounts may do, as `kubectl auth can-i --list` says it, and that it is enough for Kopf."""

import asyncio
import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import kopf
import pytest

from integration.api_server import (
    ADMIN,
    AGENT,
    AGENT_NAMESPACE,
    CONTROLLER,
    CONTROLLER_NAMESPACE,
    Caller,
    Object,
    RefusedError,
    eventually,
    holder_of,
    pod,
    record,
    report,
    token,
)

BASELINE = "anybody"


def listed(caller: Caller, namespace: str) -> set[tuple[str, str, str]]:
    """Return `kubectl auth can-i --list` as (resource or path, names of objects, verbs)."""
    lines = caller.kubectl("auth", "can-i", "--list", "-n", namespace).splitlines()[1:]
    rows = [re.fullmatch(r"(\S*)\s+\[(.*?)\]\s+\[(.*?)\]\s+\[(.*?)\]\s*", line) for line in lines]
    return {(row[1] or row[2], row[3], row[4]) for row in rows if row}


@pytest.fixture
def everybody(product: list[Object], tmp_path: Path) -> Iterator[Caller]:
    """A service account that nobody gave anything: what it may do, all may (discovery, reviews of oneself)."""
    ADMIN.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": BASELINE, "namespace": AGENT_NAMESPACE}}
    )
    yield holder_of(token(BASELINE, AGENT_NAMESPACE), tmp_path)
    ADMIN.kubectl("delete", "serviceaccount", BASELINE, "-n", AGENT_NAMESPACE)


@pytest.fixture
def agent(product: list[Object], tmp_path: Path) -> Caller:
    return holder_of(token(AGENT, AGENT_NAMESPACE), tmp_path)


@pytest.fixture
def controller(product: list[Object], tmp_path: Path) -> Caller:
    return holder_of(token(CONTROLLER, CONTROLLER_NAMESPACE), tmp_path)


@pytest.mark.parametrize("namespace", [AGENT_NAMESPACE, CONTROLLER_NAMESPACE, "kube-system", "default"])
def test_the_agent_may_create_records_and_nothing_else(everybody: Caller, agent: Caller, namespace: str) -> None:
    assert listed(agent, namespace) - listed(everybody, namespace) == {("oomrecords.oomreport.dev", "", "create")}


CLUSTER_WIDE = {
    ("pods", "", "get list watch patch"),
    ("replicasets.apps", "", "get"),
    ("jobs.batch", "", "get"),
    ("oomrecords.oomreport.dev", "", "get list watch delete"),
    ("oomrecords.oomreport.dev/status", "", "patch"),
    ("oomreports.oomreport.dev", "", "get list watch create patch delete"),
    ("oomreports.oomreport.dev/status", "", "patch"),
    ("events.events.k8s.io", "", "create patch"),
    ("oompolicies.oomreport.dev", "", "list watch"),
    ("oomhooks.oomreport.dev", "", "list watch"),
    ("oomhooks.oomreport.dev/status", "", "patch"),
    ("namespaces", "", "get"),
    ("nodes", "", "get"),
    ("pods.metrics.k8s.io", "", "list"),
    ("limitranges", "", "list watch"),
    ("resourcequotas", "", "list watch"),
    ("deployments.apps/scale", "", "get"),
    ("statefulsets.apps/scale", "", "get"),
    ("replicasets.apps/scale", "", "get"),
    ("daemonsets.apps", "", "get"),
    ("deployments.apps", "", "get"),
    ("statefulsets.apps", "", "get"),
    ("cronjobs.batch", "", "get"),
}
LEASES = {
    ("leases.coordination.k8s.io", "", "create"),
    ("leases.coordination.k8s.io", CONTROLLER, "get update"),
}


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [
        ("default", CLUSTER_WIDE),
        ("kube-system", CLUSTER_WIDE),
        (AGENT_NAMESPACE, CLUSTER_WIDE),
        (CONTROLLER_NAMESPACE, CLUSTER_WIDE | LEASES),
    ],
)
def test_the_controller_may_do_what_it_does_and_nothing_else(
    everybody: Caller, controller: Caller, namespace: str, expected: set[tuple[str, str, str]]
) -> None:
    assert listed(controller, namespace) - listed(everybody, namespace) == expected


def test_people_who_view_a_namespace_read_reports_and_only_editors_review_them(namespace: str) -> None:
    ADMIN.create(report("reviewed", namespace))
    for name, role in (("ada", "oomreport-review"), ("ada", "oomreport-view"), ("bob", "oomreport-view")):
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": f"{name}-{role}", "namespace": namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}],
        }
        ADMIN.apply(binding)
    accept = {"spec": {"review": {"decision": "Accepted"}}}

    assert ADMIN.names("oomreports", "-n", namespace, "--as=bob") == {"reviewed"}
    with pytest.raises(RefusedError, match="cannot patch"):
        ADMIN.merge("oomreport", "reviewed", accept, "-n", namespace, "--as=bob")
    ADMIN.merge("oomreport", "reviewed", accept, "-n", namespace, "--as=ada")
    with pytest.raises(RefusedError, match=r"cannot (get|patch) resource .oomreports/status"):
        ADMIN.merge(
            "oomreport", "reviewed", {"status": {"kills": 0}}, "-n", namespace, "--as=ada", "--subresource=status"
        )
    with pytest.raises(RefusedError, match="cannot list"):
        ADMIN.names("oomrecords", "--as=ada")
    policy = {"apiVersion": "oomreport.dev/v1alpha1", "kind": "OOMPolicy", "spec": {}}
    policy["metadata"] = {"name": "mine", "namespace": namespace}
    create = ("create", "--dry-run=server", "-f", "-")
    ADMIN.kubectl(*create, "--as=ada", stdin=json.dumps(policy))
    with pytest.raises(RefusedError, match="cannot create"):
        ADMIN.kubectl(*create, "--as=bob", stdin=json.dumps(policy))
    assert ADMIN.names("oompolicies", "-n", namespace, "--as=bob") == set()


@pytest.mark.parametrize(
    "metadata",
    [
        {"finalizers": ["example.com/stay"]},
        {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "1"}]},
    ],
)
def test_who_reviews_a_report_gives_it_no_finalizer_and_no_owner(namespace: str, metadata: Object) -> None:
    ADMIN.create(report("kept", namespace))

    def refused() -> bool:
        try:
            ADMIN.merge("oomreport", "kept", {"metadata": metadata}, "-n", namespace, "--dry-run=server")
        except RefusedError as error:
            return "no finalizers and no owners" in str(error)
        return False

    eventually("the policy is in force", refused)
    ADMIN.merge("oomreport", "kept", {"spec": {"review": {"decision": "Accepted"}}}, "-n", namespace)


def test_kopf_watches_pods_and_records_with_the_controllers_rights(
    namespace: str, controller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    """Scanning of CRDs and namespaces is off, so no right to either is needed; a lack of rights would be logged."""
    ADMIN.create(pod("web", namespace), record("kopf-node"))
    expected = {("pods", "web"), ("oomrecords", record("kopf-node")["metadata"]["name"])}

    seen = asyncio.run(_seen_by_kopf(controller, expected))
    ADMIN.kubectl("delete", "oomrecord", record("kopf-node")["metadata"]["name"])
    assert expected <= seen
    assert [entry.getMessage() for entry in caplog.records if entry.levelname in {"WARNING", "ERROR", "CRITICAL"}] == []


async def _seen_by_kopf(caller: Caller, expected: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Run Kopf with a caller's token until everything expected was seen, 30 s at most; return (plural, name)."""
    registry, settings, stop = kopf.OperatorRegistry(), kopf.OperatorSettings(), asyncio.Event()
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.watching.initial_streaming = True
    seen: set[tuple[str, str]] = set()

    @kopf.on.login(registry=registry)
    def log_in(**_: object) -> kopf.ConnectionInfo:
        config = json.loads(Path(str(caller.kubeconfig)).read_text())
        cluster = config["clusters"][0]["cluster"]
        return kopf.ConnectionInfo(
            server=cluster["server"],
            ca_data=cluster.get("certificate-authority-data"),
            ca_path=cluster.get("certificate-authority"),
            insecure=cluster.get("insecure-skip-tls-verify"),
            token=config["users"][0]["user"]["token"],
        )

    @kopf.on.event("pods", registry=registry)
    @kopf.on.event("oomreport.dev", "v1alpha1", "oomrecords", registry=registry)
    async def see(resource: kopf.Resource, name: str | None, **_: object) -> None:
        seen.add((resource.plural, name or ""))
        if expected <= seen:
            stop.set()

    operator = kopf.operator(registry=registry, settings=settings, clusterwide=True, standalone=True, stop_flag=stop)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(30):
            await operator
    return seen
