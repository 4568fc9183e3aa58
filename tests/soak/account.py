"""What was told against the truth."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a container wrote down of its dead.

    `children` is how many a parent saw end by SIGKILL, `lives` how many first processes began to use memory; `closed`
    says that the last one found the end of the soak, and did not.
    """

    children: int = 0
    lives: int = 0
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead:
    """The kills of one container: how many of children, and how many of first processes."""

    children: int
    firsts: int

    @property
    def kills(self) -> int:
        """All of them."""
        return self.children + self.firsts


def written(text: str) -> Written:
    """Read what `hog into` wrote: a line for each start, and one for each child that ended."""
    children = lives = 0
    closed = False
    for line in text.splitlines():
        words = line.split()
        fields = dict(word.split("=", 1) for word in words if "=" in word)
        # A line that was cut has no time.
        if len(words) < 3 or words[0] != "hog" or not fields.get("mono", "").isdigit():
            continue
        lives += fields.get("mode") in ("self", "bursts")
        children += words[1:3] == ["child", "ended"] and fields.get("signal") == "9"
        closed = closed or words[1] == "closed"
    return Written(children=children, lives=lives, closed=closed)


def dead(of: Written, *, runs: bool) -> Dead:
    """Return who died. Nothing but the kernel ends a first process: each life is a death but that of one that runs."""
    alive = runs and not of.closed
    return Dead(children=of.children, firsts=max(0, of.lives - alive))


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
    unknowable: int = 0,
) -> Account:
    """Compare by container. Those that are `firm` live on, so that their own counters tell their kills from others'.

    Of kills without a dump in containers that went nothing may say in which: what is told of another one that is not
    firm, or (`unnamed`) of none, stands for one that is missing. `unknowable` is how many kills at most nobody can know
    of, all of them in containers that are not firm.
    """
    names = truth.keys() | told.keys()
    over = {name: told.get(name, 0) - truth.get(name, 0) for name in names}
    missing = {name: -more for name, more in over.items() if more < 0}
    doubled = {name: more for name, more in over.items() if more > 0}
    loose = unnamed + sum(more for name, more in doubled.items() if name not in firm)
    elsewhere = min(loose, sum(missing.values()))
    gone = sum(count for name, count in missing.items() if name not in firm)
    nobody = min(unknowable, gone, sum(missing.values()) - elsewhere)
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


def twice(entries: Iterable[str]) -> list[str]:
    """Return the kills that stand in two places of the ledgers."""
    return sorted(entry for entry, times in Counter(entries).items() if times > 1)
