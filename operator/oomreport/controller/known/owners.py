"""The workload of a pod, with one question for the object between."""

from collections import OrderedDict

from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.controller.known.pods import PodCache
from oomreport.workload.owner import Lookup, Workload, workload_above, workload_of_vanished, workload_or_lookup
from oomreport.workload.pod import OwnerReference, PodFacts, controller_of

_PLURALS = {"ReplicaSet": "replicasets", "Job": "jobs"}
_MOST = 10_000


class Owners:
    """Finds workloads; what controls a ReplicaSet or Job never changes, so it is asked once."""

    def __init__(self, api: ApiServer, pods: PodCache) -> None:
        self._api, self._pods = api, pods
        self._controllers: OrderedDict[str, OwnerReference | None] = OrderedDict()

    async def workload_of(self, pod: PodFacts) -> Workload:
        """Return a pod's workload. Raises ApiError."""
        if known := self._pods.workload(pod.uid):
            return known
        step = workload_or_lookup(pod)
        workload = await self._asked(pod, step) if isinstance(step, Lookup) else step
        if self._pods.get(pod.uid):
            self._pods.set_workload(pod, workload)
        return workload

    async def _asked(self, pod: PodFacts, step: Lookup) -> Workload:
        between = step.reference
        if between.uid not in self._controllers:
            plural = _PLURALS[between.kind]
            found = await self._api.found(path(between.api_version, plural, namespace=pod.namespace, name=between.name))
            if found is None or found["metadata"].get("uid") != between.uid:
                return workload_of_vanished(pod, between)
            self._controllers[between.uid] = controller_of(found)
            if len(self._controllers) > _MOST:
                self._controllers.popitem(last=False)
        return workload_above(between, self._controllers[between.uid])
