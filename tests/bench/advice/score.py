"""Run every workload under every adviser, and add up."""

import importlib
import importlib.util
import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
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
    """Sums by class and adviser."""

    sums: dict[tuple[str, str], Sum] = field(default_factory=dict)

    def add(self, adviser: str, result: Result) -> None:
        self.sums.setdefault((result.kind, adviser), Sum()).add(result)

    @property
    def kinds(self) -> list[str]:
        return list(dict.fromkeys(kind for kind, _ in self.sums))

    def of(self, kind: str, adviser: str) -> Sum:
        return self.sums[kind, adviser]

    def total(self, adviser: str) -> Sum:
        parts = [one for (_, who), one in self.sums.items() if who == adviser]
        names = Sum.__dataclass_fields__
        return Sum(**{name: sum(getattr(part, name) for part in parts) for name in names})


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


def table_of(makers: Sequence[Maker], seeds: Iterable[int], progress: Callable[[str], None] = lambda _: None) -> Table:
    """Return the figures of all workloads, each made once for every seed."""
    table = Table()
    for seed in seeds:
        for maker in makers:
            for name in ADVISERS:
                # The same draws for every adviser, and for a class whatever others there are.
                workload = maker(random.Random(f"{maker.__module__}.{maker.__qualname__}/{seed}"))
                table.add(name, Machine(workload, adviser(name, workload)).run())
        progress(f"seed {seed}")
    return table


def complaints(table: Table) -> list[str]:
    """Return where the goals are missed."""
    found = []
    ours, rules = table.total("ours"), [table.total("vpa"), table.total("krr")]
    found += ["all: not fewer kills than both rules"] if ours.kills >= min(rule.kills for rule in rules) else []
    found += ["all: not less waste than both rules"] if ours.waste >= min(rule.waste for rule in rules) else []
    found += [f"all: {ours.wrong_raises} wrong raises"] if ours.wrong_raises else []
    for kind in table.kinds:
        one = table.of(kind, "ours")
        rules = [table.of(kind, "vpa"), table.of(kind, "krr")]
        for what in ("kills", "waste"):
            figure, better = getattr(one, what), min(getattr(rule, what) for rule in rules)
            if figure > better * TOLERANCE:
                found.append(f"{kind}: {what} {figure / better if better else math.inf:.2f} of the better rule's")
        if one.named < one.leaks:
            found.append(f"{kind}: {one.leaks - one.named} of {one.leaks} leaks not named within {NAMED_WITHIN} kills")
    return found
