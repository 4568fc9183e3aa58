"""Text of others for a terminal.

A terminal acts on control characters, and names may hold some: a process chooses its own, who makes a pod that of its
owner. They are to be shown only.
"""

import sys


def printable(text: str) -> str:
    """Return text on one line, its control characters and those that turn the order of letters escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def say(words: object) -> None:
    """Say something on standard error; an error may name what stands in a file or in the cluster."""
    print(f"oomreport: {printable(str(words))}", file=sys.stderr)
