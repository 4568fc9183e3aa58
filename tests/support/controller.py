"""The parts of a controller on an API server in memory, with a clock and a queue that tests look into."""

import asyncio
from collections.abc import Coroutine, Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from oomreport.controller.known.hooks import HookRegistry
from oomreport.controller.known.managers import Managers
from oomreport.controller.known.memory_sources import MetricsApi
from oomreport.controller.known.outbox import Outbox
from oomreport.controller.known.owners import Owners
from oomreport.controller.known.pods import PodCache
from oomreport.controller.known.policies import Policies
from oomreport.controller.known.records import RecordCache
from oomreport.controller.known.reports import ReportStore
from oomreport.controller.known.running_memory import RunningMemory
from oomreport.controller.known.surroundings import SurroundingsReader
from oomreport.controller.known.watch_state import WatchState
from oomreport.controller.reporting.announcer import Announcer
from oomreport.controller.reporting.anonymous import AnonymousMatcher
from oomreport.controller.reporting.gathering import EvidenceGatherer
from oomreport.controller.reporting.pod_router import PodRouter
from oomreport.controller.reporting.reconciler import ReportReconciler
from oomreport.controller.reporting.rollout_pods import RolloutPods
from oomreport.controller.reporting.router import Router
from oomreport.controller.work.keys import ReportKey, report_key
from oomreport.controller.work.queue import WorkQueue
from oomreport.hooks.delivery import Delivery
from oomreport.incident.witness.evidence import Patience, record_facts
from oomreport.names import API_VERSION, OOM_RECORDS
from support.api_server import MemoryApi, Object
from support.evidence import UID, WEB, after, cid, record_object

NAMESPACE = "oomreport-system"
REPLICA_SET: Object = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "name": "web-7d9c",
    "uid": "rs",
    "controller": True,
}
KEY = report_key("shop", WEB, "api")


class KeyList(WorkQueue):
    """A queue that only remembers what it was given; `later` with the pause in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[Hashable] = []
        self.later: dict[Hashable, float] = {}
        self.late = 0.0

    @property
    def late_seconds(self) -> float:
        return self.late

    def add(self, key: Hashable) -> None:
        self.keys.append(key)

    def add_later(self, key: Hashable, pause: float | timedelta) -> None:
        self.later[key] = pause.total_seconds() if isinstance(pause, timedelta) else pause

    def taken(self) -> list[Hashable]:
        """Return what was added since the last time."""
        found, self.keys = self.keys, []
        return found


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run one piece of work to its end."""
    return asyncio.run(work)


def pod_object(
    name: str = "web-7d9c-x2x4z",
    *,
    uid: str = UID,
    container: str = "api",
    instance: str = cid(1),
    ended: bool = False,
    owner: Object | None = REPLICA_SET,
    node: str = "worker-1",
    **metadata: Any,
) -> Object:
    """A pod as the API server sends it, its container running, or ended by an OOM kill."""
    end = {
        "reason": "OOMKilled",
        "exitCode": 137,
        "startedAt": "2026-11-20T20:12:08Z",
        "finishedAt": "2026-11-20T20:21:08Z",
        "containerID": f"containerd://{instance}",
    }
    state: Object = {
        "state": {"running": {"startedAt": "2026-11-20T20:12:08Z"}},
        "containerID": f"containerd://{instance}",
    }
    if ended:
        state = {"state": {"terminated": end}, "containerID": f"containerd://{instance}"}
    return {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": uid,
            "ownerReferences": [owner] if owner else [],
            **metadata,
        },
        "spec": {
            "nodeName": node,
            "containers": [{"name": container, "resources": {"limits": {"memory": "256Mi"}}}],
        },
        "status": {"phase": "Running", "containerStatuses": [{"name": container, "restartCount": 0, **state}]},
    }


@dataclass
class Parts:
    """A controller's parts. `now` moves only when a test moves it."""

    api: MemoryApi = field(default_factory=MemoryApi)
    queue: KeyList = field(default_factory=KeyList)
    pods: PodCache = field(default_factory=PodCache)
    records: RecordCache = field(default_factory=RecordCache)
    patience: Patience = field(default_factory=Patience)
    seconds: float = 0.2
    deliveries: dict[ReportKey, tuple[Delivery, ...]] = field(default_factory=dict)

    def now(self) -> datetime:
        return after(self.seconds)

    @cached_property
    def reports(self) -> ReportStore:
        return ReportStore(self.api)

    @cached_property
    def owners(self) -> Owners:
        return Owners(self.api, self.pods)

    @cached_property
    def policies(self) -> Policies:
        return Policies(NAMESPACE)

    @cached_property
    def hooks(self) -> HookRegistry:
        return HookRegistry(self.api, NAMESPACE)

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.hooks, self.now)

    @cached_property
    def announcer(self) -> Announcer:
        return Announcer(
            api=self.api, queue=self.queue, pods=self.pods, records=self.records, identity="controller-1", now=self.now
        )

    @cached_property
    def router(self) -> Router:
        return Router(
            api=self.api,
            queue=self.queue,
            pods=self.pods,
            records=self.records,
            reports=self.reports,
            owners=self.owners,
            announcer=self.announcer,
            patience=self.patience,
            namespace=NAMESPACE,
            now=self.now,
        )

    @cached_property
    def anonymous(self) -> AnonymousMatcher:
        return AnonymousMatcher(
            queue=self.queue,
            pods=self.pods,
            records=self.records,
            reports=self.reports,
            owners=self.owners,
            router=self.router,
            patience=self.patience,
            now=self.now,
        )

    @cached_property
    def rollout_pods(self) -> RolloutPods:
        return RolloutPods(api=self.api, queue=self.queue, pods=self.pods, owners=self.owners, now=self.now)

    @cached_property
    def pod_router(self) -> PodRouter:
        return PodRouter(
            queue=self.queue,
            pods=self.pods,
            owners=self.owners,
            policies=self.policies,
            rollout_pods=self.rollout_pods,
            anonymous=self.anonymous,
            report_age=timedelta(days=7),
            now=self.now,
        )

    @cached_property
    def watches(self) -> WatchState:
        made = WatchState(("pods", OOM_RECORDS), self.now)
        for kind in ("pods", OOM_RECORDS):
            made.begin(kind, lambda: True)
        return made

    @cached_property
    def evidence(self) -> EvidenceGatherer:
        return EvidenceGatherer(
            api=self.api,
            queue=self.queue,
            pods=self.pods,
            records=self.records,
            surroundings=SurroundingsReader(self.api, self.policies),
            managers=Managers(self.api),
            running_memory=RunningMemory(MetricsApi(self.api, self.now), self.pods, self.queue, self.now),
            watches=self.watches,
            now=self.now,
        )

    @cached_property
    def reconciler(self) -> ReportReconciler:
        return ReportReconciler(
            queue=self.queue,
            pods=self.pods,
            records=self.records,
            reports=self.reports,
            policies=self.policies,
            outbox=self.outbox,
            on_deliveries=lambda key, found: self.deliveries.update({key: tuple(found)}),
            evidence=self.evidence,
            announcer=self.announcer,
            router=self.router,
            rollout_pods=self.rollout_pods,
            patience=self.patience,
            namespace=NAMESPACE,
            now=self.now,
        )

    def workload(self) -> None:
        """Store the Deployment's ReplicaSet."""
        owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "d", "controller": True}
        metadata = {"name": "web-7d9c", "namespace": "shop", "uid": "rs", "ownerReferences": [owner]}
        self.api.put("apps/v1", "replicasets", {"metadata": metadata})

    def pod(self, **values: Any) -> Object:
        """Store a pod of the workload."""
        self.workload()
        return self.api.put("v1", "pods", pod_object(**values))

    def record(self, name: str = "worker-1-9f1c2b7a-35435120", **values: Any) -> str:
        """Store a record, and have the controller know it; return its name."""
        made = record_object(name, **values)
        stored = self.api.put(API_VERSION, OOM_RECORDS, made)
        facts = record_facts(stored)
        assert facts
        self.records.put(facts, now=self.now())
        return name

    def stored_record(self, name: str) -> Object:
        found = self.api.at(API_VERSION, OOM_RECORDS, name)
        assert found
        return found
