"""What tenants write as names leads no request of the controller to another path.

A proxy before the API server sees it.
"""

import asyncio
import contextlib
import ssl
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from integration.api_server import (
    ADMIN,
    CONTROLLER,
    CONTROLLER_NAMESPACE,
    Object,
    RefusedError,
    holder_of,
    pod,
    token,
)
from integration.conftest import NAMESPACE
from oomreport.adapters.cluster.api_access import ApiAccess, api_access
from oomreport.adapters.cluster.api_server import ApiServer
from oomreport.adapters.http.webhook import WebhookClient
from oomreport.api.oom_hook import OOMHook
from oomreport.controller.delivery.hook_target import Due
from oomreport.controller.delivery.webhook_target import WebhookTarget
from oomreport.controller.known.owners import Owners
from oomreport.controller.known.pods import PodCache
from oomreport.controller.known.reports import ReportStore
from oomreport.controller.work.keys import report_key
from oomreport.hooks.answer import Outcome
from oomreport.workload.pod import pod_facts
from support.reports import event

_UP = "../../../../../.."
NAMES = (
    f"{_UP}/api/v1/pods",
    f"{_UP}/api/v1/pods?watch=true#",
    f"{_UP}/metrics",
    "../secrets/oomreport-chat",
    "../../kube-system/secrets/any",
    "..",
    ".",
    "%2e%2e",
    "%2e%2e%2fsecrets",
    "web?watch=true",
    "web#",
    "web/scale",
    "a b",
    "a,b=c",
    "a\x1b]0;pwned\x07",
    "a\nb",
    "A",
    "a" * 254,
    "\u2025\uff0f",
    "a\\..\\b",
)


@asynccontextmanager
async def recorded(kubeconfig: str) -> AsyncIterator[tuple[ApiServer, list[str]]]:
    """Yield the controller's client, by way of a proxy that notes each request's target as it came."""
    real, seen = api_access({"KUBECONFIG": kubeconfig}), list[str]()
    assert isinstance(real.tls, ssl.SSLContext)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=real.tls), auto_decompress=False) as session:

        async def forward(request: web.Request) -> web.Response:
            seen.append(request.raw_path)
            headers = {"Authorization": real.authorization() or "", "Content-Type": request.content_type}
            url, data = URL(real.server + request.raw_path, encoded=True), await request.read()
            async with session.request(request.method, url, data=data, headers=headers) as answer:
                return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)

        runner = web.ServerRunner(web.Server(forward))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        access = ApiAccess(server=f"http://127.0.0.1:{runner.addresses[0][1]}", tls=False, authorization=lambda: None)
        try:
            async with ApiServer(access, agent=CONTROLLER) as api:
                yield api, seen
        finally:
            await runner.cleanup()


def through_proxy(kubeconfig: str, act: Callable[[ApiServer], Awaitable[Any]]) -> tuple[Any, list[str]]:
    async def run() -> tuple[Any, list[str]]:
        async with recorded(kubeconfig) as (api, seen), asyncio.timeout(10):
            return await act(api), seen

    return asyncio.run(run())


@pytest.fixture(scope="module")
def kubeconfig(product: list[Object], tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(holder_of(token(CONTROLLER, CONTROLLER_NAMESPACE), tmp_path_factory.mktemp("token")).kubeconfig)


@pytest.fixture(autouse=True)
def clean(namespace: str) -> Iterator[None]:
    yield
    ADMIN.kubectl("delete", "oomhooks", "--all", "-n", namespace)


@pytest.mark.parametrize(
    ("field", "name"),
    [("name", name) for name in NAMES] + [(field, name) for field in ("kind", "apiVersion") for name in NAMES[:4]],
)
def test_an_owner_reference_that_no_object_can_be_makes_the_pod_the_workload(
    kubeconfig: str, field: str, name: str
) -> None:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": str(uuid.uuid4()), "controller": True}
    made = pod(f"hostile-{uuid.uuid4().hex[:8]}", NAMESPACE)
    made["metadata"]["ownerReferences"] = [owner | {field: name}]
    with contextlib.suppress(RefusedError):  # a version of three parts is none for the API server either
        ADMIN.create(made)
    facts = pod_facts({**made, "metadata": {"uid": str(uuid.uuid4()), **made["metadata"]}})

    async def reported(api: ApiServer) -> str:
        workload = await Owners(api, PodCache()).workload_of(facts)
        return (await ReportStore(api).ensure(report_key(NAMESPACE, workload, "api"))).name

    report, seen = through_proxy(kubeconfig, reported)
    stored = ADMIN.get("oomreport", report, "-n", NAMESPACE)["spec"]["workloadRef"]
    assert stored["kind"] == "Pod"
    allowed = f"/apis/oomreport.dev/v1alpha1/namespaces/{NAMESPACE}/oomreports"
    assert all(target.startswith(allowed) for target in seen), seen


@pytest.mark.parametrize(
    ("field", "name"),
    [("signingSecretRef", name) for name in NAMES]
    + [(field, name) for field in ("urlSecretRef", "caConfigMapRef") for name in NAMES[:4]],
)
def test_a_hooks_reference_reads_nothing_outside_its_namespace(kubeconfig: str, field: str, name: str) -> None:
    webhook: Object = {field: {"name": name, "key": "key"}}
    if field != "urlSecretRef":
        webhook["url"] = "https://receiver.example/"
    hook = {
        "apiVersion": "oomreport.dev/v1alpha1",
        "kind": "OOMHook",
        "metadata": {"name": "hostile", "namespace": NAMESPACE, "uid": str(uuid.uuid4()), "generation": 1},
        "spec": {"events": ["OOMKilled"], "webhook": webhook},
    }
    with pytest.raises(RefusedError):
        ADMIN.create({**hook, "metadata": {"name": "hostile", "namespace": NAMESPACE}})

    # As an older CRD let it in: the code holds by itself.
    stored = OOMHook.model_construct(**OOMHook.model_validate(_harmless(hook, field)).__dict__)
    reference = getattr(stored.spec.webhook, _snake(field))
    object.__setattr__(reference, "name", name)

    async def delivered(api: ApiServer) -> Outcome:
        async with WebhookClient(lambda _: "no address is wanted") as client:
            target = WebhookTarget(api, client, lambda: datetime.now(UTC))
            due = Due(hook=stored, event=event(), attempt=1, first_attempt=datetime.now(UTC))
            return (await target.deliver(due)).outcome

    outcome, seen = through_proxy(kubeconfig, delivered)
    assert outcome is Outcome.RETRY
    plural = "configmaps" if field == "caConfigMapRef" else "secrets"
    before = f"/api/v1/namespaces/{NAMESPACE}/{plural}/"
    for target in seen:
        assert target.startswith(before)
        assert not set(target.removeprefix(before)) & set("/?#")
        assert target.removeprefix(before) not in (".", "..")


def _harmless(hook: Object, field: str) -> Object:
    webhook = hook["spec"]["webhook"]
    return {**hook, "spec": {**hook["spec"], "webhook": {**webhook, field: {"name": "harmless", "key": "key"}}}}


def _snake(field: str) -> str:
    return {
        "signingSecretRef": "signing_secret_ref",
        "urlSecretRef": "url_secret_ref",
        "caConfigMapRef": "ca_config_map_ref",
    }[field]
