"""A cluster's objects in bulk: many requests at once over kept connections."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import aiohttp

from bench.scale import objects
from oomreport.adapters.cluster.api_access import ApiAccess
from oomreport.adapters.cluster.api_server import path, session

Object = dict[str, Any]
One = TypeVar("One")
_AT_ONCE = 24
WORKLOADS = 1000


class Bulk:
    """Creates, patches and deletes as the cluster's administrator. Raises RuntimeError with the server's words."""

    def __init__(self, access: ApiAccess) -> None:
        self._server, self._session = access.server, session(access, agent="bench-scale")

    async def __aenter__(self) -> "Bulk":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def call(self, method: str, where: str, body: Object | None = None, kind: str = "application/json") -> Object:
        """Return the server's answer."""
        async with self._session.request(
            method, self._server + where, json=body, headers={"Content-Type": kind}, timeout=aiohttp.ClientTimeout(120)
        ) as response:
            if response.status >= 400:
                raise RuntimeError(f"{method} {where}: {response.status} {(await response.text())[:300]}")
            return dict(await response.json())

    async def create(self, plural: str, body: Object) -> Object:
        """Create an object; one that exists is returned as it is."""
        namespace = body["metadata"].get("namespace")
        where = path(body["apiVersion"], plural, namespace=namespace)
        try:
            made = await self.call("POST", where, body)
        except RuntimeError as error:
            if ": 409 " not in str(error):
                raise
            made = await self.call(
                "GET", path(body["apiVersion"], plural, namespace=namespace, name=body["metadata"]["name"])
            )
        return {"apiVersion": body["apiVersion"], "kind": body["kind"], **made}

    async def set_status(self, pod: Object, status: Object) -> None:
        """Write a pod's status, as its kubelet does."""
        metadata = pod["metadata"]
        where = path("v1", "pods", namespace=metadata["namespace"], name=metadata["name"], sub="status")
        await self.call("PATCH", where, status, "application/merge-patch+json")


async def at_once(work: Callable[[One], Awaitable[None]], items: Iterable[One], *, most: int = _AT_ONCE) -> None:
    """Do the work for each item, `most` of them at once."""
    todo = iter(items)

    async def worker() -> None:
        for item in todo:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(most):
            group.create_task(worker())


async def fill(bulk: Bulk, pods: int) -> list[tuple[Object, str]]:
    """Create the pods with their owners; return each with the ID of its running instance."""
    began = time.monotonic()
    workloads = min(WORKLOADS, max(1, pods // 10))
    each = -(-pods // workloads)
    names = sorted({objects.namespace_of(number * each) for number in range(workloads)})
    for name in names:
        body: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        await bulk.create("namespaces", body)
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}}
        await bulk.create("serviceaccounts", account)
    made: list[tuple[Object, str]] = []

    async def workload(number: int) -> None:
        namespace = objects.namespace_of(number * each)
        top = await bulk.create("deployments", objects.deployment(number, namespace))
        between = await bulk.create("replicasets", objects.replica_set(number, namespace, top))
        for one in range(number * each, min(pods, (number + 1) * each)):
            pod, instance = await bulk.create("pods", objects.pod(one, between)), objects.new_container_id()
            await bulk.set_status(pod, objects.running(instance))
            small = {key: pod["metadata"][key] for key in ("name", "namespace", "uid")}
            made.append(({"metadata": small, "spec": {"nodeName": pod["spec"]["nodeName"]}}, instance))
            if len(made) % 10_000 == 0:
                print(f"scale: {len(made)} pods after {time.monotonic() - began:.0f} s", flush=True)

    await at_once(workload, range(workloads))
    return made
