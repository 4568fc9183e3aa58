"""A Job is made of an event at the API server, by the controller's own account and rights."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from integration.api_server import (
    ADMIN,
    CONTROLLER,
    CONTROLLER_NAMESPACE,
    Caller,
    Object,
    RefusedError,
    eventually,
    holder_of,
    token,
)
from integration.test_hook_rights import JOB, NAMESPACE, can_i, delete, hook, sample_objects
from oomreport.adapters.cluster.api_access import api_access
from oomreport.adapters.cluster.api_server import ApiServer
from oomreport.api.oom_hook import OOMHook
from oomreport.controller.delivery.hook_target import Due
from oomreport.controller.delivery.job_target import JobHookTarget
from oomreport.hooks.answer import Answer, Outcome
from oomreport.hooks.event import Event
from oomreport.hooks.job import MOST_DOCUMENT
from oomreport.workload.owner import Workload
from support.reports import event, status

DOCUMENT = json.dumps({"specversion": "1.0", "data": {"kill": {"victim": {"comm": "$(reboot)\n'\"`"}}}})


@pytest.fixture(scope="module")
def kubeconfig(product: list[Object], tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(holder_of(token(CONTROLLER, CONTROLLER_NAMESPACE), tmp_path_factory.mktemp("token")).kubeconfig)


@pytest.fixture
def granted(product: list[Object]) -> Iterator[None]:
    """The sample with its rights."""
    objects = sample_objects("restart-job")
    ADMIN.apply(*objects)
    eventually("the right is in force", lambda: can_i("create", "jobs.batch") == "yes")
    yield
    delete(objects)


@pytest.fixture(autouse=True)
def clean(product: list[Object]) -> Iterator[None]:
    yield
    ADMIN.kubectl("delete", "jobs,oomhooks", "--all", "-n", NAMESPACE, "--cascade=background")


def stored(one: Object) -> OOMHook:
    """Return a hook as the API server keeps it."""
    ADMIN.create(one)
    return OOMHook.model_validate(ADMIN.get("oomhook", one["metadata"]["name"], "-n", NAMESPACE))


def deliver(kubeconfig: str, one: OOMHook, what: Event | None = None, *, document: str = DOCUMENT) -> Answer:
    async def delivered() -> Answer:
        async with ApiServer(api_access({"KUBECONFIG": kubeconfig}), agent=CONTROLLER) as api:
            due = Due(hook=one, event=what or event(), attempt=1, first_attempt=datetime.now(UTC))
            return await JobHookTarget(api, document=lambda _: document).deliver(due)

    return asyncio.run(delivered())


def jobs() -> list[Object]:
    return list(
        json.loads(ADMIN.kubectl("get", "jobs", "-n", NAMESPACE, "-l", "oomreport.dev/hook", "-o", "json"))["items"]
    )


def test_the_samples_job_is_made_of_an_event_and_only_once(granted: None, kubeconfig: str) -> None:
    restart = OOMHook.model_validate(ADMIN.get("oomhook", "restart", "-n", NAMESPACE))

    first, again = deliver(kubeconfig, restart), deliver(kubeconfig, restart)
    (job,) = jobs()
    assert (first.outcome, again.outcome) == (Outcome.DELIVERED, Outcome.DELIVERED)
    assert again.message == f"Job {job['metadata']['name']} is there already"
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("OOMHook", "restart", restart.metadata["uid"])
    assert job["metadata"]["labels"]["oomreport.dev/event-id"] == event().id
    assert job["spec"]["ttlSecondsAfterFinished"] == 3600
    assert job["spec"]["backoffLimit"] == 2
    pod = job["spec"]["template"]
    assert pod["metadata"]["annotations"]["oomreport.dev/event"] == DOCUMENT
    assert pod["spec"]["serviceAccountName"] == "oom-restarter"
    (container,) = pod["spec"]["containers"]
    values = {one["name"]: one["value"] for one in container["env"]}
    assert values["OOMREPORT_WORKLOAD_KIND"] == "Deployment"
    assert values["OOMREPORT_NAMESPACE"] == "shop"
    assert values["OOMREPORT_EVENT_FILE"] == "/var/run/oomreport/event.json"


def test_another_event_and_another_hook_are_another_job(granted: None, kubeconfig: str) -> None:
    one, other = stored(hook("one", JOB)), stored(hook("other", JOB))

    for made in (one, other):
        for what in (event(), event(occasion="another")):
            assert deliver(kubeconfig, made, what).outcome is Outcome.DELIVERED
    assert len(jobs()) == 4


def test_without_the_right_the_answer_says_whom_to_ask(kubeconfig: str) -> None:
    answer = deliver(kubeconfig, stored(hook("one", JOB)))

    assert answer.outcome is Outcome.RETRY
    assert "may not create Jobs in namespace oomreport-test: grant it (docs/remediation.md)" in answer.message
    assert jobs() == []


@pytest.mark.parametrize(
    ("pod", "words"),
    [
        ({"containers": []}, "spec.template.spec.containers: Required value"),
        (
            {"containers": [{"name": "do", "image": "none", "volumeMounts": [{"name": "no", "mountPath": "/x"}]}]},
            "Not found",
        ),
        ({"containers": [{"name": "do", "image": "none"}], "restartPolicy": "Always"}, "restartPolicy: Required value"),
        ({"containers": [{"name": "do", "image": "none"}], "serviceAccount": "admin"}, "must be left out"),
        ({"containers": "do"}, "template.spec.template.spec.containers is not a list of objects"),
    ],
)
def test_a_template_that_makes_no_job_is_refused_for_good(
    granted: None, kubeconfig: str, pod: Object, words: str
) -> None:
    template = {"spec": {"template": {"spec": pod}}}
    made = hook("bad", {"job": {"serviceAccountName": "doer", "template": template}})
    # The admission policy would refuse one of them before; a hook may be older than the policy.
    one = OOMHook.model_validate({**made, "metadata": {**made["metadata"], "uid": "5e0c"}})

    answer = deliver(kubeconfig, one)
    assert answer.outcome is Outcome.REFUSED
    assert words in answer.message
    assert "https://" not in answer.message


def test_a_quota_that_is_used_up_is_waited_for(granted: None, kubeconfig: str) -> None:
    quota: Object = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": NAMESPACE},
        "spec": {"hard": {"count/jobs.batch": "0"}},
    }
    ADMIN.apply(quota)
    # Without a controller manager nobody counts.
    ADMIN.merge(
        "resourcequota",
        "none",
        {"status": {"hard": quota["spec"]["hard"], "used": {"count/jobs.batch": "0"}}},
        "-n",
        NAMESPACE,
        "--subresource=status",
    )
    one = stored(hook("one", JOB))
    try:
        answer = deliver(kubeconfig, one)
    finally:
        delete([quota])
    assert answer.outcome is Outcome.RETRY
    assert "exceeded quota: none" in answer.message


def test_the_controllers_own_account_is_never_given_to_a_job(granted: None, kubeconfig: str) -> None:
    made = hook("own", {"job": {**JOB["job"], "serviceAccountName": CONTROLLER}})
    metadata = {**made["metadata"], "namespace": CONTROLLER_NAMESPACE, "uid": "5e0c"}

    answer = deliver(kubeconfig, OOMHook.model_validate({**made, "metadata": metadata}))
    assert answer.outcome is Outcome.REFUSED
    assert "is the controller's own" in answer.message


def test_a_kill_in_a_job_of_a_hook_starts_no_other_job(granted: None, kubeconfig: str) -> None:
    of_hooks = Workload(api_version="oomreport.dev/v1alpha1", kind="OOMHook", name="restart")

    answer = deliver(kubeconfig, stored(hook("one", JOB)), event(workload=of_hooks))
    assert answer.outcome is Outcome.SKIPPED
    assert jobs() == []


def test_a_strangers_job_of_that_name_is_not_taken_for_ours(granted: None, kubeconfig: str) -> None:
    one = stored(hook("one", JOB))
    assert deliver(kubeconfig, one).outcome is Outcome.DELIVERED
    (job,) = jobs()
    name = job["metadata"]["name"]
    ADMIN.merge("job", name, {"metadata": {"labels": {"oomreport.dev/event-id": "other"}}}, "-n", NAMESPACE)

    answer = deliver(kubeconfig, one)
    assert (answer.outcome, answer.message) == (Outcome.REFUSED, f"Job {name} is there and not of this event")


@pytest.mark.parametrize("comm", ["a" * 400, "$(reboot)\n'; rm -rf ~ #"])
def test_the_largest_event_and_the_worst_names_are_taken_as_they_are(granted: None, kubeconfig: str, comm: str) -> None:
    document = json.dumps({"victim": comm, "more": "x" * (MOST_DOCUMENT - 1000)})
    what = event(status_=status(kill={"victim": {"pid": 212, "comm": comm}}))

    assert deliver(kubeconfig, stored(hook("one", JOB)), what, document=document).outcome is Outcome.DELIVERED
    (job,) = jobs()
    assert job["spec"]["template"]["metadata"]["annotations"]["oomreport.dev/event"] == document
    env: list[dict[str, Any]] = job["spec"]["template"]["spec"]["containers"][0]["env"]
    (victim,) = [one["value"] for one in env if one["name"] == "OOMREPORT_VICTIM"]
    assert "$" not in victim


def test_tokens_and_addresses_stay_out_of_answers(kubeconfig: str, tmp_path: Path) -> None:
    answer = deliver(kubeconfig, stored(hook("one", JOB)))

    secret = json.loads(Path(kubeconfig).read_text())["users"][0]["user"]["token"]
    assert secret not in answer.message
    assert "https://" not in answer.message


@pytest.mark.parametrize(
    ("namespace", "change", "why"),
    [
        (NAMESPACE, {"ownerReferences": None}, "Jobs of an OOMHook only"),
        (NAMESPACE, {"labels": None}, "Jobs of an OOMHook only"),
        ("kube-system", {}, "no Jobs in kube-system"),
        ("oomreport-agent", {}, "no Jobs in kube-system"),
        (NAMESPACE, {"account": None}, "a service account of its own"),
    ],
)
def test_the_controllers_token_creates_jobs_of_hooks_only(
    kubeconfig: str, namespace: str, change: dict[str, Any], why: str
) -> None:
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "hook-jobs-test", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "oomreport-hook-jobs"},
        "subjects": [{"kind": "ServiceAccount", "name": CONTROLLER, "namespace": CONTROLLER_NAMESPACE}],
    }
    ADMIN.apply(binding)
    owner = {"apiVersion": "oomreport.dev/v1alpha1", "kind": "OOMHook", "name": "x", "uid": "1", "controller": True}
    metadata = {"ownerReferences": [owner], "labels": {"oomreport.dev/hook": "x"}, "name": "made"} | change
    spec = {"restartPolicy": "Never", "containers": [{"name": "do", "image": "none"}], "serviceAccountName": "doer"}
    if "account" in metadata:
        spec |= {"serviceAccountName": metadata.pop("account")}
    body = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {**metadata, "namespace": namespace},
        "spec": {"template": {"spec": spec}},
    }
    as_controller = Caller(kubeconfig=kubeconfig)

    def refused() -> str:
        try:
            as_controller.create(body, dry_run=True)
        except RefusedError as error:
            return str(error)
        return ""

    try:
        eventually(why, lambda: why in refused())
        complete = {
            **body,
            "metadata": {**body["metadata"], "ownerReferences": [owner], "labels": {"oomreport.dev/hook": "x"}},
        }
        complete["spec"] = {"template": {"spec": spec | {"serviceAccountName": "doer"}}}
        if namespace == NAMESPACE:
            as_controller.create(complete, dry_run=True)
    finally:
        ADMIN.kubectl("delete", "rolebinding", "hook-jobs-test", "-n", namespace)
