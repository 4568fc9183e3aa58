"""The parts of a controller, built from its settings."""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from oomreport.adapters.cluster.api_access import ApiAccess
from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.adapters.cluster.prometheus import Prometheus
from oomreport.adapters.http.webhook import WebhookClient
from oomreport.controller.delivery.deliverer import Deliverer
from oomreport.controller.delivery.filters import Filters
from oomreport.controller.delivery.hook_check import HookCheck
from oomreport.controller.delivery.hook_status import HookStatusWriter
from oomreport.controller.delivery.hook_target import HookTarget
from oomreport.controller.delivery.job_target import JobHookTarget, document_of
from oomreport.controller.delivery.lane import LaneContext
from oomreport.controller.delivery.resize_target import ResizeHookTarget
from oomreport.controller.delivery.webhook_target import WebhookTarget
from oomreport.controller.dispatch import Dispatch
from oomreport.controller.known.hooks import HOOKS, HookRegistry
from oomreport.controller.known.list_watch import ListWatch, Take
from oomreport.controller.known.managers import Managers
from oomreport.controller.known.memory_sources import MetricsApi, PrometheusMemory
from oomreport.controller.known.namespace_bounds import NamespaceBounds
from oomreport.controller.known.outbox import Outbox
from oomreport.controller.known.owner_labels import OwnerLabels
from oomreport.controller.known.owners import Owners
from oomreport.controller.known.pods import PodCache
from oomreport.controller.known.policies import POLICIES, Policies
from oomreport.controller.known.records import RecordCache
from oomreport.controller.known.reports import ReportStore, key_of_report
from oomreport.controller.known.rule_changes import ReportRequeuer, RuleChanges
from oomreport.controller.known.running_memory import RunningMemory
from oomreport.controller.known.surroundings import SurroundingsReader
from oomreport.controller.known.watch_state import WatchState
from oomreport.controller.metrics import Metrics
from oomreport.controller.readiness import Readiness
from oomreport.controller.report_series import ReportSeries
from oomreport.controller.reporting.announcer import Announcer
from oomreport.controller.reporting.anonymous import AnonymousMatcher
from oomreport.controller.reporting.gathering import EvidenceGatherer
from oomreport.controller.reporting.housekeeping import Housekeeping
from oomreport.controller.reporting.pod_router import PodRouter
from oomreport.controller.reporting.reconciler import ReportReconciler
from oomreport.controller.reporting.rollout_pods import RolloutPods
from oomreport.controller.reporting.router import Router
from oomreport.controller.settings import ControllerSettings
from oomreport.controller.watch import AgentSelector, PodAndRecordWatch
from oomreport.controller.work.keys import line_of
from oomreport.controller.work.queue import WorkQueue
from oomreport.names import API_VERSION, OOM_RECORDS, OOM_REPORTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a controller at work runs. `closing` end what reads in the background."""

    queue: WorkQueue
    watch: PodAndRecordWatch
    housekeeping: Housekeeping
    handle: Callable[[Hashable], Awaitable[None]]
    deliverer: Deliverer
    list_watches: Mapping[str, ListWatch]
    requeuer: ReportRequeuer
    owner_labels: OwnerLabels
    watches: WatchState
    readiness: Readiness
    running_memory: RunningMemory
    closing: tuple[Callable[[], Awaitable[None]], ...]


def parts_of(
    settings: ControllerSettings,
    access: ApiAccess,
    *,
    api: ApiServer,
    prometheus: Prometheus | None,
    webhooks: WebhookClient,
    figures: Metrics,
    now: Callable[[], datetime],
) -> Parts:
    """Return the parts of a controller; nothing runs yet."""
    namespace, identity = settings.namespace, settings.identity
    queue, pods, records, changes = WorkQueue(line_of), PodCache(), RecordCache(), RuleChanges()
    reports, owners, hooks = (
        ReportStore(api, on_written=figures.written),
        Owners(api, pods),
        HookRegistry(api, namespace),
    )
    policies = Policies(namespace, changes)
    window = int(settings.metrics_source.window.total_seconds()) if settings.metrics_source else 0
    surroundings = SurroundingsReader(api, policies, prometheus=prometheus, window_seconds=window)
    source = PrometheusMemory(prometheus) if prometheus is not None else MetricsApi(api, now)
    running_memory = RunningMemory(source, pods, queue, now)
    managers, outbox = Managers(api), Outbox(hooks, now)
    watches = WatchState(("pods", OOM_RECORDS), now)

    owner_labels = OwnerLabels(api, settings.metrics_labels, on_known=figures.reports.set_owner_labels, now=now)

    # --- Delivery ---
    targets = _targets(api, policies, webhooks, namespace=namespace, cluster=settings.cluster_name, now=now)
    filters = Filters()
    check = HookCheck(hooks=hooks, filters=filters, targets=targets)
    hook_status = HookStatusWriter(
        api, hooks, queue, identity=identity, problem=check.problem, counted=figures.count, now=now
    )
    deliverer = Deliverer(
        LaneContext(
            hooks=hooks,
            outbox=outbox,
            reports=reports,
            work=queue,
            targets=targets,
            filters=filters,
            labels=owner_labels,
            listener=hook_status,
            retry=settings.hook_terms,
            workers=settings.hook_workers,
            now=now,
        )
    )

    # --- Reporting ---
    announcer = Announcer(api=api, queue=queue, pods=pods, records=records, identity=identity, now=now)
    router = Router(
        api=api,
        queue=queue,
        pods=pods,
        records=records,
        reports=reports,
        owners=owners,
        announcer=announcer,
        patience=settings.patience,
        namespace=namespace,
        now=now,
    )
    anonymous = AnonymousMatcher(
        queue=queue,
        pods=pods,
        records=records,
        reports=reports,
        owners=owners,
        router=router,
        patience=settings.patience,
        now=now,
    )
    rollout_pods = RolloutPods(api=api, queue=queue, pods=pods, owners=owners, now=now)
    evidence = EvidenceGatherer(
        api=api,
        queue=queue,
        pods=pods,
        records=records,
        surroundings=surroundings,
        managers=managers,
        watches=watches,
        running_memory=running_memory,
        now=now,
    )
    reconciler = ReportReconciler(
        queue=queue,
        pods=pods,
        records=records,
        reports=reports,
        policies=policies,
        outbox=outbox,
        on_deliveries=deliverer.take,
        evidence=evidence,
        announcer=announcer,
        router=router,
        rollout_pods=rollout_pods,
        patience=settings.patience,
        namespace=namespace,
        now=now,
    )
    pod_router = PodRouter(
        queue=queue,
        pods=pods,
        owners=owners,
        policies=policies,
        rollout_pods=rollout_pods,
        anonymous=anonymous,
        report_age=settings.retention.report_age,
        now=now,
    )
    dispatch = Dispatch(
        router=router,
        pod_router=pod_router,
        anonymous=anonymous,
        reconciler=reconciler,
        rollout_pods=rollout_pods,
        announcer=announcer,
        hook_status=hook_status,
    )

    # --- What the API server tells ---
    feed = _HookFeed(hooks, (hook_status.changed, deliverer.changed))
    bounds = NamespaceBounds(changes, surroundings.forget)
    list_watches = {
        "policies": ListWatch(api, POLICIES, policies.take, on_listed=policies.listed, on_lost=policies.lost),
        "hooks": ListWatch(api, HOOKS, feed.take, on_listed=feed.listed, on_lost=hooks.lost),
        "reports": ListWatch(
            api,
            path(API_VERSION, OOM_REPORTS),
            _report_feed(
                reports, rollout_pods, queue, figures.reports, owner_labels=owner_labels, memory=running_memory
            ),
            on_listed=figures.reports.listed,
        ),
        **bounds.list_watches(api),
    }
    reports.trust(lambda: list_watches["reports"].problem is None)
    figures.set_pending(deliverer.pending)
    figures.set_hooks(hooks.names)
    figures.set_agents(pods.agents)
    figures.set_records_pending(records.pending)
    figures.set_queue(lambda: queue.lines)
    watch = PodAndRecordWatch(
        api=api,
        access=access,
        queue=queue,
        pods=pods,
        records=records,
        rollout_pods=rollout_pods,
        agents=AgentSelector(namespace=settings.agent_namespace, labels=settings.agent_labels),
        metrics=figures,
        watches=watches,
        now=now,
    )
    readiness = Readiness(
        api=api, queue=queue, watches=watches, list_watches=list_watches, is_listed=lambda: watch.is_listed
    )
    return Parts(
        queue=queue,
        watch=watch,
        watches=watches,
        readiness=readiness,
        housekeeping=Housekeeping(
            api=api,
            queue=queue,
            pods=pods,
            records=records,
            reports=reports,
            policies=policies,
            load_hooks=feed.load,
            rollout_pods=rollout_pods,
            on_deliveries=deliverer.take,
            retention=settings.retention,
            unknown_after=settings.patience.unknown_after,
            now=now,
        ),
        handle=dispatch.handle,
        deliverer=deliverer,
        list_watches=list_watches,
        owner_labels=owner_labels,
        requeuer=ReportRequeuer(changes, lambda report: policies.outdate(report) or bounds.outdate(report), api, queue),
        running_memory=running_memory,
        closing=(surroundings.close, managers.close, hooks.close, filters.close),
    )


def _targets(
    api: ApiServer,
    policies: Policies,
    webhooks: WebhookClient,
    *,
    namespace: str,
    cluster: str,
    now: Callable[[], datetime],
) -> Mapping[str, HookTarget]:
    return {
        "webhook": WebhookTarget(api, webhooks, now, cluster=cluster),
        "job": JobHookTarget(api, document=partial(document_of, cluster=cluster)),
        "resize": ResizeHookTarget(api, policies, now=now, namespace=namespace),
    }


class _HookFeed:
    """Hands changed hooks on to those who are `told`."""

    def __init__(self, hooks: HookRegistry, told: Iterable[Callable[[str], None]]) -> None:
        self._hooks, self._told = hooks, tuple(told)

    async def load(self) -> None:
        self._tell(await self._hooks.load())

    def take(self, kind: str | None, raw: Mapping[str, Any]) -> None:
        if name := self._hooks.take(kind, raw):
            self._tell((name,))

    def listed(self, names: frozenset[tuple[str, str]]) -> None:
        self._tell(self._hooks.listed(names))

    def _tell(self, names: Iterable[str]) -> None:
        for name in names:
            for tell in self._told:
                tell(name)


def _report_feed(
    reports: ReportStore,
    rollout_pods: RolloutPods,
    queue: WorkQueue,
    series: ReportSeries,
    *,
    owner_labels: OwnerLabels,
    memory: RunningMemory,
) -> Take:
    def take(kind: str | None, report: Mapping[str, Any]) -> None:
        series.take(kind, report)
        owner_labels.want(report)
        key = key_of_report(report)
        memory.seed(key, report.get("status") or {})
        if kind == "DELETED":
            rollout_pods.report_deleted(key)
        if edited := reports.take(kind, report):
            queue.add(edited)

    return take
