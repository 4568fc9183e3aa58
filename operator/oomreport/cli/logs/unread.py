"""The answer to a log with an OOM in an unknown form."""

from oomreport.cli.terminal import printable

FORMS = (
    "These forms are read: what dmesg, journalctl and /dev/kmsg print, syslog (RFC 3164 and 5424), logs of containers\n"
    "(CRI, Docker, kubectl logs), JSON with the text in MESSAGE, message, msg, log, textPayload or line, CSV, and mails.\n"
    "Lines that a program wrote, and not the kernel, do not count. Print the kernel's own text of any other form, for\n"
    "example with `jq -r`, and explain that."
)


# What only the middle of a dump holds: its call trace, and the head of its table.
_IN_THE_MIDDLE = (b"oom_kill_process", b"oom_score_adj name")
_SYSRQ = b"Manual OOM execution"


def is_part(line: bytes) -> bool:
    """Whether the line is of the middle of a dump."""
    return any(phrase in line for phrase in _IN_THE_MIDDLE)


def unread(name: str, line: bytes) -> str:
    """Return a sentence about the line, with the line itself; nothing in it can steer a terminal."""
    text = line.decode("utf-8", "replace").strip()
    shown = printable(text)
    if is_part(line):
        return f"{name} holds a part of an OOM dump; the lines that say who was killed cannot be read in it: {shown}"
    if _SYSRQ in line:
        return f"{name} says that somebody asked for an OOM kill (SysRq f), and not what came of it: {shown}"
    return f"No OOM kill can be read in {name}, but a phrase or a part of one is there: {shown}"
