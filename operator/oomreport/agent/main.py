"""The command line of the agent: settings, wiring, signals."""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from oomreport import __version__
from oomreport.adapters.cluster.record_client import RecordClient
from oomreport.adapters.http.health_server import Health, HealthServer
from oomreport.adapters.node.cgroup_files import CgroupFiles
from oomreport.adapters.node.memory_files import MemoryFiles
from oomreport.adapters.node.node_files import NodeFiles
from oomreport.adapters.node.proc_files import ProcFiles
from oomreport.adapters.storage.checkpoint import Checkpoint, read_checkpoint
from oomreport.adapters.storage.journal import Journal
from oomreport.adapters.storage.spool import Spool
from oomreport.agent.log import Log
from oomreport.agent.metrics import metrics_text
from oomreport.agent.node.containers import NodeContainers
from oomreport.agent.node.processes import Processes
from oomreport.agent.node.sampling import Sampler
from oomreport.agent.record_sink import RecordSink, SpoolSink, StreamSink
from oomreport.agent.reporter import KillReporter
from oomreport.agent.sender import Sender
from oomreport.agent.settings import AgentSettings, settings_of
from oomreport.agent.watcher import Watcher
from oomreport.errors import ConfigurationError

_LAST_SENDING_SECONDS = 2.0
_LAST_SENDING_SECONDS_UNSAFE = 10.0
_LOCK_SECONDS = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the agent until SIGTERM or SIGINT; return the exit status: 0, or 2 where the configuration is wrong."""
    try:
        settings = settings_of(sys.argv[1:] if arguments is None else arguments, os.environ)
        proc = ProcFiles(settings.proc)
        boot_id = _boot_id(settings, proc)
    except ConfigurationError as error:
        for problem in error.problems:
            print(f"oomreport-agent: {problem}", file=sys.stderr)
        return 2
    Agent(settings, proc, boot_id).run()
    return 0


def _boot_id(settings: AgentSettings, proc: ProcFiles) -> str:
    boot_id = proc.boot_id()
    if boot_id is None:
        raise ConfigurationError([f"--proc: {settings.proc}/sys/kernel/random/boot_id cannot be read"])
    return boot_id


class Agent:
    """The agent's parts, wired."""

    def __init__(self, settings: AgentSettings, proc: ProcFiles, boot_id: str) -> None:
        self._settings, self._proc, self._boot_id = settings, proc, boot_id
        self._log = Log(settings.log_level)
        self._started_at = time.monotonic()
        self._stopping = False
        self._state_problem: str | None = None
        self._spool: Spool | None = None
        self._sender: Sender | None = None
        self._watcher: Watcher | None = None
        self._has_cgroups = True

    def run(self) -> None:
        """Run until a signal comes."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop())
        if self._settings.health_address:
            self._serve_health(self._settings.health_address)
        with_lock = self._locked_state()
        sink = self._sink()
        self._watcher = self._wired(sink)
        self._log.info("agent started", version=__version__, node=self._settings.node_name, boot_id=self._boot_id)
        if self._stopping:
            self._watcher.stop()
        self._watcher.run()
        if self._sender is not None and self._spool is not None:
            in_memory = self._spool.figures().in_memory
            self._sender.stop(_LAST_SENDING_SECONDS_UNSAFE if in_memory else _LAST_SENDING_SECONDS)
        if with_lock is not None:
            os.close(with_lock)
        self._log.info("agent stopped")

    def health(self) -> Health:
        """Return the state of all parts."""
        watcher = self._watcher
        base = watcher.health() if watcher else Health(alive=True, problems=("starting",))
        problems = [*base.problems, *([self._state_problem] if self._state_problem else [])]
        figures: dict[str, Any] = {
            "node": self._settings.node_name,
            "upSeconds": round(time.monotonic() - self._started_at),
            "warnings": self._warnings(),
            **base.figures,
        }
        if self._spool is not None:
            spool = self._spool.figures()
            figures["spool"] = {
                "records": spool.records,
                "bytes": spool.bytes,
                "oldestSeconds": round(spool.oldest_seconds, 1),
                "refused": spool.refused,
                "dropped": spool.dropped,
                "inMemory": spool.in_memory,
            }
            if self._spool.problem:
                problems.append(f"records cannot be written: {self._spool.problem}")
            if spool.dropped:
                problems.append(f"{spool.dropped} records were dropped, the spool was full")
        if self._sender is not None:
            sender = self._sender.figures
            figures["delivered"], figures["lastError"] = sender.delivered, sender.last_error
            # The controller takes a ready agent that saw no kill for a proof that there was none.
            if problem := self._sender.problem():
                problems.append(problem)
        return Health(alive=base.alive, problems=tuple(problems), figures=figures)

    def _warnings(self) -> list[str]:
        """Return which of the node's folders are missing: kills are seen without them, but less is known of them.

        A runtime makes a folder that it is to mount and that is not there, so an empty one is missing as well: the
        kubelet has an entry of the agent's own pod in each.
        """
        settings = self._settings
        names = any(_has_entries(settings.log_root / name) for name in ("pods", "containers"))
        without_names = f"--log-root: {settings.log_root}/pods and {settings.log_root}/containers are missing or empty; names come from pod status"
        without_cgroups = f"--cgroup-root: no memory cgroups in {settings.cgroup_root}; kills are known by the log only"
        return [*([] if names else [without_names]), *([] if self._has_cgroups else [without_cgroups])]

    def _stop(self) -> None:
        self._stopping = True
        if self._watcher is not None:
            self._watcher.stop()

    def _serve_health(self, address: str) -> None:
        try:
            server = HealthServer(address, self.health, metrics_text)
        except OSError as error:
            self._log.error("health cannot be served", address=address, problem=str(error))
            return
        server.start()
        self._log.info("health is served", port=server.port)

    def _locked_state(self) -> int | None:
        """Wait until no other agent uses the state folder: during an update two of them may overlap."""
        folder = self._settings.state_dir
        if folder is None:
            return None
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            self._state_problem = f"--state-dir: {error}; nothing outlives a restart"
            self._log.error("state folder cannot be used, nothing outlives a restart", problem=str(error))
            return None
        while not self._stopping:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if self._state_problem is None:
                    self._log.warning("another agent uses the state folder, waiting", state_dir=folder)
                self._state_problem = f"--state-dir: another agent uses {folder}"
                time.sleep(_LOCK_SECONDS)
            else:
                break
        self._state_problem = None
        return descriptor

    def _sink(self) -> RecordSink:
        settings = self._settings
        if settings.api_server is None or settings.state_dir is None:
            return StreamSink(sys.stdout)
        self._spool = Spool(settings.state_dir, most_records=settings.spool_records, most_bytes=settings.spool_bytes)
        if self._spool.torn:
            self._log.error("records were lost in a power cut, their files are empty", records=list(self._spool.torn))
        client = RecordClient(
            settings.api_server,
            token_file=settings.token_file,
            ca_file=settings.ca_file,
            agent=f"oomreport-agent/{__version__}",
        )
        self._sender = Sender(self._spool, client, self._log)
        self._sender.start()
        return SpoolSink(self._spool, self._sender.wake, self._log)

    def _wired(self, sink: RecordSink) -> Watcher:
        settings = self._settings
        cgroups = self._cgroups()
        memory = MemoryFiles(cgroups.root, cgroups.version) if cgroups else None
        containers = NodeContainers(cgroups, NodeFiles(settings.log_root), agent_pod_uid=settings.pod_uid)
        sampler = Sampler(containers, memory, interval=settings.sample_seconds)
        checkpoint_file = settings.state_dir / "checkpoint.json" if settings.state_dir else None
        kept = self._kept(checkpoint_file)
        journal = Journal(settings.state_dir, kept.journal if kept else None) if settings.state_dir else None
        processes = Processes(containers, memory, self._proc) if memory and self._proc.shows_all_processes() else None
        reporter = KillReporter(
            node_name=settings.node_name,
            boot_id=self._boot_id,
            kernel_release=self._proc.kernel_release(),
            containers=containers,
            put=sink.put,
            log=self._log,
            counter_wait=settings.counter_wait,
            usage=sampler.usage,
            process=processes.subject if processes else None,
            note=journal.add if journal else None,
        )
        return Watcher(
            settings,
            boot_id=self._boot_id,
            proc=self._proc,
            containers=containers,
            sampler=sampler,
            processes=processes,
            reporter=reporter,
            kept=kept,
            checkpoint_file=checkpoint_file,
            journal=journal,
            sink=sink,
            log=self._log,
        )

    def _cgroups(self) -> CgroupFiles | None:
        try:
            return CgroupFiles(self._settings.cgroup_root)
        except OSError as error:
            self._has_cgroups = False
            self._log.error("no memory cgroups here, kills are known by the log only", problem=str(error))
            return None

    def _kept(self, checkpoint_file: Path | None) -> Checkpoint | None:
        if checkpoint_file is None:
            return None
        try:
            kept = read_checkpoint(checkpoint_file)
        except (OSError, ValueError) as error:
            self._log.error("checkpoint is unreadable, the kernel's ring is read from its start", problem=str(error))
            return None
        if kept is None or kept.boot_id == self._boot_id:
            return kept
        self._log.info("the node was rebooted, the checkpoint of the earlier boot is void", earlier=kept.boot_id)
        return None


def _has_entries(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(True for _ in entries)
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
