"""The line that says whose limit was reached.

It is `oom-kill:constraint=..` since 4.19, and `Task in .. killed as a result of limit of ..` before.

    oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=NAME,mems_allowed=0,oom_memcg=PATH,task_memcg=PATH,
        task=COMM,pid=N,uid=N
    oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=PATH,task=..

A line may be cut by the kernel, a pager or a column. Then the value that it ends within is left out: half a path is the
path of another cgroup.

Nothing in the line is quoted, and a container chooses its comm and the names of cgroups inside it. These facts hold:
pid and uid end the line. A comm has at most 15 bytes. The cpuset is one component of a path, without a slash (or `/`
itself), so the first `,oom_memcg=/` is the kernel's. The victim's cgroup lies below the one at its limit.
"""

from collections import deque
from itertools import chain
from typing import NamedTuple

from oomreport.kernel import lazy_re as re
from oomreport.kernel.line import CUT_MARKS
from oomreport.kernel.text.digits import INT

_TASK_IN = re.compile(r"Task in (.*?) killed as a result of limit of(?: (\S.*))?$", re.DOTALL)
_HEAD = re.compile(r"oom-kill: ?constraint ?= ?(?P<constraint>[A-Z_0-9]+)(?=(?P<ends>\s*,)?)")
# More digits of the pid may have been cut off where nothing stands behind it.
_TAIL = re.compile(rf"(?P<tail>,\s*pid=(?P<pid>{INT})(?!$|\d|\.\.)(?:,\s*uid=(?P<uid>{INT}))?[\s\"'`.,\\]*$)")
# A person left fields out and put blanks in: then nothing was cut, and the pid is whole.
_EDITED = re.compile(
    rf"oom-kill:constraint=[A-Z_]+,\s+oom_memcg=.*(?P<tail>,\s+pid=(?P<pid>{INT})(?P<uid>)$)", re.DOTALL
)
_NODEMASK = re.compile(r",\s*nodemask=(?P<nodemask>\(null\)|[-\d,]*\d)?(?=,|$)")
_MEMS = re.compile(r",\s*mems_allowed=(?P<mems>[-\d]*(?:,[-\d]+)*)(?=,|$)")
_OOM_MEMCG = re.compile(r",\s*oom_memcg=(?=/|$)")
_TASK_MEMCG = re.compile(r",\s*task_memcg=(?=/|$)")
_GLOBAL = re.compile(r",\s*global_oom(?=,|$)")
_CPUSET_LINE = re.compile(r".*? cpuset=(\S.*) mems_allowed=([-\d,]*)", re.DOTALL)
_CPUSET = re.compile(r",\s*cpuset=")
_AFTER_CPUSET = re.compile(r",\s*(?:mems_allowed|global_oom|oom_memcg|task_memcg)(?==|,|$)")
_TASK = re.compile(r",\s*task=")
_KEY = re.compile(r",\s*(?:nodemask|cpuset|mems_allowed|oom_memcg|task_memcg|task|pid)=?")
_WHOLE_END = re.compile(r",\s*$|(?:/[0-9a-f]{64}|\.scope|\.service)[\s\"'`]*$")
_CONSTRAINTS = frozenset({"CONSTRAINT_NONE", "CONSTRAINT_CPUSET", "CONSTRAINT_MEMORY_POLICY", "CONSTRAINT_MEMCG"})
_LONGEST_COMM = 15


def is_edited(text: str) -> bool:
    """Whether a person put blanks and line breaks into a summary: its lines may stand in another order then."""
    return _EDITED.match(text) is not None


class Summary(NamedTuple):
    """Whose limit was hit, and whom the kernel chose. None where the line is cut or leaves a field out."""

    constraint: str | None = None
    nodemask: str | None = None
    cpuset: str | None = None
    mems_allowed: str | None = None
    global_oom: bool = False
    oom_memcg: str | None = None
    task_memcg: str | None = None
    comm: str | None = None
    pid: int | None = None
    uid: int | None = None


class SummaryLine(NamedTuple):
    """An `oom-kill:` line, taken apart as far as it alone allows: `names` is the part that holds the names.

    `constraint`, `pid` and `uid` are None where the line is cut before or within them.
    """

    constraint: str | None
    names: str
    pid: int | None
    uid: int | None

    def summary(self, *, comms: frozenset[str] = frozenset(), limited: str | None = None) -> Summary:
        """Return what the line says.

        `comms` are the names that the dump gives the victim elsewhere, and `limited` is the cgroup whose statistics it
        prints: they settle what the line alone leaves open when names in it imitate its fields.
        """
        comm, rest = _comm_split_off(self.names, comms)
        mems, oom_memcg, task_memcg, is_global = _cgroups(rest, limited)
        return Summary(
            constraint=constraint_of(self.constraint, oom_memcg),
            nodemask=_nodemask(rest),
            cpuset=_cpuset(rest),
            mems_allowed=mems,
            global_oom=is_global,
            oom_memcg=oom_memcg,
            task_memcg=task_memcg,
            comm=comm,
            pid=self.pid,
            uid=self.uid,
        )


class TaskIn(NamedTuple):
    """A "Task in A killed as a result of limit of B" line. `oom_memcg` is None where the line is cut before its end."""

    task_memcg: str
    oom_memcg: str | None


class Cpuset(NamedTuple):
    """The cpuset of the allocating task, on a line of its own before 4.19."""

    name: str
    mems_allowed: str | None


def summary_line_of(text: str) -> SummaryLine | None:
    """Return an `oom-kill:` line taken apart, or None where `text` is no such line."""
    head = _HEAD.match(text)
    if head is None:
        return None
    tail = _TAIL.search(text) or _EDITED.match(text)
    names = text[head.end() : tail.start("tail") if tail else _end_of_whole_values(text)]
    return SummaryLine(
        constraint=head["constraint"] if head["ends"] or head["constraint"] in _CONSTRAINTS else None,
        names=names if tail else names.rstrip(" ,"),
        pid=int(tail["pid"]) if tail else None,
        uid=int(tail["uid"]) if tail and tail["uid"] and not text.endswith(CUT_MARKS) else None,
    )


def task_in(text: str) -> TaskIn | None:
    """Return what a "Task in .. killed as a result of limit of .." line says, or None where `text` is no such line."""
    parts = _TASK_IN.match(text.rstrip())
    if parts is None:
        return None
    task_memcg, oom_memcg = parts.groups("")
    # Below it by its letters alone, or marked: then the end of the line is cut off.
    is_cut = (
        oom_memcg.endswith(CUT_MARKS)
        or (oom_memcg != "/" and oom_memcg[-1:] == "/")
        or (task_memcg.startswith(oom_memcg) and not _is_below(task_memcg, oom_memcg))
    )
    return TaskIn(task_memcg, None if is_cut else oom_memcg or None)


def cpuset_of(text: str) -> Cpuset | None:
    """Return what a line with `cpuset=.. mems_allowed=..` says, or None where `text` is no such line."""
    found = _CPUSET_LINE.match(text)
    return None if found is None else Cpuset(found[1], found[2] or None)


def _end_of_whole_values(text: str) -> int:
    """Return where the last value of a cut line begins; the line's end where a comma stands there, or a whole name."""
    last = max((key.start() for key in _KEY.finditer(text)), default=len(text))
    return len(text) if _WHOLE_END.search(text) else last


def _comm_split_off(body: str, comms: frozenset[str]) -> tuple[str | None, str]:
    """Return the comm at the end of `body` and what stands before it."""
    # Places, not texts: a line of nothing but `,task=` has thousands of them.
    places = [task.span() for task in _TASK.finditer(body)]
    longest = max(map(len, comms), default=0)
    named = (span for span in places if len(body) - span[1] <= longest and body[span[1] :] in comms)
    short = (span for span in reversed(places) if len(body) - span[1] <= _LONGEST_COMM)
    start, end = next(chain(named, short, reversed(places)), (len(body), None))
    return None if end is None else body[end:], body[:start]


def _cgroups(body: str, limited: str | None) -> tuple[str | None, str | None, str | None, bool]:
    """Return mems_allowed, oom_memcg, task_memcg and whether it is a global OOM."""
    limit = _OOM_MEMCG.search(body)
    if limit is None:
        task = _TASK_MEMCG.search(body)
        head = body[: task.start() if task else len(body)]
        is_global = any(found.end() == len(head) for found in _GLOBAL.finditer(head))
        return _mems(head), None, _path(body[task.end() :]) if task else None, is_global
    rest = body[limit.end() :]
    for task in _TASK_MEMCG.finditer(rest):
        oom_memcg, task_memcg = rest[: task.start()], rest[task.end() :]
        if oom_memcg == limited or (limited is None and _is_below(task_memcg, oom_memcg)):
            return _mems(body[: limit.start()]), _path(oom_memcg), _path(task_memcg), False
    task_first = _TASK_MEMCG.search(rest)
    if task_first is None:
        return _mems(body[: limit.start()]), _path(rest), None, False
    return _mems(body[: limit.start()]), _path(rest[: task_first.start()]), _path(rest[task_first.end() :]), False


def constraint_of(printed: str | None, oom_memcg: str | None) -> str | None:
    """Return the constraint that a summary means.

    Linux 5.0 and 5.1 always print CONSTRAINT_NONE: dump_oom_summary() came before oc->constraint was set (ef8444ea01d7,
    repaired by 432b1de0de02 in 5.2). But they name oom_memcg only where a cgroup was at its limit.
    """
    return "CONSTRAINT_MEMCG" if printed == "CONSTRAINT_NONE" and oom_memcg is not None else printed


def _is_below(path: str, ancestor: str) -> bool:
    return path == ancestor or path.startswith(ancestor.rstrip("/") + "/")


def _path(path: str) -> str | None:
    return path.rstrip(" ,\\") or None


def _mems(head: str) -> str | None:
    last = deque(_MEMS.finditer(head), maxlen=1)
    return last[0]["mems"] or None if last else None


def _nodemask(body: str) -> str | None:
    found = _NODEMASK.match(body)
    return None if found is None or found["nodemask"] == "(null)" else found["nodemask"]


def _cpuset(body: str) -> str | None:
    start = _CPUSET.search(body)
    if start is None:
        return None
    slash = body.find("/", start.end() + 1)
    area = body[start.end() : slash if slash >= 0 else len(body)]
    ends = list(_AFTER_CPUSET.finditer(area))
    mems = [end for end in ends if "mems_allowed" in end.group()]
    end = mems[-1] if mems else (ends[0] if ends else None)
    return area[: end.start() if end else len(area)].strip() or None
