"""The Job of an event on a real node: the kubelet fills in its variables and its file, and the sample restarts a
workload.
"""

import json

import pytest
import yaml

from e2e.hooks import CONTROLLER, due, event_of, grant, lend_kubectl, with_api
from e2e.kube import CONTROLLER_NAMESPACE, Object, apply, eventually, item, items, kubectl
from e2e.nodes import Node
from e2e.reports import settled_report
from e2e.workloads import container, deployment, pod_spec
from integration.api_server import MANIFESTS, holder_of, token
from oomreport.adapters.cluster.api_server import ApiServer
from oomreport.controller.delivery.job_target import JobHookTarget
from oomreport.hooks.answer import Answer, Outcome
from oomreport.hooks.event import Event

# Children that are killed take a name that a shell would stumble over: `$(id) -rf` is what it is.
HOSTILE = "$(id) -rf *"
LOAD = ("comm", HOSTILE.encode().hex(), "child", "80", "1", "1", "5")
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "capabilities": {"drop": ["ALL"]},
}


def document_of(event: Event) -> str:
    assert event.kill
    assert event.kill.victim
    return json.dumps({"id": event.id, "victim": event.kill.victim.comm})


@pytest.fixture(scope="module")
def kubeconfig(node: Node, tmp_path_factory: pytest.TempPathFactory) -> str:
    caller = holder_of(token(CONTROLLER, CONTROLLER_NAMESPACE), tmp_path_factory.mktemp("token"))
    return str(caller.kubeconfig)


@pytest.fixture
def report(namespace: str, node: Node) -> Object:
    """The report of a Deployment whose child with the hostile name was killed."""
    apply(deployment("web", namespace, pod_spec(container(*LOAD))))
    return settled_report(namespace, "Deployment", "web", verdict=None, seconds=90)


def deliver(kubeconfig: str, hook: Object, report: Object) -> Answer:
    async def delivered(api: ApiServer) -> Answer:
        return await JobHookTarget(api, document=document_of).deliver(due(hook, report))

    return with_api(kubeconfig, delivered)


def test_a_job_has_the_event_in_its_environment_and_as_a_file(
    namespace: str, node: Node, report: Object, kubeconfig: str
) -> None:
    grant(namespace, "oomreport-hook-jobs", "create", "jobs.batch")
    words = "$(OOMREPORT_EVENT_ID) $(OOMREPORT_WORKLOAD_KIND)/$(OOMREPORT_WORKLOAD_NAME) $(OOMREPORT_VICTIM)"
    job = pod_spec(container("print", words, "hold", "1", securityContext=RESTRICTED), restart="Never")
    apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "doer", "namespace": namespace}})
    hook = {
        "apiVersion": "oomreport.dev/v1alpha1",
        "kind": "OOMHook",
        "metadata": {"name": "tell", "namespace": namespace},
        "spec": {
            "events": ["OOMKilled"],
            "job": {"serviceAccountName": "doer", "template": {"spec": {"template": {"spec": job}}}},
        },
    }
    apply(hook)
    stored = item("oomhook", "tell", namespace)
    assert stored

    assert deliver(kubeconfig, stored, report).outcome is Outcome.DELIVERED
    assert "is there already" in deliver(kubeconfig, stored, report).message
    (made,) = items("jobs", namespace)
    selector = f"job-name={made['metadata']['name']}"

    def running() -> Object | None:
        found = items("pods", namespace, selector)
        return found[0] if found and found[0]["status"]["phase"] == "Running" else None

    pod = eventually("the Job's pod runs", running)
    said = eventually("it prints", lambda: kubectl("logs", pod["metadata"]["name"], "-n", namespace)).splitlines()
    event = event_of(report)
    assert f"{event.id} Deployment/web __id__-rf__" in [line.strip() for line in said]
    assert report["status"]["lastKill"]["victim"]["comm"] == HOSTILE
    place = f"*/pods/{pod['metadata']['uid']}/volumes/kubernetes.io~downward-api/oomreport-event/event.json"
    file = node.sh(f"cat $(find / -path /proc -prune -o -path '{place}' -print 2>/dev/null | head -n 1)")
    assert file == document_of(event)
    assert pod["spec"]["serviceAccountName"] == "doer"
    kubectl("delete", "oomhook", "tell", "-n", namespace)
    eventually("the Job goes with its hook", lambda: not items("jobs", namespace))


def test_the_sample_restarts_the_workload_by_its_own_account(
    namespace: str, node: Node, report: Object, kubeconfig: str
) -> None:
    before = items("pods", namespace, "app=web")[0]["metadata"]["name"]
    text = (
        (MANIFESTS / "samples" / "restart-job.yaml").read_text().replace("namespace: shop", f"namespace: {namespace}")
    )
    objects = [one for one in yaml.safe_load_all(text) if one]
    (hook,) = [one for one in objects if one["kind"] == "OOMHook"]
    lend_kubectl(hook["spec"]["job"]["template"]["spec"]["template"]["spec"], node)
    apply(*objects)
    grant(namespace, "oomreport-hook-jobs", "create", "jobs.batch")
    stored = item("oomhook", "restart", namespace)
    assert stored

    answer = deliver(kubeconfig, stored, report)
    assert answer.outcome is Outcome.DELIVERED, answer.message

    def done() -> Object | None:
        (job,) = items("jobs", namespace)
        return job if job["status"].get("succeeded") or job["status"].get("failed") else None

    job = eventually("the Job ends", done)
    words = kubectl("logs", f"job/{job['metadata']['name']}", "-n", namespace)
    assert job["status"].get("succeeded") == 1, words
    assert "deployment.apps/web restarted" in words
    eventually(
        "another pod", lambda: before not in {one["metadata"]["name"] for one in items("pods", namespace, "app=web")}
    )
