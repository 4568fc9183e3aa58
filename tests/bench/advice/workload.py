"""What a workload is. A plug-in is a module with `WORKLOADS`: functions that take a random.Random and return a
Workload.

    def night_report(rng: random.Random) -> Workload:
        base, peak = 200 * MI, rng.randint(300, 600) * MI
        def demand(now: Moment) -> Memory:
            return Memory(anon=peak if now.clock % 86400 < 600 else base)
        job = Container(name="report", limit=256 * MI, request=256 * MI, demand=demand, true_demand=peak)
        return Workload(kind="night_report", containers=(job,), quiet_after=2 * 86400)

    WORKLOADS = [night_report]

A demand is what the container would hold if nothing stopped it. It depends on the moment and on nothing else, and draws
from `rng` only while the workload is made, so that every adviser meets the same workload. `noise` helps.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

MI, GI = 1 << 20, 1 << 30
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


class Moment(NamedTuple):
    """When a demand is asked for.

    clock         seconds since the simulation began: load that people make (a day, a season) depends on it
    age           seconds since this instance of the container started: start-up and leaks depend on it
    run           how many instances there were before
    leak_fixed    the leak was named and its owner has mended it
    tmpfs_bounded the memory-backed volume was named and has got a sizeLimit that suits its real need
    """

    clock: float
    age: float
    run: int = 0
    leak_fixed: bool = False
    tmpfs_bounded: bool = False


class Memory(NamedTuple):
    """Bytes by kind. `file` is page cache: the kernel drops it before it kills.

    `processes` share the anonymous part.
    """

    anon: int
    file: int = 0
    shmem: int = 0
    kernel: int = 0
    processes: int = 1

    @property
    def held(self) -> int:
        """What cannot be taken back."""
        return self.anon + self.shmem + self.kernel


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container. `true_demand` is the least limit at which it is never killed, once leak and tmpfs are mended.

    `spec` is merged into the container's pod spec (args, env: heap settings are read from there).
    """

    name: str
    demand: Callable[[Moment], Memory]
    true_demand: int
    limit: int | None
    request: int | None = None
    leaks: bool = False
    fills_tmpfs: bool = False
    comm: str = "app"
    spec: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """Another pod on the node."""

    name: str
    usage: Callable[[float], int]
    request: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """The node's memory, and who else uses it. A review of the node moves the neighbours away."""

    memory: int = 64 * GI
    neighbours: tuple[Neighbour, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One pod. It is quiet when nothing of it was killed for `quiet_after` seconds: give it a whole cycle of its load.

    step            seconds between two looks at the demand
    true_pod_demand the least pod limit that is enough, where the pod has a limit of its own
    spec            merged into the pod's spec (volumes)
    """

    kind: str
    containers: tuple[Container, ...]
    quiet_after: float
    pod_limit: int | None = None
    true_pod_demand: int = 0
    node: Node = Node()
    step: float = 5.0
    spec: dict[str, Any] = field(default_factory=dict)


def noise(rng: random.Random, sigma: float, every: float = 15.0) -> Callable[[float], float]:
    """Return a factor around 1 that changes every few seconds; the same at the same time."""
    table = [max(0.5, rng.gauss(1.0, sigma)) for _ in range(997)]

    def factor(time: float) -> float:
        place = time / every
        low = int(place)
        share = place - low
        return table[low % 997] * (1 - share) + table[(low + 1) % 997] * share

    return factor


def highest(sigma_factor: Callable[[float], float], until: float, every: float = 15.0) -> float:
    """Return the largest factor that `noise` gives before `until`."""
    return max(sigma_factor(every * index) for index in range(min(997, int(until / every) + 2)))


def limit_like_people(size: float) -> int:
    """Round a size to what people write: a multiple of 32Mi, from 1Gi of 128Mi."""
    step = 32 * MI if size < GI else 128 * MI
    return max(step, int(size) // step * step)
