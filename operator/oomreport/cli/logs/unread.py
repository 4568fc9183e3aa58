"""The answer to a log that has a phrase of an OOM in an unknown form."""

FORMS = (
    "These forms are read: what dmesg, journalctl and /dev/kmsg print, syslog (RFC 3164 and 5424), logs of containers\n"
    "(CRI, Docker, kubectl logs), JSON with the text in MESSAGE, message, msg, log, textPayload or line, CSV, and mails.\n"
    "Lines that a program wrote, and not the kernel, do not count. Print the kernel's own text of any other form, for\n"
    "example with `jq -r`, and explain that."
)


def unread(name: str, line: bytes) -> str:
    """Return a sentence about the line, with the line itself; nothing in it can steer a terminal."""
    text = line.decode("utf-8", "replace").strip()
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return f"No OOM kill can be read in {name}, but a phrase or a part of one is there: {shown}"
