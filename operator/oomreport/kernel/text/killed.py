"""The lines that name a victim, or say that there is none.

    Memory cgroup out of memory: Killed process 212 (node) total-vm:..kB, anon-rss:..kB, file-rss:..kB,
        shmem-rss:..kB, UID:0 pgtables:124kB oom_score_adj:939                    5.4 and newer, one line
    Killed process 212 (node) total-vm:..kB, anon-rss:..kB, file-rss:..kB         the second of two lines before 5.1
    Killed process 212, UID 48, (httpd) total-vm:..                               el6
    Killed process 212 (java), UID 99, total-vm:..                                el7
    Out of memory in UB 101: OOM killed process 212 (php-cgi) score 0 vm:..kB, rss:..kB, swap:..kB      OpenVZ
    Killed process 212 (java) vsz:..kB, anon-rss:..                               2.6.33
    Out of memory: Kill process 212 (node) score 786 or sacrifice child           the first of two lines before 5.1

A comm holds any byte but NUL, so it is taken up to the longest tail of fields that ends the line; a newer kernel may
print more of them.
"""

from typing import NamedTuple

from oomreport.kernel import lazy_re as re
from oomreport.kernel.text.digits import INT, KILOBYTES

_FIELD = r"(?:total-vm|vsz|vm|rss|swap|anon-rss|file-rss|shmem-rss|pgtables|UID|oom_score_adj)"
_FIELDS = re.compile(r"(?:[ ,]*score \d+)?(?:[ ,]*UID \d+)?(?:[ ,]+[A-Za-z][\w-]{0,30}:\s*-?\d+(?:kB)?)*")
# What may stand behind the last field: separators, then the dots of a cut line, then quotes of whoever quoted it.
_SEPARATORS = " ,"
_QUOTES = " \t\r\n\v\f\"'`\\"
_MOST_DOTS = 3
_LONGEST_COMM = 15
_ESCAPES = ("\\", "#0", "^", "&")
_FIGURE = re.compile(rf"(?<![\w-])({_FIELD}):\s*(-?{KILOBYTES})(?!\d)(kB)?(?=(.?))", re.DOTALL)
_OLD_UID = re.compile(rf"UID ({INT})(?=[,\s])")
_SCORE = re.compile(rf" score ({INT})(?= )")
_KILLED = re.compile(rf"(?:K|OOM k)illed process ({INT})(?!\d)")
_BEHIND = (" ", ",")
_BEGUN = re.compile(rf"[ ,]+(?:UID|{_FIELD}:)|\s*$")
_UID_FIRST = re.compile(rf", UID ({INT}),? *(?=\()")
_CHOSEN = re.compile(rf"[Kk]ill process (?P<pid>{INT}) \(")
_CHOSEN_REST = re.compile(rf"(?P<comm>.*)\) score (?P<score>-?{INT}) or (?:sacrifice|a) child", re.DOTALL)
_REAPED = re.compile(rf"oom_reaper: reaped process ({INT}) \((.*)\)(?:, now anon-rss:|,|$)", re.DOTALL)


class Killed(NamedTuple):
    """What a "Killed process" line says. Sizes are bytes; None where the line is cut or of a kernel that prints less.

    `score` and `rss_bytes`, all that is resident, are printed by OpenVZ only.
    `cut_in_pid` says that the line ends with the pid, of which more digits may have
    been cut off.
    """

    pid: int
    comm: str | None = None
    uid: int | None = None
    oom_score_adj: int | None = None
    total_vm_bytes: int | None = None
    anon_rss_bytes: int | None = None
    file_rss_bytes: int | None = None
    shmem_rss_bytes: int | None = None
    rss_bytes: int | None = None
    pagetables_bytes: int | None = None
    score: int | None = None
    cut_in_pid: bool = False


class Chosen(NamedTuple):
    """What a "Kill process" line says. The process that dies may be a child of the chosen one."""

    pid: int
    comm: str
    score: int | None = None


class NoVictim(NamedTuple):
    """The kernel found nothing to kill; `panicked` says that it stopped, then or at once."""

    panicked: bool


class Reaped(NamedTuple):
    """The oom_reaper took the memory of a killed process back."""

    pid: int


def killed_of(text: str) -> Killed | None:
    """Return what a "Killed process" line says, or None where `text` is no such line."""
    start = _KILLED.search(text)
    if start is None:
        return None
    pid = int(start.group(1))
    rest = text[start.end() :]
    uid_first = _UID_FIRST.match(rest)
    at = uid_first.end() if uid_first else len(rest) - len(rest.lstrip())
    if rest[at : at + 1] != "(":
        return Killed(pid=pid, uid=int(uid_first.group(1)) if uid_first else None, cut_in_pid=not rest)
    close = _close_of_comm(rest, at + 1)
    comm, tail = rest[at + 1 : close], rest[close + 1 :]
    # A size without its unit is cut, and so is what never ends the line.
    figures = {
        name: int(number) * (1024 if unit else 1)
        for name, number, unit, rest in _FIGURE.findall(tail)
        if unit or name == "oom_score_adj" or (name == "UID" and rest in _BEHIND)
    }
    old_uid = uid_first or _OLD_UID.search(tail)
    return Killed(
        pid=pid,
        comm=comm if close < len(rest) else None,
        uid=figures.get("UID", int(old_uid.group(1)) if old_uid else None),
        oom_score_adj=figures.get("oom_score_adj"),
        total_vm_bytes=_first(figures, "total-vm", "vsz", "vm"),
        anon_rss_bytes=figures.get("anon-rss"),
        file_rss_bytes=figures.get("file-rss"),
        shmem_rss_bytes=figures.get("shmem-rss"),
        rss_bytes=figures.get("rss"),
        pagetables_bytes=figures.get("pgtables"),
        score=int(score.group(1)) if (score := _SCORE.match(tail)) else None,
    )


def _first(figures: dict[str, int], *names: str) -> int | None:
    return next((figures[name] for name in names if name in figures), None)


def _close_of_comm(rest: str, start: int) -> int:
    """Return where the comm's closing parenthesis is: the first one behind which only known fields follow.

    A cut line ends within a field: then it is the first one within reach of a comm. `len(rest)` where there is none.
    """
    reach = min(len(rest), start + 64)
    closes = [at for at in range(start, reach) if rest[at] == ")"]
    behind = _without_end(rest)
    for at in closes:
        if _is_a_comm(rest[start:at]) and _FIELDS.fullmatch(behind, at + 1):
            return at
    for at in closes:
        if _BEGUN.match(rest, at + 1):
            return at
    return closes[0] if closes else len(rest)


def _is_a_comm(text: str) -> bool:
    """Whether text may be a comm: 15 bytes at most (TASK_COMM_LEN), or more where a logger has escaped some of them."""
    return len(text) <= _LONGEST_COMM or any(mark in text for mark in _ESCAPES)


def _without_end(rest: str) -> str:
    """Return what is left of a line without separators, dots and quotes behind its last field."""
    rest = rest.rstrip(_QUOTES)
    dots = len(rest) - len(rest.rstrip("."))
    return rest[: len(rest) - min(dots, _MOST_DOTS)].rstrip(_SEPARATORS)


def chosen_of(text: str) -> Chosen | None:
    """Return what a "Kill process .. score .. or sacrifice child" line says, or None where `text` is no such line."""
    chosen = _CHOSEN.search(text)
    if chosen is None:
        return None
    rest = _CHOSEN_REST.match(text, chosen.end())
    if rest is None:
        comm, closed, _ = text[chosen.end() :].partition(")")
        return Chosen(pid=int(chosen["pid"]), comm=comm if closed else "")  # half a name is another one's
    return Chosen(pid=int(chosen["pid"]), comm=rest["comm"], score=int(rest["score"]))


def no_victim_of(text: str) -> NoVictim:
    """Return what the line says that ends a dump without a kill."""
    return NoVictim(panicked=text.startswith("Kernel panic"))


def reaped_of(text: str) -> Reaped | None:
    """Return what an oom_reaper line says, or None where `text` is no such line."""
    reaped = _REAPED.match(text)
    return Reaped(int(reaped.group(1))) if reaped else None
