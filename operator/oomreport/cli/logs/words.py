"""Sizes, names and processes as people read them."""

import re

from oomreport.cli.terminal import printable
from oomreport.kernel.record import Victim

_UNITS = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


_BEANCOUNTER = re.compile(r"^Out of memory in UB (\d{1,10}): ", re.MULTILINE)


def beancounter_of(log: str) -> str | None:
    """Return the container of OpenVZ whose limit a kill line names (UB: user beancounter)."""
    found = _BEANCOUNTER.search(log)
    return found[1] if found is not None else None


def size_text(size: int) -> str:
    """Return a size as people read it: three digits and a binary unit."""
    for unit, name in _UNITS:
        if size >= unit:
            value = size / unit
            return f"{value:.0f} {name}" if value >= 100 or value == int(value) else f"{value:.1f} {name}"
    return f"{size} B"


def shown(name: str) -> str:
    """Return a name that a process or a container chose, safe to print: control characters escaped, in quotes."""
    return f'"{printable(name)}"'


def process(victim: Victim) -> str:
    """Return a killed process as a text."""
    return f"{shown(victim.comm) if victim.comm is not None else 'A process'} (pid {victim.pid})"
