"""A reporter on a node of files, told what the kernel did. Builders name only what matters."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oomreport.adapters.node.cgroup_files import CgroupFiles
from oomreport.adapters.node.node_files import NodeFiles
from oomreport.agent.clock import Moment
from oomreport.agent.log import Log
from oomreport.agent.node.containers import NodeContainers
from oomreport.agent.reporter import KillReporter
from oomreport.incident.memory.usage import Usage
from oomreport.incident.oom_record import Source
from oomreport.incident.witness.attribution import group_memcg
from oomreport.kernel.record import Invocation, Part, Stamp, Task, Victim
from support.node_files import FakeNode

if TYPE_CHECKING:
    from oomreport.workload.container import Subject

UID, ID = "9b02072e-3bc7-46e9-a439-c8eaf034527b", "7a" * 32
OTHER_UID, OTHER_ID = "11111111-2222-3333-4444-555555555555", "b1" * 32
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def dump(
    path: str | None, pid: int = 7, *, limit: str | None = None, tasks: tuple[Task, ...] = (), **fields: Any
) -> Invocation:
    """Return a whole dump of a kill in the cgroup `path`; `limit` is the cgroup at its limit, the same if left out."""
    at = Stamp(monotonic_us=1_000_000 + pid)
    values: dict[str, Any] = {
        "first": at,
        "killed": at,
        "victims": (Victim(pid=pid, comm="hog", oom_score_adj=939),),
        "task_memcg": path,
        "oom_memcg": limit or path,
        "tasks": tasks,
        "constraint": "CONSTRAINT_MEMCG",
    }
    return Invocation(**values | fields)


def anonymous(pid: int = 7, **fields: Any) -> Invocation:
    """Return a kill of which the rate limit left the last line only."""
    lost = frozenset({Part.HEADER, Part.MEMORY_USAGE, Part.TASK_TABLE, Part.SUMMARY})
    return dump(None, pid, **{"missing": lost} | fields)


class Desk:
    """A reporter with its node; time is what `at` says."""

    def __init__(
        self,
        folder: Path,
        version: int = 2,
        *,
        agent_pod_uid: str | None = None,
        log: Log | None = None,
        **node: Any,
    ) -> None:
        self.node = FakeNode(folder, version, **node)
        self.containers = NodeContainers(
            CgroupFiles(self.node.cgroup_root), NodeFiles(self.node.log_root), agent_pod_uid=agent_pod_uid
        )
        self.records: list[dict[str, Any]] = []
        self.usages: dict[str, Usage] = {}
        self.processes: dict[int, Subject] = {}
        self.asked: list[tuple[str | None, datetime]] = []
        self.reporter = KillReporter(
            node_name="worker-3",
            boot_id="9f1c2b7a-1111",
            kernel_release="6.12.0",
            containers=self.containers,
            put=self.records.append,
            log=log or Log("error"),
            counter_wait=10.0,
            usage=self._usage,
            process=self.processes.get,
        )
        self.now = 1000.0

    def look(self, seconds: float = 0.0) -> None:
        """Let time go by, then list pods and read counters."""
        self.now += seconds
        self.containers.look(self.now, search=True)
        self.containers.count(self.now)

    def take(self, *invocations: Invocation, excess: int = 0) -> int:
        """Tell the reporter of kills; return how many lines it did not believe."""
        now = Moment(wall=NOON, monotonic=self.now)
        return sum(
            self.reporter.take(invocation, time=NOON, source=Source.KMSG, now=now, excess=excess)
            for invocation in invocations
        )

    def kill(self, *invocations: Invocation) -> None:
        """Have the kernel kill: it counts each kill in its cgroup, and then prints it."""
        for invocation in invocations:
            path = invocation.task_memcg or group_memcg(invocation)
            if path is not None:
                self.node.kill(path)
            self.take(invocation)

    def settle(self, *, untold: int | None = 0, overdue: bool = False, drained: bool = True, excess: int = 0) -> int:
        return self.reporter.settle(
            Moment(wall=NOON, monotonic=self.now),
            quiet=True,
            untold=untold,
            overdue=overdue,
            drained_at=self.now if drained else None,
            excess=excess,
        )

    def _usage(self, container_id: str | None, until: datetime, now: Moment) -> Usage | None:
        self.asked.append((container_id, until - timedelta(seconds=now.monotonic - self.now)))
        return self.usages.get(container_id or "")

    @property
    def specs(self) -> list[dict[str, Any]]:
        return [record["spec"] for record in self.records]

    def container_ids(self) -> list[str | None]:
        return [spec.get("subject", {}).get("containerID") for spec in self.specs]
