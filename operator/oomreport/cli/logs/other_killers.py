"""Other killers than the kernel, and other witnesses, in a log.

They answer a log without any record of the kernel. The words are looked for at the beginning of a log only: what people
paste is short, and a long log costs no time.
"""

from itertools import islice

from oomreport.kernel import lazy_re as re

# One line may look like a row by chance.
_FEWEST_ROWS = 2
# What people paste is short: an issue on GitHub holds 65,536 characters.
_LOOKED_AT = 1 << 20
_ON_THE_NODE = "The kernel's record is in the log of the node: `journalctl -k` or `dmesg` there."
# Rows of the kernel's table: pid, uid, tgid, at least four figures, adj and name (dump_task() in mm/oom_kill.c).
_ROWS = re.compile(rb"(?m)^[^\n]{0,80}?\[ *\d{1,7}\] +\d+ +\d+ +\d+ +\d+(?: +\d+){2,5} +-?\d{1,4} \S[^\n]{0,20}$")
_PART = "The input holds rows of an OOM dump's table of candidates. The lines that say who was killed are not here."
# drivers/staging/android/lowmemorykiller.c, in kernels before 4.12; lmkd took its name over for its own lines.
_OF_DRIVER = b"kB on behalf of '"
_SIGNS = (
    ((b"OOMKilled", b"OOMKilling", b"SystemOOM"), f"The log names {{}}: a pod's status or an event. {_ON_THE_NODE}"),
    ((b"oom-kill event", b"oom_kill event"), f"Slurm counted kills by the kernel in a step's cgroup. {_ON_THE_NODE}"),
    ((b"systemd-oomd",), "The log names {}, which kills from user space: `journalctl -u {}` says why."),
    ((b"earlyoom",), "The log names {}, which kills from user space: `journalctl -u {}` says why."),
    (
        (b"OOMController",),
        "The log names Talos' {}, which kills a cgroup's processes from user space: `talosctl dmesg` shows it.",
    ),
    (
        (_OF_DRIVER,),
        "The log names lowmemorykiller, Android's driver that kills before the OOM killer does: its lines say why.",
    ),
    ((b"lowmemorykiller", b"lmkd"), "The log names {}, Android's killer in user space: `logcat` says why."),
    (
        (b"page allocation failure", b"vmalloc: allocation failure", b" warn_alloc"),
        "The log holds an allocation failure: a request for memory failed, and the kernel killed nothing for it.",
    ),
)


class OtherKillers:
    """What a log tells of kills that the kernel did not print. `is_empty` says that there was no text at all."""

    def __init__(self) -> None:
        """Start before the first chunk."""
        self.is_empty = True
        self._begin = b""

    def feed(self, chunk: bytes) -> None:
        """Take a part of the log in."""
        self.is_empty = self.is_empty and not chunk
        if len(self._begin) < _LOOKED_AT:
            self._begin += chunk[: _LOOKED_AT - len(self._begin)]

    def sentences(self, *, part_told: bool = False) -> list[str]:
        """Return a sentence for each killer or witness that is named; `part_told`: rows of a table were told of."""
        found = ((next((word for word in words if word in self._begin), None), text) for words, text in _SIGNS)
        told = [
            text.format(word.decode(), word.decode())
            for word, text in found
            if word is not None and not (word == b"lowmemorykiller" and _OF_DRIVER in self._begin)
        ]
        rows = sum(1 for _ in islice(_ROWS.finditer(self._begin), _FEWEST_ROWS))
        told += [_PART] if rows >= _FEWEST_ROWS and not part_told else []
        return ["The input is empty."] if self.is_empty else told
