"""Plain kinds of demand that the built-in classes lack: growth that ends, heaps, slow starts, weeks, requests,
leaks.
"""

import math
import random
from itertools import accumulate

from advice.workload import DAY, HOUR, MI, MINUTE, Container, Memory, Moment, Workload, limit_like_people, noise

_FAR = 14 * DAY


def fills_and_stops(rng: random.Random) -> Workload:
    """A cache that fills, evenly or ever more slowly, within ten minutes to five days, and stops."""
    peak = _size(rng)
    base = rng.uniform(0.1, 0.4) * peak
    lasts = _between(rng, 10 * MINUTE, 5 * DAY)
    even = rng.random() < 0.5
    wave = noise(rng, 0.005)

    def demand(now: Moment) -> Memory:
        share = min(1.0, now.age / lasts) if even else 1 - math.exp(-3 * now.age / lasts)
        return Memory(anon=int((base * min(1.0, now.age / 10) + (peak - base) * share) * wave(now.clock)))

    return _workload(rng, "fills_and_stops", demand, peak * 1.02, quiet_after=lasts, base=base)


def collected_heap(rng: random.Random) -> Workload:
    """A heap that grows to its first collection, and then saws between what lives and its largest size."""
    peak = _size(rng)
    lives = rng.uniform(0.2, 0.6) * peak
    first = _between(rng, 2 * MINUTE, 6 * HOUR)
    keeps = rng.random() < 0.5

    def demand(now: Moment) -> Memory:
        if now.age < first:
            return Memory(anon=int(peak * (0.1 + 0.9 * now.age / first)))
        into = (now.age - first) % (first / 2) / (first / 2)
        return Memory(anon=int(peak if keeps else lives + (peak - lives) * into))

    return _workload(rng, "collected_heap", demand, peak, quiet_after=2 * first, base=0.1 * peak)


def slow_start(rng: random.Random) -> Workload:
    """A start of 3 to 25 minutes to a peak, then a part of it."""
    peak = _size(rng)
    lasts = rng.uniform(3, 25) * MINUTE
    later = rng.uniform(0.3, 0.9) * peak
    bend = rng.uniform(0.5, 2.0)
    wave = noise(rng, 0.01)

    def demand(now: Moment) -> Memory:
        held = peak * (now.age / lasts) ** bend if now.age < lasts else later
        return Memory(anon=int(held * wave(now.clock)))

    return _workload(rng, "slow_start", demand, peak * 1.03, quiet_after=lasts, base=0)


def working_week(rng: random.Random) -> Workload:
    """Load of working days, little at night and at the weekend; deployed on any day."""
    peak = _size(rng)
    base = rng.uniform(0.3, 0.6) * peak
    begins = rng.uniform(0, 7) * DAY
    days = [rng.uniform(0.85, 1.0) for _ in range(5)] + [rng.uniform(0.2, 0.4) for _ in range(2)]
    days[rng.randrange(5)] = 1.0
    wave = noise(rng, 0.01, every=60.0)

    def demand(now: Moment) -> Memory:
        day, into = divmod(now.clock + begins, DAY)
        load = max(0.0, math.sin(math.pi * (into / DAY - 0.25) * 2)) * days[int(day) % 7]
        return Memory(anon=int((base + (peak - base) * load) * min(1.0, 0.3 + now.age / 60) * wave(now.clock)))

    return _workload(rng, "working_week", demand, peak * 1.03, quiet_after=7 * DAY, base=base, step=60.0)


def requests(rng: random.Random) -> Workload:
    """Requests of lognormal size, one after the other, each held for a while."""
    base = _between(rng, 64, 1024) * MI
    lasts = rng.uniform(10, 120)
    sigma = rng.uniform(0.6, 1.2)
    sizes = [rng.lognormvariate(0, sigma) * base * 0.15 for _ in range(4001)]
    peak = base + max(sizes)

    def demand(now: Moment) -> Memory:
        return Memory(anon=int(base * min(1.0, now.age / 10) + sizes[int(now.clock / lasts) % len(sizes)]))

    return _workload(rng, "requests", demand, peak, quiet_after=4001 * lasts, base=base, step=10.0)


def connections(rng: random.Random) -> Workload:
    """Memory of the kernel that comes with connections, which follow the day and come in rushes."""
    peak = _size(rng)
    base = rng.uniform(0.2, 0.5) * peak
    of_kernel = rng.uniform(0.4, 0.9)
    rush = rng.uniform(1, 6) * HOUR
    phase = rng.uniform(0, DAY)
    wave = noise(rng, 0.02)

    def demand(now: Moment) -> Memory:
        day = 0.6 + 0.2 * math.sin(2 * math.pi * (now.clock + phase) / DAY)
        share = day + (0.2 if now.clock % rush < 10 * MINUTE else 0.0)
        held = (peak - base) * share * min(1.0, 0.2 + now.age / 120) * wave(now.clock)
        return Memory(anon=int(base + held * (1 - of_kernel)), kernel=int(held * of_kernel), processes=8)

    return _workload(rng, "connections", demand, peak * 1.08, quiet_after=DAY, base=base, step=30.0)


def even_leak(rng: random.Random) -> Workload:
    """A leak of constant rate."""
    return _leak(rng, "even_leak", [1.0])


def daily_leak(rng: random.Random) -> Workload:
    """A leak whose rate follows the load of the day."""
    by_hour = [1 + rng.uniform(0.5, 0.95) * math.sin(2 * math.pi * hour / 24) for hour in range(24)]
    return _leak(rng, "daily_leak", by_hour, every=HOUR, by_clock=True, shortest=3 * HOUR)


def jumping_leak(rng: random.Random) -> Workload:
    """A leak that comes in jumps of any height, at any time."""
    jumps = [rng.expovariate(1.0) ** 1.5 if rng.random() < 0.3 else 0.0 for _ in range(499)]
    return _leak(rng, "jumping_leak", jumps, every=None)


def _leak(
    rng: random.Random,
    kind: str,
    rates: list[float],
    *,
    every: float | None = 60.0,
    by_clock: bool = False,
    shortest: float = 15 * MINUTE,
) -> Workload:
    need = _size(rng)
    limit = limit_like_people(need * rng.uniform(1.2, 2.0) + 32 * MI)
    lasts = _between(rng, shortest, 2 * DAY)
    each = every or lasts / 40
    mean = sum(rates) / len(rates)
    sums = [0.0, *accumulate(rate / mean * each for rate in rates)]
    wave = noise(rng, 0.01)

    def until(time: float) -> float:
        rounds, into = divmod(time / each, len(rates))
        index = int(into)
        part = sums[index] + (sums[index + 1] - sums[index]) * ((into - index) if every else 0.0)
        return rounds * sums[-1] + part

    def demand(now: Moment) -> Memory:
        settled = need * 0.95 * min(1.0, now.age / 20) * wave(now.clock)
        start = now.clock - now.age if by_clock else 0.0
        lost = 0.0 if now.leak_fixed else (until(start + now.age) - until(start)) * (limit - need) / lasts
        return Memory(anon=int(settled + lost))

    one = Container(name="api", demand=demand, true_demand=int(need), limit=limit, request=limit // 2, leaks=True)
    return Workload(kind=kind, containers=(one,), quiet_after=lasts, step=_step(lasts))


def _workload(
    rng: random.Random,
    kind: str,
    demand: object,
    need: float,
    *,
    quiet_after: float,
    base: float,
    step: float | None = None,
) -> Workload:
    limit = limit_like_people(need / rng.uniform(1.08, 2.2))
    if limit <= base * 1.1:
        limit = limit_like_people(base * 1.1 + 32 * MI)
    if limit >= need:
        limit = max(32 * MI, limit_like_people(need / 1.08))
    request = int(limit * rng.choice((1.0, 0.5)))
    one = Container(
        name="api",
        demand=demand,  # type: ignore[arg-type]
        true_demand=int(need),
        limit=limit,
        request=request,
    )
    return Workload(kind=kind, containers=(one,), quiet_after=min(quiet_after, _FAR), step=step or _step(quiet_after))


def _size(rng: random.Random) -> float:
    return _between(rng, 128, 4096) * MI


def _between(rng: random.Random, low: float, high: float) -> float:
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def _step(lasts: float) -> float:
    return 5.0 if lasts < HOUR else 30.0 if lasts < 12 * HOUR else 60.0


WORKLOADS = [
    fills_and_stops,
    collected_heap,
    slow_start,
    working_week,
    requests,
    connections,
    even_leak,
    daily_leak,
    jumping_leak,
]
