"""The agent's loop on a node of files, with what an earlier process left. The kernel log is the test's own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from oomreport.adapters.node.cgroup_files import CgroupFiles
from oomreport.adapters.node.node_files import NodeFiles
from oomreport.adapters.node.proc_files import ProcFiles
from oomreport.adapters.storage.checkpoint import Checkpoint
from oomreport.adapters.storage.journal import Journal
from oomreport.agent.log import Log
from oomreport.agent.node.containers import NodeContainers
from oomreport.agent.node.sampling import Sampler
from oomreport.agent.record_sink import RecordSink
from oomreport.agent.reporter import KillReporter
from oomreport.agent.settings import AgentSettings, settings_of
from oomreport.agent.watcher import Watcher
from support.node_files import FakeNode

BOOT = "9f1c2b7a-1111"


def agent_settings() -> AgentSettings:
    """Return the settings of an agent that prints its records."""
    return settings_of(["--node-name=worker-3", "--dry-run"], {})


def watcher_of(
    node: FakeNode,
    *,
    proc: Path,
    state: Path,
    kept: Checkpoint | None,
    put: Callable[[dict[str, Any]], None],
    sink: RecordSink,
    settings: AgentSettings | None = None,
    counter_wait: float = 10.0,
) -> tuple[Watcher, KillReporter]:
    """Return the loop, which keeps its checkpoint and journal in `state`, and its reporter. Nothing is sampled."""
    containers = NodeContainers(CgroupFiles(node.cgroup_root), NodeFiles(node.log_root))
    journal = Journal(state, kept.journal if kept else None)
    reporter = KillReporter(
        node_name="worker-3",
        boot_id=BOOT,
        kernel_release="6.12.0",
        containers=containers,
        put=put,
        log=Log("error"),
        counter_wait=counter_wait,
        note=journal.add,
    )
    watcher = Watcher(
        settings or agent_settings(),
        boot_id=BOOT,
        proc=ProcFiles(proc),
        containers=containers,
        sampler=Sampler(containers, None, interval=0),
        processes=None,
        reporter=reporter,
        sink=sink,
        kept=kept,
        checkpoint_file=state / "checkpoint",
        journal=journal,
        log=Log("error"),
    )
    return watcher, reporter
