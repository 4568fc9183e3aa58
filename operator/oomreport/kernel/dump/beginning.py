"""The beginning of a dump whose header is lost.

People cut logs, and a pager may open at the second line. Then the CPU line and the call trace tell what the header
would. Many other messages of the kernel have both, and a trace of a stalled CPU may show the killer at work: only
dump_stack() of dump_header() (mm/oom_kill.c) has nothing above dump_header() but its own frames.

    CPU: 1 PID: 900 Comm: svc Tainted: G           O      4.19.81 #1
    Call Trace:
     dump_stack+0x66/0x8b
     dump_header+0x66/0x28e
     oom_kill_process+0x251/0x270
     mem_cgroup_out_of_memory+0xb0/0xd0
"""

from collections.abc import Iterable

from oomreport.kernel import lazy_re as re
from oomreport.kernel.dump.entry import Entry
from oomreport.kernel.text.killed import NoVictim
from oomreport.kernel.text.kind import Kind

_FRAME = re.compile(r"[ (\[<>\]0-9a-f]*?([A-Za-z_][\w.$]*)(?:\+0x| from )")
# What dump_stack() calls itself, on x86 and arm.
_PRINTERS = ("dump_stack", "__dump_stack", "show_stack", "dump_backtrace", "unwind_backtrace")
_KILLER = "oom_kill_process"
_HINTS = frozenset({Kind.SYSRQ, Kind.CPU, Kind.TRACE})


def may_begin_dump(entry: Entry) -> bool:
    """Whether the line may be the first that is left of a dump without its header."""
    if entry.kind is Kind.TRACE:
        return "Call Trace:" in entry.line.text or _function(entry).startswith(("dump_header", _KILLER))
    return entry.kind in _HINTS


def is_unfounded(kinds: Iterable[Kind], entry: Entry) -> bool:
    """Whether lines of `kinds` are no beginning of the dump of `entry`: that takes the killer's trace, or a panic."""
    if not _HINTS.issuperset(kinds):
        return False
    if entry.kind in (Kind.TRACE, Kind.CPU):
        return Kind.SYSRQ in kinds
    return not (Kind.SYSRQ in kinds and isinstance(entry.value, NoVictim) and entry.value.panicked)


def is_trace_of_killer(entries: Iterable[Entry], entry: Entry) -> bool:
    """Whether the trace that `entry` goes on with was printed by the killer: dump_header() is its first function."""
    if entry.kind is not Kind.TRACE or _function(entry).partition(".")[0] != _KILLER:
        return False
    before = list(entries)
    if not before:
        return True  # the log begins with it
    functions = [name for one in before if one.kind is Kind.TRACE and (name := _function(one))]
    if not functions or not functions[-1].startswith("dump_header"):
        return False
    return all(name.startswith(_PRINTERS) for name in functions[:-1])


def _function(entry: Entry) -> str:
    """Return the function of a frame; empty where the line has none, or the unwinder doubts it."""
    frame = None if "? " in entry.line.text else _FRAME.match(entry.line.text)
    return frame.group(1) if frame else ""
