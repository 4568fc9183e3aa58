"""The agent's loop: log, counters, checkpoint.

It runs in one thread, and nothing in it waits for a network.

A turn: wait for the log (or for the machine's count of kills) to move; read the counters before a container's cgroup
goes; read the log to its end; read the counters again, since each line's kill is counted by then; read the machine's
count last, which tells whether anything happened in between; decide. While nothing is killed no counter is read,
because none can move without the machine's.

Kills whose line does not say whose they were are decided when the machine's count and the lines agree. Lines that do
not come within a second after the last kill were lost; in a storm that never pauses kills wait ten seconds at most.

The checkpoint is a position at which no dump is half read and no kill undecided, written after all records before it
are safe. So a stop in the middle of a dump costs nothing: the next process reads it from its first line.
"""

import contextlib
import os
import time
from pathlib import Path

from oomreport.adapters.http.health_server import Health
from oomreport.adapters.node.log_source import LogPosition
from oomreport.adapters.node.proc_files import ProcFiles, give_back_memory
from oomreport.adapters.storage.checkpoint import Checkpoint, write_checkpoint
from oomreport.adapters.storage.journal import Journal
from oomreport.agent.clock import Moment
from oomreport.agent.kill_balance import KillAccount
from oomreport.agent.listener import Heard, Listener
from oomreport.agent.log import Log
from oomreport.agent.node.containers import NodeContainers
from oomreport.agent.node.processes import Processes
from oomreport.agent.node.sampling import Sampler
from oomreport.agent.record_sink import RecordSink
from oomreport.agent.reporter import KillReporter
from oomreport.agent.settings import AgentSettings

_IDLE_SECONDS = 1.0
_BUSY_SECONDS = 0.025
_LOST_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 10.0
# A look lists all pods, some milliseconds of work: in a storm not for every kill.
_LOOK_APART_SECONDS = 0.1
_CHECKPOINT_SECONDS = 30.0
# A record that is told again after a crash is created once all the same, so a storm need not wait for the disk.
_CHECKPOINT_SECONDS_AFTER_KILL = 1.0
_STALE_SECONDS = 30.0
# A readiness probe fails at its third look, 2 s apart; then the agent's silence proves nothing of the time before. A
# kubelet that is late gets more than twice the time of three looks.
_GAP_SECONDS = 15.0
# Counters get this many times their own wait to tell of a kill whose line was lost.
_PATIENCE_TIMES = 3


class Watcher:
    """Watches one node until it is stopped.

    `kept` is what an earlier process of this boot left, `checkpoint_file` where to leave it (None: nothing is kept),
    `journal` what was told since; `sink` is where the reporter puts records. `processes` is None where process IDs are
    not those of the kernel.
    """

    def __init__(
        self,
        settings: AgentSettings,
        *,
        boot_id: str,
        proc: ProcFiles,
        containers: NodeContainers,
        sampler: Sampler,
        processes: Processes | None,
        reporter: KillReporter,
        sink: RecordSink,
        kept: Checkpoint | None,
        checkpoint_file: Path | None,
        journal: Journal | None,
        log: Log,
    ) -> None:
        self._settings, self._boot_id, self._proc, self._log = settings, boot_id, proc, log
        self._containers, self._reporter, self._sink = containers, reporter, sink
        self._sampler, self._processes = sampler, processes
        self._checkpoint_file, self._journal = checkpoint_file, journal
        self._position = kept.position if kept else LogPosition()
        self._account = KillAccount(kept.told, kept.owed) if kept else KillAccount(None)
        self._listener = Listener(
            settings,
            proc=proc,
            after=self._position,
            account=self._account,
            hear=self._hear,
            refusals=reporter.refusals,
            log=log,
        )
        reporter.replaying, reporter.catching_up = kept is None, True
        self._kills: int | None = -1
        self._looked_at = self._moved_at = self._gap_at = float("-inf")
        self._untold_since: float | None = None
        self._unseen = 0
        self._saved_at, self._saved_records, self._saved_position = time.monotonic(), 0, self._position
        self._checkpoint_problem: str | None = None
        self._turned_at = time.monotonic()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._stopping = False
        if kept is not None:
            containers.restore(kept.tallies)

    def stop(self) -> None:
        """End the loop soon; may be called from a signal handler or another thread."""
        self._stopping = True
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b".")

    def run(self) -> None:
        """Watch until stopped."""
        self.begin()
        while not self._stopping:
            self.turn()
        self._finish()

    def begin(self) -> None:
        """Take over what an earlier process left, before the first turn."""
        now = time.monotonic()
        self._look(now, apart=0.0)
        self._containers.count(now)
        self._containers.restore_gone(now)
        if self._journal is not None:
            self._reporter.take_over(self._journal.told, now)
            self._account.owe(sum(each.kills for each in self._journal.told))
        self._containers.write_off_pods()

    def turn(self) -> None:
        """Wait for something to happen, at most a second, and act on it."""
        busy = self._reporter.replaying or self._listener.half_read or self._waiting
        most = _BUSY_SECONDS if busy else min(_IDLE_SECONDS, self._sampler.seconds_left(time.monotonic()))
        moved = self._listener.wait(most, self._wake_read)
        now = time.monotonic()
        before, self._kills = self._kills, self._proc.oom_kills()
        killed = before != self._kills
        if killed:
            self._moved_at = now
            self._containers.count(now)
            self._look(now, apart=_LOOK_APART_SECONDS)
            self._list_processes(killed=True)
        lines = self._listener.lines
        if moved or killed:
            self._read()
        now = time.monotonic()
        if killed or self._listener.kill_seen or self._waiting or self._reporter.replaying:
            # The kernel counts a kill for the machine, then for the cgroup, then prints it: without any of these the
            # counters of all containers stand still.
            if killed or self._kills is None or self._listener.lines > lines:
                self._containers.count(now)
        elif now - self._looked_at >= self._settings.scan_seconds:
            self._looked_at = now
            self._containers.glance(now)
            self._containers.mark_limits(now, kills=self._kills)
        self._settle()
        # After the kills, so that what is sampled later is not taken for the way to them.
        self._sampler.sample(time.monotonic())
        self._list_processes()
        self._save()
        self._turned_at = time.monotonic()

    def _read(self) -> None:
        """Read the log to its end, and note where it has lost lines of kills."""
        lost = self._listener.lost
        self._listener.read()
        if self._listener.lost > lost and self._account.untold(self._proc.oom_kills()):
            self._gap_at = time.monotonic()

    def health(self) -> Health:
        """Return how the reading goes, for the probes."""
        listener, kills, now = self._listener, self._reporter.figures, time.monotonic()
        problems = [each for each in (listener.problem, self._checkpoint_problem) if each]
        if listener.read_at is not None and now - listener.read_at > _STALE_SECONDS:
            problems.append(f"the kernel log was not read for {now - listener.read_at:.0f} s")
        elif listener.read_at is None and listener.problem is None:
            problems.append("the kernel log was not read yet")
        if now - self._gap_at < _GAP_SECONDS:
            problems.append("lines of kills were overwritten before they could be read")
        return Health(
            alive=now - self._turned_at < _STALE_SECONDS,
            problems=tuple(problems),
            figures={
                "source": listener.source,
                "lines": listener.lines,
                "lostMessages": listener.lost,
                "records": kills.records,
                "recordsFromCounters": kills.from_counters,
                "anonymousKills": kills.anonymous,
                "killsPlacedByProcess": kills.by_process,
                "unattributedKills": kills.unattributed,
                "foreignKills": kills.foreign,
                "lateKills": kills.late,
                "unseenKills": self._unseen,
                "refused": self._reporter.refusals.figures(),
            },
        )

    @property
    def _waiting(self) -> bool:
        return self._reporter.waiting_since() is not None

    def _hear(self, heard: Heard) -> None:
        # Read after the line, before which the kernel counted its kill.
        excess = self._account.excess(self._proc.oom_kills())
        lines = self._reporter.take(
            heard.invocation, time=heard.time, source=heard.source, now=Moment.now(), excess=excess
        )
        self._account.give_up(-lines)

    def _settle(self) -> None:
        kills = self._proc.oom_kills()
        untold = self._account.untold(kills)
        now = Moment.now()
        if kills != self._kills:
            self._moved_at = now.monotonic
        # Where every kill counted has its line, so has the open dump; only the rest of a group (v2) may still come.
        whole = self._listener.kill_seen and untold == 0 and not self._containers.pod_counts
        self._listener.end_dump(now.monotonic, at_once=whole or self._is_overdue(now.monotonic))
        told = self._reporter.settle(
            now,
            quiet=not self._listener.half_read,
            untold=untold,
            overdue=self._is_overdue(now.monotonic),
            drained_at=self._listener.read_at if self._listener.listening else None,
            excess=self._account.excess(kills),
        )
        if told > 0 and not self._listener.listening:
            self._account.owe(told)
        else:
            self._account.give_up(told)
        if self._listener.half_read or self._waiting:
            return
        if kills == self._kills and (self._listener.read_at is not None or not self._listener.listening):
            self._trim(now.monotonic, kills)
            self._end_replay(kills)
            if (
                self._listener.listening
                and self._account.untold(kills) == 0
                and not self._reporter.contested(now.monotonic)
            ):
                self._account.settle(kills)
                self._containers.agree()
        if self._listener.listening and self._listener.read_at is not None:
            self._position = self._listener.position
            self._give_up(now.monotonic, kills)

    def _trim(self, now: float, kills: int | None) -> None:
        """Take back what lines told beyond the machine's count, though no record was made of them: it hides no kill."""
        if excess := self._account.excess(kills):
            self._account.give_up(-excess)
            self._reporter.contest(excess, now, "lines that belong to no dump")

    def _end_replay(self, kills: int | None) -> None:
        """Begin to watch: all kills so far are history, whether the ring still had their lines or not."""
        self._reporter.catching_up = False
        if self._reporter.replaying:
            self._reporter.replaying = False
            self._containers.write_off()
            self._log.info(
                "watching" if self._listener.listening else "watching the counters only",
                source=self._listener.source,
                lines=self._listener.lines,
            )
        if self._account.told() is None:
            self._account.settle(kills)

    def _is_overdue(self, now: float) -> bool:
        """Return whether kills have waited long enough for the lines of others."""
        since = self._reporter.waiting_since()
        if since is None:
            return False
        return now - max(since, self._moved_at) >= _LOST_SECONDS or now - since >= _LONGEST_WAIT_SECONDS

    def _give_up(self, now: float, kills: int | None) -> None:
        """Stop waiting for lines that were lost, of kills in no cgroup that is watched: counters tell of others."""
        untold = self._account.untold(kills)
        # At a turn without such kills, which is nearly each, no container is looked at.
        untold = max(0, untold - self._containers.ahead()) if untold else 0
        if not untold:
            self._untold_since = None
        elif self._untold_since is None:
            self._untold_since = now
        elif now - self._untold_since > _PATIENCE_TIMES * self._settings.counter_wait:
            self._untold_since = None
            self._unseen += untold
            self._account.give_up(untold)
            self._log.warning("kills were counted that neither the log nor a pod's counter told of", kills=untold)

    def _list_processes(self, *, killed: bool = False) -> None:
        if self._processes is not None:
            self._processes.look(time.monotonic(), killed=killed)

    def _look(self, now: float, *, apart: float) -> None:
        if now - self._looked_at >= apart:
            self._looked_at = now
            self._containers.look(now)

    def _save(self, *, at_once: bool = False) -> None:
        now, records, safe = time.monotonic(), self._reporter.figures.records, self._sink.sync(at_once=at_once)
        apart = _CHECKPOINT_SECONDS if records == self._saved_records else _CHECKPOINT_SECONDS_AFTER_KILL
        due = at_once or now - self._saved_at >= apart
        if self._checkpoint_file is None or not due or self._listener.half_read or self._waiting:
            return
        if not safe or (records == self._saved_records and self._position == self._saved_position):
            return
        self._saved_at = now
        checkpoint = Checkpoint(
            boot_id=self._boot_id,
            position=self._position,
            told=self._account.told(),
            owed=self._account.owed,
            journal=self._journal.number + 1 if self._journal else 0,
            tallies=self._containers.kept_tallies(now),
        )
        try:
            write_checkpoint(self._checkpoint_file, checkpoint)
        except OSError as error:
            if self._checkpoint_problem is None:
                self._log.error("checkpoint cannot be written", problem=str(error))
            self._checkpoint_problem = f"checkpoint cannot be written: {error}"
            return
        if self._journal is not None:
            self._journal.begin()
        self._saved_position, self._saved_records, self._checkpoint_problem = self._position, records, None
        give_back_memory()

    def _finish(self) -> None:
        """Decide what has its kill line; a dump cut off by the stop is left to the next process."""
        now = Moment.now()
        if self._listener.kill_seen:
            self._listener.end_dump(now.monotonic, at_once=True)
        self._look(now.monotonic, apart=0.0)
        self._containers.count(now.monotonic)
        self._reporter.finish(now, self._account.excess(self._proc.oom_kills()))
        if not self._listener.half_read:
            self._position = self._listener.position
            self._save(at_once=True)
        self._listener.close()
