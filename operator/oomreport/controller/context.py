"""What the parts of the controller share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from oomreport.adapters.api_server import ApiServer
from oomreport.controller.bounds import Bounds
from oomreport.controller.hooks import Hooks
from oomreport.controller.keys import ReportKey
from oomreport.controller.manifests import Manifests
from oomreport.controller.outbox import Outbox
from oomreport.controller.owners import Owners
from oomreport.controller.pods import Pods
from oomreport.controller.policies import Policies
from oomreport.controller.queue import WorkQueue
from oomreport.controller.records import Records
from oomreport.controller.reports import Reports
from oomreport.controller.settings import ControllerSettings


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
