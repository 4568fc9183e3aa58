"""What fills the machine's memory, and what ran short, by Mem-Info.

    active_anon:100 inactive_anon:20000 isolated_anon:0             pages of the whole machine
     slab_reclaimable:8000 slab_unreclaimable:900000
    Node 0 Normal free:61900kB boost:8192kB min:61948kB low:75384kB high:88820kB .. free_cma:0kB
    lowmem_reserve[]: 0 3191 15659 15659                            pages that this zone keeps for requests of its own
    Node 0 Normal: 6676*4kB (UME) 2120*8kB (UE) .. = 62000kB        free blocks by size

A request of order n needs 2^n pages in a row, from a zone that its gfp_mask allows. A zone gives pages to it only while
more than its watermark and its reserve stay free (__zone_watermark_ok() in mm/page_alloc.c).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from oomreport.kernel import lazy_re as re
from oomreport.kernel.record import Trigger
from oomreport.kernel.text import meminfo
from oomreport.kernel.text.digits import INT, KILOBYTES, PAGES

_FIGURE = re.compile(
    r"\b(active_anon|inactive_anon|active_file|inactive_file|unevictable|slab_reclaimable|slab_unreclaimable|shmem|"
    rf"pagetables|free|free_cma):({PAGES})(?![\dk])"
)
_ZONE = re.compile(
    rf"(?:Node ({INT}) )?(DMA|DMA32|Normal|HighMem|Movable) free:({KILOBYTES})kB (?:boost:\d+kB )?"
    rf"min:({KILOBYTES})kB low:\d+kB high:({KILOBYTES})kB"
)
_CMA = re.compile(rf"\bfree_cma:({KILOBYTES})kB")
_RESERVE = re.compile(r"lowmem_reserve\[\]:([ \d]*)$")
_FREE_BLOCKS = re.compile(rf"(?:Node ({INT}) )?(DMA|DMA32|Normal|HighMem|Movable): ((?:\d+\*\d+kB(?: \([A-Z]*\))? ?)+)")
_BLOCK = re.compile(rf"({INT})\*({INT})kB")
_HUGE = re.compile(rf"hugepages_total=({INT}) .*?hugepages_size=({KILOBYTES})kB")
# ___GFP_DMA, ___GFP_HIGHMEM, ___GFP_DMA32 and ___GFP_MOVABLE have had these values since 2.6.23 (include/linux/gfp.h).
_GFP_DMA, _GFP_HIGHMEM, _GFP_DMA32, _GFP_MOVABLE = 0x01, 0x02, 0x04, 0x08
# calculate_min_free_kbytes() keeps at most 256 MiB free; the high watermark is half as much again, at most.
_MOST_KEPT_FREE_BYTES = 384 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A zone of a NUMA node, in bytes. `reserve` is the most that it keeps for requests of its own.

    `largest_block` is its largest free block, None where the log does not list them.
    """

    node: int
    name: str
    free: int
    min: int
    high: int
    reserve: int = 0
    largest_block: int | None = None

    @property
    def has_room(self) -> bool:
        """Whether single pages can be had from it, by any request that may use it."""
        return self.free > self.high + self.reserve


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine's memory in bytes: figures by the kernel's names, huge pages, zones. `total` is without swap."""

    figures: Mapping[str, int]
    huge_pages: int
    zones: tuple[Zone, ...]
    page_bytes: int
    total: int | None

    @property
    def usable_free(self) -> int | None:
        """Return what is free; what is kept for the contiguous memory allocator (CMA) serves few requests."""
        free = self.figures.get("free")
        return None if free is None else max(free - self.figures.get("free_cma", 0), 0)

    @property
    def has_much_free(self) -> bool:
        """Whether more is free than the kernel ever keeps: then it was not the memory as a whole that ran short."""
        return (self.usable_free or 0) > _MOST_KEPT_FREE_BYTES

    def free_outside(self, nodes: frozenset[int]) -> int:
        """Return what is free on other NUMA nodes."""
        return sum(zone.free for zone in self.zones if zone.node not in nodes)

    def short_zone(self, trigger: Trigger | None) -> Zone | None:
        """Return the zone below its minimum that the request was bound to, where another zone had enough."""
        allowed = _allowed_zones(trigger)
        if allowed is None or not any(zone.has_room for zone in self.zones if zone.name not in allowed):
            return None
        inside = [zone for zone in self.zones if zone.name in allowed]
        if any(zone.has_room for zone in inside):
            return None
        return max((zone for zone in inside if zone.free < zone.min), key=lambda zone: zone.high, default=None)

    def is_fragmented(self, order: int) -> bool:
        """Whether enough was free for a request of `order`, but not so many pages in a row."""
        if order < 1 or order > 10:
            return False
        if not self.zones:
            return self.has_much_free
        size = self.page_bytes << order
        roomy = [zone for zone in self.zones if zone.has_room]
        return bool(roomy) and all(zone.largest_block is not None and zone.largest_block < size for zone in roomy)


def machine_of(log: str) -> Machine | None:
    """Return the machine's memory, None where the log does not show it."""
    lines = log.split("\n")
    page_bytes = meminfo.page_bytes_of(lines) or 4096
    figures: dict[str, int] = {}
    zones: list[Zone] = []
    blocks: dict[tuple[int, str], int] = {}
    huge = 0
    for line in lines:
        zone = _ZONE.match(line)
        if zone is not None:
            cma = _CMA.search(line)
            free = int(zone[3]) - (int(cma[1]) if cma else 0)
            zones.append(
                Zone(
                    node=int(zone[1] or 0),
                    name=zone[2],
                    free=free * 1024,
                    min=int(zone[4]) * 1024,
                    high=int(zone[5]) * 1024,
                )
            )
        elif zones and (reserve := _RESERVE.match(line)) is not None:
            last = zones.pop()
            pages = max((int(number) for number in reserve[1].split()), default=0)
            zones.append(replace(last, reserve=pages * page_bytes))
        elif (found := _FREE_BLOCKS.match(line)) is not None:
            sizes = [int(size) * 1024 for count, size in _BLOCK.findall(found[3]) if int(count)]
            blocks[int(found[1] or 0), found[2]] = max(sizes, default=0)
        elif (pages_of := _HUGE.search(line)) is not None:
            huge += int(pages_of[1]) * int(pages_of[2]) * 1024
        else:
            for name, pages in _FIGURE.findall(line):
                figures.setdefault(name, int(pages) * page_bytes)
    if not figures and not zones:
        return None
    total = meminfo.total_pages([line for line in lines if "Total swap" not in line], page_bytes=page_bytes)
    return Machine(
        figures=figures,
        huge_pages=huge,
        zones=tuple(replace(zone, largest_block=blocks.get((zone.node, zone.name))) for zone in zones),
        page_bytes=page_bytes,
        total=total * page_bytes if total else None,
    )


def _allowed_zones(trigger: Trigger | None) -> frozenset[str] | None:
    """Return the zones that a request may use, by the lowest bits of its mask; None where all, or not known."""
    if trigger is None or trigger.gfp_mask is None:
        return None
    mask = int(trigger.gfp_mask, 16)
    if mask & _GFP_DMA:
        return frozenset({"DMA"})
    if mask & _GFP_DMA32:
        return frozenset({"DMA", "DMA32"})
    if not mask & _GFP_HIGHMEM:
        return frozenset({"DMA", "DMA32", "Normal"})
    return None if mask & _GFP_MOVABLE else frozenset({"DMA", "DMA32", "Normal", "HighMem"})
