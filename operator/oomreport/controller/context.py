"""What the parts of the controller share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from oomreport.adapters.cluster.api_server import ApiServer
from oomreport.controller.delivery.outbox import Outbox
from oomreport.controller.delivery.registry import Hooks
from oomreport.controller.known.managers import Manifests
from oomreport.controller.known.owners import Owners
from oomreport.controller.known.pods import Pods
from oomreport.controller.known.policies import Policies
from oomreport.controller.known.records import Records
from oomreport.controller.known.reports import Reports
from oomreport.controller.known.surroundings import Bounds
from oomreport.controller.settings import ControllerSettings
from oomreport.controller.work.keys import ReportKey
from oomreport.controller.work.queue import WorkQueue


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The API server, the queue, what is remembered, and the clock. `counted_in` is the ledgers' view at the start."""

    settings: ControllerSettings
    api: ApiServer
    queue: WorkQueue
    pods: Pods
    records: Records
    reports: Reports
    owners: Owners
    policies: Policies
    bounds: Bounds
    manifests: Manifests
    hooks: Hooks
    outbox: Outbox
    now: Callable[[], datetime]
    counted_in: dict[str, ReportKey] = field(default_factory=dict)
