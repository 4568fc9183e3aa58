"""Objects of thousands of levels, which the API server takes of everybody, stop nobody else's reports."""

import json
from collections.abc import Callable, Iterator

import pytest

from integration.api_server import ADMIN, Object
from integration.controller.conftest import Start
from integration.controller.shop import Shop, new_id, record
from integration.controller.test_reports import send, settled

_DEEP = "deep-objects"
_ENDED = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "containerID": f"containerd://{new_id()}"}}


def nested(body: Object, key: str, levels: int) -> str:
    """Return an object as JSON, its text `deep` replaced by so many levels."""
    return json.dumps(body).replace('"deep"', f'{{"{key}":' * levels + "{}" + "}" * levels)


def made(namespace: str, levels: int) -> None:
    """Make a pod, its end, and a hook of so many levels."""
    name = f"{_DEEP}-{levels}"
    fields = {"manager": "x", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": "deep"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "managedFields": [fields]},
        "spec": {"containers": [{"name": "api", "image": "none"}], "automountServiceAccountToken": False},
    }
    job = {"serviceAccountName": "x", "template": {"spec": {"template": {"spec": "deep"}}}}
    hook = {
        "apiVersion": "oomreport.dev/v1alpha1",
        "kind": "OOMHook",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"events": ["OOMKilled"], "job": job},
    }
    for where, text in (
        (f"/api/v1/namespaces/{namespace}/pods", nested(pod, "f:a", levels)),
        (f"/apis/oomreport.dev/v1alpha1/namespaces/{namespace}/oomhooks", nested(hook, "a", levels)),
    ):
        ADMIN.kubectl("create", "--raw", where, "-f", "-", stdin=text)
    status = {"name": "api", "image": "none", "imageID": "", "ready": False, "restartCount": 0, "state": _ENDED}
    patch = json.dumps({"status": {"phase": "Running", "containerStatuses": [status]}})
    ADMIN.kubectl("patch", "pod", name, "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)


@pytest.fixture
def deep(shop: Shop) -> Iterator[Callable[[], None]]:
    """Makes objects that Python can copy no more, that it can read no more, and far beyond."""
    levels = (300, 1200, 5000)

    def make() -> None:
        for number in levels:
            made(shop.namespace, number)

    yield make
    for kind in ("pods", "oomhooks"):
        names = [f"{_DEEP}-{number}" for number in levels]
        options = ("--ignore-not-found", "--grace-period=0", "--force")
        ADMIN.kubectl("delete", kind, *names, "-n", shop.namespace, *options)


@pytest.mark.parametrize("first", [True, False], ids=["before the start", "after the start"])
def test_objects_of_thousands_of_levels_are_passed_over(
    shop: Shop, start: Start, deep: Callable[[], None], *, first: bool
):
    if first:
        deep()
    controller = start()
    if not first:
        deep()
    web = shop.name("web")
    pod = shop.deployment(web)
    send(shop.client, record(pod, node=shop.node))
    settled(shop, f"deployment-{web}-api", kills=1, verdict="KernelOnly")
    pod.ends()
    settled(shop, f"deployment-{web}-api", kills=1, verdict="Confirmed")
    assert any("nested too deep" in message["message"] for message in controller.messages("warning"))
