"""What was told against the truth."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a container wrote down of its dead, as times of the kernel's clock (CLOCK_MONOTONIC) in microseconds.

    `children` are those whose parent saw them end by SIGKILL. `lives` has the last word of each first process that
    began to use memory; `closed` says that the last one found the end of the soak, and did not.
    """

    children: tuple[int, ...] = ()
    lives: tuple[int, ...] = ()
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead:
    """The kills of one container: how many of children, and those of first processes by the time of their last word."""

    children: int
    firsts: tuple[int, ...]

    @property
    def kills(self) -> int:
        """All of them."""
        return self.children + len(self.firsts)


def written(text: str) -> Written:
    """Read what `hog into` wrote: a line for each start, and one for each child that ended."""
    children: list[int] = []
    lives: list[int] = []
    closed = False
    for line in text.splitlines():
        words = line.split()
        fields = dict(word.split("=", 1) for word in words if "=" in word)
        if len(words) < 3 or words[0] != "hog" or not fields.get("mono", "").isdigit():
            continue
        at = int(fields["mono"])
        if fields.get("mode") in ("self", "bursts"):
            lives.append(at)
        elif words[1] in ("allocated", "child") and lives:
            lives[-1] = at
        if words[1:3] == ["child", "ended"] and fields.get("signal") == "9":
            children.append(at)
        closed = closed or words[1] == "closed"
    return Written(children=tuple(children), lives=tuple(lives), closed=closed)


def dead(of: Written, *, runs: bool) -> Dead:
    """Return who died. Nothing but the kernel ends a first process: each life is a death but that of one that runs."""
    alive = runs and not of.closed
    return Dead(children=len(of.children), firsts=of.lives[: len(of.lives) - alive])


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The figures of a soak. `elsewhere` are counted, but not under their own container's name; `wrong` names all that
    is told of more or fewer kills than it had.

    `unknowable` of the kills that no report counts had neither a line nor a counter that anybody could still read.
    """

    kills: int
    counted: int
    elsewhere: int
    lost: int
    doubled: int
    unknowable: int
    wrong: Mapping[str, str] = field(default_factory=dict)


def account(
    truth: Mapping[str, int],
    told: Mapping[str, int],
    *,
    firm: Collection[str] = (),
    unnamed: int = 0,
    unknowable: Mapping[str, int] | None = None,
) -> Account:
    """Compare by container. Those that are `firm` live on, so that their own counters tell their kills from others'.

    Of kills without a dump in containers that went nothing may say in which: what is told of another one that is not
    firm, or (`unnamed`) of none, stands for one that is missing. `unknowable` is how many kills of a container at most
    nobody can know of.
    """
    names = truth.keys() | told.keys()
    over = {name: told.get(name, 0) - truth.get(name, 0) for name in names}
    missing = {name: -more for name, more in over.items() if more < 0}
    doubled = {name: more for name, more in over.items() if more > 0}
    loose = unnamed + sum(more for name, more in doubled.items() if name not in firm)
    elsewhere = min(loose, sum(missing.values()))
    bound = sum(min(count, (unknowable or {}).get(name, 0)) for name, count in missing.items())
    nobody = min(bound, sum(missing.values()) - elsewhere)
    lost = sum(missing.values()) - elsewhere - nobody
    kills = sum(truth.values())
    wrong = {name: f"{told.get(name, 0)} told of {truth.get(name, 0)}" for name in sorted({*missing, *doubled})}
    return Account(
        kills=kills,
        counted=kills - lost - nobody,
        elsewhere=elsewhere,
        lost=lost,
        doubled=sum(doubled.values()) + unnamed - elsewhere,
        unknowable=nobody,
        wrong=wrong,
    )


def within(times: Iterable[int], windows: Iterable[tuple[int, int]]) -> int:
    """Return how many of the times lie in one of the windows, bounds included."""
    spans = list(windows)
    return sum(any(begin <= time <= end for begin, end in spans) for time in times)


def twice(entries: Iterable[str]) -> list[str]:
    """Return the kills that stand in two places of the ledgers."""
    return sorted(entry for entry, times in Counter(entries).items() if times > 1)
