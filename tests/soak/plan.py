"""What is to happen in a soak, drawn from its seed: the same seed has the same plan on every machine."""

import random
from dataclasses import dataclass

# Containers whose first process forks children that die; pods that crash at once and are started again.
PARENTS, CRASH_LOOPS = 8, 5
MOST_A_SECOND = 100
# The comm of first processes; their children are called otherwise. Without a dump the kernel tells nothing else.
FIRST = "first"
# A kill takes the kernel some 10 ms, and the longest burst is over before the next fault strikes.
_MOST_IN_A_BURST = 200
_SECONDS_A_KILL = 0.15
_LEAST_SECONDS = 75
# Faults of the node and the product, one after the other, and those of the API server, beside them.
NODE_FAULTS = ("agent_killed", "controller_killed", "leader_killed", "ring_overrun", "ring_overrun_without_agent")
API_FAULTS = ("api_gone", "api_frozen")
_ROUND_SECONDS = 90
_KILLS_A_NEWCOMER = 100
_LEAST_NEWCOMERS = 6


@dataclass(frozen=True, slots=True)
class Burst:
    """So many kills one after the other, `at` seconds after the beginning, `apart_ms` milliseconds apart."""

    at: float
    kills: int
    apart_ms: float

    def __str__(self) -> str:
        """Return the burst as `hog bursts` takes it."""
        return f"{self.at:.2f}:{self.kills}:{self.apart_ms:.1f}"


@dataclass(frozen=True, slots=True, order=True)
class Strike:
    """A fault that strikes `at` seconds after the beginning and lasts `seconds`, where it lasts."""

    at: float
    fault: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One soak of `seconds`. `bursts` has those of each parent; `newcomers` is when pods of one life are created."""

    seed: int
    seconds: float
    bursts: tuple[tuple[Burst, ...], ...]
    node: tuple[Strike, ...]
    api: tuple[Strike, ...]
    newcomers: tuple[float, ...]

    @property
    def children(self) -> int:
        """How many children are to die."""
        return sum(burst.kills for each in self.bursts for burst in each)


def drawn(*, seed: int, kills: int, away: float) -> Plan:
    """Draw a plan with so many dead children; the API server is away for `away` seconds once."""
    draw = random.Random(seed)
    seconds = max(_LEAST_SECONDS, kills * _SECONDS_A_KILL, 2 * away + _LEAST_SECONDS / 5)
    rounds = max(1, int(seconds / _ROUND_SECONDS))
    newcomers = max(_LEAST_NEWCOMERS, kills // _KILLS_A_NEWCOMER)
    return Plan(
        seed=seed,
        seconds=seconds,
        bursts=_bursts(draw, kills, seconds),
        node=tuple(strike for number in range(rounds) for strike in _round(draw, seconds / rounds, number)),
        api=_api(draw, seconds, away, rounds),
        newcomers=tuple(sorted(draw.uniform(0, seconds) for _ in range(newcomers))),
    )


def _bursts(draw: random.Random, kills: int, seconds: float) -> tuple[tuple[Burst, ...], ...]:
    """Draw bursts over one parent or several; small ones are as frequent as large ones."""
    of: list[list[Burst]] = [[] for _ in range(PARENTS)]
    left = kills
    while left:
        size = min(left, round(_MOST_IN_A_BURST ** draw.random()))
        left -= size
        at, apart_ms = draw.uniform(0, seconds), 1000 / MOST_A_SECOND ** draw.random()
        among = draw.sample(range(PARENTS), min(size, draw.randint(1, PARENTS)))
        for place, parent in enumerate(among):
            share = size // len(among) + (place < size % len(among))
            # A slow burst would still go on at the end.
            of[parent].append(Burst(at, share, min(apart_ms * len(among), 1000 * (seconds - at) / share)))
    return tuple(tuple(sorted(each, key=lambda burst: burst.at)) for each in of)


def _round(draw: random.Random, seconds: float, number: int) -> list[Strike]:
    """Draw when each fault of the node strikes within one round, and in which order."""
    order = draw.sample(NODE_FAULTS, len(NODE_FAULTS))
    times = sorted(draw.uniform(0, seconds) for _ in order)
    return [Strike(number * seconds + at, fault) for at, fault in zip(times, order, strict=True)]


def _api(draw: random.Random, seconds: float, away: float, rounds: int) -> tuple[Strike, ...]:
    """Draw the long absence in the first half, and short ones behind it and before it."""
    long = Strike(draw.uniform(0.1, 0.4) * seconds, "api_gone", away)
    short = [
        Strike(draw.uniform(0, seconds), fault, draw.uniform(2, 10)) for _ in range(rounds) for fault in API_FAULTS
    ]
    apart = [one for one in short if not long.at - one.seconds <= one.at <= long.at + away]
    # Each at least once: what fell into the long absence comes when that is over.
    missing = [one for one in short if one.fault not in {kept.fault for kept in apart}]
    late = [Strike(long.at + away + number + 1, one.fault, one.seconds) for number, one in enumerate(missing)]
    return tuple(sorted([long, *apart, *late]))
