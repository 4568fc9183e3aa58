"""A controller that is blind says so, sees again by itself, and makes no verdict of what it did not see."""

import base64
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from integration.api_server import ADMIN, AGENT_NAMESPACE, CONTROLLER, Object, manifests
from integration.controller.client import V1, Client, eventually
from integration.controller.conftest import Start
from integration.controller.process import Controller, api_server_pid
from integration.controller.shop import Shop, record
from integration.controller.test_reports import send, settled
from oomreport.adapters.cluster.api_server import path


@pytest.fixture
def agent(shop: Shop) -> None:
    """A ready agent on the node: its silence contradicts pod status."""
    labels = {"app.kubernetes.io/name": "oomreport", "app.kubernetes.io/component": "agent"}
    name = f"agent-{shop.node}"
    shop.client.create(
        "pods",
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": AGENT_NAMESPACE, "labels": labels},
            "spec": {"nodeName": shop.node, "containers": [{"name": "agent", "image": "none"}]},
        },
    )
    where = path("v1", "pods", namespace=AGENT_NAMESPACE, name=name)
    shop.created.append(where)
    since = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": since}
    shop.client.merge(f"{where}/status", {"status": {"conditions": [ready]}})


def becomes(controller: Controller, *, ready: bool, seconds: float = 90) -> float:
    """Wait until readiness is so; return after how many seconds."""
    began = time.monotonic()

    def look() -> bool:
        probe = controller.probe("readyz")
        assert probe.get("ready") is ready, probe
        return True

    eventually(f"ready is {ready}", look, seconds=seconds, every=0.2)
    return time.monotonic() - began


def contradicted(client: Client) -> list[str]:
    return [
        report["metadata"]["name"]
        for report in client.items(path(V1, "oomreports"))
        if report.get("status", {}).get("lastKill", {}).get("verdict") == "Contradicted"
    ]


def tried(
    controller: Controller, shop: Shop, capsys: pytest.CaptureFixture[str], what: str, restore: Callable[[], object]
) -> None:
    """Have kills happen while the controller is blind, restore what it needs, and see each counted once."""
    unready = becomes(controller, ready=False)
    during = shop.pod(shop.name("during"))
    during.ends()
    time.sleep(4)
    restore()
    ready = becomes(controller, ready=True)
    client = Client()
    send(client, record(during, node=shop.node))
    later = shop.pod(shop.name("later"))
    send(client, record(later, node=shop.node))
    later.ends()
    for pod in (during, later):
        settled(shop, f"pod-{pod.name}-api", kills=1, verdict="Confirmed")
    false = contradicted(client)
    with capsys.disabled():
        print(
            f"\n{what}: not ready after {unready:.1f} s, ready {ready:.1f} s after it was right; false verdicts {false}"
        )
    assert false == []


def test_crds_that_are_deleted_and_made_again(
    shop: Shop, start: Start, agent: None, product: list[Object], capsys: pytest.CaptureFixture[str]
):
    controller = start()
    crds = [one for one in product if one["kind"] == "CustomResourceDefinition"]
    names = [f"crd/{one['metadata']['name']}" for one in crds]
    ADMIN.kubectl("delete", "--wait=true", *names)

    def restore() -> None:
        ADMIN.apply(*crds)
        ADMIN.kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)

    try:
        unready = becomes(controller, ready=False)
        during = shop.pod(shop.name("during"))
        during.ends()
        time.sleep(4)
    finally:
        restore()
    ready = becomes(controller, ready=True)
    client = Client()
    eventually("records are served", lambda: client.items(path(V1, "oomrecords")) == [])
    send(client, record(during, node=shop.node))
    settled(shop, f"pod-{during.name}-api", kills=1, verdict="Confirmed")
    with capsys.disabled():
        print(
            f"\nCRDs: not ready after {unready:.1f} s, ready {ready:.1f} s after; false verdicts {contradicted(client)}"
        )
    assert contradicted(client) == []


def test_rights_that_are_revoked_and_restored(
    shop: Shop, start: Start, agent: None, capsys: pytest.CaptureFixture[str]
):
    controller = start()
    bindings = [
        one
        for one in manifests("syslog")
        if one["kind"] == "ClusterRoleBinding" and any(who["name"] == CONTROLLER for who in one["subjects"])
    ]
    assert bindings
    ADMIN.kubectl("delete", *(f"clusterrolebinding/{one['metadata']['name']}" for one in bindings))
    try:
        tried(controller, shop, capsys, "rights", lambda: ADMIN.apply(*bindings))
    finally:
        ADMIN.apply(*bindings)
    assert "right to watch oomrecords" in str(controller.messages("warning"))


def test_a_token_that_is_not_taken_any_more(  # noqa: PLR0917
    shop: Shop, start: Start, agent: None, kubeconfig: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    config = yaml.safe_load(Path(kubeconfig).read_text(encoding="utf-8"))
    cluster, good = config["clusters"][0]["cluster"], config["users"][0]["user"]["token"]
    account = tmp_path / "serviceaccount"
    account.mkdir()
    token = account / "token"
    token.write_text(good, encoding="utf-8")
    authority = cluster.get("certificate-authority-data")
    (account / "ca.crt").write_bytes(
        base64.b64decode(authority) if authority else Path(cluster["certificate-authority"]).read_bytes()
    )
    # As in a pod, where the token is read anew for each request; but with the account's folder where a test can write.
    code = (
        "import functools, pathlib, sys; from oomreport.controller import main;"
        f"main.api_access = functools.partial(main.api_access, service_account=pathlib.Path({str(account)!r}));"
        "main.main()"
    )
    server = urlsplit(cluster["server"])
    variables = {"KUBECONFIG": "", "KUBERNETES_SERVICE_HOST": str(server.hostname)}
    variables["KUBERNETES_SERVICE_PORT"] = str(server.port)
    controller = Controller(kubeconfig, tmp_path, program=(sys.executable, "-c", code), variables=variables)
    try:
        controller.wait_ready()
        token.write_text("expired", encoding="utf-8")
        tried(controller, shop, capsys, "token", lambda: token.write_text(good, encoding="utf-8"))
    finally:
        controller.stop()
        print(controller.log.read_text())


def test_an_api_server_that_hangs(shop: Shop, start: Start, agent: None, capsys: pytest.CaptureFixture[str]):
    controller = start()
    pid = api_server_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        unready = becomes(controller, ready=False)
    finally:
        os.kill(pid, signal.SIGCONT)
    ready = becomes(controller, ready=True)
    pod = shop.pod(shop.name("after"))
    send(Client(), record(pod, node=shop.node))
    pod.ends()
    settled(shop, f"pod-{pod.name}-api", kills=1, verdict="Confirmed")
    with capsys.disabled():
        print(f"\nhung: not ready after {unready:.1f} s, ready {ready:.1f} s after it went on")
    assert contradicted(Client()) == []


def test_a_controller_without_processor_time_waits_for_it_and_begins_nothing_anew(
    shop: Shop, start: Start, product: list[Object], capsys: pytest.CaptureFixture[str]
):
    controller = start()
    crds = [one for one in product if one["kind"] == "CustomResourceDefinition"]
    names = [f"crd/{one['metadata']['name']}" for one in crds]
    os.kill(controller.process.pid, signal.SIGSTOP)
    try:
        # Its watch of records ends while it does not run.
        ADMIN.kubectl("delete", "--wait=true", *names)
        ADMIN.apply(*crds)
        ADMIN.kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)
        for _ in range(5):
            os.kill(controller.process.pid, signal.SIGCONT)
            time.sleep(0.02)
            os.kill(controller.process.pid, signal.SIGSTOP)
            time.sleep(10.5)
    finally:
        os.kill(controller.process.pid, signal.SIGCONT)
    ready = becomes(controller, ready=True)
    with capsys.disabled():
        print(f"\nstarved: ready {ready:.1f} s after it had time again")
    assert controller.process.poll() is None
    assert "blind" not in str(controller.messages("warning", "error"))
    pod = shop.pod(shop.name("after"))
    send(Client(), record(pod, node=shop.node))
    pod.ends()
    settled(shop, f"pod-{pod.name}-api", kills=1, verdict="Confirmed")
