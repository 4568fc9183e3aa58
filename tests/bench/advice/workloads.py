"""The built-in classes. Sizes are drawn wide (a hundred MiB to several GiB), and how far a limit is too low as well."""

import math
import random

from advice.workload import (
    DAY,
    GI,
    HOUR,
    MI,
    MINUTE,
    Container,
    Memory,
    Moment,
    Neighbour,
    Node,
    Workload,
    highest,
    limit_like_people,
    noise,
)


def spike(rng: random.Random) -> Workload:
    """Level, with bursts of different heights: a large request, a report, a batch."""
    peak = _size(rng)
    limit = _too_low(rng, peak)
    base = rng.uniform(0.3, 0.8) * limit
    wave = noise(rng, 0.02)
    length, gap = rng.uniform(20, 300), rng.uniform(10, 90) * MINUTE
    ramp = rng.uniform(2, 60)
    heights = [rng.betavariate(3, 1.5) for _ in range(7)]
    heights[rng.randrange(7)] = 1.0

    def demand(now: Moment) -> Memory:
        number, into = divmod(now.clock, gap)
        share = heights[int(number) % 7] if gap - length <= into else 0.0
        share *= min(1.0, (into - (gap - length)) / ramp) if share else 1.0
        return Memory(anon=int(base * wave(now.clock) + (peak - base) * share), file=int(base / 4))

    need = int(peak + base * (highest(wave, 20 * HOUR) - 1))
    return _alone(rng, "spike", limit, demand, need, quiet_after=8 * gap)


def leak(rng: random.Random) -> Workload:
    """Steady growth from a healthy base; some with a collector's sawtooth, some that begin late or follow the load."""
    limit = limit_like_people(_size(rng) * 1.3)
    base = rng.uniform(0.2, 0.6) * limit
    wave = noise(rng, rng.uniform(0.002, 0.03))
    lasts = math.exp(rng.uniform(math.log(15 * MINUTE), math.log(2 * DAY)))
    rate = (limit - base) / lasts
    saw = rng.choice((0.0, 0.0, 0.05, 0.12)) * base
    period = rng.uniform(20, 200)
    by_day = rng.choice((0.0, 0.0, 0.6))

    def demand(now: Moment) -> Memory:
        settled = base * min(1.0, now.age / 8)
        lost = 0.0 if now.leak_fixed else rate * (now.age + by_day * _day_integral(now.clock - now.age, now.clock))
        return Memory(anon=int(settled * wave(now.clock) + lost + saw * ((now.age % period) / period)))

    need = int(base * highest(wave, 4 * DAY) + saw)
    return _alone(rng, "leak", limit, demand, need, quiet_after=6 * HOUR, leaks=True, step=_step(lasts))


def staircase(rng: random.Random) -> Workload:
    """Grows by steps to a plateau: tenants, caches, connections that are kept."""
    peak = _size(rng)
    limit = _too_low(rng, peak)
    steps = rng.randint(3, 9)
    marks = sorted(rng.uniform(0, 1) for _ in range(steps))
    sizes = [rng.uniform(0.5, 1.5) for _ in range(steps)]
    rise = (peak - rng.uniform(0.1, 0.5) * limit) / sum(sizes)
    base = peak - rise * sum(sizes)
    lasts = math.exp(rng.uniform(math.log(5 * MINUTE), math.log(8 * HOUR)))
    wave = noise(rng, 0.01)

    def demand(now: Moment) -> Memory:
        share = now.age / lasts
        held = base + rise * sum(size for mark, size in zip(marks, sizes, strict=True) if share >= mark)
        return Memory(anon=int(held * wave(now.clock)), kernel=int(base / 50))

    need = int(peak * highest(wave, DAY) + base / 50)
    return _alone(rng, "staircase", limit, demand, need, quiet_after=2 * lasts, step=_step(lasts))


def startup(rng: random.Random) -> Workload:
    """A peak while it starts, then far less: class loading, cache warming, migrations."""
    peak = _size(rng)
    limit = _too_low(rng, peak)
    settled = rng.uniform(0.3, 0.7) * limit
    lasts = rng.uniform(8, 120)
    bend = rng.uniform(0.6, 2.0)
    wave = noise(rng, 0.01)

    def demand(now: Moment) -> Memory:
        held = peak * (now.age / lasts) ** bend if now.age < lasts else settled * wave(now.clock)
        return Memory(anon=int(held), file=int(settled / 2))

    return _alone(rng, "startup", limit, demand, peak, quiet_after=20 * MINUTE, step=1.0)


def seasonal(rng: random.Random) -> Workload:
    """Follows the load of a day."""
    peak = _size(rng)
    limit = _too_low(rng, peak)
    low = rng.uniform(0.3, 0.7) * limit
    period = rng.choice((DAY, DAY, 6 * HOUR))
    wave = noise(rng, 0.01, every=60.0)
    # It was rolled out when it still fitted, on the way down or up.
    fits = math.asin(max(-0.99, min(0.99, 2 * (0.93 * limit - low) / (peak - low) - 1)))
    phase = rng.uniform(-math.pi - fits, fits) / (2 * math.pi) * period

    def demand(now: Moment) -> Memory:
        swing = (1 + math.sin(2 * math.pi * (now.clock + phase) / period)) / 2
        warm = min(1.0, 0.3 + now.age / 60)
        return Memory(anon=int((low + (peak - low) * swing) * warm * wave(now.clock)))

    need = int(peak * highest(wave, 4 * DAY, 60.0))
    return _alone(rng, "seasonal", limit, demand, need, quiet_after=1.2 * period, step=30.0)


def tmpfs(rng: random.Random) -> Workload:
    """Files written to memory (an emptyDir of medium Memory, /dev/shm) and never deleted."""
    limit = limit_like_people(_size(rng))
    base = rng.uniform(0.1, 0.35) * limit
    lasts = math.exp(rng.uniform(math.log(3 * MINUTE), math.log(6 * HOUR)))
    wave = noise(rng, 0.02)
    kept = rng.uniform(0.05, 0.2) * limit
    bumps = rng.random() < 0.5

    def demand(now: Moment) -> Memory:
        share = now.age / lasts
        written = (limit - base) * 1.05 * (math.floor(share * 12) / 12 if bumps else share)
        return Memory(anon=int(base * wave(now.clock)), shmem=int(min(written, kept) if now.tmpfs_bounded else written))

    need = int(base * highest(wave, DAY) + kept)
    return _alone(
        rng, "tmpfs", limit, demand, need, quiet_after=max(2 * HOUR, 1.3 * lasts), fills_tmpfs=True, step=_step(lasts)
    )


def fork_storm(rng: random.Random) -> Workload:
    """Workers come with the load, each of the same size, up to a configured number."""
    each = rng.uniform(20, 150) * MI
    most = rng.randint(6, 32)
    master = rng.uniform(0.5, 2.0) * each
    peak = master + each * most
    limit = _too_low(rng, peak)
    gap = rng.uniform(10, 60) * MINUTE
    arrival = rng.uniform(0.5, 10)
    usual = rng.randint(1, max(1, int((limit * 0.8 - master) / each)))
    wave = noise(rng, 0.005)

    def demand(now: Moment) -> Memory:
        into = now.clock % gap
        extra = int((into - gap / 2) / arrival) if gap / 2 <= into < gap * 0.8 else 0
        workers = min(most, usual + extra)
        return Memory(anon=int((master + each * workers) * wave(now.clock)), processes=workers + 1)

    need = int(peak * highest(wave, 8 * HOUR))
    return _alone(rng, "fork_storm", limit, demand, need, quiet_after=3 * gap)


def pod_limit(rng: random.Random) -> Workload:
    """Containers share the pod's own limit: one grows, the one with the most memory is killed."""
    quiet_size = _size(rng)
    grows_to = rng.uniform(0.5, 0.95) * quiet_size
    wave, second = noise(rng, 0.01), noise(rng, 0.01)
    gap = rng.uniform(10, 60) * MINUTE
    start = rng.uniform(0.1, 0.3) * grows_to
    need = int(quiet_size * highest(wave, DAY) + grows_to * highest(second, DAY))
    limit = max(limit_like_people(need / rng.uniform(1.08, 1.5)), limit_like_people((quiet_size + start) * 1.1))
    own = limit_like_people(quiet_size * 1.6)

    def steady(now: Moment) -> Memory:
        return Memory(anon=int(quiet_size * min(1.0, 0.4 + now.age / 30) * wave(now.clock)))

    def bursts(now: Moment) -> Memory:
        into = now.clock % gap
        share = min(1.0, (into - gap / 2) / 120) if into >= gap / 2 else 0.0
        return Memory(anon=int((start + (grows_to - start) * share) * second(now.clock)))

    containers = (
        Container(
            name="main",
            demand=steady,
            true_demand=int(quiet_size * highest(wave, DAY)),
            limit=own,
            request=int(quiet_size),
        ),
        Container(
            name="helper",
            demand=bursts,
            true_demand=int(grows_to * highest(second, DAY)),
            limit=own,
            request=int(start),
        ),
    )
    return Workload(kind="pod_limit", containers=containers, quiet_after=3 * gap, pod_limit=limit, true_pod_demand=need)


def node_pressure(rng: random.Random) -> Workload:
    """The node runs out of memory; the container's limit is generous, its request is not."""
    use = _size(rng)
    wave = noise(rng, 0.02)
    node = rng.choice((8, 16, 32)) * GI
    gap = rng.uniform(10, 60) * MINUTE
    request = int(rng.uniform(0.1, 0.6) * use)
    others = node - use * rng.uniform(1.0, 1.3)
    over = rng.uniform(0.2, 0.9) * (use - request)

    def demand(now: Moment) -> Memory:
        return Memory(anon=int(use * min(1.0, 0.2 + now.age / 60) * wave(now.clock)))

    def usage(clock: float) -> int:
        return int(others + (0.5 * use if clock % gap > gap * 0.7 else 0.0))

    greedy = Neighbour(name="greedy", usage=usage, request=int(others + 0.5 * use - over))
    need = int(use * highest(wave, DAY))
    one = Container(
        name="api", demand=demand, true_demand=need, limit=limit_like_people(use * rng.uniform(1.5, 3)), request=request
    )
    return Workload(
        kind="node_pressure", containers=(one,), quiet_after=3 * gap, node=Node(memory=node, neighbours=(greedy,))
    )


WORKLOADS = [spike, leak, staircase, startup, seasonal, tmpfs, fork_storm, pod_limit, node_pressure]


def _size(rng: random.Random) -> float:
    return math.exp(rng.uniform(math.log(128), math.log(4096))) * MI


def _too_low(rng: random.Random, need: float) -> int:
    """Return a limit that people wrote down too low for what is needed."""
    return limit_like_people(need / rng.uniform(1.08, 2.2))


def _step(lasts: float) -> float:
    return 5.0 if lasts < 2 * HOUR else 30.0


def _day_integral(start: float, end: float) -> float:
    turn = 2 * math.pi / DAY
    return (math.cos(turn * start) - math.cos(turn * end)) / turn


def _alone(
    rng: random.Random,
    kind: str,
    limit: int,
    demand: object,
    need: int,
    *,
    quiet_after: float,
    leaks: bool = False,
    fills_tmpfs: bool = False,
    step: float = 5.0,
) -> Workload:
    share = rng.choice((1.0, 1.0, 0.5, 0.25))
    one = Container(
        name="api",
        demand=demand,  # type: ignore[arg-type]
        true_demand=need,
        limit=limit,
        request=int(limit * share),
        leaks=leaks,
        fills_tmpfs=fills_tmpfs,
    )
    return Workload(kind=kind, containers=(one,), quiet_after=quiet_after, step=step)
