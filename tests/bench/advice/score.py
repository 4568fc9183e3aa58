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
from advice.workload import GI, Workload

Maker = Callable[[random.Random], Workload]
ADVISERS = ("ours", "vpa", "krr")
# How much worse than the better rule a class may be, and by how many kills a leak must be named.
TOLERANCE = 1.1
NAMED_WITHIN = 3


@dataclass(slots=True)
class Sum:
    """Results added up."""

    runs: int = 0
    kills: int = 0
    waste: int = 0
    wrong_raises: int = 0
    leaks: int = 0
    named: int = 0
    false_leaks: int = 0
    unquiet: int = 0

    def add(self, result: Result) -> None:
        self.runs += 1
        self.kills += result.kills
        self.waste += result.waste
        self.wrong_raises += result.wrong_raises
        self.leaks += result.leaks
        self.named += result.named_at is not None and result.named_at <= NAMED_WITHIN
        self.false_leaks += result.false_leaks
        self.unquiet += not result.quiet

    @property
    def waste_gib(self) -> float:
        return round(self.waste / GI, 2)


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

    def total(self, adviser: str) -> Sum:
        return _sum(one for (_, who), results in self.results.items() if who == adviser for one in results)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A class figure as a share of the better rule's, with the interval that 95 % of redrawn samples lie in.

    Sizes are drawn over a factor of 32, so a class's waste is made by a few large containers: the interval tells how much
    of a ratio is the draw.
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
    """Return how a workload goes under each adviser. The draws are the same for each, whatever other classes there are."""
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
    ours, rules = table.total("ours"), [table.total("vpa"), table.total("krr")]
    found += ["all: not fewer kills than both rules"] if ours.kills >= min(rule.kills for rule in rules) else []
    found += ["all: not less waste than both rules"] if ours.waste >= min(rule.waste for rule in rules) else []
    found += [f"all: {ours.wrong_raises} wrong raises"] if ours.wrong_raises else []
    found += [
        f"{one.kind}: {one.figure} {one.value:.2f} of the better rule's ({one.low:.2f} to {one.high:.2f})"
        for one in against
        if one.value > TOLERANCE
    ]
    for kind in table.kinds:
        one = table.of(kind, "ours")
        if one.named < one.leaks:
            found.append(f"{kind}: {one.leaks - one.named} of {one.leaks} leaks not named within {NAMED_WITHIN} kills")
    return found
