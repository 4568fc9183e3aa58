r"""The task whose allocation started the killer, and the kernel's release.

The pid and the release stand on the CPU line.

node invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=939
CPU: 0 PID: 212 Comm: node Not tainted 6.1.0-56-cloud-amd64 #1  Debian 6.1.192-2
"""

from typing import NamedTuple

from oomreport.kernel import lazy_re as re
from oomreport.kernel.record import Trigger
from oomreport.kernel.text.digits import INT
from oomreport.kernel.text.kind import HEADER

# A value at the end of a cut line may be half of it: only order and score end the line.
_GFP = re.compile(r"\bgfp_mask=(0x[0-9a-fA-F]+)(?=[(,\s])")
_ORDER = re.compile(rf"\border=(-?{INT})(?!\d)")
_ADJ = re.compile(rf"\boom_score_adj=(-?{INT})(?![\d.>\u2026])")
_CPU = re.compile(rf"(?:CPU: ?\d+ (?:UID: ?\d+ )?PID: ?({INT})(?!\d)|Pid: ({INT})(?!\d))")
# The release stands behind one of these, and after `Tainted:` behind flags.
_BEFORE_RELEASE = re.compile(r"Not tainted(?= )|Tainted: |\(unreliable\)(?= )")
# dump_stack_print_info() in lib/dump_stack.c. A comm has at most 15 bytes, and may look like what follows it.
_COMM = re.compile(r"[Cc]omm: (.{0,29}) (?:Not tainted|Tainted: )", re.DOTALL)
_LOADED = " Kdump: loaded"
_RELEASE = re.compile(r"(?<= )\(?(\d+\.\d+[^\s)]*)(?=[\s)])")


class Cpu(NamedTuple):
    """What a CPU line says: pid and comm of the task that printed it, and the kernel's release."""

    pid: int | None
    release: str | None
    comm: str | None = None


def trigger_of(text: str) -> Trigger | None:
    """Return the task that a header names, without its pid, which the CPU line has; None where `text` is no header."""
    header = HEADER.match(text)
    if header is None:
        return None
    rest = header["rest"] or ""
    gfp, orders, adjs = _GFP.search(rest), _ORDER.search(rest), _ADJ.search(rest)
    return Trigger(
        comm=header["comm"] or "",
        gfp_mask=gfp.group(1) if gfp else None,
        order=int(orders.group(1)) if orders else None,
        oom_score_adj=int(adjs.group(1)) if adjs else None,
    )


def cpu_of(text: str) -> Cpu:
    """Return what a CPU line says."""
    cpu, before = _CPU.match(text), _BEFORE_RELEASE.search(text)
    release = _RELEASE.search(text, before.end()) if before else None
    comm = _COMM.search(text, cpu.end()) if cpu else None
    return Cpu(
        int(cpu.group(1) or cpu.group(2)) if cpu else None,
        release.group(1) if release else None,
        comm.group(1).removesuffix(_LOADED) if comm else None,
    )
