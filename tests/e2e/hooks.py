"""A hook's target by itself, with the controller's own account: the event is made of a real report.

And what a Job needs.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from e2e.kube import CONTROLLER_NAMESPACE, Object, apply, eventually, kubectl
from e2e.nodes import Node, cluster_state
from e2e.workloads import IMAGE
from oomreport.adapters.cluster.api_access import api_access
from oomreport.adapters.cluster.api_server import ApiServer
from oomreport.api.oom_hook import OOMHook
from oomreport.controller.delivery.hook_target import Due
from oomreport.hooks.answer import Answer
from oomreport.hooks.event import Event, EventType
from oomreport.incident.report.status import ReportStatus
from oomreport.workload.owner import Workload

CONTROLLER = "oomreport-controller"
ACCOUNT = {"kind": "ServiceAccount", "name": CONTROLLER, "namespace": CONTROLLER_NAMESPACE}
RBAC = "rbac.authorization.k8s.io"


def event_of(report: Object) -> Event:
    """Return the event of a report's last kill."""
    ref, metadata = report["spec"]["workloadRef"], report["metadata"]
    return Event(
        type=EventType.OOM_KILLED,
        occasion=report["status"]["lastKill"]["id"],
        time=datetime.now(UTC),
        namespace=metadata["namespace"],
        report=metadata["name"],
        report_uid=metadata["uid"],
        workload=Workload(api_version=ref["apiVersion"], kind=ref["kind"], name=ref["name"]),
        container=report["spec"]["container"],
        status=ReportStatus.of(report["status"]),
    )


def due(hook: Object, report: Object, *, attempt: int = 1, age: timedelta = timedelta()) -> Due:
    """Return an attempt whose first one was `age` ago."""
    first = datetime.now(UTC) - age
    return Due(hook=OOMHook.model_validate(hook), event=event_of(report), attempt=attempt, first_attempt=first)


def with_api(kubeconfig: str, work: Callable[[ApiServer], Awaitable[Answer]]) -> Answer:
    """Return what becomes of work with the rights of a kubeconfig."""

    async def done() -> Answer:
        async with ApiServer(api_access({"KUBECONFIG": kubeconfig}), agent=CONTROLLER) as api:
            return await work(api)

    return asyncio.run(done())


def grant(namespace: str, role: str, *what: str) -> None:
    """Bind a ClusterRole of the product to the controller in one namespace, and wait until it may do `what`."""
    metadata: Any = {"name": role, "namespace": namespace}
    binding = {"apiVersion": f"{RBAC}/v1", "kind": "RoleBinding", "metadata": metadata}
    apply({**binding, "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role}, "subjects": [ACCOUNT]})
    who = f"--as=system:serviceaccount:{CONTROLLER_NAMESPACE}:{CONTROLLER}"
    may = ("auth", "can-i", *what, "-n", namespace, who)
    eventually("the right is in force", lambda: "yes" in kubectl(*may, check=False))


def lend_kubectl(spec: Object, node: Node) -> None:
    """Put the kubectl of a node in the place of the sample's image, which no test fetches.

    kind's nodes bring one. A guest has none: the Job goes to the machine's own node, wherever the kill was.
    """
    if node.kind == "kind":
        program = node.sh("command -v kubectl").strip()
    else:
        found = shutil.which("kubectl")
        known = cluster_state()
        assert found
        assert known
        program = str(Path(found).resolve())
        spec["nodeSelector"] = {"kubernetes.io/hostname": known.facts["node"]}
    (one,) = spec["containers"]
    one |= {"image": IMAGE, "imagePullPolicy": "Never", "command": ["/kubectl"]}
    one["volumeMounts"] = [{"name": "kubectl", "mountPath": "/kubectl", "readOnly": True}]
    spec["volumes"] = [{"name": "kubectl", "hostPath": {"path": program, "type": "File"}}]
