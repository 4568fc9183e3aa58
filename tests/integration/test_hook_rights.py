"""Nobody has a hook do what he may not do himself; and the controller resizes memory, nothing else."""

import asyncio
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from integration.api_server import (
    ADMIN,
    CONTROLLER,
    CONTROLLER_NAMESPACE,
    MANIFESTS,
    Object,
    RefusedError,
    eventually,
    holder_of,
    node,
    pod,
    token,
)
from oomreport.adapters.cluster.api_access import api_access
from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.errors import ApiError
from oomreport.names import API_VERSION

RBAC = "rbac.authorization.k8s.io"
NAMESPACE = "oomreport-test"
ACCOUNT = f"system:serviceaccount:{CONTROLLER_NAMESPACE}:{CONTROLLER}"
TEMPLATE = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "do", "image": "none"}]}}}}
JOB: Object = {"job": {"serviceAccountName": "doer", "template": TEMPLATE}}
RESIZE: Object = {"resize": {"maxMemory": "1Gi"}}
WEBHOOK = {"webhook": {"url": "https://hooks.example/oom"}}
# Who may do what in the test's namespace; everywhere in `everywhere`.
RIGHTS = {
    "writer": ["oomhooks"],
    "runner": ["oomhooks", "jobs"],
    "resizer": ["oomhooks", "pods/resize"],
}
RULES = {
    "oomhooks": {
        "apiGroups": ["oomreport.dev"],
        "resources": ["oomhooks"],
        "verbs": ["create", "update", "patch", "get"],
    },
    "jobs": {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create"]},
    "pods/resize": {"apiGroups": [""], "resources": ["pods/resize"], "verbs": ["patch"]},
}


def hook(name: str, target: Object, *, namespace: str = NAMESPACE, **spec: Any) -> Object:
    return {
        "apiVersion": API_VERSION,
        "kind": "OOMHook",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"events": ["OOMKilled"], **target, **spec},
    }


def grant(user: str, resources: list[str], namespace: str | None) -> list[Object]:
    kind = "Role" if namespace else "ClusterRole"
    metadata = {"name": f"hooks-{user}", **({"namespace": namespace} if namespace else {})}
    return [
        {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": metadata, "rules": [RULES[one] for one in resources]},
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": f"{kind}Binding",
            "metadata": metadata,
            "roleRef": {"apiGroup": RBAC, "kind": kind, "name": f"hooks-{user}"},
            "subjects": [{"apiGroup": RBAC, "kind": "User", "name": user}],
        },
    ]


@pytest.fixture(scope="module", autouse=True)
def users(product: list[Object]) -> Iterator[None]:
    """People with rights of their own; the policy is in force once a first hook of a first writer was refused."""
    given = [one for user, rights in RIGHTS.items() for one in grant(user, rights, NAMESPACE)]
    # In the controller's namespace: one who may resize there only, one who may everywhere.
    given += grant("local", ["oomhooks", "pods/resize", "jobs"], CONTROLLER_NAMESPACE)
    given += grant("everywhere", ["oomhooks", "pods/resize", "jobs"], None)
    ADMIN.apply(*given)
    eventually("the rights are in force", lambda: not refusal("writer", hook("first", WEBHOOK)))
    eventually("the policy is in force", lambda: "right to create Jobs" in refusal("writer", hook("first", JOB)))
    yield
    ADMIN.kubectl("delete", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": given}))


@pytest.fixture(autouse=True)
def clean(users: None) -> Iterator[None]:
    yield
    for namespace in (NAMESPACE, CONTROLLER_NAMESPACE):
        ADMIN.kubectl("delete", "oomhooks", "--all", "-n", namespace)


def create(user: str, one: Object, *options: str) -> None:
    ADMIN.kubectl("create", f"--as={user}", "--validate=strict", *options, "-f", "-", stdin=json.dumps(one))


def refusal(user: str, one: Object) -> str:
    """Return why a user may not create a hook; nothing where he may."""
    try:
        create(user, one, "--dry-run=server")
    except RefusedError as error:
        return str(error)
    return ""


def test_who_may_not_create_jobs_cannot_create_a_job_hook_and_who_may_can() -> None:
    with pytest.raises(RefusedError, match=r"writer may not create jobs\.batch in oomreport-test"):
        create("writer", hook("job", JOB))
    with pytest.raises(RefusedError, match=r"resizer may not create jobs\.batch in oomreport-test"):
        create("resizer", hook("job", JOB))
    assert ADMIN.names("oomhooks", "-n", NAMESPACE) == set()

    create("runner", hook("job", JOB))
    assert ADMIN.names("oomhooks", "-n", NAMESPACE) == {"job"}


def test_who_may_not_resize_pods_cannot_create_a_resize_hook_and_who_may_can() -> None:
    with pytest.raises(RefusedError, match="runner may not do so in oomreport-test"):
        create("runner", hook("resize", RESIZE))
    create("resizer", hook("resize", RESIZE))


def test_a_webhook_needs_neither_right() -> None:
    create("writer", hook("webhook", WEBHOOK))


def test_a_hook_that_sees_all_namespaces_needs_the_right_in_all_of_them() -> None:
    with pytest.raises(RefusedError, match="local may not do so in all namespaces"):
        create("local", hook("resize", RESIZE, namespace=CONTROLLER_NAMESPACE))
    create("everywhere", hook("resize", RESIZE, namespace=CONTROLLER_NAMESPACE))
    # Its Jobs run in its own namespace, whatever it sees.
    create("local", hook("job", JOB, namespace=CONTROLLER_NAMESPACE))


@pytest.mark.parametrize(
    "change",
    [
        {"suspend": False},
        {"events": ["OOMKilled", "Applied"]},
        {"job": {"serviceAccountName": "another", "template": TEMPLATE}},
    ],
)
def test_who_may_not_create_jobs_cannot_change_what_a_job_hook_does(change: Object) -> None:
    ADMIN.create(hook("job", JOB, suspend=True))
    with pytest.raises(RefusedError, match=r"writer may not create jobs\.batch"):
        ADMIN.merge("oomhook", "job", {"spec": change}, "-n", NAMESPACE, "--as=writer")
    ADMIN.merge("oomhook", "job", {"spec": change}, "-n", NAMESPACE, "--as=runner")


def test_nobody_turns_a_webhook_into_a_job_without_the_right_but_anybody_turns_a_job_into_a_webhook() -> None:
    create("writer", hook("one", WEBHOOK))
    with pytest.raises(RefusedError, match="right to create Jobs"):
        ADMIN.merge("oomhook", "one", {"spec": {"webhook": None, **JOB}}, "-n", NAMESPACE, "--as=writer")
    ADMIN.merge("oomhook", "one", {"spec": {"webhook": None, **JOB}}, "-n", NAMESPACE)
    ADMIN.merge("oomhook", "one", {"spec": {"job": None, **WEBHOOK}}, "-n", NAMESPACE, "--as=writer")


def test_labels_and_the_controllers_status_are_written_without_the_right() -> None:
    ADMIN.create(hook("job", JOB))
    ADMIN.merge("oomhook", "job", {"metadata": {"labels": {"a": "b"}}}, "-n", NAMESPACE, "--as=writer")
    # By an account without any right to create Jobs, as the controller is by default.
    role = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "Role",
        "metadata": {"name": "hooks-status", "namespace": NAMESPACE},
        "rules": [{"apiGroups": ["oomreport.dev"], "resources": ["oomhooks/status"], "verbs": ["patch", "get"]}],
    }
    binding = grant("teller", [], NAMESPACE)[1]
    binding["roleRef"]["name"] = "hooks-status"
    ADMIN.apply(role, binding)
    patch = {"status": {"delivered": 3}}
    eventually("the right is in force", lambda: can_i("patch", "oomhooks/status", user="teller") == "yes")
    ADMIN.merge("oomhook", "job", patch, "-n", NAMESPACE, "--subresource=status", "--as=teller")
    assert ADMIN.get("oomhook", "job", "-n", NAMESPACE)["status"]["delivered"] == 3


def test_a_job_never_runs_as_the_controller_nor_as_another_account_than_the_hook_says() -> None:
    own = {"job": {"serviceAccountName": CONTROLLER, "template": TEMPLATE}}
    with pytest.raises(RefusedError, match="a service account of its own, not the controller's"):
        create("everywhere", hook("own", own, namespace=CONTROLLER_NAMESPACE))
    for key in ("serviceAccountName", "serviceAccount"):
        other = copy.deepcopy(JOB)
        other["job"]["template"]["spec"]["template"]["spec"][key] = "cluster-admin"
        with pytest.raises(RefusedError, match="names another service account"):
            create("runner", hook("other", other))
    same = copy.deepcopy(JOB)
    same["job"]["template"]["spec"]["template"]["spec"]["serviceAccountName"] = "doer"
    create("runner", hook("same", same))


def test_the_controller_may_neither_create_jobs_nor_resize_until_it_is_granted() -> None:
    assert can_i("create", "jobs.batch") == can_i("patch", "pods/resize") == "no"
    for sample in ("restart-job", "resize"):
        ADMIN.apply(*sample_objects(sample))
    eventually(
        "granted in one namespace", lambda: can_i("create", "jobs.batch") == can_i("patch", "pods/resize") == "yes"
    )
    assert can_i("create", "jobs.batch", "default") == can_i("patch", "pods/resize", "default") == "no"
    for sample in ("restart-job", "resize"):
        delete(sample_objects(sample))


@pytest.mark.parametrize(
    ("component", "what"), [("hook-jobs", ("create", "jobs.batch")), ("hook-resize", ("patch", "pods/resize"))]
)
def test_a_component_grants_it_in_all_namespaces(component: str, what: tuple[str, str]) -> None:
    objects = [
        one for one in yaml.safe_load_all(ADMIN.kubectl("kustomize", str(MANIFESTS / "components" / component))) if one
    ]
    ADMIN.apply(*objects)
    eventually("granted", lambda: can_i(what[0], what[1], "kube-system") == "yes")
    delete(objects)
    eventually("taken back", lambda: can_i(what[0], what[1], "kube-system") == "no")


@pytest.mark.parametrize("sample", ["restart-job", "resize"])
def test_a_sample_is_taken_as_it_is(sample: str) -> None:
    objects = sample_objects(sample)

    done = ADMIN.apply(*objects, options=("--validate=strict",))
    assert len(done.splitlines()) == len(objects)
    assert "oomhook" in done
    delete(objects)


def test_the_controller_resizes_memory_and_nothing_else(namespace: str, tmp_path: Path) -> None:
    # The API server itself compares a resize with what the pod's node has.
    ADMIN.apply(node("resizes"))
    room = {"status": {"allocatable": {"cpu": "8", "memory": "16Gi", "pods": "10"}}}
    ADMIN.merge("node", "resizes", room, "--subresource=status")
    one = pod("web", namespace, nodeName="resizes")
    one["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "1", "memory": "64Mi"}, "requests": {"cpu": "100m"}}
    ADMIN.create(one)
    ADMIN.merge("pod", "web", {"status": {"phase": "Running"}}, "-n", namespace, "--subresource=status")
    grants = sample_objects("resize")
    ADMIN.apply(*grants)
    eventually("granted", lambda: can_i("patch", "pods/resize") == "yes")
    controller = holder_of(token(CONTROLLER, CONTROLLER_NAMESPACE), tmp_path)

    async def asked(limits: Object) -> None:
        access = api_access({"KUBECONFIG": str(controller.kubeconfig)})
        async with ApiServer(access, agent=CONTROLLER) as api:
            patch = {"spec": {"containers": [{"name": "api", "resources": {"limits": limits}}]}}
            await api.strategic(path("v1", "pods", namespace=namespace, name="web", sub="resize"), patch)

    def resize(**limits: str) -> None:
        asyncio.run(asked(limits))

    resize(memory="128Mi")
    for limits in ({"cpu": "2"}, {"memory": "256Mi", "cpu": "2"}):
        with pytest.raises(ApiError, match="the controller may change the memory of containers only"):
            resize(**limits)
    stored = ADMIN.get("pod", "web", "-n", namespace)["spec"]["containers"][0]["resources"]
    assert stored["limits"] == {"cpu": "1", "memory": "128Mi"}
    ADMIN.kubectl("delete", "node", "resizes")
    delete(grants)


def sample_objects(name: str) -> list[Object]:
    """Return a sample with the test's namespace for its own, as its first lines say."""
    text = (MANIFESTS / "samples" / f"{name}.yaml").read_text().replace("namespace: shop", f"namespace: {NAMESPACE}")
    return [one for one in yaml.safe_load_all(text) if one]


def can_i(verb: str, resource: str, namespace: str = NAMESPACE, *, user: str = ACCOUNT) -> str:
    """Return yes or no; kubectl takes a slash for the name of an object."""
    resource, _, sub = resource.partition("/")
    options = [f"--subresource={sub}"] if sub else []
    try:
        return ADMIN.kubectl("auth", "can-i", verb, resource, *options, "-n", namespace, f"--as={user}").strip()
    except RefusedError as error:
        return str(error)


def delete(objects: list[Object]) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    ADMIN.kubectl("delete", "--ignore-not-found", "-f", "-", stdin=text)
