"""The tool or person that keeps a workload's manifest: `Evidence.managed_by`.

It is read from the workload itself, once in a while.

Kinds of other API groups are not asked for: the controller has no right to read them.
"""

from collections.abc import Callable

from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.controller.known.ttl_cache import CacheTimes, TtlCache
from oomreport.controller.work.keys import ReportKey
from oomreport.incident.witness.evidence import HOST_CONTAINER, UNKNOWN_CONTAINER
from oomreport.workload.manager import manager_of

_TERMS = CacheTimes(keep=300.0, keep_failure=60.0, wait=0.5)
PLURALS = {
    ("", "Pod"): "pods",
    ("apps", "Deployment"): "deployments",
    ("apps", "StatefulSet"): "statefulsets",
    ("apps", "DaemonSet"): "daemonsets",
    ("apps", "ReplicaSet"): "replicasets",
    ("batch", "Job"): "jobs",
    ("batch", "CronJob"): "cronjobs",
}


class Managers:
    """Reads the marks of deployment tools."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api
        self._managers = TtlCache("workload", self._manager, _TERMS)

    async def manager_of(self, key: ReportKey, on_late: Callable[[], None]) -> dict[str, str] | None:
        """Return status.managedBy, empty where no mark tells; None where that is not known (yet). Nothing is raised."""
        if (key.group, key.kind) not in PLURALS or key.container in (HOST_CONTAINER, UNKNOWN_CONTAINER):
            return None
        known = await self._managers.get(key, on_late)
        return known.value if known else None

    async def close(self) -> None:
        """End what is being read."""
        await self._managers.close()

    async def _manager(self, key: ReportKey) -> dict[str, str] | None:
        plural = PLURALS[key.group, key.kind]
        found = await self._api.found(path(key.api_version, plural, namespace=key.namespace, name=key.name))
        # A workload that is gone tells nothing; what it told before stays.
        if found is None:
            return None
        manager = manager_of({"apiVersion": key.api_version, "kind": key.kind, **found}, key.container)
        return manager.as_json() if manager else {}
