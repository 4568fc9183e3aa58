"""Node, kernel and kubelet, as far as memory goes: charge, kill, restart, apply what the adviser says, for two weeks.

A container dies when what it holds (page cache is dropped first) passes its limit. A pod's limit and the node's memory
kill by badness: resident memory plus oom_score_adj, which the kubelet sets by the request. A changed limit or request
rolls the pod out anew; without a change the container alone restarts, after a back-off of 10 s to 5 min.

Every adviser sees the memory of the running containers once a minute, as metrics-server serves it, and is asked once an
hour whether it wants a change. What is reserved above the true demand is added up over time, in byte-seconds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from advice.workload import Container, Memory, Moment, Workload

LIFE = 14 * 86400.0
# A crash loop goes on for ever; what it costs by then is clear.
MOST_KILLS = 300
_LOOK_EVERY = 3600.0
_SAMPLE_EVERY = 60.0
# Once a container has run for two of its cycles, the demand is looked at this often, in seconds.
_COARSE_STEP = 30.0
_STUCK_KILLS = 3
_BACK_OFF = (10.0, 20.0, 40.0, 80.0, 160.0, 300.0)
_BACK_OFF_FORGOTTEN = 600.0
_NOTHING = Memory(anon=0, processes=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The memory limit and request in force, bytes."""

    limit: int | None
    request: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What people can set: by container, and for the pod."""

    sizes: Mapping[str, Size]
    pod_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A row of the kernel's task table."""

    owner: str
    comm: str
    size: int
    adj: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """What can be seen of a kill. `memory` is the cgroup's that was at its limit, `samples` gives the way to it.

    scope    Container, Pod or Node: whose limit fired
    trigger  the container that allocated
    """

    clock: float
    container: str
    instance: int
    started: float
    scope: str
    trigger: str
    limit: int | None
    memory: Memory
    held: int
    config: Config
    processes: tuple[Process, ...]
    samples: Callable[[], list[tuple[float, int]]]
    tmpfs_bounded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What can be seen of a pod between kills; `started` is by container."""

    clock: float
    config: Config
    started: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What the adviser wants after a kill; None is no change. `leak` names a leak, which its owner then mends."""

    sizes: Mapping[str, Size] = field(default_factory=dict)
    pod_limit: int | None = None
    leak: bool = False
    bound_tmpfs: bool = False
    review_node: bool = False


class Adviser(Protocol):
    """Is told of samples and kills of one pod. It never sees the demand itself."""

    def sample(self, clock: float, container: str, size: int) -> None:
        """Take what a metrics pipeline would show."""

    def advice(self, kill: Kill) -> Advice:
        """Return what to change now."""

    def look(self, look: Look) -> Advice | None:
        """Return what to change without a kill."""

    def calls_leak(self) -> bool:
        """Return whether it says now that something leaks."""

    def ended(self) -> list[tuple[str, bool]]:
        """Return the confidence of each raise, and whether the limit was not reached again."""


@dataclass(slots=True, kw_only=True)
class Result:
    """How it went.

    waste          byte-seconds reserved above the true demand
    wrong_raises   raises of a limit that was not the cause, or that a tmpfs without a bound filled
    named_at       the kill at which a leak was named first
    early_raises   raises of a leaking container before that
    false_leaks    how often something else was called a leak; `called_leak` whether it still is at the end
    stuck          three kills in a row at the limit that is in force at the end, of what is no leak
    changes        rollouts that an adviser asked for
    ended          the confidence of each raise, and whether the limit was not reached again
    """

    kind: str
    kills: int = 0
    waste: float = 0.0
    wrong_raises: int = 0
    leaks: bool = False
    named_at: int | None = None
    early_raises: int = 0
    false_leaks: int = 0
    called_leak: bool = False
    stuck: bool = False
    changes: int = 0
    ended: list[tuple[str, bool]] = field(default_factory=list)


@dataclass(slots=True)
class _Instance:
    container: Container
    started: float = 0.0
    run: int = 0
    crashes: int = 0
    memory: Memory = _NOTHING
    held: int = 0
    seen: list[tuple[float, int]] = field(default_factory=list)


class Machine:
    """One pod under one adviser."""

    def __init__(self, workload: Workload, adviser: Adviser) -> None:
        self._workload = workload
        self._adviser = adviser
        self._config = Config(
            sizes={one.name: Size(limit=one.limit, request=one.request) for one in workload.containers},
            pod_limit=workload.pod_limit,
        )
        self._running = {one.name: _Instance(one) for one in workload.containers}
        self._leak_fixed: set[str] = set()
        self._bounded: set[str] = set()
        self._reviewed = False
        self._clock = 0.0
        self._same_limit = 0
        self.result = Result(kind=workload.kind, leaks=any(one.leaks for one in workload.containers))

    def run(self) -> Result:
        """Run for two weeks."""
        workload, result = self._workload, self.result
        next_look, next_sample, accounted, over = _LOOK_EVERY, 0.0, 0.0, self._over()
        while self._clock < LIFE and result.kills < MOST_KILLS:
            before = self._config
            kill = self._step()
            if kill is not None:
                result.kills += 1
                self._same_limit += 1
                self._apply(self._adviser.advice(kill), kill)
            elif self._clock >= next_sample:
                next_sample = self._clock + _SAMPLE_EVERY
                self._sample()
            if self._clock >= next_look:
                next_look += _LOOK_EVERY
                started = {name: one.started for name, one in self._running.items()}
                look = Look(clock=self._clock, config=self._config, started=started)
                if advice := self._adviser.look(look):
                    self._apply(advice, None)
            if self._config is not before:
                result.waste += over * (self._clock - accounted)
                accounted, over, self._same_limit = self._clock, self._over(), 0
            oldest = min(self._clock - one.started for one in self._running.values())
            coarse = oldest > 2 * workload.quiet_after
            self._clock += max(workload.step, _COARSE_STEP) if coarse else workload.step
        result.waste += over * (LIFE - accounted)
        result.called_leak = self._adviser.calls_leak() and not result.leaks
        result.ended = self._adviser.ended()
        result.stuck = self._same_limit >= _STUCK_KILLS and not self._leaking()
        return result

    def _sample(self) -> None:
        for name, instance in self._running.items():
            if instance.held:
                size = _seen(instance.memory, instance.held, self._config.sizes[name].limit)
                self._adviser.sample(self._clock, name, size)

    def _step(self) -> Kill | None:
        for name, instance in self._running.items():
            if self._clock < instance.started:
                instance.memory, instance.held = _NOTHING, 0
                continue
            wanted = self._wanted(instance, self._clock)
            held = wanted.held
            instance.memory, instance.held = wanted, held
            limit = self._config.sizes[name].limit
            if limit is not None and held > limit:
                return self._kill(instance, "Container", name, limit, _cut(wanted, limit))
            instance.seen.append((self._clock, _seen(wanted, held, limit) if wanted.file else held))
        return self._over_pod_limit() or self._over_node()

    def _wanted(self, instance: _Instance, clock: float) -> Memory:
        name = instance.container.name
        moment = Moment(
            clock=clock,
            age=clock - instance.started,
            run=instance.run,
            leak_fixed=name in self._leak_fixed,
            tmpfs_bounded=name in self._bounded,
        )
        return instance.container.demand(moment)

    def _over_pod_limit(self) -> Kill | None:
        limit = self._config.pod_limit
        if limit is None:
            return None
        held = sum(one.held for one in self._running.values())
        if held <= limit:
            return None
        processes = self._processes()
        victim = max(processes, key=lambda process: process.size + process.adj * (limit // 1000))
        whole = self._whole()
        over = held - limit
        memory = whole._replace(anon=max(0, whole.anon - over))
        return self._kill(self._running[victim.owner], "Pod", self._grew_most(), limit, memory, processes=processes)

    def _over_node(self) -> Kill | None:
        node = self._workload.node
        others = () if self._reviewed else node.neighbours
        used = 0
        for one in self._running.values():
            used += one.held
        for other in others:
            used += other.usage(self._clock)
        if used <= node.memory:
            return None
        beside = tuple(
            Process(owner="", comm=one.name, size=one.usage(self._clock), adj=_adj(one.request, node.memory))
            for one in others
        )
        processes = self._processes() + beside
        victim = max(processes, key=lambda process: process.size + process.adj * (node.memory // 1000))
        if victim.owner not in self._running:
            return None
        instance = self._running[victim.owner]
        return self._kill(
            instance, "Node", beside[0].comm if beside else "", None, instance.memory, processes=processes
        )

    def _processes(self) -> tuple[Process, ...]:
        found = []
        for name, instance in self._running.items():
            memory = instance.memory
            request = self._config.sizes[name].request
            for _ in range(min(memory.processes, 50)):
                size = (memory.anon + memory.shmem) // memory.processes
                adj = _adj(request, self._workload.node.memory)
                found.append(Process(owner=name, comm=instance.container.comm, size=size, adj=adj))
        return tuple(found)

    def _whole(self) -> Memory:
        every = [one.memory for one in self._running.values()]
        return Memory(
            anon=sum(one.anon for one in every),
            file=sum(one.file for one in every),
            shmem=sum(one.shmem for one in every),
            kernel=sum(one.kernel for one in every),
            processes=sum(one.processes for one in every),
        )

    def _grew_most(self) -> str:
        def growth(instance: _Instance) -> int:
            earlier = max(instance.started, self._clock - 30)
            return instance.memory.held - self._wanted(instance, earlier).held

        return max(self._running.values(), key=growth).container.name

    def _kill(
        self,
        instance: _Instance,
        scope: str,
        trigger: str,
        limit: int | None,
        memory: Memory,
        *,
        processes: tuple[Process, ...] | None = None,
    ) -> Kill:
        name = instance.container.name
        if processes is None:
            instance.memory, instance.held = memory, memory.held
            processes = tuple(one for one in self._processes() if one.owner == name)
        own, end, started, run = self._config.sizes[name].limit, self._clock, instance.started, instance.run
        frozen = _Instance(instance.container, started, run)

        seen = instance.seen
        recent = max(started, end - 600.0)

        def samples() -> list[tuple[float, int]]:
            count = int((end - recent) / 5.0)
            times = [end - 5.0 * back for back in range(count, 0, -1)]
            wanted = [self._wanted(frozen, time) for time in times]
            last = [(time, _seen(one, one.held, own)) for time, one in zip(times, wanted, strict=True)]
            return [one for one in seen if one[0] < recent] + last

        return Kill(
            clock=self._clock,
            container=name,
            instance=instance.run,
            started=instance.started,
            scope=scope,
            trigger=trigger,
            limit=limit,
            memory=memory,
            held=memory.held,
            config=self._config,
            processes=processes,
            samples=samples,
            tmpfs_bounded=name in self._bounded,
        )

    def _apply(self, advice: Advice, kill: Kill | None) -> None:
        self._judge(kill, advice)
        if advice.leak:
            self._leak_fixed |= {one.name for one in self._workload.containers if one.leaks}
        if advice.bound_tmpfs and kill:
            self._bounded.add(kill.container)
        self._reviewed |= advice.review_node
        most = self._workload.node.memory
        bounded = {
            name: Size(limit=_least(size.limit, most), request=_least(size.request, most))
            for name, size in advice.sizes.items()
        }
        sizes = {**self._config.sizes, **bounded}
        pod_limit = advice.pod_limit or self._config.pod_limit
        changed = Config(sizes=sizes, pod_limit=pod_limit)
        mended = (advice.leak and self.result.leaks) or advice.bound_tmpfs
        if changed != self._config or mended:
            self._config = self._config if changed == self._config else changed
            self.result.changes += 1
            for instance in self._running.values():
                instance.started, instance.run, instance.crashes = self._clock + 10.0, instance.run + 1, 0
                instance.seen = []
            return
        if kill is None:
            return
        victim = self._running[kill.container]
        long_lived = self._clock - victim.started > _BACK_OFF_FORGOTTEN
        victim.crashes = 0 if long_lived else victim.crashes
        victim.started = self._clock + _BACK_OFF[min(victim.crashes, len(_BACK_OFF) - 1)]
        victim.run, victim.crashes, victim.seen = victim.run + 1, victim.crashes + 1, []

    def _leaking(self) -> set[str]:
        return {one.name for one in self._workload.containers if one.leaks} - self._leak_fixed

    def _judge(self, kill: Kill | None, advice: Advice) -> None:
        result = self.result
        leaking = self._leaking()
        result.false_leaks += advice.leak and not leaking
        if advice.leak and leaking and result.named_at is None:
            result.named_at = result.kills
        for name, size in advice.sizes.items():
            old = self._config.sizes[name].limit
            if old is None or size.limit is None or size.limit <= old or kill is None:
                continue
            container = self._running[name].container
            unbounded = container.fills_tmpfs and name not in self._bounded
            was_the_cause = kill.scope == "Container" and kill.container == name
            result.early_raises += name in leaking
            result.wrong_raises += not was_the_cause or unbounded
        old = self._config.pod_limit
        if advice.pod_limit and old and advice.pod_limit > old:
            result.wrong_raises += kill is None or kill.scope != "Pod"

    def _over(self) -> int:
        """Return what is reserved above what is needed now, in bytes."""
        workload = self._workload
        over = max(0, (self._config.pod_limit or 0) - workload.true_pod_demand) if workload.pod_limit else 0
        for container in workload.containers:
            size = self._config.sizes[container.name]
            over += max(0, max(size.limit or 0, size.request or 0) - container.true_demand)
        return over


def _least(size: int | None, most: int) -> int | None:
    """Return a size that a node can give."""
    return None if size is None else min(size, most)


def _seen(memory: Memory, held: int, limit: int | None) -> int:
    """Return the working set: half of the page cache is taken to be active, as long as there is room."""
    if not memory.file:
        return held
    room = max(0, limit - held) if limit is not None else memory.file
    return held + min(memory.file // 2, room)


def _cut(memory: Memory, limit: int) -> Memory:
    """Return what is charged at the moment of the kill: the limit, not what was wanted."""
    over = memory.held - limit
    anon = max(0, memory.anon - over)
    left = over - (memory.anon - anon)
    shmem = max(0, memory.shmem - left)
    return memory._replace(anon=anon, shmem=shmem, file=0, kernel=limit - anon - shmem)


def _adj(request: int | None, memory: int) -> int:
    """Return the oom_score_adj that the kubelet gives: 1000 without a request."""
    if request is None:
        return 1000
    return min(max(2, 1000 - (1000 * request) // memory), 999)
