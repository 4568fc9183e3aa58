"""The decision which kills become records.

Invocations of the OOM killer and counters come in; each kill of this node becomes one record.

Whose kill it is. The path names pod and container, and the node's own files must know them, or the path must lie below
this node's own kubepods: nodes that share a kernel (kind) see each other's kills. A kill outside all pods is the
host's own, unless the kernel is shared: then only below a prefix that kills in own pods have shown.

What is believed. A line that its container's counter or the machine's count contradicts is refused (belief.py). Such a
line neither explains a counted kill nor counts as told, so that what was really killed is still told by the counters.

Log and counter. A record from the log explains one kill of its container's counter. A kill that is left over for
`counter_wait` seconds, while the log was read to its end after the counter moved, becomes a record of its own, but of
such records there are never more than the machine counted kills that no line told of. The kernel moves the counter
before it prints the line, so the line cannot come later than that; should it nevertheless, within ten minutes, it is
taken for the same kill and makes no second record.

Anonymous kills (rate limit) wait for a moment in which every kill counted has its line: only then do the counters speak
of the same kills. Where lines were lost there is no such moment, and whoever calls says when waiting is over.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from oomreport.adapters.storage.journal import Told
from oomreport.agent.anonymous_clues import AnonymousKillClues, remember
from oomreport.agent.belief import Belief
from oomreport.agent.clock import Moment
from oomreport.agent.log import Log
from oomreport.agent.node.containers import NodeContainers
from oomreport.agent.node.kill_counter import Tally
from oomreport.agent.ownership import Ownership
from oomreport.agent.refusals import Refusal, Refusals
from oomreport.incident.memory.usage import Usage
from oomreport.incident.oom_record import (
    Origin,
    RecordSpec,
    Source,
    SubjectSource,
    bounded_invocation,
    counter_record_name,
    record_name,
    record_spec,
)
from oomreport.incident.witness.attribution import Attribution, attributions, group_memcg
from oomreport.kernel.record import Invocation, Part, Stamp
from oomreport.kernel.text.kind import Kind, kind_of
from oomreport.names import API_VERSION, OOM_RECORD
from oomreport.workload.container import Subject

_NO_VICTIM_SECONDS = 60.0
_MEMCG = "CONSTRAINT_MEMCG"
# Each takes some 20 KB at most, and a large ring may hold a hundred thousand. No node kills so many processes in the
# second or two that a kill waits for its counter.
_MOST_PENDING = 200
# So many times the wait for a counter, the machine's count limits no counter after something was refused: the refused
# line, a kill printed beside it, and that kill's counter may each be seen one wait after the other.
_CONTESTED_TIMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    """A kill that is to be reported; `lines` is how many lines name a kill."""

    invocation: Invocation
    lines: int
    time: datetime
    source: Source
    since: float
    process: Subject | None = None


@dataclass(slots=True, kw_only=True)
class ReporterFigures:
    """What became of the kills seen since the start."""

    records: int = 0
    from_counters: int = 0
    anonymous: int = 0
    by_process: int = 0
    unattributed: int = 0
    foreign: int = 0
    late: int = 0


class KillReporter:
    """Decides which kills become records, and of whom; hands them to `put`.

    `usage` returns how a container's memory came to what it was at a time, `process` the container that a process is
    in. `note` is told what was put, for the process after this one.

    While it is `replaying` it is told what happened before anybody watched: counters hold these kills too, and those
    whose lines were overwritten long ago, so they are not explained. While it is `catching_up` it is told what happened
    before this process: pods that are gone by now were this node's if their path lies below its kubepods.
    """

    def __init__(
        self,
        *,
        node_name: str,
        boot_id: str,
        kernel_release: str | None,
        containers: NodeContainers,
        put: Callable[[dict[str, Any]], None],
        log: Log,
        counter_wait: float = 10.0,
        usage: Callable[[str | None, datetime, Moment], Usage | None] = lambda *_: None,
        process: Callable[[int], Subject | None] | None = None,
        note: Callable[[Told], None] | None = None,
    ) -> None:
        self._node_name, self._boot_id, self._kernel_release = node_name, boot_id, kernel_release
        self._containers, self._put, self._log = containers, put, log
        self._counter_wait, self._usage = counter_wait, usage
        self._process, self._note = process or (lambda _: None), note or (lambda _: None)
        self._pending: list[_Pending] = []
        self._clues, self._ownership = AnonymousKillClues(containers), Ownership(containers)
        self._no_victims: dict[str, float] = {}
        self._belief = Belief(containers, self._ownership)
        self._contested_at = float("-inf")
        self._not_told = 0
        self._told_before: set[str] = set()
        self.refusals = Refusals(log)
        self.figures = ReporterFigures()
        self.replaying = self.catching_up = False

    def take_over(self, told: Iterable[Told], now: float) -> None:
        """Take what an earlier process told as told: counters show it, and its lines may come once more."""
        for each in told:
            self._told_before.add(each.name)
            if each.kills and (tally := self._tally(each.container_id, each.pod_uid)) is not None:
                tally.take_over(now, by_counter=each.by_counter)

    def waiting_since(self) -> float | None:
        """Return since when kills wait to be attributed, None where none does."""
        return self._pending[0].since if self._pending else None

    def contested(self, now: float) -> bool:
        """Whether something was refused a short time ago, so that lines and the machine's count prove less together."""
        return now - self._contested_at < _CONTESTED_TIMES * self._counter_wait

    def contest(self, lines: int, now: float, text: str, reason: Refusal = Refusal.BEYOND_COUNT) -> None:
        """Count lines that are not believed."""
        self._contested_at = now
        self.refusals.note(reason, now, text=text, times=lines)

    def take(self, invocation: Invocation, *, time: datetime, source: Source, now: Moment, excess: int = 0) -> int:
        """Take an invocation that the log told of; `time` is that of its first line.

        `excess` is how many more kills the log tells than the machine counted. Returns how many lines that name a kill
        tell of none: they are refused, late, or were taken over as told.
        """
        if self._name(invocation) in self._told_before:
            return _kill_lines(invocation)
        attribution = Attribution()
        killed_as_group = group_memcg(invocation)
        path = invocation.task_memcg
        if path is None and killed_as_group is not None:
            path, attribution = killed_as_group, Attribution(source=SubjectSource.GROUP_LINE)
        subject = self._ownership.subject(path, now.monotonic)
        if subject is None:
            subject = self._ownership.subject(invocation.oom_memcg, now.monotonic)
        pending = _Pending(
            invocation=invocation,
            lines=_kill_lines(invocation),
            time=time,
            source=source,
            since=now.monotonic,
        )
        if invocation.no_victim:
            self._take_no_victim(pending, subject, now)
        elif (
            invocation.victims
            and invocation.task_memcg is None
            and killed_as_group is None
            and not (subject and subject.container_id)
        ):
            self.figures.anonymous += 1
            # Now, since the process is about to go. In a replay its ID may be another's by now.
            process = None if self.replaying else self._process(invocation.victims[0].pid)
            self._pending.append(replace(pending, invocation=bounded_invocation(invocation), process=process))
            if len(self._pending) >= _MOST_PENDING:
                self._attribute(now, excess)
        else:
            self._report(pending, subject, attribution, now, excess)
        lines, self._not_told = self._not_told, 0
        if not lines:
            self._clues.learn(invocation, now.monotonic)
        return lines

    def settle(
        self,
        now: Moment,
        *,
        quiet: bool,
        untold: int | None,
        overdue: bool,
        drained_at: float | None,
        excess: int = 0,
    ) -> int:
        """Decide what can be decided, after the counters were read.

        Returns how many kills only counters have told, less the lines that were refused.

        `quiet` says that no dump is half read, `untold` how many kills the machine counted that no line told of (None
        where it does not count), `overdue` that waiting for their lines is over, `drained_at` when the log was last
        read to its end (None where it cannot be read at all), `replaying` that these are kills from before the start.
        """
        if not self._pending:
            if not quiet or self.replaying:
                return 0
            most = None if drained_at is None or self.contested(now.monotonic) else untold
            return self._report_counters(now, drained_at, most)
        complete = self._counted(now.monotonic) == len(self._pending) if untold is None else untold == 0
        if overdue or (quiet and (self.replaying or complete)):
            self._attribute(now, excess)
        lines, self._not_told = self._not_told, 0
        return -lines

    def finish(self, now: Moment, excess: int = 0) -> None:
        """Attribute what waits with what is known, since there is no later."""
        self._attribute(now, excess)

    def _counted(self, now: float) -> int:
        return sum(suspect.unexplained for suspect in self._clues.suspects(now))

    def _attribute(self, now: Moment, excess: int) -> None:
        pending, self._pending = self._pending, []
        kills = [self._clues.anonymous(each.invocation, each.process, now.monotonic) for each in pending]
        suspects = [] if self.replaying else self._clues.suspects(now.monotonic, {kill.key for kill in kills})
        for each, kill, found in zip(pending, kills, attributions(kills, suspects), strict=True):
            # A container that is too new to be listed is known by its process alone.
            seen = each.process if each.process is not None and each.process.container_id == found.key else None
            subject = self._clues.subject(found.key) or seen or self._clues.subject(kill.pod_uid)
            if found.key is None and excess > self._not_told:
                self._refuse(each, Refusal.BEYOND_COUNT, now)
                continue
            if found.key is None:
                self.figures.unattributed += 1
                if self._containers.namespaced and subject is None:
                    self._foreign(each.invocation)
                    continue
            self.figures.by_process += found.source is SubjectSource.PROCESS
            self._report(each, subject, found, now)

    def _report(
        self, kill: _Pending, subject: Subject | None, attribution: Attribution, now: Moment, excess: int = 0
    ) -> None:
        invocation = kill.invocation
        path = invocation.task_memcg or group_memcg(invocation) or invocation.oom_memcg
        in_pod = subject is not None and subject.pod_uid is not None
        if subject is None or not in_pod:
            subject, own = None, self._ownership.owns_host(path)
        else:
            own = self._ownership.owns_pod(subject, path, now.monotonic)
        if not own:
            self._foreign(invocation)
            return
        named = attribution.source in (None, SubjectSource.GROUP_LINE)
        refusal = self._refusal(invocation, subject, path, now, excess) if named else None
        if refusal is not None:
            self._refuse(kill, refusal, now)
            return
        if subject is not None:
            self._ownership.learn_prefix(subject, path)
            known = self._containers.container(subject.container_id)
            if known is not None and named and not invocation.no_victim:
                known.named += 1
            # A dump that lost its kill line tells of a kill all the same.
            if not invocation.no_victim and not self._explain(subject, invocation, now.monotonic):
                self.figures.late += 1
                self._not_told += kill.lines
                self._log.info("late line of a kill that its counter has told already", log=invocation.log[-300:])
                return
            subject = self._containers.named(subject)
        usage = self._usage(subject.container_id, kill.time, now) if subject is not None else None
        spec = record_spec(invocation, origin=self._origin(kill.source), time=kill.time, subject=subject, usage=usage)
        if invocation.oom_memcg is None and subject is not None and not (self.replaying or self.catching_up):
            spec = self._containers.limits_hit(subject, by_cgroup=invocation.constraint == _MEMCG).of(spec)
        self._emit(self._name(invocation), attribution.of(spec), kills=kill.lines)

    def _name(self, invocation: Invocation) -> str:
        stamp = invocation.killed.monotonic_us or 0
        return record_name(node_name=self._node_name, boot_id=self._boot_id, stamp_us=stamp)

    def _refusal(
        self, invocation: Invocation, subject: Subject | None, path: str | None, now: Moment, excess: int
    ) -> Refusal | None:
        live = not (self.replaying or self.catching_up)
        if live and subject is not None and not self._containers.knows(subject):
            return Refusal.UNKNOWN_POD
        if invocation.no_victim:
            # No counter moves for it.
            return None if subject is None or self._ownership.is_place_of(subject, path) else Refusal.OTHER_CGROUP
        return self._belief.refusal(subject, path, now.monotonic, excess=excess, replaying=self.replaying)

    def _refuse(self, kill: _Pending, reason: Refusal, now: Moment) -> None:
        self._not_told += kill.lines
        self.contest(max(1, kill.lines), now.monotonic, kill.invocation.log, reason)

    def _take_no_victim(self, kill: _Pending, subject: Subject | None, now: Moment) -> None:
        """Report at most one a minute per cgroup: a faulting task may ask for the killer in a tight loop."""
        key = kill.invocation.oom_memcg or ""
        last = self._no_victims.get(key)
        at = now.monotonic
        if last is not None and at - last < _NO_VICTIM_SECONDS:
            return
        self._no_victims = {k: before for k, before in self._no_victims.items() if at - before < _NO_VICTIM_SECONDS}
        self._no_victims[key] = at
        self._report(kill, subject, Attribution(), now)

    def _report_counters(self, now: Moment, drained_at: float | None, most: int | None) -> int:
        """Report what only counters told, but no more than `most` kills where that is known."""
        reported = 0
        if most == 0:
            return 0
        for container in list(self._containers.containers()):
            tally = container.tally
            while self._is_due(tally.ahead_since, now.monotonic, drained_at) and reported != most:
                if not self._containers.owns(container.subject):
                    break
                self._report_counter(container.subject, tally.total - tally.unexplained + 1, tally.ahead_since, now)
                container.recorded_at = now.monotonic
                tally.explain_by_counter(now.monotonic)
                reported += 1
        self._containers.note_surpluses(now.monotonic)
        for pod in self._containers.pods():
            while pod.ahead and self._is_due(pod.ahead[0], now.monotonic, drained_at) and reported != most:
                if not self._containers.owns(pod.subject):
                    break
                number, at = pod.tally.total - len(pod.ahead) + 1, pod.ahead.pop(0)
                if unread := self._containers.unread(pod.subject.pod_uid, at):
                    self._report_counter(unread.subject, 1, at, now)
                    unread.recorded_at = now.monotonic
                    unread.tally.explain_by_counter(now.monotonic)
                else:
                    self._report_counter(pod.subject, number, at, now)
                    pod.tally.explain_by_counter(now.monotonic)
                reported += 1
        return reported

    def _is_due(self, ahead_since: float | None, now: float, drained_at: float | None) -> bool:
        if ahead_since is None or now - ahead_since < self._counter_wait:
            return False
        return drained_at is None or drained_at > ahead_since

    def _report_counter(self, subject: Subject, count: int, since: float | None, now: Moment) -> None:
        time = now.wall - timedelta(seconds=now.monotonic - (since or now.monotonic))
        nothing_printed = Invocation(first=Stamp(), killed=Stamp(), missing=frozenset(Part))
        named = self._containers.named(subject)
        spec = record_spec(
            nothing_printed,
            origin=self._origin(Source.CGROUP_COUNTER),
            time=time,
            subject=named,
            usage=self._usage(subject.container_id, time, now),
        )
        key = subject.container_id or (subject.pod_uid or "").replace("-", "")
        name = counter_record_name(node_name=self._node_name, boot_id=self._boot_id, container_id=key, count=count)
        self.figures.from_counters += 1
        self._emit(name, self._containers.limits_hit(subject, by_cgroup=False).of(spec), kills=1)

    def _emit(self, name: str, spec: RecordSpec, *, kills: int) -> None:
        record = {"apiVersion": API_VERSION, "kind": OOM_RECORD, "metadata": {"name": name}, "spec": spec.as_json()}
        self._put(record)
        self.figures.records += 1
        subject, victim = spec.subject, spec.victims[0] if spec.victims else None
        self._note(
            Told(
                name=name,
                kills=kills,
                container_id=subject.container_id if subject else None,
                pod_uid=subject.pod_uid if subject else None,
                by_counter=spec.source == Source.CGROUP_COUNTER,
            )
        )
        self._log.info(
            "kill recorded",
            record=name,
            source=spec.source,
            namespace=subject.namespace if subject else None,
            pod=subject.pod if subject else None,
            container=subject.container if subject else None,
            container_id=subject.container_id if subject else None,
            victim=victim.comm if victim else None,
            pid=victim.pid if victim else None,
        )

    def _foreign(self, invocation: Invocation) -> None:
        self.figures.foreign += 1
        # The ring holds the kills of long ago: they are read again at each start.
        is_old = self._containers.namespaced or self.replaying
        say = self._log.debug if is_old else self._log.info
        say("kill that is not this node's, by its cgroup", task_memcg=invocation.task_memcg, log=invocation.log[-300:])

    def _explain(self, subject: Subject, invocation: Invocation, now: float) -> bool:
        if self.replaying:
            return True
        known = self._containers.container(subject.container_id)
        if known is not None:
            known.recorded_at = now
            remember(known, ((victim.comm, victim.oom_score_adj) for victim in invocation.victims))
            return known.tally.explain(now)
        tally = self._tally(None, subject.pod_uid)
        return tally is None or tally.explain(now)

    def _tally(self, container_id: str | None, pod_uid: str | None) -> Tally | None:
        known = self._containers.container(container_id) or self._containers.pod(pod_uid)
        return known.tally if known is not None else None

    def _origin(self, source: Source) -> Origin:
        return Origin(
            node_name=self._node_name, boot_id=self._boot_id, source=source, kernel_release=self._kernel_release
        )


def _kill_lines(invocation: Invocation) -> int:
    """Return how many lines of an invocation the machine's count is compared with.

    One whose line was lost counts too.
    """
    if invocation.no_victim:
        return 0
    return max(1, sum(kind_of(text) is Kind.KILLED for text in invocation.log.split("\n")))
