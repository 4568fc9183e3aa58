"""Run every workload under every adviser, and add up."""

import importlib
import importlib.util
import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType

from advice.advisers import Krr, Vpa
from advice.machine import Adviser, Machine, Result
from advice.ours import Ours
from advice.workload import DAY, GI, Workload

Maker = Callable[[random.Random], Workload]
ADVISERS = ("ours", "vpa", "krr")
# How much worse than the better rule a class may be, and by how many kills a leak must be named.
TOLERANCE = 1.15
NAMED_WITHIN = 3
LEAKS_NAMED = 0.95
CALLED_LEAK = 0.01


@dataclass(slots=True)
class Sum:
    """Results added up. `waste` is in byte-seconds; `called_leak` and `stuck` count bounded demands at the end."""

    runs: int = 0
    kills: int = 0
    waste: float = 0.0
    wrong_raises: int = 0
    leaks: int = 0
    named: int = 0
    early: int = 0
    false_leaks: int = 0
    called_leak: int = 0
    stuck: int = 0
    changes: int = 0

    def add(self, result: Result) -> None:
        self.runs += 1
        self.kills += result.kills
        self.waste += result.waste
        self.wrong_raises += result.wrong_raises
        self.leaks += result.leaks
        self.named += result.named_at is not None and result.named_at <= NAMED_WITHIN and result.early_raises <= 1
        self.early += result.early_raises
        self.false_leaks += result.false_leaks
        self.called_leak += result.called_leak
        self.stuck += result.stuck
        self.changes += result.changes

    @property
    def gib_days(self) -> float:
        return round(self.waste / GI / DAY, 1)


@dataclass(slots=True)
class Table:
    """Results by class and adviser, each in the order of the seeds."""

    results: dict[tuple[str, str], list[Result]] = field(default_factory=dict)

    def add(self, adviser: str, result: Result) -> None:
        self.results.setdefault((result.kind, adviser), []).append(result)

    @property
    def kinds(self) -> list[str]:
        return list(dict.fromkeys(kind for kind, _ in self.results))

    def of(self, kind: str, adviser: str) -> Sum:
        return _sum(self.results[kind, adviser])

    def total(self, adviser: str, *, leaks: bool | None = None) -> Sum:
        """Return the sum of all classes; with `leaks`, of those that leak, or that do not."""
        return _sum(
            one
            for (_, who), results in self.results.items()
            if who == adviser
            for one in results
            if leaks is None or one.leaks == leaks
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A class figure as a share of the better rule's, with the interval that 95 % of redrawn samples lie in.

    Sizes are drawn over a factor of 32, so a class's waste is made by a few large containers: the interval tells how
    much of a ratio is the draw.
    """

    kind: str
    figure: str
    value: float
    low: float
    high: float


def _sum(results: Iterable[Result]) -> Sum:
    found = Sum()
    for one in results:
        found.add(one)
    return found


def makers_of(module: ModuleType) -> list[Maker]:
    """Return a plug-in's workloads."""
    return list(module.WORKLOADS)


def plug_in(name: str) -> ModuleType:
    """Import a plug-in by its dotted name or by the path of its file."""
    path = Path(name)
    if path.suffix != ".py":
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{name} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def adviser(name: str, workload: Workload) -> Adviser:
    """Return a fresh adviser for a workload."""
    if name == "vpa":
        return Vpa()
    if name == "krr":
        return Krr()
    specs = {one.name: one.spec for one in workload.containers}
    return Ours(workload.spec, specs, workload.node.memory)


def table_of(makers: Sequence[Maker], seeds: Sequence[int], jobs: int = 1) -> Table:
    """Return the figures of all workloads, each made once for every seed, in `jobs` processes."""
    work = [(maker, seed) for seed in seeds for maker in makers]
    table = Table()
    for results in _mapped(work, jobs):
        for name, result in zip(ADVISERS, results, strict=True):
            table.add(name, result)
    return table


def _mapped(work: Sequence[tuple[Maker, int]], jobs: int) -> Iterator[list[Result]]:
    if jobs <= 1:
        yield from (_run(maker, seed) for maker, seed in work)
        return
    # A plug-in's functions cannot be sent to another process, so each is forked with all of the work.
    _work[:] = work
    with get_context("fork").Pool(jobs) as pool:
        yield from pool.imap(_run_number, range(len(work)), chunksize=16)


_work: list[tuple[Maker, int]] = []


def _run_number(number: int) -> list[Result]:
    return _run(*_work[number])


def _run(maker: Maker, seed: int) -> list[Result]:
    """Return how a workload goes under each adviser.

    The draws are the same for each, whatever other classes there are.
    """
    found = []
    for name in ADVISERS:
        workload = maker(random.Random(f"{maker.__module__}.{maker.__qualname__}/{seed}"))
        found.append(Machine(workload, adviser(name, workload)).run())
    return found


def ratios(table: Table, redrawn: int = 400) -> list[Ratio]:
    """Return every class figure against the better rule in that figure.

    For the interval the class's workloads are drawn again with replacement (a bootstrap), each with its three results.
    """
    found = []
    for kind in table.kinds:
        columns = [table.results[kind, who] for who in ADVISERS]
        rows = [(*(one.kills for one in row), *(one.waste for one in row)) for row in zip(*columns, strict=True)]
        rng = random.Random(f"ratios/{kind}")
        drawn = [_shares(rng.choices(rows, k=len(rows))) for _ in range(redrawn)]
        for place, (figure, value) in enumerate(zip(("kills", "waste"), _shares(rows), strict=True)):
            spread = sorted(shares[place] for shares in drawn)
            low, high = (spread[round(share * (redrawn - 1))] for share in (0.025, 0.975))
            found.append(Ratio(kind=kind, figure=figure, value=value, low=low, high=high))
    return found


def _shares(rows: Sequence[tuple[int, ...]]) -> tuple[float, float]:
    """Return ours as a share of the better rule's, in kills and in waste."""
    ours, vpa, krr, our_waste, vpa_waste, krr_waste = (sum(column) for column in zip(*rows, strict=True))
    return _share(ours, min(vpa, krr)), _share(our_waste, min(vpa_waste, krr_waste))


def _share(figure: int, better: int) -> float:
    return figure / better if better else math.inf if figure else 0.0


def complaints(table: Table, against: Sequence[Ratio]) -> list[str]:
    """Return where the goals are missed."""
    found = []
    for leaks, which in ((None, "all"), (False, "all without leaks")):
        ours, rules = table.total("ours", leaks=leaks), [table.total(who, leaks=leaks) for who in ("vpa", "krr")]
        if ours.kills > min(rule.kills for rule in rules):
            found.append(f"{which}: more kills than the rule with the fewest")
        if ours.waste > min(rule.waste for rule in rules):
            found.append(f"{which}: more GiB-days than the rule with the least")
    found += [
        f"{one.kind}: {one.figure} {one.value:.2f} of the better rule's ({one.low:.2f} to {one.high:.2f})"
        for one in against
        if one.value > TOLERANCE
    ]
    ours = table.total("ours")
    bounded = ours.runs - ours.leaks
    if ours.wrong_raises:
        found.append(f"{ours.wrong_raises} raises of what was not the cause")
    if ours.stuck:
        found.append(f"{ours.stuck} of {bounded} bounded demands stuck")
    if ours.called_leak > CALLED_LEAK * bounded:
        found.append(f"{ours.called_leak} of {bounded} bounded demands called a leak for good")
    if ours.named < LEAKS_NAMED * ours.leaks:
        found.append(
            f"{ours.leaks - ours.named} of {ours.leaks} leaks not named by kill {NAMED_WITHIN} after one raise"
        )
    return found
