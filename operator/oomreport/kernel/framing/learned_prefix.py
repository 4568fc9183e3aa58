"""Prefixes that no rule knows, learned from one line of the kernel.

The prefix of a log shipper changes from line to line in numbers and names, but hardly in shape. The text before a
phrase that only the kernel prints becomes a pattern: each run of letters or digits matches any such run. The pattern
is then taken off the following lines.
"""

from oomreport.kernel import lazy_re as re
from oomreport.kernel.framing.prefix import Prefixed
from oomreport.kernel.text.kind import kind_of
from oomreport.kernel.times import wall_of

_PLAIN = re.compile(
    r"(?:Memory cgroup out of memory|Out of memory)(?: \(oom_kill_allocating_task\))?: Kill(?:ed)? process \d+ ?[(,]"
    r"|oom-kill:constraint=CONSTRAINT_[A-Z]"
    r"|[^\s:\]|]+ invoked oom-killer: gfp_mask=0x"
    r"|Task in /\S* killed as a result of limit of /"
    r"|Memory cgroup stats for /"
    r"|Tasks in /\S* are going to be killed due to memory\.oom\.group set"
    r"|oom_reaper: reaped process \d+ \("
    r"|Tasks state \(memory values in pages\):"
    r"|\[ +pid +\] +uid +tgid total_vm"
    r"|memory: usage \d+kB, limit \d+kB, failcnt \d"
)
_STAMP = re.compile(r"\[ {0,5}(\d{1,8})\.(\d{6})\](?:\[ *[TC]\d+\])? ")
_FOREIGN = re.compile(
    r"[A-Za-z][\w./-]*\[\d+\]:|\b\w+\.go:\d+\]|msg=|[Mm]essage[:=]|\b(?:Warning|Normal)\s|OOMKilling|reason=|\\n|\"\""
)
_ENDS = (" ", "\t", "|", '"', ",", ";", "'", ">")
_RUN = re.compile(r"[0-9]+|[A-Za-z_]+|\s+|.", re.DOTALL)
_LONGEST = 300


_TIME = re.compile(r"\S{1,12} +\d{1,2} \d\d:\d\d:\d\d(?= )")


class LearnedPrefix:
    """The unknown prefix of one log."""

    def __init__(self) -> None:
        """Start without any."""
        self._pattern: re.Pattern[str] | None = None

    def taken_off(self, found: Prefixed) -> Prefixed:
        """Return the line without its unknown prefix; unchanged where it has none."""
        if not found.kernel or found.settled or not found.text or kind_of(found.text) is not None:
            return found
        if self._pattern is not None:
            known = self._pattern.match(found.text)
            if known is not None:
                return _after(found, known.end())
        start = _start_of_kernel_text(found.text)
        if start is None:
            return found
        self._pattern = _shape_of(found.text[:start])
        return _after(found, start)


def _start_of_kernel_text(text: str) -> int | None:
    plain = _PLAIN.search(text, 0, _LONGEST + 200)
    stamp = _STAMP.search(text, 0, _LONGEST)
    if plain is None:
        return None
    start = stamp.start() if stamp is not None and stamp.end() <= plain.start() else plain.start()
    prefix = text[:start]
    # A program may quote the kernel: msg="java invoked oom-killer
    if not prefix or len(prefix) > _LONGEST or not prefix.endswith(_ENDS) or _FOREIGN.search(text, 0, plain.end()):
        return None
    return start


def _after(found: Prefixed, start: int) -> Prefixed:
    text = found.text[start:]
    # A time in another language than English: syslog and the journal begin a line with it.
    if found.wall is None and _TIME.match(found.text, 0, start):
        found = found._replace(wall=wall_of(found.text[:start]))
    stamp = _STAMP.match(text)
    if stamp is None:
        marks_only = not any(character.isalnum() for character in found.text[:start])
        return found._replace(text=text, dated=not marks_only, settled=True)
    micros = int(stamp.group(1)) * 1_000_000 + int(stamp.group(2))
    return found._replace(text=text[stamp.end() :], monotonic_us=micros, dated=True, settled=True)


def _shape_of(prefix: str) -> re.Pattern[str]:
    parts = []
    for run in _RUN.findall(prefix):
        if run[0].isascii() and run[0].isdigit():
            parts.append(r"\d+")
        elif run[0].isascii() and (run[0].isalpha() or run[0] == "_"):
            parts.append(r"[A-Za-z_]+")
        elif run in ":-":
            parts.append("[:-]")  # grep: a hit, or a line around it
        elif run.isspace():
            parts.append(r"\s+" if len(run) > 1 else re.escape(run))
        else:
            parts.append(re.escape(run))
    return re.compile("".join(parts))
