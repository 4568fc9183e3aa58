"""The machine's memory, as show_mem() prints it in a global OOM.

Node 0 Normal free:..kB .. present:3407872kB managed:3326180kB ..
Total swap = 2097148kB
8379834 pages RAM
192987 pages reserved
Node 0 DMA: 1*4kB (M) 0*8kB ..          the first block is one page
"""

from collections.abc import Iterable

from oomreport.kernel import lazy_re as re
from oomreport.kernel.text.digits import INT, KILOBYTES, PAGES

_PAGES = re.compile(rf"(?<!\d)({PAGES}) pages (RAM|reserved)\b")
_SWAP = re.compile(rf"Total swap += +({KILOBYTES})kB")
_PRESENT = re.compile(rf"Node ({INT}) .*?\bpresent:({KILOBYTES})kB")
_BLOCKS = re.compile(rf"Node \d+ \w+: \d+\*({INT})kB ")


def page_bytes_of(lines: Iterable[str]) -> int | None:
    """Return the size of a page, None where the dump does not show it."""
    for line in lines:
        blocks = _BLOCKS.match(line)
        if blocks is not None:
            return int(blocks.group(1)) * 1024
    return None


def total_pages(lines: Iterable[str], *, page_bytes: int, nodes: frozenset[int] | None = None) -> int | None:
    """Return RAM and swap in pages, of the NUMA `nodes` only where some are given; None where the dump does not say."""
    pages: dict[str, int] = {}
    present: dict[int, int] = {}
    swap = 0
    for line in lines:
        if " pages " in line:
            for number, name in _PAGES.findall(line):
                pages[name] = int(number)
        if "present:" in line and (zone := _PRESENT.match(line)) is not None:
            node = int(zone.group(1))
            present[node] = present.get(node, 0) + int(zone.group(2)) * 1024 // page_bytes
        if "Total swap" in line and (swaps := _SWAP.match(line)) is not None:
            swap = int(swaps.group(1)) * 1024 // page_bytes
    if nodes is not None:
        return sum(present.get(node, 0) for node in nodes) + swap if nodes and nodes <= present.keys() else None
    if "RAM" not in pages or "reserved" not in pages:
        return None
    return pages["RAM"] - pages["reserved"] + swap


def nodes_of(mask: str | None) -> frozenset[int]:
    """Return the NUMA nodes of a list like `0-1,3`."""
    nodes: set[int] = set()
    for part in (mask or "").split(","):
        first, _, last = part.partition("-")
        if first.isdigit() and (last.isdigit() or not last):
            nodes.update(range(int(first), min(int(last or first), int(first) + 4096) + 1))
    return frozenset(nodes)
