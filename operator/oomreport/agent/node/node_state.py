"""The state that is kept of a pod and of a container."""

from dataclasses import dataclass, field

from oomreport.adapters.node.node_files import PodNames
from oomreport.agent.node.flight import Flight
from oomreport.agent.node.kill_counter import Tally
from oomreport.workload.container import Subject

# The pods are listed some seconds apart (--scan-seconds is 5), so a cgroup may be missed this much later than it went.
VANISHED_SECONDS = 7.0


@dataclass(slots=True, kw_only=True)
class KnownPod:
    """A pod. `path` is its cgroup, None where only the kubelet's files told of it; `kubepods` is that of all pods.

    Its tally is kept where its counter includes those of its containers (v2). `ahead` has a time for each kill by which
    it is ahead of what is known of them, oldest first.
    """

    subject: Subject
    names: PodNames | None = None
    path: str | None = None
    kubepods: str | None = None
    seen_at: float = 0.0
    tally: Tally = field(default_factory=Tally)
    ahead: list[float] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class KnownContainer:
    """A container. `path` is None where only the kubelet's files told of it; `gone_at` is when its cgroup was missed.

    `named_at` is when the kubelet's files first told of it. `counted` says whether its counter was ever read,
    `kill_text` is the counter's file as last read, `processes_killed` is what it counted at most (with memory.oom.group
    more than kills), `named` how many kills the log named it for since the start. `comms` and `oom_score_adjs` were
    seen in its task tables. `flight` is the sampler's.
    """

    subject: Subject
    path: str | None = None
    nested: tuple[str, ...] = ()
    limit_bytes: int | None = None
    as_group: bool = False
    seen_at: float = 0.0
    named_at: float | None = None
    gone_at: float | None = None
    counted: bool = False
    kill_text: bytes = b""
    processes_killed: int = 0
    named: int = 0
    tally: Tally = field(default_factory=Tally)
    recorded_at: float | None = None
    flight: Flight | None = None
    comms: set[str] = field(default_factory=set)
    oom_score_adjs: set[int] = field(default_factory=set)
