"""The source of the kernel log that this process can read.

Who may read what (measured with runc's default devices): a privileged container reads both. Root with CAP_SYSLOG alone
reads only syslog(2), since the device cgroup denies /dev/kmsg. Root without CAP_SYSLOG reads neither where
kernel.dmesg_restrict is 1. A user other than root keeps an added capability only as an ambient one, which Kubernetes
does not set.
"""

import errno
from pathlib import Path
from typing import TYPE_CHECKING

from oomreport.adapters.node.kmsg_source import KmsgSource
from oomreport.adapters.node.log_source import LogPosition, LogSource
from oomreport.adapters.node.proc_files import ProcFiles
from oomreport.adapters.node.syslog_source import KernelRing, SyslogSource
from oomreport.errors import SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

AUTO, KMSG, SYSLOG = SOURCES = ("auto", "kmsg", "syslog")
_CAP_SYSLOG = 1 << 34
_LOCKDOWN = "/sys/kernel/security/lockdown"


def opened_source(
    wanted: str,
    *,
    proc: ProcFiles,
    device: str = "/dev/kmsg",
    after: LogPosition | None = None,
    lockdown: str = _LOCKDOWN,
) -> LogSource:
    """Return the wanted source, or with `auto` the first that can be read: kmsg, then syslog.

    Raises SourceUnavailable, which names everything that is missing.
    """
    if wanted not in SOURCES:
        raise ValueError(wanted)
    openers: dict[str, Callable[[], LogSource]] = {
        KMSG: lambda: KmsgSource.opened(device, after=after),
        SYSLOG: lambda: _syslog(proc, after),
    }
    problems = []
    for name in openers if wanted == AUTO else (wanted,):
        try:
            return openers[name]()
        except OSError as error:
            problems.append(why_unreadable(name, error, proc=proc, device=device, lockdown=lockdown))
    raise SourceUnavailable("; ".join(problems))


def _syslog(proc: ProcFiles, after: LogPosition | None) -> SyslogSource:
    ring = KernelRing()
    return SyslogSource(ring.text, proc.oom_kills, release=ring.release, after=after)


def why_unreadable(
    name: str, error: OSError, *, proc: ProcFiles, device: str = "/dev/kmsg", lockdown: str = _LOCKDOWN
) -> str:
    """Return what keeps this process from reading a source, as far as the kernel shows it."""
    what = f"kmsg ({device})" if name == KMSG else "syslog(2)"
    capable = bool((proc.effective_capabilities() or 0) & _CAP_SYSLOG)
    needed = not capable and proc.dmesg_restrict()
    reasons = []
    if error.errno == errno.ENOENT:
        reasons.append("the device is not there; mount the node's /dev/kmsg")
    elif error.errno in (errno.EPERM, errno.EACCES):
        if needed:
            reasons.append("CAP_SYSLOG is missing and kernel.dmesg_restrict is 1")
        elif name == KMSG:
            reasons.append("the device cgroup or the file's mode forbids it; /dev/kmsg needs a privileged container")
        else:
            reasons.append("a seccomp profile or a security module forbids it")
    elif error.errno == errno.ENOSYS:
        reasons.append("this kernel has no kernel log (CONFIG_PRINTK)")
    reasons.extend(_locked_down(lockdown))
    return f"{what} cannot be read: {error.strerror or error}" + (f" ({', '.join(reasons)})" if reasons else "")


def _locked_down(path: str) -> list[str]:
    """Return the mode in force, which the file marks: `none [integrity] confidentiality`."""
    try:
        text = Path(path).read_text("ascii", "replace")
    except OSError:
        return []
    mode = text.partition("[")[2].partition("]")[0]
    return [f"kernel lockdown is {mode}"] if mode not in ("", "none") else []
