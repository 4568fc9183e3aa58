"""The kind of a line in an OOM dump.

A dump has one order (dump_header() and oom_kill_process() in mm/oom_kill.c), so a kind's number is also its place:
what comes earlier than what was already seen belongs to another dump. Where older kernels differ:

    2.6.9    `Out of Memory: Killed process N (comm).`, as RHEL 3 and 4 have it; RHEL 5 writes `Out of memory`
    2.6.30   `Out of memory: kill process N (comm) score S or a child`, then `Killed process N (comm)`
    to 4.4   `No available memory in cpuset: Kill process ..`, `No available memory (MPOL_BIND): ..`
    2.6.36   `Kill process N (comm) score S or sacrifice child`, then `Killed process N (comm) total-vm:..`
    4.19     `oom-kill:constraint=..` replaces `Task in A killed as a result of limit of B`
    5.1      only `Killed process N (comm) total-vm:..`, no score

Text is matched from its start, since a comm or a cgroup name may hold any of these words.
"""

from enum import IntEnum

from oomreport.kernel import lazy_re as re
from oomreport.kernel.text.digits import INT


class Kind(IntEnum):
    """A part of a dump, in the order in which the kernel prints them."""

    SYSRQ = -1
    HEADER = 0
    CPUSET = 1
    CPU = 2
    TRACE = 3
    TASK_IN = 4
    USAGE = 5
    STATS = 6
    STAT = 7
    MEM_INFO = 8
    TABLE_TITLE = 9
    TABLE_HEAD = 10
    ROW = 11
    SUMMARY = 12
    CHOSEN = 13
    KILLED = 14
    GROUP = 15
    NO_VICTIM = 16
    REAPED = 17


# A comm is 15 bytes; only one whose bytes a logger has escaped is longer.
# An empty one leaves a blank in front, which a logger may have dropped.
HEADER = re.compile(
    r"(?:(?P<comm>.{0,15}|.{0,60}(?:\\|#0|\^).{0,60}) |(?=invoked oom-killer: gfp_mask=))"
    r"invoked oom-killer(?::\s*(?P<rest>.*)|\s*$)",
    re.DOTALL,
)
_CPUSET = re.compile(r".{0,80}? cpuset=\S.* mems_allowed=[-\d,]*", re.DOTALL)
_CPU = re.compile(r"(?:CPU: ?\d+ (?:UID: ?\d+ )?PID: ?\d+ |Pid: \d+, comm: )")
_TASK_IN = re.compile(r"Task in \S.* killed as a result of limit of ", re.DOTALL)
_USAGE = re.compile(r"(?:memory|memory\+swap|kmem|swap): usage \d+kB, limit \d+kB, failcnt \d+")
_STATS = re.compile(r"Memory cgroup stats(?: for |:)", re.DOTALL)
_STAT = re.compile(r"\s*[a-z_][a-z_0-9]*(?:\([a-z_]+\))? \d+(?:\n|$)")
_MEM_INFO = re.compile(
    r"Mem-Info:|Node \d+ |lowmem_reserve\[\]:|(?:DMA|DMA32|Normal|HighMem|Movable)(?::| free:| per-cpu:)|"
    r" ?(?:in)?active_(?:anon|file):\d| {0,80}(?:unevictable|slab_reclaimable|mapped|sec_pagetables|kernel_misc_reclaimable|free):\d|"
    r"\d+ (?:total pagecache pages|pages )|Swap cache stats:|(?:Free|Total) swap +=|"
    r"Active:|free:\d|Unreclaimable slab info:|Memory cgroup min protection |No memory allocation info"
)
_TITLE = re.compile(r"Tasks state \(memory values in pages\):")
_HEAD = re.compile(r"\[ {0,4}pid {0,4}\] +(?:uid|ruid) ")
_ROW = re.compile(r"\[ *\d+\] +\d+ +\d+ +\d+ +\d+ ")
_SUMMARY = re.compile(r"oom-kill: ?constraint=[A-Z_]|oom-kill:constraint ?=")
# With the bracket: "Kill process 1 " is a comm, with which the kernel begins records of other things.
_CHOSEN = re.compile(rf"[Kk]ill process {INT} \(")
_PREFIXED = re.compile(
    r"(?:Memory cgroup out of memory|Out of [mM]emory(?: \(oom_kill_allocating_task\)| in UB(?: \d+)?)?|"
    r"No available memory(?: \(MPOL_BIND\)| in cpuset)): "
)
_KILLED = re.compile(rf"(?:K|OOM k)illed process {INT}(?: |,|$)")
# The path is long, so that a pager or a column often cuts within it; nothing else begins so.
_GROUP = re.compile(
    r"Tasks in .* are going to be killed due to memory\.oom\.group set|Tasks in /\S{30,}(?: (?:a.{0,60})?)?$", re.DOTALL
)
_REAPED = re.compile(rf"oom_reaper: reaped process {INT} ")
_TRACE = re.compile(
    r"Call Trace:|Hardware name: |Workqueue: |RIP: |RSP: |R[A-DS1-9BIP][0-9XIP]: |Code: |ORIG_RAX|"
    r" ?</?(?:TASK|IRQ|NMI|SOFTIRQ)>| ?(?:\[<[0-9a-f?]+>\] )?\(?(?:\? )?[\w.$]+(?: from [\w.$]+)?\+0x[0-9a-f]+/0x[0-9a-f]+| [0-9a-f]{8,16} |"
    r" ?\[<[0-9a-f?]+>\] |"
    # ppc64 prints the address of the stack too, sparc that of the function alone.
    r" ?(?:\[[0-9a-f]{16}\] ){1,2}[\w.$]+\+0x[0-9a-f]+/0x"
)
# __handle_sysrq() in drivers/tty/sysrq.c; since 4.12 the name of the module stands before it.
_SYSRQ = re.compile(r"(?:sysrq: )?(?:SysRq ?: )?Manual OOM execution")
_NO_VICTIM = re.compile(
    r"Out of memory and no killable processes|Memory cgroup out of memory and no killable|"
    r"Kernel panic - not syncing: (?:Out of memory|out of memory|System is deadlocked on memory)"
)


def kind_of(text: str) -> Kind | None:  # noqa: C901, PLR0912 - one flat look-up by the first character
    """Return which part of a dump `text` is, or None for any other text."""
    if "invoked oom-killer" in text and HEADER.match(text):
        return Kind.HEADER
    first = text[:1]
    if first == "[":
        if _ROW.match(text):
            return Kind.ROW
        if _HEAD.match(text):
            return Kind.TABLE_HEAD
    elif first == "o":
        if _SUMMARY.match(text):
            return Kind.SUMMARY
        if _REAPED.match(text):
            return Kind.REAPED
    elif first in "MON":
        prefixed = _PREFIXED.match(text)
        if prefixed is not None:
            if _KILLED.match(text, prefixed.end()):
                return Kind.KILLED
            if _CHOSEN.match(text, prefixed.end()):
                return Kind.CHOSEN
        elif _NO_VICTIM.match(text):
            return Kind.NO_VICTIM
        elif _STATS.match(text):
            return Kind.STATS
    elif first == "K":
        if _KILLED.match(text):
            return Kind.KILLED
        if _CHOSEN.match(text):
            return Kind.CHOSEN
        if _NO_VICTIM.match(text):
            return Kind.NO_VICTIM
    elif first == "T":
        if _TITLE.match(text):
            return Kind.TABLE_TITLE
        if _TASK_IN.match(text):
            return Kind.TASK_IN
        if _GROUP.match(text):
            return Kind.GROUP
    elif first in "msk" and _USAGE.match(text):
        return Kind.USAGE
    return _kind_of_small_print(text)


def _kind_of_small_print(text: str) -> Kind | None:
    if _CPU.match(text):
        return Kind.CPU
    if _TRACE.match(text):
        return Kind.TRACE
    if _STAT.match(text):
        return Kind.STAT
    if _MEM_INFO.match(text):
        return Kind.MEM_INFO
    if " mems_allowed=" in text and _CPUSET.match(text):
        return Kind.CPUSET
    if "Manual OOM" in text and _SYSRQ.match(text):
        return Kind.SYSRQ
    return None
