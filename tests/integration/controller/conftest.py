"""Each test has workloads of its own on a node of its own, and a controller with the controller's own token."""

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration.api_server import CONTROLLER, CONTROLLER_NAMESPACE, Object, holder_of, token
from integration.controller.client import V1, Client
from integration.controller.hook_shop import HookShop
from integration.controller.process import Controller
from integration.controller.receiver import Receiver
from integration.controller.shop import Shop
from oomreport.adapters.cluster.api_server import path

NAMESPACE = "oomreport-test"
Start = Callable[..., Controller]


@pytest.fixture
def client(product: list[Object]) -> Client:
    return Client()


@pytest.fixture
def shop(client: Client) -> Iterator[Shop]:
    shop = Shop(client=client, namespace=NAMESPACE, node=f"node-{uuid.uuid4().hex[:8]}")
    yield shop
    shop.clean()
    for report in client.items(path(V1, "oomreports")):
        metadata = report["metadata"]
        client.delete(path(V1, "oomreports", namespace=metadata["namespace"], name=metadata["name"]))
    for record in client.items(path(V1, "oomrecords")):
        client.delete(path(V1, "oomrecords", name=record["metadata"]["name"]))


@pytest.fixture(scope="session")
def kubeconfig(product: list[Object], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Who the controller is in a cluster: its service account, nothing more."""
    caller = holder_of(token(CONTROLLER, CONTROLLER_NAMESPACE), tmp_path_factory.mktemp("kubeconfig"))
    assert caller.kubeconfig
    return caller.kubeconfig


@pytest.fixture
def start(kubeconfig: str, tmp_path: Path, request: pytest.FixtureRequest, shop: Shop) -> Iterator[Start]:
    """Start a controller with more options; all are ended after the test, and their words shown when it failed."""
    started: list[Controller] = []

    def begin(*arguments: str, ready: bool = True) -> Controller:
        one = Controller(kubeconfig, tmp_path, *arguments)
        started.append(one)
        return one.wait_ready() if ready else one

    yield begin
    for one in started:
        one.stop()
        print(f"--- {one.log.name}\n{one.log.read_text()}")
    # The Lease of a killed controller would hold up the next one.
    shop.client.delete(path("coordination.k8s.io/v1", "leases", namespace=CONTROLLER_NAMESPACE, name=CONTROLLER))
    time.sleep(0.1)


@pytest.fixture
def hooks(client: Client) -> Iterator[HookShop]:
    made = HookShop(client=client, namespace=NAMESPACE)
    yield made
    made.clean()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.close()
